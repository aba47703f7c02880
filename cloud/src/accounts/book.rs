//! Who is who, in memory: what the store said after the last change of accounts. Asked at every request, so it is looked up,
//! never searched.

use crate::{
    secret::Digest,
    store::accounts::{AccountRows, SESSION_IDLE, SESSION_LIFE, SessionRow, TokenRow, UserRow},
};
use fieldpost_core::UtcInstant;
use std::collections::BTreeMap;

/// All accounts at one moment.
#[derive(Default)]
pub(crate) struct Book {
    users: BTreeMap<i64, UserRow>,
    sessions: BTreeMap<Digest, SessionRow>,
    tokens: BTreeMap<Digest, TokenRow>,
}

impl Book {
    pub(super) fn new(rows: AccountRows) -> Self {
        Self {
            users: rows.users.into_iter().map(|user| (user.id, user)).collect(),
            sessions: rows.sessions.into_iter().map(|session| (session.digest, session)).collect(),
            tokens: rows.tokens.into_iter().map(|token| (token.digest, token)).collect(),
        }
    }

    /// Whether nobody has an account.
    pub(crate) fn has_no_users(&self) -> bool {
        self.users.is_empty()
    }

    /// People, in the order in which they came.
    pub(crate) fn users(&self) -> impl Iterator<Item = &UserRow> {
        self.users.values()
    }

    /// Programs, in the order in which they came.
    pub(crate) fn tokens(&self) -> Vec<&TokenRow> {
        let mut tokens: Vec<_> = self.tokens.values().collect();
        tokens.sort_by_key(|token| token.id);
        tokens
    }

    /// Browsers.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = &SessionRow> {
        self.sessions.values()
    }

    /// The person of this name.
    pub(super) fn user(&self, name: &str) -> Option<&UserRow> {
        self.users.values().find(|user| user.name == name)
    }

    /// The program that has this token.
    pub(super) fn token(&self, digest: &Digest) -> Option<&TokenRow> {
        self.tokens.get(digest)
    }

    /// Whose session this is at `now`, if it has not ended; `seen` says when it was last used, if later than the store says.
    pub(super) fn session(
        &self,
        digest: &Digest,
        seen: Option<UtcInstant>,
        now: UtcInstant,
    ) -> Option<&UserRow> {
        let session = self.sessions.get(digest)?;
        let last_used = seen.map_or(session.last_used, |seen| seen.max(session.last_used));
        let young = now.duration_since(session.created) < SESSION_LIFE;
        let alive = now.duration_since(last_used) < SESSION_IDLE;
        self.users.get(&session.user).filter(|_| young && alive)
    }

    /// Whether this is a session or a token.
    pub(super) fn knows(&self, digest: &Digest) -> bool {
        self.sessions.contains_key(digest) || self.tokens.contains_key(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{rights::Role, secret::Purpose};
    use std::time::Duration;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn user(id: i64) -> UserRow {
        UserRow {
            id,
            name: format!("user {id}"),
            role: Role::Viewer,
            password: String::new(),
            created: UtcInstant::from_millis(0),
            last_seen: None,
        }
    }

    #[test]
    fn a_session_ends_when_it_idles_for_a_week_and_after_a_month_in_any_case() {
        let start: UtcInstant = "2026-07-01T00:00:00Z".parse().unwrap();
        let (digest, other) = (Digest::of(Purpose::Session, "a"), Digest::of(Purpose::Session, "b"));
        let session = SessionRow { digest, user: 1, created: start, last_used: start };
        let orphan = SessionRow { digest: other, user: 2, ..session };
        let book =
            Book::new(AccountRows { users: vec![user(1)], sessions: vec![session, orphan], tokens: vec![] });
        let day = |days: u32| start.saturating_add(DAY * days);
        let is_in = |seen: Option<u32>, now: u32| book.session(&digest, seen.map(day), day(now)).is_some();
        assert!(is_in(None, 6) && !is_in(None, 7));
        assert!(is_in(Some(6), 12) && !is_in(Some(6), 13));
        assert!(is_in(Some(29), 29) && !is_in(Some(30), 30));
        assert!(book.session(&other, None, start).is_none(), "of nobody");
        assert!(book.session(&Digest::of(Purpose::Session, "c"), None, start).is_none());
    }
}
