//! Making folders that are still there after a power cut.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Makes the folder `path` and those above it, durably: a new folder is an entry in the one above, and that entry is
/// on disk only once the folder above is synced.
pub(crate) fn create(path: &Path) -> io::Result<()> {
    create_with(path, sync)
}

fn create_with(path: &Path, mut sync: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let missing = path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    // The lowest one in any case: whoever made it may have been stopped before syncing.
    let made = missing.count().max(1);
    fs::create_dir_all(path)?;
    path.ancestors().skip(1).take(made).try_for_each(|folder| sync(or_here(folder)))
}

/// Makes the name of the file `path` durable.
pub(crate) fn sync_of(path: &Path) -> io::Result<()> {
    sync(of(path))
}

/// The folder that the file `path` is in.
pub(crate) fn of(path: &Path) -> &Path {
    or_here(path.parent().unwrap_or(Path::new("")))
}

/// The empty path stands for the working folder.
fn or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn sync(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        // A service may be allowed to use the folder above and not to read it: such a one it cannot sync.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        opened => opened?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn synced(path: &Path) -> Vec<PathBuf> {
        let mut synced = Vec::new();
        create_with(path, |folder| {
            assert!(folder.is_dir(), "{}", folder.display());
            synced.push(folder.to_owned());
            sync(folder)
        })
        .unwrap();
        assert!(path.is_dir());
        synced
    }

    #[test]
    fn every_folder_that_got_a_new_entry_is_synced() {
        let top = tempfile::tempdir().unwrap();
        let top = top.path();
        assert_eq!(synced(&top.join("a/b/c")), [top.join("a/b"), top.join("a"), top.to_owned()]);
        assert_eq!(synced(&top.join("a/b/c")), [top.join("a/b")], "it may not have been, the last time");
        assert_eq!(synced(&top.join("a/d")), [top.join("a")]);
        assert_eq!(synced(Path::new("/")), Vec::<PathBuf>::new());
        assert_eq!(synced(Path::new(".")), [PathBuf::from(".")]);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let top = tempfile::tempdir().unwrap();
        fs::write(top.path().join("file"), "").unwrap();
        assert!(create(&top.path().join("file/data")).is_err());
    }
}
