//! Passwords: argon2id, slow and greedy on purpose, so one at a time.

use crate::secret::{self, NoRandomness};
use argon2::{Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes at once. Each takes [`MEMORY_KIB`], and a core: a small board has 256 MB and two of them, and strangers must not get both.
const MAX_AT_ONCE: usize = 1;
/// Hashes that may wait for their turn; who comes then is told to come again.
const MAX_WAITING: usize = 32;
/// What a hash takes, in KiB: with [`PASSES`] what OWASP names as the least.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const SALT_BYTES: usize = 16;

/// The fewest characters of a password.
pub(crate) const MIN_PASSWORD: usize = 8;
/// The most bytes of a password.
pub(crate) const MAX_PASSWORD: usize = 1_024;

/// The hash of what nobody knows: for users that there are not, so that they take as long as those that there are.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$3MsNKkeV3rgySDz1pLpf0w$ol/BiTpHJVo11I/SIdGka4Ek8QPn2+6vEZ38K5hYKww";

/// Hashes passwords, within limits.
#[derive(Debug, Clone)]
pub(super) struct Hashing {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// Why a password was not hashed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoHash {
    /// Too many others wait.
    #[error("too many sign-ins at once")]
    Busy,
    /// The system gives no salt.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// No memory, say.
    #[error("a password cannot be hashed: {0}")]
    Failed(String),
}

impl Hashing {
    pub(super) fn new() -> Self {
        let places = Arc::new(Semaphore::new(MAX_AT_ONCE + MAX_WAITING));
        Self { turns: Arc::new(Semaphore::new(MAX_AT_ONCE)), places }
    }

    /// The hash of a new password, as a PHC string.
    pub(super) async fn hash(&self, password: String) -> Result<String, NoHash> {
        let salt = secret::random::<SALT_BYTES>()?;
        self.run(move || hash(&password, &salt)).await
    }

    /// Whether `password` is the one of `hash`; no password is that of nobody, and it takes as long to say so.
    pub(super) async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, NoHash> {
        self.run(move || {
            let right = verify(&password, hash.as_deref().unwrap_or(NOBODYS))?;
            Ok(right && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, NoHash> + Send + 'static,
    ) -> Result<T, NoHash> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| NoHash::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| NoHash::Busy)?;
        // Both go with the work: it cannot be stopped, also if nobody waits for it any more.
        let work = move || {
            let _held = (place, turn);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| NoHash::Failed(error.to_string()))?
    }
}

fn hasher() -> Result<Argon2<'static>, NoHash> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str, salt: &[u8]) -> Result<String, NoHash> {
    let hash: PasswordHash = hasher()?.hash_password_with_salt(password.as_bytes(), salt).map_err(failed)?;
    Ok(hash.to_string())
}

/// A hash says by itself how it was made, so that old ones stay good when the figures above change.
fn verify(password: &str, hash: &str) -> Result<bool, NoHash> {
    let hash = PasswordHash::new(hash).map_err(failed)?;
    match hasher()?.verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: impl std::fmt::Display) -> NoHash {
    NoHash::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_argon2id_and_recognises_its_password_only() {
        let hashed = hash("correct horse", &[7; SALT_BYTES]).unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(verify("correct horse", &hashed).unwrap());
        assert!(!verify("correct horsf", &hashed).unwrap());
        assert_ne!(hashed, hash("correct horse", &[8; SALT_BYTES]).unwrap(), "salted");
        assert!(verify("correct horse", "no hash").is_err());
    }

    #[test]
    fn the_hash_for_users_that_there_are_not_costs_as_much_as_a_new_one() {
        let cost = |hash: &str| hash.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(cost(NOBODYS), cost(&hash("x", &[7; SALT_BYTES]).unwrap()));
        assert!(!verify("", NOBODYS).unwrap());
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_turned_away_and_nobody_has_no_password() {
        let hashing = Hashing::new();
        let (nobody, new) = (hashing.verify("x".into(), None).await, hashing.hash("x".into()).await.unwrap());
        assert!(!nobody.unwrap());
        assert!(hashing.verify("x".into(), Some(new)).await.unwrap());
        let all = Arc::clone(&hashing.places).acquire_many_owned(MAX_AT_ONCE as u32 + MAX_WAITING as u32);
        let all = all.await.unwrap();
        assert!(matches!(hashing.hash("x".into()).await, Err(NoHash::Busy)));
        drop(all);
        assert!(hashing.hash("x".into()).await.is_ok());
    }
}
