//! Secrets that others keep: the cloud makes them, hands them out once, and keeps only what recognises them.
//!
//! A secret has 256 random bits, so a plain SHA-256 of it cannot be searched backwards, and looking the hash up tells a
//! guesser nothing about it. Passwords are another matter: `accounts/password.rs`.

use sha2::{Digest as _, Sha256};
use std::fmt;

/// Bytes of randomness in a secret.
const BYTES: usize = 32;

/// A secret on its way to whoever is to keep it. It shows itself nowhere by accident.
#[derive(Clone)]
pub(crate) struct Secret(String);

/// What a secret is for. One made for this is not recognised as one for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// In a browser's cookie.
    Session,
    /// Sent along by the page that the browser shows; made of the session's.
    Csrf,
    /// Of a program.
    Token,
    /// In a one-time link.
    Setup,
    /// In the cookie of a browser in which somebody signed in; made of the password's hash, so it ends with the password.
    Device,
}

/// What the cloud keeps of a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digest([u8; 32]);

/// The system gives no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers: {0}")]
pub(crate) struct NoRandomness(String);

/// Fills an array with random bytes.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NoRandomness(error.to_string()))?;
    Ok(bytes)
}

impl Secret {
    /// A new one, with `prefix` before its digits.
    pub(crate) fn new(prefix: &str) -> Result<Self, NoRandomness> {
        Ok(Self(format!("{prefix}{}", hex(&random::<BYTES>()?))))
    }

    /// For the one who is to keep it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Digest {
    /// Of `secret`, used for `purpose`.
    pub(crate) fn of(purpose: Purpose, secret: &str) -> Self {
        let purpose = match purpose {
            Purpose::Session => "fieldpost session\0",
            Purpose::Csrf => "fieldpost csrf\0",
            Purpose::Token => "fieldpost token\0",
            Purpose::Setup => "fieldpost setup\0",
            Purpose::Device => "fieldpost device\0",
        };
        Self(Sha256::new().chain_update(purpose).chain_update(secret).finalize().into())
    }

    /// One that was kept; None if it has another length.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As digits, where the hash itself is handed out: a session's CSRF token.
    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Compares in a time that says nothing about where the two differ.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let difference = one.bytes().zip(other.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && std::hint::black_box(difference) == 0
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_differ_and_do_not_show_themselves() {
        let (one, other) = (Secret::new("fp_").unwrap(), Secret::new("fp_").unwrap());
        assert_eq!(one.expose().len(), 3 + 64);
        assert_ne!(one.expose(), other.expose());
        assert!(!format!("{one:?}").contains(&one.expose()[3..]));
    }

    #[test]
    fn a_secret_for_one_purpose_is_nothing_for_another() {
        let purposes = [Purpose::Session, Purpose::Csrf, Purpose::Token, Purpose::Setup, Purpose::Device];
        for (position, one) in purposes.into_iter().enumerate() {
            for other in purposes.into_iter().skip(position + 1) {
                assert_ne!(Digest::of(one, "x"), Digest::of(other, "x"));
            }
        }
    }

    #[test]
    fn a_digest_is_sha_256() {
        let digest = Digest::of(Purpose::Token, "fp_0");
        // printf 'fieldpost token\0fp_0' | sha256sum
        assert_eq!(digest.to_hex(), "d30b4fadf35ace0682819cfe58c8ae47faaff021a8e2ad0e37b4e2224afb9d10");
        assert_eq!(Digest::from_bytes(digest.as_bytes()), Some(digest));
        assert_eq!(Digest::from_bytes(&[1, 2]), None);
    }
}
