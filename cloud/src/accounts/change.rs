//! Changing accounts.

use super::{
    Accounts, Book, Fault,
    names::{check_name, check_password},
};
use crate::{
    clock,
    rights::{Role, Scope},
    secret::{Digest, Purpose, Secret},
    store::accounts::{
        Changed, UserChange, add_token, add_user, change_user, end_session, remove_token, remove_user,
    },
};
use rusqlite::Transaction;
use std::sync::{Arc, PoisonError};

/// A token that was just made.
#[derive(Debug)]
pub(crate) struct NewToken {
    /// Its number.
    pub(crate) id: i64,
    /// Itself: nobody can tell it again.
    pub(crate) token: Secret,
}

/// What tokens begin with, so that one that lies about is known for what it is.
const TOKEN_PREFIX: &str = "fp_";

impl Accounts {
    /// Adds a person.
    pub(crate) async fn add_user(&self, name: String, role: Role, password: String) -> Result<(), Fault> {
        check_name(&name).map_err(Fault::Bad)?;
        check_password(&password).map_err(Fault::Bad)?;
        let (hash, now) = (self.hashing.hash(password).await?, clock::now());
        self.change(move |transaction| add_user(transaction, &name, role, &hash, now)).await
    }

    /// Gives a person another role or password, or both.
    pub(crate) async fn change_user(
        &self,
        name: String,
        role: Option<Role>,
        password: Option<String>,
    ) -> Result<(), Fault> {
        let mut change = UserChange { role, password: None };
        if let Some(password) = password {
            check_password(&password).map_err(Fault::Bad)?;
            change.password = Some(self.hashing.hash(password).await?);
        }
        self.change(move |transaction| change_user(transaction, &name, &change)).await
    }

    /// Removes a person.
    pub(crate) async fn remove_user(&self, name: String) -> Result<(), Fault> {
        self.change(move |transaction| remove_user(transaction, &name)).await
    }

    /// Makes a token.
    pub(crate) async fn add_token(&self, name: String, scope: Scope) -> Result<NewToken, Fault> {
        check_name(&name).map_err(Fault::Bad)?;
        let token = Secret::new(TOKEN_PREFIX)?;
        let (digest, now) = (Digest::of(Purpose::Token, token.expose()), clock::now());
        let id = self.change(move |transaction| add_token(transaction, &name, scope, digest, now)).await?;
        Ok(NewToken { id, token })
    }

    /// Revokes a token.
    pub(crate) async fn remove_token(&self, id: i64) -> Result<(), Fault> {
        self.change(move |transaction| remove_token(transaction, id)).await
    }

    /// Signs a browser out, which has these sessions.
    pub(crate) async fn sign_out(&self, sessions: Vec<Digest>) -> Result<(), Fault> {
        let end = move |transaction: &Transaction<'_>| {
            sessions.iter().try_for_each(|session| end_session(transaction, session)).map(Ok)
        };
        self.change(end).await
    }

    /// Does `work` in a transaction; once it is committed, every request is judged by what it left.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Changed<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let book = Arc::clone(&self.book);
        let publish = move |rows| {
            *book.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Book::new(rows));
        };
        self.store.change_accounts(work, publish).await?.map_err(Fault::Denied)
    }
}
