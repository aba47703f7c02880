//! People. Among them is always an administrator, once there is anybody.

use super::{Changed, Denied, MAX_USERS};
use crate::{rights::Role, secret::Digest};
use fieldpost_core::UtcInstant;
use rusqlite::{Connection, OptionalExtension};

/// What is to become of somebody; None stays.
#[derive(Clone, Default)]
pub(crate) struct UserChange {
    pub(crate) role: Option<Role>,
    /// The hash of the new password.
    pub(crate) password: Option<String>,
}

/// A new password of somebody who knows the old one.
#[derive(Clone)]
pub(crate) struct PasswordChange {
    /// Whose.
    pub(crate) user: i64,
    /// The hash that the old one was found right by.
    pub(crate) held: String,
    /// The hash of the new one.
    pub(crate) password: String,
    /// The session that does it.
    pub(crate) keep: Digest,
}

/// Adds somebody. The first one is an administrator, or there would be none to add others.
pub(crate) fn add_user(
    connection: &Connection,
    name: &str,
    role: Role,
    password: &str,
    now: UtcInstant,
) -> Changed<()> {
    let count: i64 = connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0))?;
    if count == 0 && role != Role::Administrator {
        return Ok(Err(Denied::LastAdministrator));
    }
    if find(connection, name)?.is_some() {
        return Ok(Err(Denied::NameTaken));
    }
    if usize::try_from(count).unwrap_or(usize::MAX) >= MAX_USERS {
        return Ok(Err(Denied::TooMany(MAX_USERS)));
    }
    insert(connection, name, role, password, now)?;
    Ok(Ok(()))
}

/// Changes somebody, and ends all sessions of theirs: whoever is in there is not who was let in.
pub(crate) fn change_user(connection: &Connection, name: &str, change: &UserChange) -> Changed<()> {
    let Some((id, held)) = find(connection, name)? else { return Ok(Err(Denied::Unknown)) };
    let role = change.role.unwrap_or(held);
    if role != Role::Administrator && is_last_administrator(connection, id)? {
        return Ok(Err(Denied::LastAdministrator));
    }
    let sql = "UPDATE users SET role = ?2, password = ifnull(?3, password) WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((id, role.name(), &change.password))?;
    end_sessions(connection, id)?;
    Ok(Ok(()))
}

/// Changes a password, and ends all sessions but the one that does it.
pub(crate) fn change_password(connection: &Connection, change: &PasswordChange) -> Changed<()> {
    let sql = "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2";
    let changed = connection.prepare_cached(sql)?.execute((change.user, &change.held, &change.password))?;
    if changed == 0 {
        return Ok(Err(Denied::Changed));
    }
    let sql = "DELETE FROM sessions WHERE user = ? AND digest <> ?";
    connection.prepare_cached(sql)?.execute((change.user, change.keep.as_bytes()))?;
    Ok(Ok(()))
}

/// Removes somebody, and ends all sessions of theirs.
pub(crate) fn remove_user(connection: &Connection, name: &str) -> Changed<()> {
    let Some((id, _)) = find(connection, name)? else { return Ok(Err(Denied::Unknown)) };
    if is_last_administrator(connection, id)? {
        return Ok(Err(Denied::LastAdministrator));
    }
    connection.execute("DELETE FROM users WHERE id = ?", [id])?;
    end_sessions(connection, id)?;
    Ok(Ok(()))
}

/// Makes `name` an administrator with this password, new or not.
pub(super) fn enthrone(
    connection: &Connection,
    name: &str,
    password: &str,
    now: UtcInstant,
) -> rusqlite::Result<i64> {
    let Some((id, _)) = find(connection, name)? else {
        return insert(connection, name, Role::Administrator, password, now);
    };
    let sql = "UPDATE users SET role = 'administrator', password = ?2 WHERE id = ?1";
    connection.execute(sql, (id, password))?;
    end_sessions(connection, id)?;
    Ok(id)
}

fn insert(
    connection: &Connection,
    name: &str,
    role: Role,
    password: &str,
    now: UtcInstant,
) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("INSERT INTO users (name, role, password, created) VALUES (?, ?, ?, ?)")?
        .insert((name, role.name(), password, now.as_millis()))
}

fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<(i64, Role)>> {
    connection
        .prepare_cached("SELECT id, role FROM users WHERE name = ?")?
        .query_row([name], |row| {
            let role: String = row.get(1)?;
            Ok((row.get(0)?, Role::from_name(&role).unwrap_or(Role::Viewer)))
        })
        .optional()
}

/// Whether there is no administrator but this one.
fn is_last_administrator(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    let others = "SELECT count(*) FROM users WHERE role = 'administrator' AND id <> ?";
    connection.query_row(others, [id], |row| Ok(row.get::<_, i64>(0)? == 0))
}

fn end_sessions(connection: &Connection, user: i64) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM sessions WHERE user = ?", [user])
}
