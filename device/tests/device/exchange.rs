//! A device and a gateway over a real socket: what is sent, when again, and when no more.

use std::time::{Duration, Instant};

use crate::support::{ARRIVED, Gateway, file, in_repository, replay, run_to_end, settings};
use fieldpost_core::{DeviceId, message};
use fieldpost_device::{Error, Settings, Source, Summary, run};

const DAY: &str = "08:00 - 20 - 30%\n12:00 - 25 - 33%\n16:00 - 23 - 32%\n20:00 - 21 - 28%\n";

#[tokio::test]
async fn the_reference_day_goes_out_byte_for_byte() {
    let gateway = Gateway::bind().await;
    let source = Source::Survey(in_repository("surveys/Surveys1.txt"));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let ((ended, out), sent) = tokio::join!(run, gateway.accept());
    let expected = "192.168.1.2 08:00 - 20 - 30%\n\n192.168.1.2 12:00 - 25 - 33%\n\n\
                    192.168.1.2 16:00 - 23 - 32%\n\n192.168.1.2 20:00 - 21 - 28%\n\n";
    assert_eq!(sent, expected);
    let summary = Summary { surveys: 1, readings: 4, datagrams: 1, bytes: 120, ..Summary::default() };
    assert_eq!(ended.unwrap(), summary);
    let told =
        format!("192.168.1.2: 120 bytes, 4 measurements, to {}\nreply: Surveys arrived (", gateway.address());
    assert!(out.starts_with(&told) && out.ends_with("1 sent, buffer 4096 bytes)\n"), "{out}");
}

#[tokio::test]
async fn a_last_line_without_a_newline_ends_in_one_only() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY.trim_end()));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let ((ended, _), sent) = tokio::join!(run, gateway.accept());
    assert_eq!((sent.len(), ended.unwrap().bytes), (119, 119));
}

#[tokio::test]
async fn an_empty_file_is_one_empty_datagram() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, ""));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let ((ended, _), sent) = tokio::join!(run, gateway.accept());
    assert_eq!(sent, "");
    assert_eq!(ended.unwrap(), Summary { surveys: 1, datagrams: 1, ..Summary::default() });
}

#[tokio::test]
async fn a_survey_too_long_for_a_datagram_goes_out_in_several_of_whole_lines() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let day = DAY.repeat(60);
    let source = Source::Survey(file(&folder, &day));
    let mut sent = Vec::new();
    let run = run_to_end(settings("a", gateway.address(), source));
    let (ended, _) = tokio::select! {
        ended = run => ended,
        () = gateway.accept_all(&mut sent) => unreachable!("it accepts for ever"),
    };
    assert_eq!(ended.unwrap().datagrams, sent.len() as u64);
    assert!(sent.len() > 1 && sent.iter().all(|piece| piece.len() <= 4096 && piece.ends_with('\n')));
    assert_eq!(sent.concat(), message::from_file(&DeviceId::new("a").unwrap(), &day));
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again_until_it_is_acknowledged() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let third = async {
        let copies = [gateway.receive().await, gateway.receive().await, gateway.receive().await];
        gateway.reply(ARRIVED, copies[2].1).await;
        copies
    };
    let ((ended, out), copies) = tokio::join!(run, third);
    assert!(copies.iter().all(|copy| *copy == copies[0]), "the same bytes from the same socket");
    let summary = ended.unwrap();
    assert_eq!((summary.datagrams, summary.retries, summary.bytes), (1, 2, 120));
    assert!(out.contains("3 sent"), "{out}");
}

#[tokio::test]
async fn noise_from_the_gateway_acknowledges_nothing() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let answer_the_second = async {
        let (_, from) = gateway.receive().await;
        for noise in ["", "surveys arrived", "Surveys arrived\n", "\u{1b}[2J"] {
            gateway.reply(noise, from).await;
        }
        gateway.accept().await;
    };
    let ((ended, _), ()) = tokio::join!(run, answer_the_second);
    assert_eq!(ended.unwrap().retries, 1);
}

#[tokio::test]
async fn a_refusal_is_final_and_told_in_the_gateways_words() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let refuse = async {
        let (_, from) = gateway.receive().await;
        gateway.reply("Surveys refused: line 1: not today", from).await;
    };
    let ((ended, _), ()) = tokio::join!(run, refuse);
    let error = ended.unwrap_err();
    assert!(matches!(&error, Error::Refused { reason, .. } if reason == "line 1: not today"), "{error}");
    assert!(gateway.heard_nothing_more(), "a refused survey is not sent again");
}

