//! One file: what the kernel shows, what the platter has, and what is between the two.

use std::collections::VecDeque;

/// A sector is written whole or not at all, in bytes.
pub(crate) const SECTOR: usize = 512;

/// Writes that wait for a sync, for each file; the kernel writes back the oldest beyond it.
pub(crate) const MAX_PENDING: usize = 16_384;

/// A file's greatest length in bytes; a write beyond it finds the disk full.
pub(crate) const MAX_LENGTH: usize = 1 << 30;

#[derive(Clone, Default)]
pub(crate) struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: VecDeque<Change>,
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, bytes: Box<[u8]> },
    Truncate(usize),
}

impl File {
    /// A file all of whose bytes are durable.
    pub(crate) fn durable(bytes: Vec<u8>) -> Self {
        Self { live: bytes.clone(), durable: bytes, pending: VecDeque::new() }
    }

    pub(crate) fn live(&self) -> &[u8] {
        &self.live
    }

    /// Copies what is at `offset`, and says how many bytes there were.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        read(&self.live, offset, into)
    }

    pub(crate) fn write(&mut self, offset: usize, bytes: &[u8]) {
        overwrite(&mut self.live, offset, bytes);
        self.push(Change::Write { offset, bytes: bytes.into() });
    }

    pub(crate) fn truncate(&mut self, length: usize) {
        self.live.resize(length, 0);
        self.push(Change::Truncate(length));
    }

    pub(crate) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.durable);
        }
    }

    /// What of the pending changes survives is `choose`'s; returns how many writes were torn.
    pub(crate) fn cut_power(&mut self, choose: &mut dyn FnMut(u64) -> u64) -> u64 {
        let mut torn = 0;
        for change in std::mem::take(&mut self.pending) {
            match change {
                Change::Write { offset, bytes } => {
                    let (skipped, survivors) = surviving(offset, &bytes, choose);
                    if !survivors.is_empty() {
                        torn += u64::from(survivors.len() < bytes.len());
                        overwrite(&mut self.durable, offset + skipped, survivors);
                    }
                }
                Change::Truncate(_) if choose(2) == 0 => {}
                Change::Truncate(_) => change.apply(&mut self.durable),
            }
        }
        self.live.clone_from(&self.durable);
        torn
    }

    fn push(&mut self, change: Change) {
        if self.pending.len() >= MAX_PENDING
            && let Some(oldest) = self.pending.pop_front()
        {
            oldest.apply(&mut self.durable);
        }
        self.pending.push_back(change);
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => overwrite(to, *offset, bytes),
            Self::Truncate(length) => to.resize(*length, 0),
        }
    }
}

/// The part of a write that reached the disk, and how many bytes of the write are before it.
fn surviving<'a>(offset: usize, bytes: &'a [u8], choose: &mut dyn FnMut(u64) -> u64) -> (usize, &'a [u8]) {
    let boundaries = (offset + bytes.len()).div_ceil(SECTOR) - offset / SECTOR - 1;
    let choice = if boundaries == 0 { choose(2) } else { choose(4) };
    if choice < 2 {
        return (0, if choice == 0 { &[] } else { bytes });
    }
    let boundary = 1 + usize::try_from(choose(boundaries as u64)).unwrap_or(0);
    let cut = ((offset / SECTOR + boundary) * SECTOR).saturating_sub(offset);
    let (head, tail) = bytes.split_at(cut.min(bytes.len()));
    if choice == 2 { (0, head) } else { (head.len(), tail) }
}

/// Copies what `from` has at `offset`, and says how many bytes there were.
pub(crate) fn read(from: &[u8], offset: usize, into: &mut [u8]) -> usize {
    let rest = from.get(offset..).unwrap_or(&[]);
    let (there, _) = rest.split_at(rest.len().min(into.len()));
    if let Some(start) = into.get_mut(..there.len()) {
        start.copy_from_slice(there);
    }
    there.len()
}

/// Writes `bytes` at `offset`; what is skipped beyond the end reads as zeros.
pub(crate) fn overwrite(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    if let Some(place) = to.get_mut(offset..end) {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_what_makes_a_write_durable() {
        let mut file = File::default();
        file.write(0, b"one");
        file.sync();
        file.write(0, b"two");
        file.truncate(1);
        assert_eq!(file.live(), b"t");
        file.cut_power(&mut |_| 0);
        assert_eq!(file.live(), b"one");
    }

    #[test]
    fn a_write_is_torn_at_a_sector() {
        for (side, length, zeros) in [(2, SECTOR, 0), (3, 3 * SECTOR, SECTOR)] {
            let mut file = File::default();
            file.write(100, &[7; 3 * SECTOR - 100]);
            let torn = file.cut_power(&mut |n| if n == 4 { side } else { 0 });
            assert_eq!((torn, file.live().len()), (1, length));
            let first = file.live().iter().position(|byte| *byte == 7);
            assert_eq!(first, Some(zeros.max(100)));
        }
    }

    #[test]
    fn a_kernel_with_too_much_pending_writes_back_the_oldest() {
        let mut file = File::default();
        file.write(0, b"ab");
        (0..MAX_PENDING).for_each(|_| file.write(0, b"c"));
        file.cut_power(&mut |_| 0);
        assert_eq!(file.live(), b"ab");
    }

    #[test]
    fn a_write_within_a_sector_is_never_torn() {
        let mut file = File::default();
        file.write(500, &[1; 12]);
        let mut asked = Vec::new();
        file.cut_power(&mut |n| {
            asked.push(n);
            1
        });
        assert_eq!((asked, file.live().len()), (vec![2], 512));
    }
}
