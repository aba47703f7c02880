//! `GET /metrics`, read line by line as Prometheus' text format 0.0.4 says, whatever devices and gateways are called.

use crate::support;

use std::collections::{BTreeMap, BTreeSet};
use support::{Cloud, hours_ago, site::SENML};

/// A family of samples: its kind, and its samples by their labels.
#[derive(Debug)]
struct Family {
    kind: String,
    samples: BTreeMap<Vec<(String, String)>, f64>,
}

/// Reads a name of the grammar `[a-zA-Z_:][a-zA-Z0-9_:]*`, and what is behind it.
fn name(text: &str) -> Option<(&str, &str)> {
    let is = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | ':');
    let end = text.find(|char| !is(char)).unwrap_or(text.len());
    (end > 0 && !text.starts_with(|char: char| char.is_ascii_digit())).then(|| text.split_at(end))
}

/// Reads what stands between quotation marks, and what is behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut value = String::new();
    loop {
        match chars.next()?.1 {
            '"' => return Some((value, chars.as_str())),
            '\n' => return None,
            '\\' => value.push(match chars.next()?.1 {
                '\\' => '\\',
                '"' => '"',
                'n' => '\n',
                _ => return None,
            }),
            char => value.push(char),
        }
    }
}

/// Reads `{label="value",…}`, if it is there, and what is behind it.
fn labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let Some(mut rest) = text.strip_prefix('{') else { return Some((Vec::new(), text)) };
    let mut labels = Vec::new();
    while !rest.starts_with('}') {
        let (label, behind) = name(rest)?;
        let (value, behind) = quoted(behind.strip_prefix('=')?)?;
        assert!(!label.contains(':') && !label.starts_with("__"), "{label}");
        labels.push((label.to_owned(), value));
        rest = behind.strip_prefix(',').or(behind.starts_with('}').then_some(behind))?;
    }
    Some((labels, rest.strip_prefix('}')?))
}

/// Reads the whole text, and checks what a line alone does not show.
fn parse(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n') && !text.contains('\r'), "the last line ends, too");
    let (mut families, mut helped) = (BTreeMap::<String, Family>::new(), BTreeSet::new());
    let mut current = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (family, help) = name(help).unwrap();
            assert!(help.len() > 1 && helped.insert(family.to_owned()), "{line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (family, kind) = name(kind).unwrap();
            assert!([" counter", " gauge"].contains(&kind) && helped.contains(family), "{line}");
            current = family.to_owned();
            let family = Family { kind: kind.trim().to_owned(), samples: BTreeMap::new() };
            assert!(families.insert(current.clone(), family).is_none(), "{line} stands twice");
        } else {
            let (family, rest) = name(line).unwrap_or_else(|| panic!("{line}"));
            let (labels, rest) = labels(rest).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(family, current, "the samples of a family stand together");
            let value: f64 = rest.strip_prefix(' ').unwrap().parse().unwrap();
            assert!(
                families.get_mut(family).unwrap().samples.insert(labels, value).is_none(),
                "{line} stands twice"
            );
        }
    }
    families
}