#[tokio::test]
async fn a_gateway_that_is_full_is_asked_again() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let run = run_to_end(settings("192.168.1.2", gateway.address(), source));
    let put_off_then_accept = async {
        let (_, from) = gateway.receive().await;
        gateway.reply("Surveys refused: the journal is full; try again later", from).await;
        gateway.accept().await
    };
    let ((ended, _), again) = tokio::join!(run, put_off_then_accept);
    assert_eq!(again.len(), 120);
    assert_eq!(ended.unwrap().retries, 1);
}

#[tokio::test]
async fn silence_is_an_error_when_the_time_is_up() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let give_up = Duration::from_millis(50);
    let settings = Settings { give_up, ..settings("192.168.1.2", gateway.address(), source) };
    let began = Instant::now();
    let (ended, _) = run_to_end(settings).await;
    assert!(began.elapsed() >= give_up);
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("not acknowledged") && error.contains("no reply"), "{error}");
}

#[tokio::test]
async fn a_gateway_that_is_full_to_the_end_is_named_as_the_trouble() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let give_up = Duration::from_millis(500);
    let run = run_to_end(Settings { give_up, ..settings("a", gateway.address(), source) });
    let put_off = async {
        let (_, from) = gateway.receive().await;
        gateway.reply("Surveys refused: the journal is full; try again later", from).await;
    };
    let ((ended, _), ()) = tokio::join!(run, put_off);
    let error = ended.unwrap_err().to_string();
    assert!(error.ends_with("the journal is full"), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_tried_until_the_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Gateway::bind().await.address();
    let give_up = Duration::from_millis(1600);
    let source = Source::Survey(file(&folder, DAY));
    let (ended, _) = run_to_end(Settings { give_up, ..settings("192.168.1.2", nobody, source) }).await;
    match ended.unwrap_err() {
        Error::NotAcknowledged { attempts, after, trouble, .. } => {
            assert_eq!(attempts, 2, "sent again after the refusal by the system");
            assert!(after >= give_up && trouble.contains("nobody listens"), "{trouble}");
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_late_reply_to_one_datagram_does_not_count_for_the_next() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let days =
        "device,time,temperature_c,moisture_pct\nx,2019-01-01T01:00:00Z,1,\nx,2019-01-02T01:00:00Z,2,\n";
    let source = replay(file(&folder, days));
    let run = run_to_end(Settings { once: false, ..settings("x", gateway.address(), source) });
    let script = async {
        let (_, first) = gateway.receive().await;
        gateway.reply(ARRIVED, first).await;
        let (second_day, _) = gateway.receive().await;
        for _ in 0..5 {
            gateway.reply(ARRIVED, first).await;
        }
        // It must still be unsatisfied, and send the second day again.
        let again = gateway.accept().await;
        assert_eq!(again, second_day);
    };
    let ((ended, _), ()) = tokio::join!(run, script);
    let summary = ended.unwrap();
    assert_eq!((summary.surveys, summary.retries), (2, 1));
}

#[tokio::test]
async fn without_once_the_file_is_read_and_sent_again() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let path = file(&folder, DAY);
    let settings = Settings {
        once: false,
        every: Duration::from_millis(1),
        ..settings("192.168.1.2", gateway.address(), Source::Survey(path.clone()))
    };
    let changed = async {
        gateway.accept().await;
        std::fs::write(&path, "08:00 - 1 - 1%\n").unwrap();
        while gateway.accept().await != "192.168.1.2 08:00 - 1 - 1%\n\n" {}
    };
    let mut out = Vec::new();
    let summary = run(settings, &mut out, changed).await.unwrap();
    assert!(summary.surveys >= 1 && summary.failed == 0, "{summary:?}");
}

#[tokio::test]
async fn a_device_told_to_stop_before_its_one_survey_arrived_says_so() {
    let (gateway, folder) = (Gateway::bind().await, tempfile::tempdir().unwrap());
    let source = Source::Survey(file(&folder, DAY));
    let told = async {
        gateway.receive().await;
    };
    let ended = run(settings("192.168.1.2", gateway.address(), source), &mut Vec::new(), told).await;
    assert!(matches!(ended, Err(Error::Stopped)), "{ended:?}");
}
