//! The gateway's parts, driven from outside: one thread, a clock that is told, no socket.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot set its scene fails")]

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use fieldpost_core::UtcInstant;
use fieldpost_gateway::parts::*;
use jiff::tz::TimeZone;
use tempfile::tempdir;
use tokio::sync::oneshot;

fn at(seconds: u64) -> Moment {
    let up = Duration::from_secs(seconds);
    Moment { utc: UtcInstant::from_millis(1_800_000_000_000).saturating_add(up), up }
}

fn open(folder: &Path, random: u64) -> Keeper {
    let limits = Limits { keep: Duration::from_secs(3600), journal_max: 1 << 30, min_free_disk: 0 };
    let (roster, deadline) = (Vec::new(), Duration::from_secs(60));
    Keeper::open(Arc::new(OsDisk), folder.to_path_buf(), limits, roster, deadline, random, at(0)).unwrap()
}

fn entry(text: &str, now: Moment) -> Entry {
    let peer = SocketAddr::from(([192, 168, 1, 2], 10_005));
    let datagram = read_datagram(text.as_bytes(), text.len(), peer.ip(), now.utc, &TimeZone::UTC);
    Entry { socket: 0, peer, datagram }
}

#[test]
fn a_survey_goes_through_the_keeper_and_comes_back_by_the_reader() {
    let home = tempdir().unwrap();
    let mut keeper = open(home.path(), 7);
    let texts = ["m 08:00 - 20 - 30%\n", "bad!", "m 08:00 - 20 - 30%\n"];
    let entries = texts.iter().map(|text| entry(text, at(0))).collect();
    let outcomes = keeper.handle(Group { entries, ..Group::default() }, at(0));
    assert_eq!((outcomes[0].text(), outcomes[2].text()), ("Surveys arrived", "Surveys arrived"));
    assert!(matches!(&outcomes[1], Outcome::Refused(text) if text.starts_with("Surveys refused: ")));
    keeper.tend(at(0));
    assert!(keeper.pause(at(0)) > Duration::ZERO);

    let reader = Reader::open(home.path()).unwrap();
    let Page::Surveys(surveys) = reader.page(0, Seq::MAX, 10, 1 << 20).unwrap() else { panic!("nothing") };
    let StoredSurvey { seq, device, readings, .. } = &surveys[0];
    assert_eq!((*seq, device.as_str(), *readings, surveys.len()), (1, "m", 1, 1));

    let Progress { journal, generation, last_seq, .. } = keeper.progress();
    assert_eq!(last_seq, 1);
    let (done, mut noted) = oneshot::channel();
    let orders = vec![Order::Note(Note { generation, custody: Custody::Held { through: 1 }, done })];
    keeper.handle(Group { orders, ..Group::default() }, at(1));
    assert_eq!(noted.try_recv(), Ok(Noted::Written));
    keeper.close().unwrap();
    let mut again = open(home.path(), 8);
    assert_eq!((again.progress().journal, again.progress().held_through), (journal, 1));
    assert_eq!(again.findings(), []);
    assert!(home.path().join(FILE).exists());
}
