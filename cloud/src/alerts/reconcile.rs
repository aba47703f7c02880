//! From episodes to alerts: what is held is brought to what the readings say now, and people hear of what is new, and recent.
//!
//! The held alerts become the episodes, whatever they were before. An open alert stays the same one as long as there is an open
//! episode, so late readings do not disturb the present. What rang is never deleted: if the readings refute it, it says so.

use super::{
    RINGING_WINDOW,
    change::{Change, Draft, Event, Proof, Row, ordered},
    episodes::Episode,
    rule::Rule,
    text,
};
use fieldpost_core::UtcInstant;
use std::collections::BTreeMap;

/// A device's episodes of a rule, in the part of time that was judged.
#[derive(Debug, Clone)]
pub(crate) struct Judged {
    pub(crate) device: String,
    /// Where the part begins; it has no end.
    pub(crate) from: UtcInstant,
    pub(crate) episodes: Vec<Episode>,
    /// The rule looks at this device for the first time: what is over already was before anybody asked.
    pub(crate) first_look: bool,
}

/// What has to change so that `held`, which are the alerts that began in the judged part or are open, become what was judged.
pub(crate) fn reconcile(rule: &Rule, held: &[Row], judged: &Judged, now: UtcInstant) -> Vec<Change> {
    let (pairs, refuted, new) = matched(held, &judged.episodes);
    let mut changes = Vec::new();
    for row in refuted {
        changes.push(match row.rings {
            true => withdraw(rule, row, now),
            false => Change::Delete { id: row.id },
        });
    }
    for (row, episode) in pairs {
        changes.extend(update(rule, judged, row, episode, now));
    }
    for episode in new {
        let draft = draft(rule, &judged.device, episode);
        changes.push(Change::Insert { draft, rings: rings(episode, judged.first_look, now) });
    }
    ordered(changes)
}

/// Whether people are to hear of an episode that nobody knew.
fn rings(episode: &Episode, first_look: bool, now: UtcInstant) -> bool {
    let recent = |time| now.duration_since(time) <= RINGING_WINDOW;
    match episode.resolved {
        // It may have begun long ago: what counts is that it was so a moment ago.
        None => recent(episode.last),
        Some(_) => !first_look && recent(episode.certain),
    }
}

fn draft(rule: &Rule, device: &str, episode: &Episode) -> Draft {
    Draft {
        subject: format!("device:{device}"),
        devices: vec![device.to_owned()],
        text: text::of_episode(rule, device, episode),
        began: episode.began,
        resolved: episode.resolved,
        proof: Some(Proof { certain: episode.certain, worst: episode.worst }),
        withdrawn: false,
    }
}

fn withdraw(rule: &Rule, row: &Row, now: UtcInstant) -> Change {
    let resolved = row.draft.resolved.unwrap_or(now.max(row.draft.began));
    let says = if row.draft.resolved.is_none() { vec![Event::Resolved] } else { Vec::new() };
    let text = text::withdrawn(rule, &row.draft.text);
    let draft = Draft { resolved: Some(resolved), withdrawn: true, text, ..row.draft.clone() };
    Change::Update { id: row.id, draft, rings: true, says }
}

fn update(rule: &Rule, judged: &Judged, row: &Row, episode: &Episode, now: UtcInstant) -> Option<Change> {
    let mut draft = draft(rule, &judged.device, episode);
    let first = judged.episodes.first().is_some_and(|first| first.began == episode.began);
    if first && row.draft.began < judged.from {
        // The readings from before were removed because of their age; the alert still knows.
        draft.began = row.draft.began;
    }
    let opens = episode.resolved.is_none() && (row.draft.resolved.is_some() || !row.rings);
    let told_now = opens && rings(episode, false, now);
    let ends = row.draft.resolved.is_none() && episode.resolved.is_some();
    let mut says = Vec::new();
    says.extend(told_now.then_some(Event::Began));
    says.extend((ends && row.rings).then_some(Event::Resolved));
    let changed = draft != row.draft || told_now;
    changed.then_some(Change::Update { id: row.id, draft, rings: row.rings || told_now, says })
}

type Matches<'a> = (Vec<(&'a Row, &'a Episode)>, Vec<&'a Row>, Vec<&'a Episode>);

/// Finds for each episode the alert that it is: the open one for the open one, then those that began at the same time, then those
/// that share some time. Also what is left on either side.
fn matched<'a>(held: &'a [Row], episodes: &'a [Episode]) -> Matches<'a> {
    let mut rows: BTreeMap<(UtcInstant, i64), &Row> =
        held.iter().map(|row| ((row.draft.began, row.id), row)).collect();
    let (mut pairs, mut alone) = (Vec::new(), Vec::new());
    let open = held.iter().find(|row| row.draft.resolved.is_none());
    for episode in episodes {
        let same_present = open.filter(|_| episode.resolved.is_none());
        let at = (episode.began, i64::MIN)..=(episode.began, i64::MAX);
        // The open alert is not given away while an open episode may come.
        let lasts = episodes.last().is_some_and(|last| last.resolved.is_none());
        let free = |row: &&Row| !lasts || episode.resolved.is_none() || row.draft.resolved.is_some();
        let same_begin = || rows.range(at).map(|(_, row)| *row).find(free);
        match same_present.or_else(same_begin) {
            Some(row) => {
                rows.remove(&(row.draft.began, row.id));
                pairs.push((row, episode));
            }
            None => alone.push(episode),
        }
    }
    let mut new = Vec::new();
    for episode in alone {
        let found = rows.iter().find(|(_, row)| overlap(row, episode)).map(|(key, row)| (*key, *row));
        match found {
            Some((key, row)) => {
                rows.remove(&key);
                pairs.push((row, episode));
            }
            None => new.push(episode),
        }
    }
    (pairs, rows.into_values().collect(), new)
}

fn overlap(row: &Row, episode: &Episode) -> bool {
    let ends_before = |end: Option<UtcInstant>, begin| end.is_some_and(|end| end < begin);
    !ends_before(row.draft.resolved, episode.began) && !ends_before(episode.resolved, row.draft.began)
}
