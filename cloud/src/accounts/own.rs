//! One's own password, changed by whoever is signed in and knows it.

use super::{
    Accounts, Fault,
    attempts::Claim,
    names::check_password,
    password::MAX_PASSWORD,
    sign_in::{Known, SignedInHere},
};
use crate::{
    secret::Digest,
    store::accounts::{Denied, PasswordChange, change_password},
};
use std::net::IpAddr;

/// The password that is, and the one that is to be. Not for showing, so there is no `Debug`.
pub(crate) struct NewPassword {
    pub(crate) old: String,
    pub(crate) new: String,
}

impl Accounts {
    /// Changes the password of `name`, who is signed in by `session` in the browser at `address`, and ends all other sessions of
    /// theirs. Whoever found a browser open and guesses is limited like whoever signs in.
    pub(crate) async fn change_own_password(
        &self,
        name: &str,
        session: Digest,
        NewPassword { old, new }: NewPassword,
        address: IpAddr,
    ) -> Result<SignedInHere, Fault> {
        check_password(&new).map_err(Fault::Bad)?;
        let user = self.book().user(name).cloned().ok_or(Fault::Denied(Denied::Unknown))?;
        let claim = Claim { name: name.to_owned(), known: Known::Here, address };
        self.begin(&claim)?;
        let old = if old.len() <= MAX_PASSWORD { old } else { String::new() };
        let right = self.hashing.verify(old, Some(user.password.clone())).await;
        if !right.inspect_err(|_| self.never_mind(&claim))? {
            tracing::warn!(user = name, %address, "somebody who is signed in did not know the password");
            return Err(Fault::WrongCredentials);
        }
        let hash = self.hashing.hash(new).await.inspect_err(|_| self.never_mind(&claim))?;
        let here = SignedInHere::of(&hash);
        let change = PasswordChange { user: user.id, held: user.password, password: hash, keep: session };
        let changed = self.change(move |transaction| change_password(transaction, &change)).await;
        changed.inspect_err(|_| self.never_mind(&claim))?;
        self.attempts().succeeded(&claim);
        tracing::info!(user = name, %address, "changed the own password");
        Ok(here)
    }
}
