//! The disk in the hands of whoever took it out of the machine: images, and files changed from outside.

use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::file::File;
use crate::state::Content;

/// A disk's whole content, what is pending too: the image of a stopped machine's disk.
#[derive(Clone)]
pub struct Snapshot(Content);

impl Disk {
    /// The disk's whole content now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state().borrow().content.clone())
    }

    /// Puts that content in the place of the present one, as another disk in the machine, which starts again.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut state = self.state().borrow_mut();
        state.content = snapshot.0.clone();
        state.restart();
    }

    /// The file's live bytes.
    pub fn read(&self, path: &Path) -> Option<Vec<u8>> {
        self.state().borrow().content.live(path).map(|file| file.live().to_vec())
    }

    /// Makes the file have these bytes, as whoever holds the disk in his hands could: durable at once with all names, no step, no fault.
    pub fn write(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.state().borrow_mut();
        state.era += 1;
        let content = &mut state.content;
        if let Some(file) = content.names.get(path).and_then(|id| content.files.get_mut(&id)) {
            *file = File::durable(bytes);
        } else {
            let id = content.add(File::durable(bytes));
            content.names.create(path, id);
        }
        content.names.sync();
    }

    /// Takes the file away, as whoever holds the disk in his hands could: durable at once with all names, no step, no fault.
    pub fn delete(&self, path: &Path) {
        let mut state = self.state().borrow_mut();
        state.era += 1;
        state.content.names.delete(path);
        state.content.names.sync();
        state.forget_unnamed();
    }

    /// The paths of all files, in order.
    pub fn list(&self) -> Vec<PathBuf> {
        self.state().borrow().content.names.live().map(|(path, _)| path.into()).collect()
    }
}
