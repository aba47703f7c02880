//! Uploads whose fate nobody knows: the cloud died with them, or could not write. A look into its store tells.

use super::Judgement;

/// Groups whose fate is not known: more do not fail in a row with different contents.
const MAX_GROUPS: usize = 8;
/// Possibilities that are tried: there are seldom more than two.
const MAX_CHOICES: usize = 4_096;

/// What may or may not have been committed, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Limbo(Vec<Group>);

/// Uploads of one transaction, in order.
#[derive(Debug)]
struct Group {
    uploads: Vec<Judgement>,
    /// All of it or nothing. A group that could not be written is tried one by one, and then any first part of it may be there.
    whole: bool,
}

impl Group {
    fn choices(&self) -> usize {
        if self.whole { 2 } else { self.uploads.len() + 1 }
    }

    /// What is there by the choice of that number: the last one is all.
    fn chosen(&self, choice: usize) -> &[Judgement] {
        let length = if self.whole { choice * self.uploads.len() } else { choice };
        self.uploads.get(..length).unwrap_or_default()
    }

    fn says_the_same(&self, uploads: &[Judgement]) -> bool {
        let readings = |uploads: &[Judgement]| -> Vec<_> {
            uploads.iter().map(|upload| upload.readings.clone()).collect()
        };
        readings(&self.uploads) == readings(uploads)
    }
}

impl Limbo {
    /// These may have become durable together. The same again is another possibility, because a conflict that is offered twice
    /// counts twice; more often than twice is not.
    pub(super) fn remember(&mut self, uploads: Vec<Judgement>, whole: bool) {
        if uploads.is_empty() || self.0.iter().filter(|group| group.says_the_same(&uploads)).count() > 1 {
            return;
        }
        self.0.push(Group { uploads, whole });
        while self.0.len() > MAX_GROUPS || self.count() > MAX_CHOICES {
            self.0.remove(0);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Everything that may be there, all of it first, nothing last.
    pub(super) fn choices(&self) -> impl Iterator<Item = Vec<&Judgement>> {
        (0..self.count()).rev().map(|mut number| {
            let mut taken = Vec::new();
            // The newest is the first to be doubted.
            for group in &self.0 {
                taken.extend(group.chosen(number % group.choices()));
                number /= group.choices();
            }
            taken
        })
    }

    fn count(&self) -> usize {
        self.0.iter().map(Group::choices).product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(name: &str) -> Judgement {
        Judgement { readings: Some(Vec::new()), receipt: Some((name.as_bytes().into(), 0)) }
    }

    fn names(limbo: &Limbo) -> Vec<String> {
        let name = |one: &&Judgement| String::from_utf8_lossy(&one.receipt.as_ref().unwrap().0).into_owned();
        limbo.choices().map(|taken| taken.iter().map(name).collect()).collect()
    }

    #[test]
    fn a_transaction_is_there_whole_or_not_at_all() {
        let mut limbo = Limbo::default();
        assert_eq!(names(&limbo), [""], "nothing is a possibility, too");
        limbo.remember(vec![upload("a"), upload("b")], true);
        assert_eq!(names(&limbo), ["ab", ""]);
        limbo.remember(vec![upload("c")], true);
        assert_eq!(names(&limbo), ["abc", "c", "ab", ""]);
    }

    #[test]
    fn of_what_was_tried_one_by_one_any_first_part_may_be_there() {
        let mut limbo = Limbo::default();
        limbo.remember(vec![upload("a"), upload("b")], false);
        assert_eq!(names(&limbo), ["ab", "a", ""]);
    }
}
