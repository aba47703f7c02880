//! What the gateway tells the cloud of itself, beside the surveys: that it lives, what waits, how much room is left, whom it
//! expects. Nothing depends on it: a report that is lost is followed by another.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use fieldpost_core::UtcInstant;
use serde::Serialize;
use tokio::{sync::watch, time::sleep};

use super::http::Http;
use crate::{
    clock,
    disk::OsDisk,
    journal::{Brief, Progress, brief},
};

/// How often the cloud is told, if nothing happens.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// How soon after a report something new is worth another, and one that failed is repeated.
const SOON: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_secs(60);
/// How often it is looked whether something happened.
const LOOK: Duration = Duration::from_secs(2);
/// The most devices of a roster that are told: the cloud takes no more.
const MAX_ROSTER: usize = 10_000;

/// The last report that was tried.
#[derive(Debug, Clone, Copy)]
struct Tried {
    /// When, since the start.
    up: Duration,
    arrived: bool,
    /// How far things were.
    progress: Progress,
}

impl Tried {
    /// When the next report is due, since the start, if things are as far as `now`.
    fn next(&self, now: &Progress) -> Duration {
        let was = &self.progress;
        let delivered = |progress: &Progress| progress.held_through >= progress.last_seq;
        let news = now.rounds_closed != was.rounds_closed
            || now.generation != was.generation
            || (delivered(now) && !delivered(was));
        let pause = match (self.arrived, news) {
            (false, _) => AGAIN,
            (true, true) => SOON,
            (true, false) => EVERY,
        };
        self.up.saturating_add(pause)
    }
}

/// A report, as the cloud takes it.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'static str,
    waiting: u64,
    oldest_waiting: Option<String>,
    journal_bytes: u64,
    journal_limit: u64,
    room_days: Option<f64>,
    roster: &'a [String],
    round: Option<Round<'a>>,
}

#[derive(Debug, Serialize)]
struct Round<'a> {
    opened: &'a str,
    closed: &'a str,
    reported: usize,
    silent: &'a [String],
}

/// Reports on the journal in `folder` to the cloud behind `http` for ever, as the gateway `name`.
pub(crate) async fn run(
    http: Http,
    name: &str,
    folder: PathBuf,
    progress: watch::Receiver<Progress>,
) -> Infallible {
    let path = path(name);
    let mut tried: Option<Tried> = None;
    loop {
        let now = *progress.borrow();
        let up = clock::moment().up;
        let due = tried.map_or(up, |tried| tried.next(&now));
        if up < due {
            sleep(LOOK.min(due.saturating_sub(up))).await;
            continue;
        }
        let told = tell(&http, &path, folder.clone()).await;
        if let Err(error) = &told {
            tracing::debug!(%error, "the cloud was not told how this gateway does; it is told again soon");
        }
        tried = Some(Tried { up: clock::moment().up, arrived: told.is_ok(), progress: now });
    }
}

async fn tell(http: &Http, path: &str, folder: PathBuf) -> Result<(), String> {
    let brief = tokio::task::spawn_blocking(move || brief(&folder, &OsDisk)).await;
    let brief = brief.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    match http.put(path, body(&brief, clock::now())?).await? {
        200..=299 => Ok(()),
        status => Err(format!("the cloud answered {status}")),
    }
}

/// Where this gateway's reports go.
fn path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
    let escaped = name.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    format!("/api/v1/gateways/{}/status", escaped.collect::<String>())
}

fn body(brief: &Brief, now: UtcInstant) -> Result<String, String> {
    let few = |ids: &'_ [String]| ids.len().min(MAX_ROSTER);
    let round = brief.last_round.as_ref().map(|round| Round {
        opened: &round.opened,
        closed: &round.closed,
        reported: round.reported,
        silent: round.silent.get(..few(&round.silent)).unwrap_or_default(),
    });
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        waiting: brief.waiting,
        oldest_waiting: brief.oldest_waiting.map(|oldest| oldest.to_string()),
        journal_bytes: brief.needed,
        journal_limit: brief.room.limit.unwrap_or(0),
        room_days: room_days(brief, now),
        roster: brief.roster.get(..few(&brief.roster)).unwrap_or_default(),
        round,
    };
    serde_json::to_string(&report).map_err(|error| error.to_string())
}

/// For how many more days the journal takes surveys as they came so far, even if none leaves: at least a day's are looked
/// at, because they come once a day.
fn room_days(brief: &Brief, now: UtcInstant) -> Option<f64> {
    const DAY: f64 = 86_400.0;
    let days = now.duration_since(brief.since?).as_secs_f64() / DAY;
    let per_day = brief.room.used.max(1) as f64 / days.max(1.0);
    let left = brief.room.limit?.saturating_sub(brief.needed) as f64;
    Some((left / per_day * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Room;

    fn tried(arrived: bool, progress: Progress) -> Tried {
        Tried { up: Duration::from_secs(1_000), arrived, progress }
    }

    #[test]
    fn a_closed_round_a_new_journal_and_the_last_delivery_are_told_soon_anything_else_in_its_time() {
        let was = Progress {
            last_seq: 10,
            held_through: 7,
            rounds_closed: 1,
            generation: 1,
            ..Progress::default()
        };
        let after = |arrived, now: Progress| tried(arrived, was).next(&now).as_secs() - 1_000;
        assert_eq!(after(true, was), 300);
        assert_eq!(after(true, Progress { last_seq: 11, held_through: 9, ..was }), 300);
        assert_eq!(after(true, Progress { held_through: 10, ..was }), 10);
        assert_eq!(after(true, Progress { rounds_closed: 2, ..was }), 10);
        assert_eq!(after(true, Progress { generation: 2, ..was }), 10);
        assert_eq!(after(false, Progress { rounds_closed: 2, ..was }), 60);
    }

    #[test]
    fn the_room_is_told_in_days_at_the_rate_of_what_is_held() {
        let now: UtcInstant = "2026-07-11T00:00:00Z".parse().unwrap();
        let brief = |since: Option<&str>| Brief {
            waiting: 0,
            oldest_waiting: None,
            since: since.map(|since| since.parse().unwrap()),
            room: Room { used: 1_000, limit: Some(4_500), yields: true },
            needed: 500,
            roster: Vec::new(),
            last_round: None,
        };
        assert_eq!(room_days(&brief(Some("2026-07-01T00:00:00Z")), now), Some(40.0));
        assert_eq!(room_days(&brief(Some("2026-07-10T23:00:00Z")), now), Some(4.0));
        assert_eq!(room_days(&brief(None), now), None);
        assert_eq!(path("a b/ü"), "/api/v1/gateways/a%20b%2F%C3%BC/status");
    }
}