async fn metrics(cloud: &Cloud) -> BTreeMap<String, Family> {
    let said = cloud.get("/metrics").await;
    assert_eq!(said.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    parse(&said.text())
}

impl Family {
    fn of(&self, label: &str, value: &str) -> f64 {
        self.samples[&vec![(label.to_owned(), value.to_owned())]]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_of_the_format_and_says_what_happened() {
    let cloud = Cloud::start().await;
    let before = metrics(&cloud).await;
    assert_eq!(before["fieldpost_readings_total"].of("result", "new"), 0.0);
    let awkward = r#"no\rth "field" {a="b",} #"#;
    let time = hours_ago(5).as_millis() / 1_000;
    let pack = format!(r#"[{{"bn":"192.168.1.2:a-b_c/","bt":{time},"n":"temperature","u":"Cel","v":20.5}}]"#);
    let headers = [SENML, ("fieldpost-gateway", awkward)];
    for _ in 0..2 {
        let said = cloud.request("POST", "/api/v1/surveys", &headers, pack.clone().into()).await;
        assert_eq!(said.status, 200, "{}", said.text());
    }
    assert_eq!(cloud.post_json(&pack.replace("20.5", "1e9")).await.status, 422);
    let sent = cloud.get("/api/v1/devices/192.168.1.2:a-b_c").await.json();
    let families = metrics(&cloud).await;
    assert!(families.len() >= 11, "{families:#?}");
    for (name, family) in &families {
        assert!(name.starts_with("fieldpost_"), "{name}");
        assert_eq!(name.ends_with("_total"), family.kind == "counter", "{name}");
        assert!(family.samples.values().all(|value| value.is_finite() && *value >= 0.0), "{name}");
    }
    let total = &families["fieldpost_readings_total"];
    assert_eq!(["new", "duplicate", "conflict"].map(|result| total.of("result", result)), [1.0, 1.0, 0.0]);
    assert_eq!(families["fieldpost_uploads_refused_total"].of("reason", "bad-temperature"), 1.0);
    assert_eq!(families["fieldpost_readings_held"].samples[&vec![]], 1.0);
    // Times of readings are values: as a sample's own time Prometheus would refuse what is old.
    let reading = &families["fieldpost_device_last_reading_timestamp_seconds"];
    assert_eq!(reading.of("device", "192.168.1.2:a-b_c"), time as f64);
    let contact: fieldpost_core::UtcInstant = sent["last_contact"].as_str().unwrap().parse().unwrap();
    let survey = &families["fieldpost_device_last_survey_timestamp_seconds"];
    assert_eq!(survey.of("device", "192.168.1.2:a-b_c"), (contact.as_millis() / 1_000) as f64);
    assert!(families["fieldpost_gateway_last_contact_timestamp_seconds"].of("gateway", awkward) > 0.0);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_watches_is_told() {
    let cloud = Cloud::start().await;
    let json = [("content-type", "application/json")];
    let send = async |method: &str, path: &str, body: &str| {
        let said = cloud.request(method, path, &json, body.to_owned().into()).await;
        assert!(said.status.is_success(), "{method} {path}: {}", said.text());
        said
    };
    let status = r#"{"version": "0.1.0", "waiting": 7, "oldest_waiting": null, "journal_bytes": 90, "journal_limit": 100,
        "room_days": 3.5, "roster": [], "round": null}"#;
    send("PUT", "/api/v1/gateways/north/status", status).await;
    // Nobody takes messages at this address.
    let hook = r#"{"kind": "webhook", "name": "w", "url": "http://127.0.0.1:1/"}"#;
    let channel = send("POST", "/api/v1/channels", hook).await.json()["id"].to_string();
    let rule = format!(r#"{{"name": "r", "kind": "moisture_below", "value": 20, "channels": [{channel}]}}"#);
    send("POST", "/api/v1/rules", &rule).await;
    let time = hours_ago(1).as_millis() / 1_000;
    let pack = format!(r#"[{{"n":"m1/moisture","u":"/","t":{time},"v":0.1}}]"#);
    assert_eq!(cloud.post_json(&pack).await.status, 200);
    let end = std::time::Instant::now() + support::PATIENCE;
    let families = loop {
        let families = metrics(&cloud).await;
        if !families["fieldpost_alerts_open"].samples.is_empty() {
            break families;
        }
        assert!(std::time::Instant::now() < end, "{families:#?}");
    };
    let of = |family: &str, label: &str, which: &str| families[family].of(label, which);
    assert_eq!(of("fieldpost_build_info", "version", env!("CARGO_PKG_VERSION")), 1.0);
    assert_eq!(of("fieldpost_alerts_open", "kind", "moisture_below"), 1.0);
    assert_eq!(of("fieldpost_alert_messages_waiting", "channel", &channel), 1.0);
    assert_eq!(of("fieldpost_alert_messages_lost_total", "channel", &channel), 0.0);
    assert_eq!(of("fieldpost_gateway_waiting_surveys", "gateway", "north"), 7.0);
    assert_eq!(of("fieldpost_gateway_room_days", "gateway", "north"), 3.5);
    assert!(of("fieldpost_gateway_seconds_since_contact", "gateway", "north") < 60.0);
    for bytes in ["fieldpost_store_bytes", "fieldpost_disk_free_bytes"] {
        assert!(families[bytes].samples[&vec![]] > 4_096.0, "{bytes}");
    }
    cloud.stop().await;
}

#[test]
fn what_is_not_of_the_format_is_noticed() {
    for wrong in
        ["a{b=\"c\"x\"} 1", "a{b=\"c\"d=\"e\"} 1", "a{b=\"c\\x\"} 1", "a{b=c} 1", "1a 1", "a{b=\"c\" 1"]
    {
        let parsed = name(wrong).and_then(|(_, rest)| labels(rest)).filter(|(_, rest)| rest.starts_with(' '));
        assert_eq!(parsed, None, "{wrong}");
    }
}
