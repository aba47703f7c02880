//! Accounts in a real file.

use super::{super::Vault, *};
use crate::{
    rights::{Role, Scope},
    secret::{Digest, Purpose},
};
use fieldpost_core::UtcInstant;
use tempfile::TempDir;

fn vault() -> (TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    Vault::create(&path).unwrap();
    let vault = Vault::open(&path).unwrap();
    (folder, vault)
}

fn at(second: i64) -> UtcInstant {
    UtcInstant::from_millis(1_800_000_000_000 + second * 1_000)
}

fn digest(text: &str) -> Digest {
    Digest::of(Purpose::Session, text)
}

/// Adds somebody whose password's hash is `hash of NAME`.
fn add(vault: &mut Vault, name: &str, role: Role) -> Result<(), Denied> {
    vault.change(|transaction| add_user(transaction, name, role, &format!("hash of {name}"), at(0))).unwrap()
}

fn begin(vault: &mut Vault, name: &str, session: &str, second: i64) -> Result<(), Denied> {
    let user = held(vault).users.into_iter().find(|user| user.name == name).unwrap();
    let new = NewSession {
        digest: digest(session),
        user: user.id,
        password: format!("hash of {name}"),
        instead_of: Vec::new(),
        now: at(second),
    };
    vault.change(|transaction| begin_session(transaction, &new)).unwrap()
}

fn held(vault: &mut Vault) -> AccountRows {
    vault.change(|transaction| rows::all(transaction)).unwrap()
}

fn sessions(vault: &mut Vault) -> usize {
    held(vault).sessions.len()
}

#[test]
fn the_first_is_an_administrator_and_the_last_one_stays() {
    let (_folder, mut vault) = vault();
    assert_eq!(add(&mut vault, "ann", Role::Operator), Err(Denied::LastAdministrator));
    assert_eq!(add(&mut vault, "ann", Role::Administrator), Ok(()));
    assert_eq!(add(&mut vault, "ann", Role::Viewer), Err(Denied::NameTaken));
    assert_eq!(add(&mut vault, "bob", Role::Viewer), Ok(()));
    let role = |role| UserChange { role: Some(role), password: None };
    let mut change = |name: &str, to| vault.change(|tx| change_user(tx, name, &role(to))).unwrap();
    assert_eq!(change("ann", Role::Viewer), Err(Denied::LastAdministrator));
    assert_eq!(change("bob", Role::Administrator), Ok(()));
    assert_eq!(change("ann", Role::Viewer), Ok(()));
    assert_eq!(change("cid", Role::Viewer), Err(Denied::Unknown));
    let mut remove = |name: &str| vault.change(|tx| remove_user(tx, name)).unwrap();
    assert_eq!(remove("bob"), Err(Denied::LastAdministrator));
    assert_eq!(remove("ann"), Ok(()));
    assert_eq!(remove("ann"), Err(Denied::Unknown));
    let left: Vec<String> = held(&mut vault).users.into_iter().map(|user| user.name).collect();
    assert_eq!(left, ["bob"]);
}

#[test]
fn another_role_or_password_ends_the_sessions_of_that_one_only() {
    let (_folder, mut vault) = vault();
    add(&mut vault, "ann", Role::Administrator).unwrap();
    add(&mut vault, "bob", Role::Viewer).unwrap();
    begin(&mut vault, "ann", "a", 1).unwrap();
    for change in [
        UserChange { role: Some(Role::Operator), password: None },
        UserChange { role: None, password: Some("hash of bob".into()) },
    ] {
        begin(&mut vault, "bob", "b", 1).unwrap();
        assert_eq!(sessions(&mut vault), 2);
        vault.change(|tx| change_user(tx, "bob", &change)).unwrap().unwrap();
        assert_eq!(sessions(&mut vault), 1);
    }
    assert_eq!(held(&mut vault).users[1].role, Role::Operator, "a new password leaves the role as it is");
    begin(&mut vault, "bob", "b", 1).unwrap();
    vault.change(|tx| remove_user(tx, "bob")).unwrap().unwrap();
    assert_eq!(held(&mut vault).sessions[0].digest, digest("a"));
}

#[test]
fn a_session_begins_only_with_the_password_that_is_still_right() {
    let (_folder, mut vault) = vault();
    add(&mut vault, "ann", Role::Administrator).unwrap();
    let other = UserChange { role: None, password: Some("another hash".into()) };
    vault.change(|tx| change_user(tx, "ann", &other)).unwrap().unwrap();
    assert_eq!(begin(&mut vault, "ann", "a", 1), Err(Denied::Changed));
    assert_eq!(sessions(&mut vault), 0);
}

