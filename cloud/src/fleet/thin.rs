//! A curve of bounded length that shows everything that matters: of each bucket of time the first, the last, the lowest
//! and the highest reading of either quantity. Every point is a reading, never a mean; no line crosses a gap.
//!
//! A quantity has a gap where two readings of it in a row are more than one and a half of the intervals in force apart. Between two points
//! of a curve that have a gap between them stands a point without that quantity: a reading that lacks it, or nothing
//! at all. Whatever is thinned, it takes memory for the curve alone.

use super::pace::Interval;
use std::collections::BTreeMap;

/// The quantities.
const QUANTITIES: usize = 2;
/// Points of a bucket: most readings have both quantities, and are first or last in both.
const POINTS_A_BUCKET: usize = 6;
/// The gaps that are listed: of more, the longest.
pub(crate) const MAX_GAPS: usize = 1_000;

/// A point of a curve: a reading, or nothing at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub(crate) time: i64,
    /// Temperature and moisture, in hundredths.
    pub(crate) values: [Option<i16>; QUANTITIES],
    /// What checks say about the reading; 0 is nothing.
    pub(crate) flags: u32,
}

/// A point, and what is known of the gaps before it.
#[derive(Debug, Clone, Copy)]
struct Seen {
    point: Point,
    /// Of each quantity, how many gaps have ended by now.
    gaps: [u32; QUANTITIES],
    /// Of each quantity, what stands in the last of them.
    within: [Option<Within>; QUANTITIES],
}

/// What stands in a gap.
#[derive(Debug, Clone, Copy)]
struct Within {
    point: Point,
    gaps: [u32; QUANTITIES],
}

/// How far a quantity is.
#[derive(Debug, Clone, Copy, Default)]
struct Track {
    /// Its last reading's time.
    last: Option<i64>,
    /// The first reading since that lacks it.
    lacking: Option<Within>,
    gaps: u32,
    within: Option<Within>,
}

/// The extremes of a quantity in a bucket; the lowest and the highest with their values.
#[derive(Debug, Clone, Copy, Default)]
struct Extremes {
    first: Option<Seen>,
    last: Option<Seen>,
    lowest: Option<(i16, Seen)>,
    highest: Option<(i16, Seen)>,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Curve {
    /// In order of time, no two at the same instant.
    pub(crate) points: Vec<Point>,
    /// Whether readings were left out.
    pub(crate) thinned: bool,
    /// When nothing was measured: the readings before and after, in order of time; of many, the longest.
    pub(crate) gaps: Vec<(i64, i64)>,
    /// How many there are.
    pub(crate) gaps_total: usize,
}

/// Takes readings in order of time, and makes a curve of them.
#[derive(Debug)]
pub(crate) struct Thinner {
    /// Beyond this many readings, the curve is thinned.
    points: usize,
    buckets: Buckets,
    tracks: [Track; QUANTITIES],
    last: Option<i64>,
    /// All readings, as long as they are few enough.
    all: Option<Vec<Seen>>,
    /// The bucket at hand, and the points of those before it.
    bucket: (usize, [Extremes; QUANTITIES]),
    kept: Vec<Seen>,
    gaps: Vec<(i64, i64)>,
    gaps_total: usize,
}

/// The buckets: so many parts of a span of time.
#[derive(Debug, Clone, Copy)]
struct Buckets {
    start: i64,
    span: i64,
    count: usize,
}

impl Buckets {
    fn of(self, time: i64) -> usize {
        let behind = i128::from(time.saturating_sub(self.start).clamp(0, self.span));
        let number = behind * self.count as i128 / (i128::from(self.span) + 1);
        usize::try_from(number).unwrap_or(0)
    }
}

impl Thinner {
    /// For readings from `start` to `end`, in milliseconds: a curve of about `points` points if there are more.
    pub(crate) fn new(start: i64, end: i64, points: usize) -> Self {
        let count = (points / POINTS_A_BUCKET).max(1);
        Self {
            points,
            buckets: Buckets { start, span: end.saturating_sub(start).max(0), count },
            tracks: [Track::default(); QUANTITIES],
            last: None,
            all: Some(Vec::new()),
            bucket: (0, [Extremes::default(); QUANTITIES]),
            kept: Vec::new(),
            gaps: Vec::new(),
            gaps_total: 0,
        }
    }

    /// Takes the next reading, when `interval` is in force.
    pub(crate) fn add(&mut self, point: Point, interval: Interval) {
        let seen = self.see(point, interval.patience());
        if let Some(all) = &mut self.all {
            all.push(seen);
            if all.len() > self.points {
                self.all = None;
            }
        }
        let bucket = self.buckets.of(point.time);
        if bucket != self.bucket.0 {
            self.finish_bucket();
            self.bucket.0 = bucket;
        }
        for (extremes, value) in self.bucket.1.iter_mut().zip(point.values) {
            if let Some(value) = value {
                extremes.add(value, seen);
            }
        }
    }

