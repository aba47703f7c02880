//! A gateway's journal in a world, read and shown to the oracle.

use super::{context::Context, gateway::Gateway, machine::Reports, oracle::Opened};

/// What a journal may take beyond its limit: the counters and cursors of a full one.
const SLACK: u64 = 192 << 10;

impl Gateway {
    /// Compares the journal with what it must hold.
    pub fn look(&mut self, world: &mut Context) {
        self.inspect(world, false);
    }

    pub(super) fn inspect(&mut self, world: &mut Context, started: bool) {
        let Some(running) = &mut self.running else { return };
        self.findings.extend(running.keeper.findings());
        if running.torn && self.findings.is_empty() {
            return;
        }
        running.torn = false;
        let findings = std::mem::take(&mut self.findings);
        let damaged = world.oracle.custody(self.number).damaged || !findings.is_empty();
        match self.machine.journal() {
            Ok(found) => world.oracle.opened(&Opened {
                gateway: self.number,
                started,
                now: world.now() + self.clock,
                found: &found,
                last: running.keeper.progress().last_seq,
                held_through: running.keeper.progress().held_through,
                closed_through: running.keeper.progress().closed_through,
                findings: &findings,
            }),
            Err(error) => {
                world.oracle.fail(format!("gateway {}: its journal cannot be read: {error}", self.number))
            }
        }
        if damaged {
            // A salvage reads all that can be read, and what was damaged is reported. Without one, because a page was hit that nobody has
            // needed since, it may still be.
            let Reports { due, perhaps, .. } = &self.machine.reports;
            let perhaps = if findings.is_empty() { due.len() as u64 + perhaps } else { 0 };
            let before = self.machine.quarantined();
            self.machine.reports = Reports { before, perhaps, ..Reports::default() };
        }
        match super::refused::by_gateway(&self.machine) {
            Ok(found) => {
                world.oracle.gateway_refusals(self.number, found, damaged, self.limits.journal_max);
            }
            Err(error) => world.oracle.fail(format!("gateway {}: its refusals: {error}", self.number)),
        }
        match super::rounds::facts(&self.machine) {
            Ok(facts) => world.oracle.round_facts(self.number, &facts, damaged),
            Err(error) => world.oracle.fail(format!("gateway {}: its rounds: {error}", self.number)),
        }
        if started {
            self.judge_files(world);
        }
        self.judge_size(world);
    }

    /// The journal stays within its limit (P6).
    pub(super) fn judge_size(&self, world: &mut Context) {
        let size = self.machine.size();
        if size > self.limits.journal_max + SLACK {
            world.oracle.fail(format!("gateway {}: its journal takes {size} bytes", self.number));
        }
    }
}
