//! The shell of the rules: it looks when surveys were stored, and every minute for what only time brings.

use super::post::{self, Post};
use crate::{
    clock,
    connections::Stop,
    store::{JudgeError, Store, Surroundings},
};
use fieldpost_core::UtcInstant;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Looks between two prunings of old alerts.
const LOOKS_TO_PRUNE: u32 = 60;

/// By how much the clock goes wrong between two looks if somebody sets it.
const JUMP: Duration = Duration::from_mins(5);

/// How fast alerts are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How long surveys gather before the rules look: what comes in that time is looked at together.
    pub(crate) gather: Duration,
    /// How often the rules of silence, rounds and room look.
    pub(crate) look: Duration,
    /// How long after the start nobody is newly called silent.
    pub(crate) settle: Duration,
    /// How long until a message that was not delivered is tried again, the first time.
    pub(crate) first_pause: Duration,
}

/// Runs rules and delivery until the stop. `data` is the folder whose disk is watched.
pub(crate) async fn run(store: Store, post: Post, data: PathBuf, pace: Pace, stop: Stop) {
    let put = Arc::new(Notify::new());
    let delivery =
        tokio::spawn(post::run(store.clone(), post, pace.first_pause, Arc::clone(&put), stop.clone()));
    let watch = Watch {
        store,
        data,
        put,
        settling: Settling::new(pace.settle, clock::now(), Instant::now()),
        failing: false,
        looks: 0,
    };
    watch.run(pace, stop).await;
    if delivery.await.is_err() {
        tracing::error!("the delivery of alerts ended badly");
    }
}

/// Until when nobody is newly called silent: a while after the start, and after the clock was set. A machine that starts with the
/// clock of its last shutdown, or of a year ago, would call everybody silent when the right time comes over the network.
#[derive(Debug)]
struct Settling {
    pause: Duration,
    end: Instant,
    /// The last look, by the clock that can be set and by the one that cannot.
    last: (UtcInstant, Instant),
}

impl Settling {
    fn new(pause: Duration, now: UtcInstant, moment: Instant) -> Self {
        Self { pause, end: moment + pause, last: (now, moment) }
    }

    fn until(&mut self, now: UtcInstant, moment: Instant) -> UtcInstant {
        let (then, before) = std::mem::replace(&mut self.last, (now, moment));
        let expected = then.saturating_add(moment.saturating_duration_since(before));
        // One of the two is nothing: a duration is not negative.
        if now.duration_since(expected).max(expected.duration_since(now)) > JUMP {
            self.end = moment + self.pause;
        }
        now.saturating_add(self.end.saturating_duration_since(moment))
    }
}

struct Watch {
    store: Store,
    data: PathBuf,
    /// Told when messages may have been put out.
    put: Arc<Notify>,
    settling: Settling,
    /// The last look failed, and that was said.
    failing: bool,
    looks: u32,
}

impl Watch {
    async fn run(mut self, pace: Pace, mut stop: Stop) {
        // What was stored while nobody looked is marked in the store.
        let mut next_look = Instant::now();
        loop {
            let now = clock::now();
            let time = Instant::now() >= next_look;
            let seen = tokio::select! {
                () = stop.wait() => return,
                seen = self.see(now, time) => seen,
            };
            self.said(&seen);
            if time {
                next_look = Instant::now() + pace.look;
            }
            self.put.notify_one();
            tokio::select! {
                () = stop.wait() => return,
                () = tokio::time::sleep_until(next_look) => {}
                () = self.store.stirred() => {
                    tokio::select! {
                        () = stop.wait() => return,
                        () = tokio::time::sleep(pace.gather) => {}
                    }
                }
            }
        }
    }

    /// Lets the rules look at what is new, and if it is `time` for it, at all else.
    async fn see(&mut self, now: UtcInstant, time: bool) -> Result<(), JudgeError> {
        while self.store.judge_first(now).await? {
            self.put.notify_one();
        }
        let mut after = 0;
        while let Some(last) = self.store.judge_news(after, now).await? {
            after = last;
            self.put.notify_one();
        }
        if !time {
            return Ok(());
        }
        self.store.judge_quiet(now).await?;
        let around = Surroundings {
            disk_used: disk_used(&self.data),
            settled: self.settling.until(now, Instant::now()),
        };
        self.store.judge_situation(around, now).await?;
        if self.looks.is_multiple_of(LOOKS_TO_PRUNE) {
            self.store.prune_alerts().await?;
        }
        self.looks = self.looks.wrapping_add(1);
        Ok(())
    }

    /// Says a failure once, and that it is over.
    fn said(&mut self, seen: &Result<(), JudgeError>) {
        match seen {
            Err(error) if !self.failing => {
                tracing::warn!(%error, "the rules of alerts cannot look; they try again, and miss nothing");
            }
            Ok(()) if self.failing => tracing::info!("the rules of alerts look again"),
            _ => {}
        }
        self.failing = seen.is_err();
    }
}

/// How full the disk of `folder` is for us, in hundredths of a percent.
fn disk_used(folder: &Path) -> Option<i64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    let (total, free) = (disk.blocks(), disk.blocks_available());
    // What is reserved for the system counts as used: we shall not get it.
    let used = total.saturating_sub(free).saturating_mul(10_000).checked_div(total)?;
    i64::try_from(used).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p8_nobody_is_newly_silent_for_a_while_after_the_start_and_after_the_clock_was_set() {
        let pause = Duration::from_mins(15);
        let (start, wall) = (Instant::now(), "2020-01-01T00:00:00Z".parse::<UtcInstant>().unwrap());
        let mut settling = Settling::new(pause, wall, start);
        let minutes = |number| Duration::from_mins(number);
        assert_eq!(settling.until(wall, start), wall.saturating_add(pause));
        let now = wall.saturating_add(minutes(20));
        assert_eq!(settling.until(now, start + minutes(20)), now, "settled");
        for (set, at) in [("2026-07-01T00:00:00Z", 21), ("2026-06-01T00:00:00Z", 50)] {
            let set: UtcInstant = set.parse().unwrap();
            let at = start + minutes(at);
            assert_eq!(settling.until(set, at), set.saturating_add(pause), "the clock was set");
            let later = set.saturating_add(minutes(16));
            assert_eq!(settling.until(later, at + minutes(16)), later, "settled");
        }
    }
}
