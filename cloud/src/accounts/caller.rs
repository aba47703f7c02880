//! Who sends a request, as far as it says.

use crate::{
    rights::{Need, Role, Scope},
    secret::Digest,
};
use std::{fmt, sync::Arc};

/// Who sends a request. In every request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody, while everybody may do everything.
    Anyone,
    /// Somebody who does not say.
    Nobody,
    /// Somebody with a token that is none, or none any more.
    BadToken,
    /// A person, by a browser's cookie.
    User {
        /// The name.
        name: Arc<str>,
        /// What that one may do.
        role: Role,
        /// The session.
        session: Digest,
        /// What the page has to send along with a change, in digits. Only a page of ours can know it, for the cookie that it is
        /// made of no script can read.
        csrf: Digest,
    },
    /// A program.
    Token {
        /// Its name.
        name: Arc<str>,
        /// What it may do.
        scope: Scope,
    },
}

impl Caller {
    pub(crate) fn may(&self, need: Need) -> bool {
        match self {
            Self::Anyone => true,
            Self::Nobody | Self::BadToken => false,
            Self::User { role, .. } => role.may(need),
            Self::Token { scope, .. } => scope.may(need),
        }
    }
}

/// For records of who did what.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone | Self::Nobody | Self::BadToken => f.write_str("anyone"),
            Self::User { name, .. } => f.write_str(name),
            Self::Token { name, .. } => write!(f, "token {name}"),
        }
    }
}
