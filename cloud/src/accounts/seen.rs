//! When sessions and tokens were last used. It is written down once a minute, not at every request. No clock, no I/O.

use crate::secret::Digest;
use fieldpost_core::UtcInstant;
use std::{collections::BTreeMap, time::Duration};

/// How often it is written down.
const EVERY: Duration = Duration::from_secs(60);

/// What was used when, as far as the store may not know it yet. Only what exists is noted, so it is as bounded as that.
#[derive(Debug)]
pub(super) struct Seen {
    used: BTreeMap<Digest, Used>,
    written: Option<UtcInstant>,
}

#[derive(Debug, Clone, Copy)]
struct Used {
    at: UtcInstant,
    written: bool,
}

impl Seen {
    pub(super) fn new() -> Self {
        Self { used: BTreeMap::new(), written: None }
    }

    /// Notes that `digest` was used; says what is to be written down now, if it is time.
    pub(super) fn note(&mut self, digest: Digest, now: UtcInstant) -> Vec<(Digest, UtcInstant)> {
        self.used.insert(digest, Used { at: now, written: false });
        // Either way: the clock may have been set back.
        let due =
            self.written.is_none_or(|last| now.duration_since(last).max(last.duration_since(now)) >= EVERY);
        if !due {
            return Vec::new();
        }
        self.written = Some(now);
        let unwritten = self.used.iter_mut().filter(|(_, used)| !used.written);
        unwritten
            .map(|(digest, used)| {
                used.written = true;
                (*digest, used.at)
            })
            .collect()
    }

    /// When `digest` was last used, if that is known here.
    pub(super) fn at(&self, digest: &Digest) -> Option<UtcInstant> {
        self.used.get(digest).map(|used| used.at)
    }

    /// Forgets those that are no more.
    pub(super) fn keep(&mut self, exists: impl Fn(&Digest) -> bool) {
        self.used.retain(|digest, _| exists(digest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Purpose;

    fn at(second: i64) -> UtcInstant {
        UtcInstant::from_millis(1_000_000_000_000 + second * 1_000)
    }

    #[test]
    fn uses_are_written_down_together_once_a_minute() {
        let (one, other) = (Digest::of(Purpose::Token, "1"), Digest::of(Purpose::Token, "2"));
        let mut seen = Seen::new();
        assert_eq!(seen.note(one, at(0)), [(one, at(0))], "the first one at once");
        assert_eq!(seen.note(other, at(1)), []);
        assert_eq!(seen.note(one, at(59)), []);
        let mut both = seen.note(one, at(60));
        both.sort_by_key(|(_, at)| *at);
        assert_eq!(both, [(other, at(1)), (one, at(60))]);
        assert_eq!(seen.note(one, at(61)), []);
        assert_eq!(seen.at(&one), Some(at(61)));
        assert_eq!(seen.note(one, at(-100)), [(one, at(-100))], "the clock was set back");
        seen.keep(|digest| *digest == one);
        assert_eq!((seen.at(&one), seen.at(&other)), (Some(at(-100)), None));
    }
}
