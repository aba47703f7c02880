//! Copies of the store: made while the cloud runs, checked before they are called copies, and put back.
//!
//! `VACUUM INTO` reads one commit's state, whatever is written meanwhile, and writes it without holes. The copy is made under another
//! name, read through, synced, and only then renamed: a file with the name of a backup is a whole one.

use super::{
    check,
    file::{self, beside},
    migrations, open,
    vault::Vault,
};
use crate::Error;
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Readings in it.
    pub readings: u64,
    /// Bytes of its file.
    pub bytes: u64,
}

/// Copies the store at `store`, which may be in use, to the new file `to`. `tell` hears of bytes written, and of how many they
/// will be at most.
///
/// # Errors
/// If there is no store, or something is at `to` already, or the copy cannot be written, or is not whole.
pub fn back_up(store: &Path, to: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<Copied, Error> {
    if to.exists() {
        return Err(Error::InTheWay { path: to.to_owned() });
    }
    let part = beside(to, ".part");
    let _ = fs::remove_file(&part);
    let copied = copy(store, &part, tell).and_then(|()| examine(&part)).and_then(|copied| {
        settle(&part, to)?;
        Ok(copied)
    });
    if copied.is_err() {
        let _ = fs::remove_file(&part);
    }
    copied
}

fn copy(store: &Path, part: &Path, tell: &mut dyn FnMut(u64, u64)) -> Result<(), Error> {
    let failed = |error: &rusqlite::Error| open::opening(store, error);
    let connection = open::reader(store).map_err(|error| failed(&error))?;
    open::recognise(&connection, store)?;
    let size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
    let size: i64 = connection.query_row(size, [], |row| row.get(0)).map_err(|error| failed(&error))?;
    let name = part.to_str().ok_or_else(|| unwritable(part, "its name is not UTF-8"))?.to_owned();
    let work = thread::Builder::new().name("backup".into());
    let work = work.spawn(move || connection.execute("VACUUM INTO ?", [name])).map_err(Error::Thread)?;
    while !work.is_finished() {
        tell(fs::metadata(part).map_or(0, |file| file.len()), size.unsigned_abs());
        thread::sleep(TELL_EVERY);
    }
    let done = work.join().map_err(|_| unwritable(part, "the copying stopped"))?;
    done.map(|_| ()).map_err(|error| unwritable(part, &error.to_string()))
}

/// Reads a copy through, and says what is in it.
fn examine(copy: &Path) -> Result<Copied, Error> {
    let failed = |error: &rusqlite::Error| open::opening(copy, error);
    let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| failed(&error))?;
    open::recognise(&connection, copy)?;
    let found = migrations::version(&connection).map_err(|error| failed(&error))?;
    if found > migrations::known() {
        return Err(Error::Newer { path: copy.to_owned(), found, known: migrations::known() });
    }
    let faults = check::faults(&connection).map_err(|error| failed(&error))?;
    if let Some(first) = faults.into_iter().next() {
        return Err(Error::Damaged { path: copy.to_owned(), detail: first });
    }
    let count = "SELECT count(*) FROM readings";
    let readings: i64 = connection.query_row(count, [], |row| row.get(0)).map_err(|error| failed(&error))?;
    let bytes = fs::metadata(copy).map_or(0, |file| file.len());
    Ok(Copied { readings: readings.unsigned_abs(), bytes })
}

/// Makes a whole file durable, and gives it its name.
fn settle(part: &Path, name: &Path) -> Result<(), Error> {
    let done = file::make_private(part).and_then(|()| File::open(part)).and_then(|file| file.sync_all());
    let done = done.and_then(|()| fs::rename(part, name)).and_then(|()| crate::folder::sync_of(name));
    done.map_err(|error| unwritable(name, &error.to_string()))
}

fn unwritable(path: &Path, detail: &str) -> Error {
    Error::Copy { path: path.to_owned(), detail: detail.to_owned() }
}

/// Puts the backup `from` in the place of the store at `store`, which no cloud may have open. What was there is set aside if `replace`
/// says so; where it is then is told, too.
///
/// # Errors
/// If the backup is not whole or of a later version, a cloud has the store, or there is one and `replace` is not set.
pub fn restore(from: &Path, store: &Path, replace: bool) -> Result<(Copied, Option<PathBuf>), Error> {
    let copied = examine(from)?;
    let _lock = file::lock(store)?;
    if store.exists() && !replace {
        return Err(Error::InTheWay { path: store.to_owned() });
    }
    let part = beside(store, ".new");
    let _ = fs::remove_file(&part);
    fs::copy(from, &part).map_err(|error| unwritable(&part, &error.to_string()))?;
    // What was read from the one disk is not yet whole on the other.
    examine(&part)?;
    forget(&part)?;
    let aside = if store.exists() { Some(set_aside(store)?) } else { None };
    settle(&part, store)?;
    Ok((copied, aside))
}

