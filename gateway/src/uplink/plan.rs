//! How a batch is offered: whole, and in halves where the cloud refuses it, down to the one survey that is at fault.
//! In order throughout: a part is settled before the next one is offered.

use std::ops::Range;

/// What is left to offer of a batch.
#[derive(Debug)]
pub(super) struct Plan {
    /// Parts, the next one last.
    parts: Vec<Range<usize>>,
}

impl Plan {
    /// A batch of `length` surveys.
    pub(super) fn new(length: usize) -> Self {
        let mut plan = Self { parts: Vec::new() };
        plan.add(0..length);
        plan
    }

    /// The next part to offer, the same until it is settled or split.
    pub(super) fn next(&self) -> Option<Range<usize>> {
        self.parts.last().cloned()
    }

    /// The next part is settled.
    pub(super) fn settled(&mut self) {
        self.parts.pop();
    }

    /// The next part is to be offered in two: its first `at` surveys, then the others.
    pub(super) fn split(&mut self, at: usize) {
        let Some(part) = self.parts.pop() else { return };
        let middle = part.start.saturating_add(at).clamp(part.start, part.end);
        self.add(middle..part.end);
        self.add(part.start..middle);
    }

    /// The cloud refused the next part: if it is more than one survey, its halves are offered.
    pub(super) fn halve(&mut self) -> bool {
        let length = self.next().map_or(0, |part| part.len());
        if length > 1 {
            self.split(length / 2);
        }
        length > 1
    }

    fn add(&mut self, part: Range<usize>) {
        if !part.is_empty() {
            self.parts.push(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_survey_is_settled_once_in_order_and_only_the_culprits_alone(
            length in 0_usize..200,
            culprits in proptest::collection::btree_set(0_usize..200, 0..5),
        ) {
            let mut plan = Plan::new(length);
            let (mut settled, mut refused, mut offers) = (Vec::new(), Vec::new(), 0);
            while let Some(part) = plan.next() {
                offers += 1;
                let bad = culprits.range(part.clone()).next().is_some();
                if bad && plan.halve() {
                    continue;
                }
                if bad {
                    refused.push(part.start);
                }
                settled.extend(part);
                plan.settled();
            }
            prop_assert_eq!(settled, (0..length).collect::<Vec<_>>());
            prop_assert_eq!(refused, culprits.range(..length).copied().collect::<Vec<_>>());
            prop_assert!(offers <= 1 + 5 * 2 * 8, "{} offers", offers);
        }
    }

    #[test]
    fn a_portion_is_offered_before_the_rest() {
        let mut plan = Plan::new(5);
        plan.split(2);
        assert_eq!(plan.next(), Some(0..2));
        plan.settled();
        assert_eq!(plan.next(), Some(2..5));
        plan.split(9);
        assert_eq!(plan.next(), Some(2..5), "more than there is is all of it");
    }
}
