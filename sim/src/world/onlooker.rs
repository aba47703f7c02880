//! What an onlooker of a machine keeps open between two looks, so that each look does not begin with reading a whole schema.

use fieldpost_simdisk::{Disk, View};
use rusqlite::{Connection, OpenFlags};
use std::{cell::RefCell, path::Path};

/// Something that reads a database, kept as long as it is as good as a new one.
#[derive(Debug)]
pub(super) struct Kept<T>(RefCell<Option<(View, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T> Kept<T> {
    /// Looks at the database at `path` with what is kept, or else with what `open` opens.
    pub(super) fn look<R, E>(
        &self,
        disk: &Disk,
        path: &Path,
        open: impl FnOnce() -> Result<T, E>,
        look: impl FnOnce(&T) -> Result<R, E>,
    ) -> Result<R, E> {
        disk.quietly(|| {
            let view = disk.view(path);
            let kept = self.0.take().filter(|(seen, _)| Some(*seen) == view).map(|(_, kept)| kept);
            let reader = kept.map_or_else(open, Ok)?;
            let found = look(&reader)?;
            self.0.replace(view.map(|view| (view, reader)));
            Ok(found)
        })
    }
}

/// A connection of an onlooker.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}