/// What was so then and must not be again by itself: somebody signed in who signed out since, a link for the first account, a
/// message that was delivered long ago. Passwords and tokens are those of the backup.
fn forget(store: &Path) -> Result<(), Error> {
    let failed = |error: &rusqlite::Error| unwritable(store, &error.to_string());
    let mut vault = Vault::open(store)?;
    let forget = "DELETE FROM sessions; DELETE FROM setup; DELETE FROM outbox";
    vault.change(|transaction| transaction.execute_batch(forget)).map_err(|error| failed(&error))?;
    vault.close().map_err(|error| failed(&error))
}

/// Moves a store away, its log first: a log without its store is noticed at the next start, a store with another's log is not.
fn set_aside(store: &Path) -> Result<PathBuf, Error> {
    let failed = |error: std::io::Error| unwritable(store, &error.to_string());
    // With nobody else there, closing moves the log into the file; if that fails, the log goes along.
    drop(
        open::configured(store, open::Start::Held)
            .and_then(|connection| connection.close().map_err(|(_, error)| open::opening(store, &error))),
    );
    let free = |number: &u32| !beside(store, &format!(".before-restore-{number}")).exists();
    let number = (1..u32::MAX).find(free).unwrap_or(u32::MAX);
    let name = |suffix: &str| beside(store, &format!(".before-restore-{number}{suffix}"));
    for suffix in ["-wal", "-shm", ""] {
        let file = beside(store, suffix);
        if file.exists() {
            fs::rename(&file, name(suffix)).map_err(failed)?;
        }
    }
    crate::folder::sync_of(store).map_err(failed)?;
    Ok(name(""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{submission, vault};
    use super::*;

    fn readings(path: &Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.query_row("SELECT count(*) FROM readings", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_backup_of_a_store_in_use_is_one_moment_of_it_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
        let mut vault = vault(&store);
        vault.store(vec![submission("m1", 500)]);
        let copied = back_up(&store, &backup, &mut |_, _| {}).unwrap();
        assert_eq!(copied.readings, 500);
        vault.store(vec![submission("m2", 7)]);
        let error = back_up(&store, &backup, &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, Error::InTheWay { .. }), "{error}");
        drop(vault);

        let error = restore(&backup, &store, false).unwrap_err();
        assert!(error.to_string().contains("--replace"), "{error}");
        let (restored, aside) = restore(&backup, &store, true).unwrap();
        assert_eq!(restored, copied);
        assert_eq!(readings(&store), 500);
        assert_eq!(readings(&aside.unwrap()), 507, "nothing is thrown away");
        let leftovers = fs::read_dir(folder.path()).unwrap().filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            (name.contains(".part") || name.contains(".new")).then_some(name)
        });
        assert_eq!(leftovers.collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn p9_who_was_signed_in_when_a_backup_was_made_is_not_when_it_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
        let mut vault = vault(&store);
        let tables = ["sessions", "setup", "outbox"];
        let rows = "INSERT INTO sessions VALUES (x'01', 1, 1, 1); INSERT INTO setup VALUES (x'02', 1);
            INSERT INTO outbox (channel, message, body, put, due) VALUES (1, 'm', '{}', 1, 1)";
        vault.change(|transaction| transaction.execute_batch(rows)).unwrap();
        drop(vault);
        back_up(&store, &backup, &mut |_, _| {}).unwrap();
        let held = |path: &Path| {
            let connection = Connection::open(path).unwrap();
            tables.map(|table| {
                let count = format!("SELECT count(*) FROM {table}");
                connection.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
            })
        };
        assert_eq!(held(&backup), [1, 1, 1]);
        restore(&backup, &store, true).unwrap();
        assert_eq!(held(&store), [0, 0, 0]);
    }

    #[test]
    fn a_store_in_use_is_not_replaced_and_a_damaged_backup_is_not_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
        let lock = file::lock(&store).unwrap();
        let mut vault = vault(&store);
        vault.store(vec![submission("m1", 5_000)]);
        back_up(&store, &backup, &mut |_, _| {}).unwrap();
        let error = restore(&backup, &store, true).unwrap_err();
        assert!(matches!(error, Error::InUse { .. }), "{error}");
        drop((vault, lock));
        let mut bytes = fs::read(&backup).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8_192].fill(0x55);
        fs::write(&backup, bytes).unwrap();
        let error = restore(&backup, &store, true).unwrap_err();
        assert!(matches!(error, Error::Damaged { .. }), "{error}");
        assert_eq!(readings(&store), 5_000);
    }
}
