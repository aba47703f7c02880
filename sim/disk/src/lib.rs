//! A disk in memory whose power can fail, as an SQLite VFS.
//!
//! A simulated machine mounts a [`Disk`] under a name; every path `/<name>/…` on that thread is then on it, for SQLite
//! (through [`install`]) and for the program that asks it. Other paths go to SQLite's own VFS. A thread that
//! has mounted a disk is a simulated one: SQLite's clock, its sleep and its randomness are simulated there too.
//!
//! # The model
//!
//! **A file** has *live* bytes, which the kernel shows, *durable* bytes, which are on the platter, and the *pending*
//! writes and truncations between the two, in order. A sync applies what is pending to the durable bytes.
//!
//! **A power cut** leaves of each pending write nothing, the whole, or its head or tail torn at a sector boundary (512
//! bytes; a sector is atomic), and of each pending truncation nothing or the whole. The survivors are applied in the order
//! in which they were made: a disk that reorders adds nothing, because a write that a later one overtook looks like one that
//! was never made. Then live = durable.
//!
//! **Names** are the same thing once more: creating, deleting and renaming are live at once, and durable when the folder is
//! synced: by [`Disk::sync_folder`], by SQLite's first sync of a journal or WAL that it opened with leave to create, and by a
//! deletion that asks for it, as SQLite's unix VFS does. One folder sync is for the whole disk. A power cut keeps or reverts each
//! pending change of a name; a rename is one change. A file whose name reverted keeps its content under the old name, and one that
//! was renamed over is there again.
//!
//! **Steps** are what changes the disk: write, truncate, sync, create, delete, rename, folder sync. A fault strikes a step:
//! - [`Fault::PowerCut`]: the step is in flight: a write or a change of a name becomes pending, a sync made nothing
//!   durable yet. From there on everything fails until a restart.
//! - [`Fault::Kill`]: the same, but the kernel lives on: what is pending stays so, and nothing of it is torn.
//! - [`Fault::Full`] and [`Fault::Io`]: the step does nothing and fails. After a failed sync what was pending stays so, and the
//!   next sync that succeeds makes it durable: kinder than kernels that drop the dirty pages of a failed sync.
//!   A failed sync of the folder is reported and tried again; SQLite's unix VFS ignores it after a sync of a WAL.
//!
//! **Reads** are steps of their own: what SQLite reads of an open file, and a file's length that is asked for by its name
//! ([`Disk::look`]). Of these [`Disk::plan_reads`] lets some fail, as on a bad sector that can be read again later. Names, locks, and
//! the length of an open file are in the system's memory, and do not fail. An onlooker ([`Disk::quietly`]) is not counted and not struck.
//!
//! **A kernel writes back** in its own time: a file has at most 16,384 pending writes and a disk as many pending names; the oldest
//! becomes durable before another is taken.
//!
//! **Handles** from before a restart fail with `SQLITE_IOERR`, closing them is fine, their locks are released, and their
//! shared memory lives until they let go of it. A handle that is used on another thread than its disk's fails the same way.

mod disk;
mod env;
mod file;
mod handle;
mod image;
mod io;
mod names;
mod on_disk;
mod program;
mod sharing;
mod state;
mod vfs;

pub use disk::{Disk, View};
pub use env::{seed_randomness, set_time};
pub use image::Snapshot;
pub use state::{Counts, Fault};
pub use vfs::install;
