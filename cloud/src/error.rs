//! Why the cloud does not start, or stopped.

use std::{io, path::PathBuf};

/// Why the cloud did not start, or had to stop. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be made or written.
    #[error(
        "the data folder {} cannot be used: {source}; make it writable for this user or choose another with --data", path.display()
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the store.
    #[error(
        "the store {} is in use by another cloud; stop that one or choose another folder with --data", path.display()
    )]
    InUse {
        /// The store's file.
        path: PathBuf,
    },
    /// The store's file cannot be opened.
    #[error("the store {} cannot be opened: {detail}", path.display())]
    Open {
        /// The store's file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The store's file is no longer a whole database.
    #[error(
        "the store {0} is damaged ({detail}); nothing was changed. Put a backup in its place, or rescue what is left with `sqlite3 {0} .recover | sqlite3 rescued.db`, or move it (with its -wal and -shm files) away to begin empty", path.display()
    )]
    Damaged {
        /// The store's file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The store's file is a database of something else.
    #[error("{} is a database, but not a Fieldpost store; choose another file with --store", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version has written the store.
    #[error(
        "the store {} has version {found} and this program knows versions up to {known}; install a newer Fieldpost", path.display()
    )]
    Newer {
        /// The store's file.
        path: PathBuf,
        /// The store's version.
        found: i64,
        /// The latest version that this program knows.
        known: i64,
    },
    /// There is no store, but one that a restore has set aside.
    #[error(
        "the store {0} is missing, and {1} is there: a restore did not come to its end. Run `fieldpost restore` once more, or move {1} (with its -wal, if it has one) back to {0}; or, to begin empty, move it to another folder", path.display(), aside.display()
    )]
    HalfRestored {
        /// The store's file.
        path: PathBuf,
        /// What was the store.
        aside: PathBuf,
    },
    /// A file is where another was to be put.
    #[error(
        "{} is there already; name another file, or, to put a backup in a store's place, say --replace", path.display()
    )]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// A copy cannot be made.
    #[error("{} cannot be written: {detail}; make room, or choose another place", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// An earlier version has written the store, and this is no time to change it.
    #[error(
        "the store {} has version {found} and this program works on version {known}; start the cloud once with this program, which brings it up to date", path.display()
    )]
    Older {
        /// The store's file.
        path: PathBuf,
        /// The store's version.
        found: i64,
        /// The version that this program works on.
        known: i64,
    },
    /// A secret cannot be made.
    #[error("{0}; nothing was changed, try again")]
    Randomness(String),
    /// A socket cannot be used.
    #[error("a listening socket cannot be used: {0}")]
    Socket(#[from] io::Error),
    /// The system gives no more threads.
    #[error("a thread cannot be started: {0}")]
    Thread(io::Error),
    /// The thread that writes the store ended.
    #[error("the store's writer stopped unexpectedly; start again: nothing that was acknowledged is lost")]
    WriterStopped,
    /// With `once`: the one upload was not accepted.
    #[error("the upload was not accepted; the log and the answer to its sender say why")]
    NotAccepted,
}
