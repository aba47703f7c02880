//! Uploads whose fate nobody knows: the cloud died with them, or could not write. A look into its store tells.

use super::{Judgement, Shelf};

/// Groups whose fate is not known: more do not fail in a row with different contents.
const MAX_GROUPS: usize = 12;
/// And the same is not committed oftener without anybody hearing of it.
const MAX_TIMES: usize = 5;

/// What may or may not have been committed, the oldest first: uploads of one transaction, in order, all of them or none.
#[derive(Debug, Clone, Default)]
pub(super) struct Limbo(Vec<Vec<Judgement>>);

impl Limbo {
    /// These may have become durable together, in a store that holds `held`. The same again is another possibility only where a
    /// store that has it counts something: a conflict is counted each time.
    pub(super) fn remember(&mut self, uploads: Vec<Judgement>, held: &Shelf) {
        if uploads.is_empty() {
            return;
        }
        let times = self.0.iter().filter(|group| say_the_same(group, &uploads)).count();
        if times == 0 || (times < MAX_TIMES && self.counts_again(&uploads, held)) {
            self.0.push(uploads);
        }
        if self.0.len() > MAX_GROUPS {
            self.0.remove(0);
        }
    }

    fn counts_again(&self, uploads: &[Judgement], held: &Shelf) -> bool {
        let mut shelf = held.clone();
        let mut take = |one: &Judgement| shelf.take(one.readings.as_deref().unwrap_or_default()).conflict;
        self.0.iter().flatten().chain(uploads).for_each(|one| _ = take(one));
        uploads.iter().any(|one| take(one) > 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything that may be there, all of it first, nothing last. The oldest is the first to be doubted.
    pub(super) fn choices(&self) -> impl Iterator<Item = Vec<&Judgement>> {
        (0..1_u32 << self.0.len()).rev().map(|chosen| {
            let taken = self.0.iter().enumerate().filter(|(place, _)| chosen >> place & 1 == 1);
            taken.flat_map(|(_, group)| group).collect()
        })
    }
}

fn say_the_same(one: &[Judgement], other: &[Judgement]) -> bool {
    one.iter().map(|upload| &upload.readings).eq(other.iter().map(|upload| &upload.readings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::{DeviceId, Reading, Temperature, UtcInstant, Values};

    fn upload(name: &str, temperature: i64) -> Judgement {
        let values = Values::new(Temperature::from_hundredths(temperature), None).unwrap();
        let reading = Reading { time: UtcInstant::EARLIEST, values };
        Judgement { readings: Some(vec![(DeviceId::new(name).unwrap(), reading)]), receipt: None }
    }

    fn names(limbo: &Limbo) -> Vec<String> {
        let name = |one: &&Judgement| one.readings.as_ref().unwrap()[0].0.to_string();
        limbo.choices().map(|taken| taken.iter().map(name).collect()).collect()
    }

    #[test]
    fn a_transaction_is_there_whole_or_not_at_all() {
        let (mut limbo, held) = (Limbo::default(), Shelf::default());
        assert_eq!(names(&limbo), [""], "nothing is a possibility, too");
        limbo.remember(vec![upload("a", 1), upload("b", 1)], &held);
        assert_eq!(names(&limbo), ["ab", ""]);
        limbo.remember(vec![upload("c", 1)], &held);
        assert_eq!(names(&limbo), ["abc", "c", "ab", ""]);
    }

    #[test]
    fn the_same_again_is_another_possibility_only_where_it_is_counted() {
        let (mut limbo, mut held) = (Limbo::default(), Shelf::default());
        limbo.remember(vec![upload("a", 1)], &held);
        limbo.remember(vec![upload("a", 1)], &held);
        assert_eq!(names(&limbo), ["a", ""], "a duplicate leaves no trace");
        held.take(upload("b", 1).readings.as_deref().unwrap());
        limbo.remember(vec![upload("b", 2)], &held);
        limbo.remember(vec![upload("b", 2)], &held);
        assert_eq!(
            names(&limbo),
            ["abb", "bb", "ab", "b", "ab", "b", "a", ""],
            "a conflict is counted twice"
        );
    }
}
