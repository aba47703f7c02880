//! Copies of the store, made while the cloud runs, and checked before they are called copies.
//!
//! `VACUUM INTO` reads one commit's state, whatever is written meanwhile, and writes it without holes. The copy is made under another
//! name, read through, synced, and only then renamed: a file with the name of a backup is a whole one. Nobody else reads it, not while it
//! is made either (promise P9).

use super::{
    check,
    file::{self, beside},
    migrations, open,
};
use crate::Error;
use rusqlite::{Connection, OpenFlags};
use std::{
    fs::{self, File},
    path::Path,
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
    file::discard(&part);
    let copied = copy(store, &part, tell).and_then(|()| examine(&part)).and_then(|copied| {
        settle(&part, to)?;
        Ok(copied)
    });
    if copied.is_err() {
        file::discard(&part);
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
    // SQLite would make it for everybody to read; into a file that is empty it copies as well.
    file::create_private(part).map_err(|error| unwritable(part, &error.to_string()))?;
    let work = thread::Builder::new().name("backup".into());
    let work = work.spawn(move || connection.execute("VACUUM INTO ?", [name])).map_err(Error::Thread)?;
    loop {
        tell(fs::metadata(part).map_or(0, |file| file.len()), size.unsigned_abs());
        if work.is_finished() {
            break;
        }
        thread::sleep(TELL_EVERY);
    }
    let done = work.join().map_err(|_| unwritable(part, "the copying stopped"))?;
    done.map(|_| ()).map_err(|error| unwritable(part, &error.to_string()))
}

/// Reads a copy through, and says what is in it.
pub(super) fn examine(copy: &Path) -> Result<Copied, Error> {
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
    let done = File::open(part).and_then(|file| file.sync_all());
    let done = done.and_then(|()| fs::rename(part, name)).and_then(|()| crate::folder::sync_of(name));
    done.map_err(|error| unwritable(name, &error.to_string()))
}

pub(super) fn unwritable(path: &Path, detail: &str) -> Error {
    Error::Copy { path: path.to_owned(), detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{submission, vault};
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn p9_nobody_else_reads_a_backup_while_it_is_made_nor_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let (store, backup) = (folder.path().join("store.db"), folder.path().join("copy.db"));
        let mut vault = vault(&store);
        vault.store(vec![submission("m1", 20_000)]);
        let copies = || {
            let files = fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
            let files = files.filter(|file| file.file_name().to_str().unwrap().starts_with("copy.db"));
            files.map(|file| file.metadata().unwrap().permissions().mode() & 0o777).collect::<Vec<_>>()
        };
        let mut seen = Vec::new();
        back_up(&store, &backup, &mut |_, _| seen.push(copies())).unwrap();
        seen.push(copies());
        assert!(seen.len() > 1 && seen.iter().all(|modes| modes == &[0o600]), "{seen:?}");
    }
}
