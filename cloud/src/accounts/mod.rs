//! Accounts: who there is, who is signed in, and which programs have tokens.
//!
//! The store holds them. All of them are in memory, too, as they were after the last commit ([`book`]): a request is let in
//! or not without a question to the store. Whoever changes an account waits for the commit; from then on every request
//! is judged by it.

mod attempts;
mod book;
mod caller;
mod change;
mod names;
mod own;
mod password;
mod seen;
mod sign_in;
mod start;

pub(crate) use book::Book;
pub(crate) use caller::Caller;
pub(crate) use own::NewPassword;
pub(crate) use password::NoHash;
pub(crate) use sign_in::{Browser, Credentials, SignedIn};
pub use start::{Announce, setup_link};

use crate::{
    Access, SubmitError, clock,
    network::Proxies,
    secret::{Digest, NoRandomness, Purpose},
    store::{
        ReadError, Store,
        accounts::{AccountRows, Denied, MAX_USERS, note_use},
    },
};
use attempts::Attempts;
use fieldpost_core::UtcInstant;
use password::Hashing;
use seen::Seen;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::{Duration, Instant},
};

/// All accounts, and what keeps guessers off them.
pub(crate) struct Accounts {
    store: Store,
    book: Arc<RwLock<Arc<Book>>>,
    hashing: Hashing,
    attempts: Mutex<Attempts>,
    /// Where the clock of the attempts began.
    began: Instant,
    seen: Mutex<Seen>,
    access: Access,
    /// Where requests come in.
    bound: SocketAddr,
    /// Through whom they may come.
    proxies: Proxies,
}

/// Why something about accounts was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// What is asked for makes no sense; says how to mend it.
    #[error("{0}")]
    Bad(String),
    /// It cannot be as accounts are.
    #[error("accounts stay as they are: {0:?}")]
    Denied(Denied),
    /// Name or password is wrong; which, nobody is told.
    #[error("the name or the password is wrong")]
    WrongCredentials,
    /// Too many attempts; the next one after so long.
    #[error("too many attempts")]
    TooOften(Duration),
    /// Passwords cannot be hashed now.
    #[error(transparent)]
    Hash(#[from] NoHash),
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] SubmitError),
    /// The store cannot be asked.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<NoRandomness> for Fault {
    fn from(error: NoRandomness) -> Self {
        Self::Hash(error.into())
    }
}

impl Accounts {
    /// The accounts of `store`, for requests that come in at `bound`, through `proxies` maybe.
    pub(crate) fn new(
        store: Store,
        rows: AccountRows,
        access: Access,
        bound: SocketAddr,
        proxies: Proxies,
    ) -> Self {
        Self {
            store,
            book: Arc::new(RwLock::new(Arc::new(Book::new(rows)))),
            hashing: Hashing::new(),
            attempts: Mutex::new(Attempts::new(MAX_USERS)),
            began: Instant::now(),
            seen: Mutex::new(Seen::new()),
            access,
            bound,
            proxies,
        }
    }

    /// All accounts as they are now.
    pub(crate) fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether everybody may do everything, nobody having an account.
    pub(crate) fn is_open(&self, book: &Book) -> bool {
        match self.access {
            Access::Guarded => book.has_no_users() && self.is_local(),
            Access::Insecure => book.has_no_users(),
            Access::Open => true,
        }
    }

    /// Whether only this machine reaches us.
    pub(crate) fn is_local(&self) -> bool {
        self.bound.ip().is_loopback()
    }

    /// Where requests come in.
    pub(crate) fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// Through whom requests may come.
    pub(crate) fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// Who has this token.
    pub(crate) fn token_holder(&self, book: &Book, token: &str) -> Caller {
        let digest = Digest::of(Purpose::Token, token);
        let Some(token) = book.token(&digest) else { return Caller::BadToken };
        self.note_use(digest, clock::now());
        Caller::Token { name: token.name.as_str().into(), scope: token.scope }
    }

    /// Who is signed in by this cookie.
    pub(crate) fn signed_in(&self, book: &Book, cookie: &str) -> Option<Caller> {
        let (digest, now) = (Digest::of(Purpose::Session, cookie), clock::now());
        let seen = self.seen().at(&digest);
        let user = book.session(&digest, seen, now)?;
        self.note_use(digest, now);
        Some(Caller::User {
            name: user.name.as_str().into(),
            role: user.role,
            session: digest,
            csrf: Digest::of(Purpose::Csrf, cookie),
        })
    }

    /// When this session or token was last used, if later than the store says.
    pub(crate) fn last_used(&self, digest: &Digest) -> Option<UtcInstant> {
        self.seen().at(digest)
    }

    /// Notes a use, and once a minute has all of them written down; nobody waits for that.
    fn note_use(&self, digest: Digest, now: UtcInstant) {
        let unwritten = self.seen().note(digest, now);
        if unwritten.is_empty() {
            return;
        }
        let book = self.book();
        self.seen().keep(|digest| book.knows(digest));
        let store = self.store.clone();
        tokio::spawn(async move {
            let write = store.write(move |transaction| {
                unwritten.iter().try_for_each(|(digest, at)| note_use(transaction, digest, *at))
            });
            if let Err(error) = write.await {
                tracing::warn!(%error, "when tokens and sessions were last used could not be written");
            }
        });
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
