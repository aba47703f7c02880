//! All accounts as rows. There are few, so they are read whole.

use crate::{
    rights::{Role, Scope},
    secret::Digest,
};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, Row, types::Type};

/// A person.
#[derive(Clone)]
pub(crate) struct UserRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) role: Role,
    /// A PHC string; not for showing, so there is no `Debug`.
    pub(crate) password: String,
    pub(crate) created: UtcInstant,
    pub(crate) last_seen: Option<UtcInstant>,
}

/// A browser in which somebody is signed in.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    pub(crate) digest: Digest,
    pub(crate) user: i64,
    pub(crate) created: UtcInstant,
    pub(crate) last_used: UtcInstant,
}

/// A program.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) digest: Digest,
    pub(crate) created: UtcInstant,
    pub(crate) last_used: Option<UtcInstant>,
}

/// All there are.
#[derive(Clone, Default)]
pub(crate) struct AccountRows {
    pub(crate) users: Vec<UserRow>,
    pub(crate) sessions: Vec<SessionRow>,
    pub(crate) tokens: Vec<TokenRow>,
}

/// Reads all.
pub(super) fn all(connection: &Connection) -> rusqlite::Result<AccountRows> {
    Ok(AccountRows {
        users: list(connection, "SELECT id, name, role, password, created, last_seen FROM users", user)?,
        sessions: list(connection, "SELECT digest, user, created, last_used FROM sessions", session)?,
        tokens: list(connection, "SELECT id, name, scope, digest, created, last_used FROM tokens", token)?,
    })
}

fn list<T>(
    connection: &Connection,
    sql: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map([], read)?.collect()
}

fn user(row: &Row<'_>) -> rusqlite::Result<UserRow> {
    let role: String = row.get(2)?;
    Ok(UserRow {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::from_name(&role).ok_or_else(|| strange(2))?,
        password: row.get(3)?,
        created: instant(row, 4)?,
        last_seen: row.get::<_, Option<i64>>(5)?.map(UtcInstant::from_millis),
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let (created, last_used) = (instant(row, 2)?, instant(row, 3)?);
    Ok(SessionRow { digest: digest(row, 0)?, user: row.get(1)?, created, last_used })
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    let scope: String = row.get(2)?;
    Ok(TokenRow {
        id: row.get(0)?,
        name: row.get(1)?,
        scope: Scope::from_name(&scope).ok_or_else(|| strange(2))?,
        digest: digest(row, 3)?,
        created: instant(row, 4)?,
        last_used: row.get::<_, Option<i64>>(5)?.map(UtcInstant::from_millis),
    })
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<UtcInstant> {
    row.get(column).map(UtcInstant::from_millis)
}

fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    let bytes: Vec<u8> = row.get(column)?;
    Digest::from_bytes(&bytes).ok_or_else(|| strange(column))
}

/// Somebody else wrote this.
fn strange(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, "not of this program's making".into())
}
