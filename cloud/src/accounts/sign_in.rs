//! Signing in, by password or by a one-time code.

use super::{
    Accounts, Fault,
    attempts::Claim,
    names::{MAX_NAME, check_name, check_password},
    password::MAX_PASSWORD,
};
use crate::{
    clock,
    secret::{Digest, Purpose, Secret, is_same},
    store::accounts::{Denied, NewSession, UserRow, begin_session, redeem_code},
};
use std::net::IpAddr;

/// What somebody signs in with. Not for showing, so there is no `Debug`.
pub(crate) struct Credentials {
    /// Who it is.
    pub(crate) name: String,
    /// That it is.
    pub(crate) password: String,
}

/// Where somebody signs in.
#[derive(Debug)]
pub(crate) struct Browser {
    pub(crate) address: IpAddr,
    /// The sessions that it had before.
    pub(crate) before: Vec<Digest>,
    /// What it shows of having been here.
    pub(crate) known_by: Vec<String>,
}

/// The session of somebody who has just signed in: what goes into the cookies, and nowhere else.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) cookie: Secret,
    pub(crate) here: SignedInHere,
}

/// What shows that somebody signed in here before. It is made of the password's hash, which nobody can guess: it needs no place
/// in the store, and is worth nothing once the password is another.
#[derive(Clone)]
pub(crate) struct SignedInHere(String);

impl SignedInHere {
    pub(super) fn of(hash: &str) -> Self {
        Self(Digest::of(Purpose::Device, hash).to_hex())
    }

    /// For the browser's cookie.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SignedInHere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignedInHere(…)")
    }
}

/// As whom somebody tries, as far as that can be known before the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// That is nobody.
    Nobody,
    /// That is somebody.
    Somebody,
    /// That is somebody who was in the same browser before.
    Here,
}

impl Known {
    fn of(user: Option<&UserRow>, browser: &Browser) -> Self {
        let Some(user) = user else { return Self::Nobody };
        let SignedInHere(right) = SignedInHere::of(&user.password);
        let here = browser.known_by.iter().any(|shown| is_same(shown, &right));
        if here { Self::Here } else { Self::Somebody }
    }
}

impl Accounts {
    /// Begins a session for whoever has the right password in `browser`. What it was before, a session that somebody put there
    /// say, is over.
    pub(crate) async fn sign_in(
        &self,
        credentials: Credentials,
        browser: Browser,
    ) -> Result<SignedIn, Fault> {
        let Credentials { name, password } = credentials;
        let user = self.book().user(&name).cloned();
        let address = browser.address;
        let claim = Claim { name, known: Known::of(user.as_ref(), &browser), address };
        self.begin(&claim)?;
        let hash = user.as_ref().map(|user| user.password.clone());
        // One that is too long is nobody's.
        let fits = password.len() <= MAX_PASSWORD && claim.name.chars().count() <= MAX_NAME;
        let password = if fits { password } else { String::new() };
        let right = self.hashing.verify(password, hash).await.inspect_err(|_| self.never_mind(&claim))?;
        let Some(user) = user.filter(|_| right && fits) else {
            tracing::warn!(%address, "somebody tried to sign in with a wrong name or password");
            return Err(Fault::WrongCredentials);
        };
        let (cookie, here) = (Secret::new("")?, SignedInHere::of(&user.password));
        let session = NewSession {
            digest: Digest::of(Purpose::Session, cookie.expose()),
            user: user.id,
            password: user.password,
            instead_of: browser.before,
            now: clock::now(),
        };
        match self.change(move |transaction| begin_session(transaction, &session)).await {
            Ok(()) => {}
            // The password was changed a moment ago, so this one was not right.
            Err(Fault::Denied(_)) => return Err(Fault::WrongCredentials),
            Err(fault) => {
                self.never_mind(&claim);
                return Err(fault);
            }
        }
        self.attempts().succeeded(&claim);
        tracing::info!(user = claim.name, %address, "signed in");
        Ok(SignedIn { cookie, here })
    }

    /// Makes whoever has the one-time code an administrator, and begins a session.
    pub(crate) async fn set_up(
        &self,
        code: &str,
        credentials: Credentials,
        address: IpAddr,
    ) -> Result<SignedIn, Fault> {
        let Credentials { name, password } = credentials;
        check_name(&name).map_err(Fault::Bad)?;
        check_password(&password).map_err(Fault::Bad)?;
        // By address only: a name for all of them would let anybody keep the right one waiting.
        let claim = Claim { name: format!("(one-time code from {address})"), known: Known::Nobody, address };
        self.begin(&claim)?;
        let code = Digest::of(Purpose::Setup, code);
        // Before the work of hashing, which is not for strangers; the change looks again.
        let known = self.store.knows_code(code, clock::now()).await.inspect_err(|_| self.never_mind(&claim));
        if !known? {
            tracing::warn!(%address, "somebody tried a one-time code that is not good");
            return Err(Fault::Denied(Denied::BadCode));
        }
        let hash = self.hashing.hash(password).await.inspect_err(|_| self.never_mind(&claim))?;
        let (cookie, here) = (Secret::new("")?, SignedInHere::of(&hash));
        let (session, now) = (Digest::of(Purpose::Session, cookie.expose()), clock::now());
        let who = name.clone();
        self.change(move |transaction| redeem_code(transaction, code, (&name, &hash), session, now)).await?;
        self.never_mind(&claim);
        tracing::info!(user = who, %address, "an administrator was set up by a one-time link");
        Ok(SignedIn { cookie, here })
    }

    pub(super) fn begin(&self, claim: &Claim) -> Result<(), Fault> {
        self.attempts().begin(claim, self.began.elapsed()).map_err(Fault::TooOften)
    }

    pub(super) fn never_mind(&self, claim: &Claim) {
        self.attempts().never_mind(claim);
    }
}
