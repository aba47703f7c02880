//! Datagrams over a real socket: what is taken, what is refused, and that nobody else notices.

use crate::common;

use common::*;
use fieldpost_core::message::MAX_DATAGRAM;
use tempfile::tempdir;

const DAY: &str = "192.168.1.2 08:00 - 20 - 30%\n\n192.168.1.2 12:00 - 25 - 33%\n\n192.168.1.2 16:00 - 23 - 32%\n\n192.168.1.2 20:00 - 21 - 28%\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_devices_day_is_answered_as_the_reference_gateway_does() {
    let data = tempdir().unwrap();
    let gateway =
        Gateway::start(fieldpost_gateway::Settings { print: true, ..settings(data.path(), nobody()) });
    assert_eq!(exchange(gateway.address, DAY).await, ARRIVED);
    let status = gateway.until("journaled", |status| status.surveys == 1).await;
    assert_eq!((status.readings, status.waiting_readings, status.running), (4, 4, true));
    let wait = std::time::Instant::now();
    while !gateway.printed().contains(DAY) {
        assert!(wait.elapsed() < DEADLINE, "printed {}", gateway.printed());
        tokio::task::yield_now().await;
    }
    assert!(gateway.printed().starts_with(&format!("{} bytes from 127.0.0.1:", DAY.len())));
    gateway.stop().await.unwrap();
}

/// Every bad input of the kind that meters, bugs and strangers send: what it says, and what the reply must name.
fn bad_inputs() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        (vec![0xff, 0xfe, 0x80], "UTF-8", "not-utf-8"),
        (vec![0; 64], "line 1", "bad-device"),
        (text("08:00 - 20 - 30%"), "line 1", "*"),
        (text("me/../you 08:00 - 20 - 30%"), "line 1", "bad-device"),
        (text("a 08:00 - 20 - 30%\n\nb! 08:00 - 20 - 30%"), "line 3", "bad-device"),
        (text("a 24:00 - 20 - 30%"), "24:00", "bad-time"),
        (text("a 7:5 - 20 - 30%"), "7:5", "bad-time"),
        (text("a 08:00 - abc - 30%"), "abc", "bad-temperature"),
        (text("a 08:00 - 1e9 - 30%"), "1e9", "bad-temperature"),
        (text("a 08:00 - NaN - 30%"), "NaN", "bad-temperature"),
        (text("a 08:00 - -100.01 - 30%"), "-100.01", "bad-temperature"),
        (text("a 08:00 - 100.01 - 30%"), "100.01", "bad-temperature"),
        (text("a 08:00 - 20 - -1%"), "-1", "bad-moisture"),
        (text("a 08:00 - 20 - 101%"), "101", "bad-moisture"),
        (text("a 08:00 - 20 - 30"), "30", "bad-moisture"),
        (text("a 2999-01-01 08:00Z - 20 - 30%"), "future", "future"),
        (text("a 1999-12-31 23:59Z - 20 - 30%"), "2000", "too-old"),
        (text(&"a 08:00 - 20 - 30%\n".repeat(3_000)), "4096", "too-long"),
        (vec![b'x'; 65_507], "65507", "too-long"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_a_reason_and_counted_and_nobody_else_notices() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    let (bad, good) = (Device::new(gateway.address).await, Device::new(gateway.address).await);
    for (number, (input, names, reason)) in bad_inputs().into_iter().enumerate() {
        let what = String::from_utf8_lossy(&input[..input.len().min(40)]).into_owned();
        let reply = bad.exchange(&input).await;
        assert!(reply.starts_with("Surveys refused: ") && reply.contains(names), "{what:?}: {reply}");
        assert!(!reply.contains(['\n', '\0']) && reply.len() <= 400, "{what:?}: {reply:?}");
        let status = gateway.status();
        assert_eq!(
            status.refusals.values().sum::<u64>(),
            number as u64 + 1,
            "{what:?}: {:?}",
            status.refusals
        );
        assert!(reason == "*" || status.refusals.contains_key(reason), "{what:?}: {:?}", status.refusals);
        assert_eq!(status.quarantined, number as u64 + 1, "{what:?}");
        let survey = format!("good-{number} 08:00 - 20 - 30%\n");
        assert_eq!(good.exchange(survey).await, ARRIVED, "after {what:?}");
        assert_eq!(gateway.status().surveys, number as u64 + 1, "after {what:?}");
    }
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_input_that_is_legal_is_taken() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    for (message, surveys, readings) in [
        ("", 0, 0),
        ("\n\n", 0, 0),
        ("a 08:00 - 20 - 30%\nb 08:00 - 20 - 30%\n", 2, 2),
        ("c 08:00 - 20 - 30%\nc 08:00 - 20 - 30%\n", 3, 4),
        ("d 08:00 - 20 - 30%\nd 08:00 - 21 - 30%\n", 4, 6),
        ("e\n", 5, 6),
        ("f 08:00 - - - 30%\r\nf 09:00 - 3.25 - -%\r\n", 6, 8),
        ("g 2001-02-03 04:05Z - -100 - 0%", 7, 9),
    ] {
        assert_eq!(exchange(gateway.address, message).await, ARRIVED, "{message:?}");
        let status = gateway.status();
        assert_eq!((status.surveys, status.readings), (surveys, readings), "{message:?}");
    }
    assert_eq!(gateway.status().counters["empty-from-unknown"], 2);
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_sent_datagram_is_answered_again_and_journaled_once_also_after_a_restart() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    for _ in 0..3 {
        assert_eq!(exchange(gateway.address, DAY).await, ARRIVED);
    }
    gateway.stop().await.unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    assert_eq!(exchange(gateway.address, DAY).await, ARRIVED);
    let status = gateway.status();
    assert_eq!((status.surveys, status.counters["copies"]), (1, 3));
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_that_is_too_long_does_not_pass_for_a_copy_of_its_first_part() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    let line = "m 08:00 - 20 - 30%\n";
    let mut full = line.repeat(MAX_DATAGRAM / line.len());
    full.push_str(&"\n".repeat(MAX_DATAGRAM - full.len()));
    assert_eq!(exchange(gateway.address, &full).await, ARRIVED);
    let reply = exchange(gateway.address, full + line).await;
    assert!(reply.contains("4096"), "{reply}");
    gateway.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_garbage_is_counted_and_its_quarantine_is_bounded() {
    let data = tempdir().unwrap();
    let gateway = Gateway::start(settings(data.path(), nobody()));
    let good = Device::new(gateway.address).await;
    let address = gateway.address;
    let flood = tokio::task::spawn_blocking(move || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for number in 0..20_000 {
            socket.send_to(format!("garbage {number}").as_bytes(), address).unwrap();
        }
    });
    for number in 0..50 {
        assert_eq!(good.exchange(format!("good-{number} 08:00 - 20 - 30%\n")).await, ARRIVED);
    }
    flood.await.unwrap();
    let status = gateway.until("all good ones held", |status| status.surveys == 50).await;
    assert!(status.quarantined <= 1_000, "{}", status.quarantined);
    assert!(status.refusals.values().sum::<u64>() >= status.quarantined);
    gateway.stop().await.unwrap();
}
