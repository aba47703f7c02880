//! Text uploads: the reference gateway's, and everything that is not one.

use crate::support;

use fieldpost_cloud::{Limits, Settings};
use std::sync::Arc;
use support::{Cloud, PATIENCE, answer, hasty, hours_ago, sql};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const DAY: &str = "192.168.1.2 08:00 - 20 - 30%\n\n192.168.1.2 12:00 - 25 - 33%\n\n192.168.1.3 07:00 - 18 - 28%\n\n\
                   192.168.1.3 10:00 - 22 - 38%\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_gateway_is_answered_as_by_the_reference_cloud() {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.upload(DAY).await, "Surveys received");
    let held: i64 = sql(&cloud.store(), "SELECT count(*) FROM readings");
    assert_eq!(held, 4, "it is on disk when it is acknowledged");
    let printed = cloud.prints("192.168.1.3 - 10:00 - 22 - 38%\n").await;
    assert!(printed.starts_with("== 20"), "{printed}");
    for line in ["192.168.1.2 - 08:00 - 20 - 30%\n", "192.168.1.2 - 12:00 - 25 - 33%\n"] {
        assert_eq!(printed.matches(line).count(), 1, "{printed}");
    }
    let gateway: String = sql(&cloud.store(), "SELECT DISTINCT gateway FROM surveys_plain");
    assert_eq!(gateway, "tcp:127.0.0.1");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_close_ends_an_upload_and_an_empty_one_is_legal() {
    let cloud = Cloud::start().await;
    for text in [DAY, "", "\n\n", "192.168.1.9\n"] {
        let mut stream = TcpStream::connect(cloud.upload).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(answer(&mut stream).await, "Surveys received", "{text:?}");
    }
    let empty_day: i64 =
        sql(&cloud.store(), "SELECT readings FROM surveys_plain WHERE device = '192.168.1.9'");
    assert_eq!(empty_day, 0);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_refuses_its_upload_whole_and_keeps_it_for_inspection() {
    let cloud = Cloud::start().await;
    for (line, reason) in [
        ("m1 24:00 - 20 - 30%", "bad-time"),
        ("m1 7:5 - 20 - 30%", "bad-time"),
        ("m1 08:00 - abc - 30%", "bad-temperature"),
        ("m1 08:00 - 20 - 101%", "bad-moisture"),
        ("m1 1999-12-31 08:00Z - 20 - 30%", "too-old"),
        ("m1 2999-12-31 08:00Z - 20 - 30%", "future"),
        ("<b> 08:00 - 20 - 30%", "bad-device"),
    ] {
        let said = cloud.upload(&format!("m1 08:00 - 20 - 30%\n{line}\n")).await;
        assert!(said.starts_with("Surveys refused: line 2: "), "{said}");
        let kept = format!(
            "SELECT count(*) FROM quarantine WHERE reason = '{reason}' AND instr(bytes, '{line}') > 0"
        );
        assert_eq!(sql::<i64>(&cloud.store(), &kept), 1, "{line}");
        let counted = format!("SELECT count FROM refusals WHERE reason = '{reason}'");
        assert!(sql::<i64>(&cloud.store(), &counted) >= 1, "{line}");
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0);
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains("fieldpost_uploads_refused_total{reason=\"bad-time\"} 2\n"), "{metrics}");
    let (_, printed) = cloud.stop().await;
    assert_eq!(printed, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text_are_refused() {
    let cloud = Cloud::start().await;
    for bytes in [&b"m1 08:00 - \xff - 30%\n"[..], b"m1 08:00 - 20 - 30%\n\0\n"] {
        let mut stream = TcpStream::connect(cloud.upload).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let said = answer(&mut stream).await;
        assert!(said.starts_with("Surveys refused: "), "{said}");
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT sum(count) FROM refusals"), 2);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_closes_in_the_middle_of_a_line_is_refused_whole() {
    let cloud = Cloud::start().await;
    let mut stream = TcpStream::connect(cloud.upload).await.unwrap();
    stream.write_all(b"m1 08:00 - 20 - 30%\n\nm1 12:00 - 2").await.unwrap();
    stream.shutdown().await.unwrap();
    let said = answer(&mut stream).await;
    let why = "the connection closed in the middle of a line";
    assert_eq!(said, format!("Surveys refused: {why}; try again later"), "its gateway keeps it");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 0);
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count FROM refusals WHERE reason = 'truncated'"), 1);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_over_the_limit_is_refused_with_an_answer() {
    let cloud = Cloud::start().await;
    let text = "m1 08:00 - 20 - 30%\n".repeat(60_000);
    let said = cloud.upload(&text).await;
    assert!(said.starts_with("Surveys refused: ") && said.contains("1048576"), "{said}");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT max(length(bytes)) FROM quarantine"), 4096);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_more_surveys_than_anyone_has_is_refused() {
    let cloud = Cloud::start().await;
    let names = |count: usize| (0..count).map(|n| format!("{n:06}\n")).collect::<String>();
    let said = cloud.upload(&names(Limits::MAX_SURVEYS + 1)).await;
    assert_eq!(said, "Surveys refused: an upload has at most 50000 surveys; send it in several");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM devices"), 0);
    assert_eq!(cloud.upload(&names(Limits::MAX_SURVEYS)).await, "Surveys received");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM surveys"), 50_000);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_lines_are_one_upload() {
    let cloud = Cloud::start().await;
    let start = hours_ago(24 * 400);
    let text: String = (0..10_000)
        .map(|n| {
            let time = start.saturating_add(std::time::Duration::from_secs(n * 3600 / 10 * 6));
            format!("m1 {} - 20 - 30%\n", time.to_timestamp().strftime("%Y-%m-%d %H:%MZ"))
        })
        .collect();
    assert_eq!(cloud.upload(&text).await, "Surveys received");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT readings FROM devices"), 10_000);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_after_the_answer_is_a_message_of_its_own() {
    let cloud = Cloud::start().await;
    let mut stream = TcpStream::connect(cloud.upload).await.unwrap();
    stream.write_all(b"m1 08:00 - 20 - 30%\n").await.unwrap();
    assert_eq!(answer(&mut stream).await, "Surveys received");
    stream.write_all(b"m1 09:00 - 21 - 31%\n").await.unwrap();
    stream.shutdown().await.unwrap();
    cloud.prints("m1 - 09:00 - 21 - 31%\n").await;
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 2);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_sender_and_a_silent_one_cost_the_others_nothing() {
    let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), hasty).await;
    let mut silent = TcpStream::connect(cloud.upload).await.unwrap();
    let mut slow = TcpStream::connect(cloud.upload).await.unwrap();
    slow.write_all(b"m1 0").await.unwrap();
    assert_eq!(cloud.upload(DAY).await, "Surveys received", "meanwhile");
    let said = answer(&mut slow).await;
    assert!(said.starts_with("Surveys refused: ") && said.contains("not finished"), "{said}");
    assert!(said.ends_with("; try again later"), "a stall on the way is not the surveys' fault: {said}");
    assert_eq!(answer(&mut silent).await, "", "closed without a word");
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT sum(count) FROM refusals"), 1, "silence is no upload");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_connections_one_after_another_leave_nothing_behind() {
    let cloud = Cloud::start().await;
    let (upload, store) = (cloud.upload, cloud.store());
    let connect = async {
        for _ in 0..10_000 {
            let mut stream = TcpStream::connect(upload).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            assert_eq!(said, "Surveys received");
        }
    };
    tokio::time::timeout(3 * PATIENCE, connect).await.unwrap();
    assert_eq!(cloud.upload(DAY).await, "Surveys received");
    assert_eq!(sql::<i64>(&store, "SELECT count(*) FROM surveys"), 2);
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains("fieldpost_connections_total{listener=\"upload\"} 10001\n"), "{metrics}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_byte_is_answered_and_is_no_upload() {
    let once = |settings: &mut Settings, _: &mut Limits| settings.once = true;
    let mut cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), once).await;
    for _ in 0..3 {
        let mut stream = TcpStream::connect(cloud.upload).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(answer(&mut stream).await, "Surveys received");
    }
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains("fieldpost_uploads_accepted_total 0\n"), "{metrics}");
    assert_eq!(cloud.upload(DAY).await, "Surveys received", "the one upload is still to come");
    cloud.ended().await.unwrap();
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_takes_one_upload_answers_it_shows_it_and_ends() {
    let once = |settings: &mut Settings, _: &mut Limits| settings.once = true;
    let mut cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), once).await;
    assert_eq!(cloud.upload(DAY).await, "Surveys received");
    cloud.ended().await.unwrap();
    assert!(cloud.console.text().ends_with("192.168.1.3 - 10:00 - 22 - 38%\n"), "{}", cloud.console.text());

    let mut cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), once).await;
    assert!(cloud.upload("nonsense at all\n").await.starts_with("Surveys refused: "));
    let error = cloud.ended().await.unwrap_err();
    assert!(matches!(error, fieldpost_cloud::Error::NotAccepted), "{error}");
}
