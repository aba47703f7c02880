//! Putting a backup in the store's place.
//!
//! ```text
//! store.db.new               the copy: read through, rid of what must not come back, synced
//! store.db.before-restore-1  a second name of the store that is there, and synced
//! store.db                   becomes the copy, by one rename, and synced
//! ```
//!
//! A power cut finds the old store or the new one under the store's name. Only a store whose log cannot be moved into it, or a
//! file system without second names, leaves a moment without any; then the next start finds what was set aside, and makes no
//! empty store in its place ([`file::open`]).

use super::{
    backup::{Copied, examine, unwritable},
    file::{self, beside},
    open,
    vault::Vault,
};
use crate::{Error, folder};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The files of a store, in the order in which they go away: a log without its store is noticed at the next start, a store without
/// its log is not.
const FILES: [&str; 3] = ["", "-wal", "-shm"];

/// What has just been done; a crash may come behind each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The copy is on the disk.
    Synced,
    /// A file of the old store has a second name.
    Linked,
    /// A file of the old store lost its first name.
    Removed,
    /// The copy has the store's name.
    Renamed,
    /// The names are on the disk.
    FolderSynced,
}

/// Puts the backup `from` in the place of the store at `store`, which no cloud may have open. What was there is set aside if `replace`
/// says so; where it is then is told, too.
///
/// # Errors
/// If the backup is not whole or of a later version, a cloud has the store, or there is one and `replace` is not set.
pub fn restore(from: &Path, store: &Path, replace: bool) -> Result<(Copied, Option<PathBuf>), Error> {
    restore_watched(from, store, replace, &mut |_| ())
}

fn restore_watched(
    from: &Path,
    store: &Path,
    replace: bool,
    watch: &mut dyn FnMut(Step),
) -> Result<(Copied, Option<PathBuf>), Error> {
    let copied = examine(from)?;
    let _lock = file::lock(store)?;
    if store.exists() && !replace {
        return Err(Error::InTheWay { path: store.to_owned() });
    }
    let new = beside(store, ".new");
    // What another restore left may be in the way: a log above all, which would be taken for the copy's.
    file::discard(&new);
    let done = prepare(from, &new).and_then(|()| {
        watch(Step::Synced);
        put(&new, store, watch).map_err(|error| unwritable(store, &error.to_string()))
    });
    if done.is_err() {
        file::discard(&new);
    }
    Ok((copied, done?))
}

/// Copies `from` to `new`, whole and on the disk.
fn prepare(from: &Path, new: &Path) -> Result<(), Error> {
    let copy = || io::copy(&mut File::open(from)?, &mut file::create_private(new)?);
    copy().map_err(|error| unwritable(new, &error.to_string()))?;
    // What was read from the one disk is not yet whole on the other.
    examine(new)?;
    forget(new)?;
    File::open(new).and_then(|file| file.sync_all()).map_err(|error| unwritable(new, &error.to_string()))
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

/// Gives the copy the store's name; the new name of what had it.
fn put(new: &Path, store: &Path, watch: &mut dyn FnMut(Step)) -> io::Result<Option<PathBuf>> {
    let aside = set_aside(store, watch)?;
    fs::rename(new, store)?;
    watch(Step::Renamed);
    folder::sync_of(store)?;
    watch(Step::FolderSynced);
    Ok(aside)
}

/// Gives a store another name, which it keeps when the copy takes the first one.
fn set_aside(store: &Path, watch: &mut dyn FnMut(Step)) -> io::Result<Option<PathBuf>> {
    fold(store);
    let files: Vec<&str> = FILES.into_iter().filter(|suffix| beside(store, suffix).exists()).collect();
    if files.is_empty() {
        return Ok(None);
    }
    let aside = free_name(store);
    for suffix in &files {
        let (old, new) = (beside(store, suffix), beside(&aside, suffix));
        // Not every file system knows second names.
        fs::hard_link(&old, &new).or_else(|_| fs::rename(&old, &new))?;
        watch(Step::Linked);
    }
    folder::sync_of(store)?;
    watch(Step::FolderSynced);
    if files != [""] {
        // The log could not be moved into its store, and the copy must not find it.
        remove(store, watch)?;
    }
    Ok(Some(aside))
}

/// With nobody else there, closing a store moves its log into it.
fn fold(store: &Path) {
    if let Ok(connection) = open::configured(store, open::Start::Held) {
        // If that fails, the log is there to see.
        let _ = connection.close();
    }
}

fn free_name(store: &Path) -> PathBuf {
    let name = |number: u32| beside(store, &format!("{}{number}", file::SET_ASIDE));
    let taken = |number: &u32| FILES.iter().any(|suffix| beside(&name(*number), suffix).exists());
    name((1..u32::MAX).find(|number| !taken(number)).unwrap_or(u32::MAX))
}

fn remove(store: &Path, watch: &mut dyn FnMut(Step)) -> io::Result<()> {
    for suffix in FILES {
        match fs::remove_file(beside(store, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {
                folder::sync_of(store)?;
                watch(Step::Removed);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
