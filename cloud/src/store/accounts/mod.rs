//! Accounts in the store: people, their sessions, programs' tokens, and the one-time link. The functions say what is done
//! within a transaction; [`Store::change_accounts`] runs one, and hands on what all accounts are like after it.

mod rows;
mod sessions;
mod setup;
mod tokens;
mod users;

pub(crate) use rows::{AccountRows, SessionRow, TokenRow, UserRow};
pub(crate) use sessions::{NewSession, begin_session, end_session, note_use};
pub(crate) use setup::{issue_code, issue_code_at, redeem_code};
pub(crate) use tokens::{add_token, remove_token};
pub(crate) use users::{PasswordChange, UserChange, add_user, change_password, change_user, remove_user};

use super::{ReadError, Store, SubmitError};
use rusqlite::Transaction;
use std::time::Duration;

/// People.
pub(crate) const MAX_USERS: usize = 200;
/// Programs: a gateway has one.
pub(crate) const MAX_TOKENS: usize = 2_000;
/// Browsers in which one person is signed in; the one that was used longest ago goes.
pub(crate) const MAX_SESSIONS: usize = 16;
/// A session that is not used for so long ends.
pub(crate) const SESSION_IDLE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A session ends after this in any case.
pub(crate) const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A one-time link is good for so long.
pub(crate) const CODE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Why accounts stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// Somebody has this name already.
    NameTaken,
    /// There is nobody (nothing) of that name.
    Unknown,
    /// There are as many as there may be.
    TooMany(usize),
    /// Nobody would be left who could give anybody a right.
    LastAdministrator,
    /// The one-time code is used up, too old, or none.
    BadCode,
    /// The password was changed meanwhile.
    Changed,
}

/// What a change comes to: all or nothing of it, so a denied one has written nothing.
pub(crate) type Changed<T> = rusqlite::Result<Result<T, Denied>>;

impl Store {
    /// All accounts.
    pub(crate) async fn accounts(&self) -> Result<AccountRows, ReadError> {
        self.readers.ask(rows::all).await
    }

    /// Changes accounts. `publish` is told what they are like then, in the order in which changes are committed, and also
    /// when nobody waits for the answer any more.
    pub(crate) async fn change_accounts<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Changed<T> + Send + 'static,
        publish: impl FnOnce(AccountRows) + Send + 'static,
    ) -> Result<Result<T, Denied>, SubmitError> {
        let work = move |transaction: &Transaction<'_>| {
            let done = work(transaction)?;
            Ok((done, rows::all(transaction)?))
        };
        let then = move |(done, rows)| {
            publish(rows);
            done
        };
        self.write_then(work, then).await
    }
}

#[cfg(test)]
mod tests;