#[test]
fn of_too_many_sessions_the_one_that_was_used_longest_ago_goes_and_old_ones_go_with_any() {
    let (_folder, mut vault) = vault();
    add(&mut vault, "ann", Role::Administrator).unwrap();
    for n in 0..i64::try_from(MAX_SESSIONS).unwrap() {
        begin(&mut vault, "ann", &format!("{n}"), n).unwrap();
    }
    vault.change(|tx| note_use(tx, &digest("0"), at(100))).unwrap();
    assert_eq!(held(&mut vault).users[0].last_seen, Some(at(100)));
    // Also when the clock was set back.
    begin(&mut vault, "ann", "new", -50).unwrap();
    let held = held(&mut vault).sessions;
    let has = |name: &str| held.iter().any(|session| session.digest == digest(name));
    assert_eq!(held.len(), MAX_SESSIONS);
    assert!(has("0") && !has("1") && has("2") && has("new"));
    let month = i64::try_from(SESSION_LIFE.as_secs()).unwrap();
    begin(&mut vault, "ann", "a month later", month + 1_000).unwrap();
    assert_eq!(sessions(&mut vault), 1);
}

#[test]
fn there_are_at_most_so_many_users_and_tokens() {
    let (_folder, mut vault) = vault();
    for n in 0..MAX_USERS {
        add(&mut vault, &format!("user {n}"), Role::Administrator).unwrap();
    }
    assert_eq!(add(&mut vault, "one more", Role::Viewer), Err(Denied::TooMany(MAX_USERS)));
    let token = |tx: &Transaction<'_>, name: &str| {
        add_token(tx, name, Scope::Ingest, Digest::of(Purpose::Token, name), at(0))
    };
    vault
        .change(|tx| {
            for n in 0..MAX_TOKENS {
                assert!(token(tx, &format!("token {n}"))?.is_ok());
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(vault.change(|tx| token(tx, "one more")).unwrap(), Err(Denied::TooMany(MAX_TOKENS)));
    vault.change(|tx| remove_token(tx, 1)).unwrap().unwrap();
    assert_eq!(vault.change(|tx| remove_token(tx, 1)).unwrap(), Err(Denied::Unknown));
    assert_eq!(vault.change(|tx| token(tx, "token 7")).unwrap(), Err(Denied::NameTaken));
    let id = vault.change(|tx| token(tx, "token 0")).unwrap().unwrap();
    assert_eq!(id, i64::try_from(MAX_TOKENS).unwrap() + 1, "a number is never used again");
}

#[test]
fn a_one_time_code_is_good_once_for_a_day_and_only_the_latest() {
    let (_folder, mut vault) = vault();
    let code = |text: &str| Digest::of(Purpose::Setup, text);
    let issue = |vault: &mut Vault, text: &str, second| {
        vault.change(|tx| issue_code(tx, code(text), at(second))).unwrap();
    };
    let redeem = |vault: &mut Vault, text: &str, name: &str, second| {
        let who = (name, "a hash");
        vault.change(|tx| redeem_code(tx, code(text), who, digest(name), at(second))).unwrap()
    };
    let day = i64::try_from(CODE_LIFE.as_secs()).unwrap();
    issue(&mut vault, "one", 0);
    assert_eq!(redeem(&mut vault, "other", "ann", 1), Err(Denied::BadCode));
    assert_eq!(redeem(&mut vault, "one", "ann", day), Err(Denied::BadCode));
    assert_eq!(redeem(&mut vault, "one", "ann", -1), Err(Denied::BadCode), "from the future");
    issue(&mut vault, "two", 0);
    assert_eq!(redeem(&mut vault, "one", "ann", 1), Err(Denied::BadCode));
    assert_eq!(redeem(&mut vault, "two", "ann", day - 1), Ok(()));
    assert_eq!(redeem(&mut vault, "two", "eve", day - 1), Err(Denied::BadCode));
    // For one who lost the password: the account is theirs again, and whoever was in there is out.
    add(&mut vault, "bob", Role::Viewer).unwrap();
    begin(&mut vault, "bob", "an intruder", 5).unwrap();
    issue(&mut vault, "three", 6);
    redeem(&mut vault, "three", "bob", 7).unwrap();
    let held = held(&mut vault);
    let bob = &held.users[1];
    assert_eq!((bob.role, bob.password.as_str()), (Role::Administrator, "a hash"));
    let of_bob: Vec<Digest> =
        held.sessions.iter().filter(|one| one.user == bob.id).map(|one| one.digest).collect();
    assert_eq!(of_bob, [digest("bob")]);
}