    /// Notes the gaps before a reading: what is longer than `gap`.
    fn see(&mut self, point: Point, gap: i64) -> Seen {
        let before = self.last.replace(point.time);
        if let Some(before) = before.filter(|before| point.time.saturating_sub(*before) > gap) {
            self.note_gap((before, point.time));
        }
        for (track, value) in self.tracks.iter_mut().zip(point.values) {
            if value.is_some() {
                track.has(point.time, gap);
            }
        }
        let gaps = self.tracks.map(|track| track.gaps);
        for (track, value) in self.tracks.iter_mut().zip(point.values) {
            if value.is_none() {
                track.lacking.get_or_insert(Within { point, gaps });
            }
        }
        Seen { point, gaps, within: self.tracks.map(|track| track.within) }
    }

    fn note_gap(&mut self, gap: (i64, i64)) {
        self.gaps.push(gap);
        self.gaps_total += 1;
        if self.gaps.len() >= 2 * MAX_GAPS {
            self.longest_gaps();
        }
    }

    fn longest_gaps(&mut self) {
        if self.gaps.len() > MAX_GAPS {
            self.gaps.sort_by_key(|(from, to)| from.saturating_sub(*to));
            self.gaps.truncate(MAX_GAPS);
            self.gaps.sort_unstable();
        }
    }

    fn finish_bucket(&mut self) {
        let extremes = std::mem::take(&mut self.bucket.1);
        let all = extremes.into_iter().flat_map(Extremes::all).flatten();
        let points: BTreeMap<i64, Seen> = all.map(|seen| (seen.point.time, seen)).collect();
        self.kept.extend(points.into_values());
    }

    /// The curve of what was taken.
    pub(crate) fn finish(mut self) -> Curve {
        self.finish_bucket();
        self.longest_gaps();
        let thinned = self.all.is_none();
        let seen = self.all.unwrap_or(self.kept);
        Curve { points: broken(seen), thinned, gaps: self.gaps, gaps_total: self.gaps_total }
    }
}

impl Track {
    /// The quantity was measured at `time`.
    fn has(&mut self, time: i64, gap: i64) {
        let lacking = self.lacking.take();
        let Some(last) = self.last.replace(time) else { return };
        if time.saturating_sub(last) > gap {
            self.gaps = self.gaps.saturating_add(1);
            let nothing = || Within { point: nothing_between(last, time), gaps: [0; QUANTITIES] };
            self.within = Some(lacking.unwrap_or_else(nothing));
        }
    }
}

impl Extremes {
    fn add(&mut self, value: i16, seen: Seen) {
        self.first.get_or_insert(seen);
        self.last = Some(seen);
        if self.lowest.is_none_or(|(lowest, _)| value < lowest) {
            self.lowest = Some((value, seen));
        }
        if self.highest.is_none_or(|(highest, _)| value > highest) {
            self.highest = Some((value, seen));
        }
    }

    fn all(self) -> [Option<Seen>; 4] {
        [self.first, self.last, self.lowest.map(|(_, seen)| seen), self.highest.map(|(_, seen)| seen)]
    }
}

/// Nothing, in the middle between two instants.
fn nothing_between(before: i64, after: i64) -> Point {
    let time = before.saturating_add(after.saturating_sub(before) / 2);
    Point { time, values: [None; QUANTITIES], flags: 0 }
}

/// The points, which are in order of time, with what breaks the lines between them where there are gaps.
fn broken(seen: Vec<Seen>) -> Vec<Point> {
    let breaks = gaps_between(&seen);
    let mut all: BTreeMap<i64, Seen> = seen.into_iter().map(|seen| (seen.point.time, seen)).collect();
    for (_, after, quantity) in breaks {
        let within = all.get(&after).and_then(|seen| seen.within.get(quantity).copied().flatten());
        if let Some(Within { point, gaps }) = within {
            all.entry(point.time).or_insert(Seen { point, gaps, within: [None; QUANTITIES] });
        }
    }
    // A reading that was put in may stand beside a gap of the other quantity.
    let all: Vec<Seen> = all.into_values().collect();
    let breaks = gaps_between(&all);
    let mut points: Vec<Point> = all.into_iter().map(|seen| seen.point).collect();
    points.extend(breaks.into_iter().map(|(before, after, _)| nothing_between(before, after)));
    points.sort_by_key(|point| point.time);
    points.dedup_by_key(|point| point.time);
    points
}

/// Where a line would cross a gap: from which point to which next one, and of which quantity.
fn gaps_between(all: &[Seen]) -> Vec<(i64, i64, usize)> {
    let mut found = Vec::new();
    for quantity in 0..QUANTITIES {
        let mut line: Option<(i64, u32)> = None;
        for seen in all {
            let has = seen.point.values.get(quantity).is_some_and(Option::is_some);
            let gaps = seen.gaps.get(quantity).copied().unwrap_or(0);
            if let Some((before, _)) = line.filter(|(_, known)| has && gaps > *known) {
                found.push((before, seen.point.time, quantity));
            }
            line = has.then_some((seen.point.time, gaps));
        }
    }
    found
}

#[cfg(test)]
mod tests;
