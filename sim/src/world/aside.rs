//! The files beside a gateway's journal: a few damaged ones, and nothing half made (P6).

use super::{context::Context, gateway::Gateway};
use std::collections::BTreeSet;

/// Damaged journals that are kept, with their logs.
const MOST: usize = 3;
/// How they are named, and what is there only while a journal is made.
const DAMAGED: &str = "journal.db.corrupt-";
const UNFINISHED: [&str; 3] = ["journal.db.new", "journal.db.new-journal", "journal.db.salvaged"];

impl Gateway {
    /// Judges what its folder holds when it has just opened its journal. A disk that fails may keep what is to be removed.
    pub(super) fn judge_files(&self, world: &mut Context) {
        let counts = self.machine.disk.counts();
        if counts.io + counts.full > 0 {
            return;
        }
        let paths = self.machine.disk.list();
        let names: Vec<&str> = paths.iter().filter_map(|path| path.file_name()?.to_str()).collect();
        let aside = names.iter().filter_map(|name| name.strip_prefix(DAMAGED));
        let aside: BTreeSet<&str> = aside.map(|name| name.strip_suffix("-wal").unwrap_or(name)).collect();
        if aside.len() > MOST {
            world.oracle.fail(format!("gateway {} keeps {} damaged journals", self.number, aside.len()));
        }
        if let Some(name) = names.iter().find(|name| UNFINISHED.contains(name)) {
            world.oracle.fail(format!("gateway {} runs and leaves `{name}`", self.number));
        }
    }
}
