//! Real station files, replayed over a real socket.

use std::time::{Duration, Instant};

use crate::support::{Gateway, file, in_repository, replay, replay_all, run_to_end, settings};
use fieldpost_core::station::Depth;
use fieldpost_device::{Error, Settings, Source, Summary};

const ITHACA: &str = include_str!("../data/ithaca-2019-01-25.txt");

#[tokio::test]
async fn a_station_file_goes_out_day_after_day_and_a_missing_value_is_missing() {
    let path = in_repository("device/tests/data/ithaca-2019-01-25.txt");
    let (ended, sent) = replay_all("ithaca", replay(path)).await;
    assert_eq!(
        sent,
        [
            "ithaca 2019-01-25 22:00Z - 0.6 - 42.2%\n\nithaca 2019-01-25 23:00Z - 0.7 - 42%\n\n",
            "ithaca 2019-01-26 00:00Z - 0.7 - 41.9%\n\nithaca 2019-01-26 01:00Z - 0.6 - 41.8%\n\n\
             ithaca 2019-01-26 02:00Z - 0.6 - 41.5%\n\n",
            "ithaca 2019-01-27 22:00Z - 0.7 - 38.8%\n\n",
            "ithaca\n",
        ]
    );
    let bytes = sent.iter().map(String::len).sum::<usize>() as u64;
    let expected =
        Summary { surveys: 4, readings: 6, missing: 46, datagrams: 4, bytes, ..Summary::default() };
    assert_eq!(ended.unwrap(), expected);
}

#[tokio::test]
async fn the_variant_with_commas_is_read_at_the_chosen_depth() {
    let path = in_repository("device/tests/data/socorro-2020-01-01.txt");
    let source = Source::Replay { file: path, depth: Depth::Cm100, speed: None };
    let (ended, sent) = replay_all("socorro", source).await;
    assert_eq!((ended.unwrap().readings, sent.len()), (25, 2));
    assert!(sent[0].starts_with("socorro 2020-01-01 01:00Z - 5.2 - 5.9%\n\n"), "{}", sent[0]);
}

#[tokio::test]
async fn the_samples_are_the_whole_years_that_their_provenance_states() {
    for (station, days, readings, missing) in [
        ("ithaca", 366, 8426, 334),
        ("dinosaur", 366, 8757, 3),
        ("mercury", 366, 6343, 2417),
        ("socorro", 367, 8781, 3),
    ] {
        let path = in_repository(&format!("samples/{station}.csv"));
        let (ended, sent) = replay_all(station, replay(path)).await;
        let summary = ended.unwrap();
        assert_eq!(
            (summary.surveys, summary.readings, summary.missing),
            (days, readings, missing),
            "{station}"
        );
        assert!(sent.iter().all(|day| day.len() <= 4096 && !day.contains("-99")));
    }
}

#[tokio::test]
async fn once_sends_the_first_day_only() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let run = run_to_end(settings("ithaca", gateway.address(), replay(file(&folder, ITHACA))));
    let ((ended, out), sent) = tokio::join!(run, gateway.accept());
    assert!(sent.starts_with("ithaca 2019-01-25 22:00Z") && gateway.heard_nothing_more());
    assert_eq!(ended.unwrap().surveys, 1);
    assert!(
        out.starts_with("2019-01-25 of ithaca: 2 readings, 0 missing, 78 bytes, 1 sent: Surveys arrived"),
        "{out}"
    );
}

#[tokio::test]
async fn speed_holds_a_day_back_until_it_is_due() {
    let folder = tempfile::tempdir().unwrap();
    // From the first day's last hour, 25 22:00 to 23:00, to the last day's, 28 01:00: 50 hours.
    let speed = Some(50.0 * 3600.0 / 0.3);
    let source = Source::Replay { file: file(&folder, ITHACA), depth: Depth::Cm5, speed };
    let began = Instant::now();
    let (ended, _) = replay_all("ithaca", source).await;
    assert_eq!(ended.unwrap().surveys, 4);
    assert!(began.elapsed() >= Duration::from_millis(299), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_day_that_is_not_acknowledged_stops_the_replay_there() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let give_up = Duration::from_millis(200);
    let source = replay(file(&folder, ITHACA));
    let settings = Settings { once: false, give_up, ..settings("ithaca", gateway.address(), source) };
    let ((ended, _), first) = tokio::join!(run_to_end(settings), gateway.accept());
    assert!(first.contains("2019-01-25"));
    let error = ended.unwrap_err();
    assert!(
        matches!(&error, Error::NotAcknowledged { what, .. } if what == "2019-01-26 of ithaca"),
        "{error}"
    );
    assert!(gateway.receive().await.0.contains("2019-01-26"));
    assert!(gateway.heard_nothing_more(), "no day overtakes the one before");
}

#[tokio::test]
async fn a_speed_that_is_none_is_refused() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let source = Source::Replay { file: file(&folder, ITHACA), depth: Depth::Cm5, speed: Some(wrong) };
        let (ended, _) = run_to_end(settings("ithaca", gateway.address(), source)).await;
        assert!(matches!(ended, Err(Error::BadSpeed(_))), "{wrong}");
    }
}
