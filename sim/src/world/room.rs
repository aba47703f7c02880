//! A gateway's disk that others fill nearly to what it is to leave alone.

use super::{context::Context, gateway::Gateway, oracle::Room, plan::below};
use fieldpost_gateway::parts::Outcome;

/// What is free at first, around the limit.
const AROUND: u64 = 384 << 10;

impl Gateway {
    /// Something else takes nearly all of the disk. Whether anybody is there to notice.
    pub(super) fn tighten(&mut self, world: &mut Context) -> bool {
        world.oracle.custody(self.number).prunes = true;
        let disk = &self.machine.disk;
        let used: u64 = disk.list().iter().map(|path| disk.length(path)).sum();
        let around = below(&mut world.rng, (2 * AROUND).cast_signed()).unsigned_abs();
        let free = (self.limits.min_free_disk + around).saturating_sub(AROUND / 2);
        disk.set_capacity(Some(used + free));
        self.free_at_first = free;
        self.is_running()
    }

    /// What is free; nothing while the power is off.
    pub(super) fn free(&self) -> u64 {
        self.machine.disk.free().unwrap_or(0)
    }

    /// Judges what is left behind a group, unless the gateway has died.
    pub(super) fn judge_room(
        &mut self,
        world: &mut Context,
        said: &[Outcome],
        salvaged: bool,
        troubled: bool,
    ) {
        if self.machine.disk.is_off() {
            return;
        }
        let (limit, first, left) = (self.limits.min_free_disk, self.free_at_first, self.free());
        if salvaged {
            // A damaged journal is kept beside what was saved of it.
            self.free_at_first = left;
            return;
        }
        world.oracle.room(self.number, &Room { limit, first, left, troubled }, said);
    }
}
