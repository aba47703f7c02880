//! Damaged files that a salvage has set aside, for whoever wants to look into them: a few, and only while nobody needs their room.
//! All that could be saved of them has been.
//!
//! They are `journal.db.corrupt-<number>-<time>`, each with its log beside it (`-wal`). The number grows, and tells which is the
//! oldest; the time is for people, and is as good as the clock was. The oldest goes first:
//! - before a salvage, so that there are never more than [`MAX_SET_ASIDE`], that they take at most a [`SHARE`]th of the room that is
//!   free or theirs (unless there is but one), and that what is saved has room;
//! - when the disk is too full for new surveys.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use fieldpost_core::{
    UtcInstant,
    bug::{self, Bug},
};

use super::{JournalError, Place, error::Doing};
use crate::disk::Disk;

/// The most of them that are kept.
pub(super) const MAX_SET_ASIDE: usize = 3;
/// They take at most one part in so many of the room that is free or theirs.
const SHARE: u64 = 4;

const PREFIX: &str = "journal.db.corrupt-";
const LOG: &str = "-wal";

/// A damaged file, and its log.
#[derive(Debug, Default)]
struct Copy {
    number: u64,
    files: Vec<PathBuf>,
    bytes: u64,
}

/// Makes room for one more, of so many bytes, and for as much again that may be saved of it; says how it is to be named.
pub(super) fn prepare(place: &Place, incoming: u64, now: UtcInstant) -> Result<PathBuf, JournalError> {
    let Place { disk, folder, .. } = place;
    let copies = oldest_first(&**disk, folder)?;
    let number = copies.last().map_or(0, |copy| copy.number).saturating_add(1);
    let mut bytes: u64 = copies.iter().map(|copy| copy.bytes).sum();
    for (older, copy) in (1..=copies.len()).rev().zip(&copies) {
        let free = disk.free(folder).unwrap_or(u64::MAX);
        let share = bytes.saturating_add(incoming).saturating_mul(SHARE) <= free.saturating_add(bytes);
        let why = match (older < MAX_SET_ASIDE, free > incoming, share) {
            (false, ..) => "there are too many of them",
            (_, false, _) => "the disk has no room for what is saved of another",
            (.., false) => "they take too much of the disk",
            _ => break,
        };
        if bug::on(Bug::KeepAllAside) {
            break;
        }
        if !remove(&**disk, copy, why) {
            break;
        }
        bytes = bytes.saturating_sub(copy.bytes);
    }
    Ok(folder.join(format!("{PREFIX}{number}-{}", now.to_timestamp().strftime("%Y%m%dT%H%M%SZ"))))
}

/// Gives the room of the oldest one back; says whether there was one.
pub(super) fn give_way(disk: &dyn Disk, folder: &Path) -> bool {
    let copies = oldest_first(disk, folder).unwrap_or_default();
    copies.first().is_some_and(|copy| remove(disk, copy, "new surveys need the room"))
}

fn oldest_first(disk: &dyn Disk, folder: &Path) -> Result<Vec<Copy>, JournalError> {
    let mut copies: BTreeMap<(u64, String), Copy> = BTreeMap::new();
    for path in disk.list(folder).doing("list", folder)? {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(rest) = name.and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let rest = rest.strip_suffix(LOG).unwrap_or(rest);
        // One without a number is older than numbers are.
        let number = rest.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let copy = copies.entry((number, rest.to_owned())).or_default();
        copy.number = number;
        copy.bytes = copy.bytes.saturating_add(disk.length(&path).doing("measure", &path)?);
        copy.files.push(path);
    }
    Ok(copies.into_values().collect())
}

/// What stays of it, if something does, is tried again the next time.
fn remove(disk: &dyn Disk, copy: &Copy, why: &str) -> bool {
    for file in &copy.files {
        if let Err(error) = disk.remove(file) {
            tracing::warn!(file = %file.display(), %error, "cannot remove a damaged journal that was set aside");
            return false;
        }
        tracing::warn!(file = %file.display(), "removed a damaged journal that was set aside: {why}");
    }
    true
}
