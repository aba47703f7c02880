//! What was due, what was filled and which survey brought it, over HTTP: at the interval of its time, with real data's holes.

use crate::support;

use bytes::Bytes;
use fieldpost_core::{
    DeviceId, Moisture, Reading, Survey, Temperature, UtcInstant, Values, senml,
    station::{self, Depth},
};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::io::Read;
use support::{Cloud, hours_ago};

const MERCURY: &str = include_str!("../../samples/mercury.csv");
const HOUR: i64 = 3_600_000;
const MINUTE: i64 = 60_000;

fn at(text: &str) -> UtcInstant {
    text.parse().unwrap()
}

fn reading(time: i64) -> Reading {
    let temperature = Temperature::from_hundredths(time / MINUTE % 1_000);
    Reading { time: UtcInstant::from_millis(time), values: Values::new(temperature, None).unwrap() }
}

/// Readings every `minutes` from `from` to `to`, exclusive.
fn every(minutes: i64, from: &str, to: &str) -> Vec<Reading> {
    let (from, to) = (at(from).as_millis(), at(to).as_millis());
    (0..(to - from) / MINUTE / minutes).map(|number| reading(from + number * minutes * MINUTE)).collect()
}

async fn post(cloud: &Cloud, gateway: &str, device: &str, readings: &[Reading]) {
    for part in readings.chunks(20_000) {
        let survey = Survey { device: DeviceId::new(device).unwrap(), readings: part.to_vec() };
        let records = senml::encode_records(&survey, None);
        let body = Bytes::from(senml::pack([records.as_slice()]));
        let headers = [("content-type", "application/senml+cbor"), ("fieldpost-gateway", gateway)];
        let said = cloud.request("POST", "/api/v1/surveys", &headers, body).await;
        assert_eq!(said.status, 200, "{}", said.text());
    }
}

async fn put(cloud: &Cloud, path: &str, body: &Value) {
    let said = cloud.request("PUT", path, &[("content-type", "application/json")], body.to_string().into());
    let said = said.await;
    assert!(said.status.is_success(), "{}", said.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meter_that_measured_more_often_for_a_while_has_no_gaps_and_hides_none() {
    let cloud = Cloud::start().await;
    let hole = at("2025-06-20T12:00:00Z").as_millis()..at("2025-06-20T13:00:00Z").as_millis();
    let year: Vec<_> = every(60, "2025-01-01T00:00:00Z", "2025-05-01T00:00:00Z")
        .into_iter()
        .chain(every(15, "2025-05-01T00:00:00Z", "2025-08-01T00:00:00Z"))
        .chain(every(60, "2025-08-01T00:00:00Z", "2025-10-01T00:00:00Z"))
        .filter(|reading| !hole.contains(&reading.time.as_millis()))
        .collect();
    post(&cloud, "north", "m1", &year).await;
    for range in ["", "&from=2025-04-28T00:00:00Z&to=2025-05-03T00:00:00Z", "&from=2025-06-01T00:00:00Z"] {
        let series = cloud.get_json(&format!("/api/v1/devices/m1/series?points=4000{range}")).await;
        let gaps = match range.contains("to=") {
            true => json!([]),
            false => json!([["2025-06-20T11:45:00Z", "2025-06-20T13:00:00Z"]]),
        };
        assert_eq!((&series["gaps"], &series["gaps_total"]), (&gaps, &json!(gaps.as_array().unwrap().len())));
    }
    let days = |calendar: &Value| {
        let row = &calendar["devices"][0];
        ["due", "held", "extra"].map(|key| row[key].clone())
    };
    let path = "/api/v1/completeness?from=2025-04-29&to=2025-05-02";
    let changed = [json!([24, 24, 96, 96]), json!([24, 24, 96, 96]), json!([0, 0, 0, 0])];
    assert_eq!(days(&cloud.get_json(path).await), changed);
    put(&cloud, "/api/v1/devices/m1/details", &json!({"interval_s": 900})).await;
    assert_eq!(days(&cloud.get_json(path).await), changed, "what is typed now was not due then");
    assert_eq!(cloud.get_json("/api/v1/devices/m1").await["interval_s"], 900);
    let series = cloud.get_json("/api/v1/devices/m1/series").await;
    assert_eq!((&series["gaps_total"], &series["interval_s"]), (&json!(1), &json!(3_600)));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_off_the_grid_fill_no_slot() {
    let cloud = Cloud::start().await;
    let mut readings = every(60, "2025-07-01T00:00:00Z", "2025-07-03T00:00:00Z");
    readings
        .retain(|reading| ![at("2025-07-01T10:00:00Z"), at("2025-07-01T11:00:00Z")].contains(&reading.time));
    readings.extend(
        [5, 10, 15, 20].map(|minute| reading(at("2025-07-01T14:00:00Z").as_millis() + minute * MINUTE)),
    );
    post(&cloud, "north", "m1", &readings).await;
    let day = cloud.get_json("/api/v1/devices/m1/days/2025-07-01").await;
    assert_eq!(
        ["due", "held", "extra", "missing_total", "readings_total"].map(|key| day[key].as_i64().unwrap()),
        [24, 22, 4, 2, 26]
    );
    assert_eq!(day["missing"], json!(["2025-07-01T10:00:00Z", "2025-07-01T11:00:00Z"]));
    let row = cloud.get_json("/api/v1/completeness?from=2025-07-01&to=2025-07-01&device=m1").await;
    assert_eq!(row["devices"][0]["held"], json!([22]));
    assert_eq!(row["devices"][0]["extra"], json!([4]));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_that_was_imported_is_found_by_each_of_its_days_and_by_no_day_of_its_hole() {
    let cloud = Cloud::start().await;
    let slots = station::parse(MERCURY, Depth::Cm50).unwrap();
    let year: Vec<_> = slots
        .into_iter()
        .filter_map(|slot| Some(Reading { time: slot.time, values: slot.values? }))
        .collect();
    post(&cloud, "import:desk", "mercury", &year).await;
    post(&cloud, "north", "mercury", &every(60, "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z")).await;
    let surveys = async |date: &str| {
        let day = cloud.get_json(&format!("/api/v1/devices/mercury/days/{date}")).await;
        let gateways = day["surveys"].as_array().unwrap().iter().map(|survey| survey["gateway"].clone());
        assert_eq!(day["surveys_total"], day["surveys"].as_array().unwrap().len());
        (Value::from_iter(gateways), day["held"].clone(), day["due"].clone(), day)
    };
    for date in ["2025-01-02", "2025-08-26", "2025-12-06", "2025-12-30"] {
        let (gateways, held, due, day) = surveys(date).await;
        assert_eq!((gateways, held, due), (json!(["import:desk"]), json!(24), json!(24)), "{date}");
        assert_eq!(day["surveys"][0]["starts"], "2025-01-01T01:00:00Z");
        assert_eq!(day["surveys"][0]["ends"], year.last().unwrap().time.to_string());
    }
    let (gateways, held, due, day) = surveys("2025-10-15").await;
    assert_eq!((gateways, held, due), (json!([]), json!(0), json!(24)), "the probe was dead");
    assert_eq!((&day["missing_total"], &day["readings_total"]), (&json!(24), &json!(0)));
    assert_eq!(surveys("2026-01-02").await.0, json!(["north"]));
    let series = cloud.get_json("/api/v1/devices/mercury/series").await;
    let steps = year.windows(2).map(|pair| (pair[0].time, pair[1].time));
    let long = steps.filter(|(before, after)| after.as_millis() - before.as_millis() > 3 * HOUR / 2);
    let gaps: Vec<_> = long.map(|(before, after)| json!([before.to_string(), after.to_string()])).collect();
    assert!(gaps.contains(&json!(["2025-08-31T06:00:00Z", "2025-12-04T21:00:00Z"])), "the sample has it");
    assert_eq!(series["gaps"].as_array().unwrap()[..gaps.len()], gaps);
    assert_eq!(series["gaps_total"], gaps.len() + 1, "and the days until the gateway came");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_shows_what_had_been_measured_by_an_instant() {
    let cloud = Cloud::start().await;
    post(&cloud, "north", "m1", &every(60, "2025-07-01T00:00:00Z", "2025-07-02T00:00:00Z")).await;
    post(&cloud, "Sud", "m2", &every(60, "2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")).await;
    put(&cloud, "/api/v1/devices/m1/details", &json!({"latitude": 44.5, "longitude": 7})).await;
    put(&cloud, "/api/v1/devices/m3/details", &json!({"name": "never"})).await;
    let then = cloud.get_json("/api/v1/fleet?at=2025-07-01T08:30:00Z").await;
    assert_eq!((&then["at"], &then["total"]), (&json!("2025-07-01T08:30:00Z"), &json!(3)));
    assert_eq!(
        (&then["first_time"], &then["last_time"]),
        (&json!("2025-03-01T00:00:00Z"), &json!("2025-07-01T23:00:00Z"))
    );
    let (one, two, never) = (&then["devices"][0], &then["devices"][1], &then["devices"][2]);
    let value = reading(at("2025-07-01T08:00:00Z").as_millis()).values.temperature().unwrap();
    let value = value.hundredths() as f64 / 100.0;
    assert_eq!(
        (&one["last_time"], &one["last"]["temperature_c"]),
        (&json!("2025-07-01T08:00:00Z"), &json!(value))
    );
    assert_eq!((&one["spark"], &one["state"]), (&Value::Null, &json!("fresh")), "all else is as of now");
    for device in [two, never] {
        assert_eq!((&device["last_time"], &device["last"]), (&Value::Null, &Value::Null), "{device}");
    }
    for (time, last) in [
        ("2025-02-28T23:59:59Z", Value::Null),
        ("2025-03-01T00:00:00Z", json!("2025-03-01T00:00:00Z")),
        ("2025-03-08T23:00:00Z", json!("2025-03-01T23:00:00Z")),
        ("2025-03-08T23:00:01Z", Value::Null),
    ] {
        let fleet = cloud.get_json(&format!("/api/v1/fleet?at={time}&search=m2")).await;
        assert_eq!(fleet["devices"][0]["last_time"], last, "{time}");
        assert_eq!(fleet["last_time"], "2025-03-01T23:00:00Z", "of those that match");
    }
    let placed = cloud.get_json("/api/v1/fleet?placed=true").await;
    assert_eq!((&placed["total"], &placed["devices"][0]["id"]), (&json!(1), &json!("m1")));
    assert_eq!((&placed["at"], &placed["counts"]["never"]), (&Value::Null, &json!(0)));
    assert_eq!(cloud.get_json("/api/v1/fleet?placed=false").await["total"], 3);
    assert_eq!(cloud.get_json("/api/v1/fleet?search=sUD").await["devices"][0]["id"], "m2");
    assert_eq!(cloud.get_json("/api/v1/completeness?search=orth").await["devices"][0]["id"], "m1");
    for wrong in ["placed=yes", "at=now", "limit=1001"] {
        cloud.get(&format!("/api/v1/fleet?{wrong}")).await.problem(400);
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_is_asked_for_by_its_id_among_many_that_are_alike() {
    let cloud = Cloud::start().await;
    for id in ["m1", "m11", "m111"] {
        post(&cloud, "north", id, &every(60, "2025-07-01T00:00:00Z", "2025-07-01T05:00:00Z")).await;
    }
    let path = "/api/v1/completeness?from=2025-07-01&to=2025-07-01";
    assert_eq!(cloud.get_json(&format!("{path}&search=m1")).await["total"], 3);
    let one = cloud.get_json(&format!("{path}&device=m1")).await;
    assert_eq!((&one["total"], &one["devices"][0]["id"]), (&json!(1), &json!("m1")));
    assert_eq!(cloud.get_json(&format!("{path}&device=m2")).await["total"], 0);
    cloud.get(&format!("{path}&device=m1&search=m")).await.problem(400);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_conflicts_come_page_by_page_and_none_is_left_out() {
    let cloud = Cloud::start().await;
    let readings = every(60, "2025-07-01T00:00:00Z", "2025-07-01T05:00:00Z");
    post(&cloud, "north", "a:1", &readings).await;
    for other in 1..=3_i64 {
        let other = |reading: &Reading| Reading {
            values: Values::new(None, None)
                .or_else(|| {
                    Values::new(Temperature::from_hundredths(5_000 + other), Moisture::from_hundredths(1))
                })
                .unwrap(),
            ..*reading
        };
        post(&cloud, "south", "a:1", &readings.iter().map(other).collect::<Vec<_>>()).await;
    }
    let (mut seen, mut next) = (Vec::new(), Some("/api/v1/devices/a:1/conflicts?limit=2".to_owned()));
    while let Some(path) = next {
        let said = cloud.get(&path).await;
        let page = said.json();
        assert_eq!(page["total"], 15);
        for conflict in page["conflicts"].as_array().unwrap() {
            seen.push((conflict["time"].to_string(), conflict["offered"]["temperature_c"].to_string()));
        }
        next = page["next"].as_str().map(str::to_owned);
        assert_eq!(said.header("link").is_empty(), next.is_none());
    }
    assert_eq!(seen.len(), 15);
    assert!(seen.is_sorted_by(|one, other| one.0 >= other.0), "the newest first: {seen:?}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 15);
    cloud.get("/api/v1/devices/a:1/conflicts?after=x").await.problem(400);
    put(&cloud, "/api/v1/gateways/west/status", &status()).await;
    let gateways = cloud.get_json("/api/v1/gateways?limit=1").await;
    assert_eq!((&gateways["total"], gateways["next"].is_string()), (&json!(3), true));
    cloud.stop().await;
}

fn status() -> Value {
    json!({
        "version": "0.1.0", "waiting": 0, "oldest_waiting": null, "journal_bytes": 4096,
        "journal_limit": 1 << 30, "room_days": 812.5, "roster": [], "round": null,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_text_are_compressed_for_who_accepts_that() {
    let cloud = Cloud::start().await;
    let now = hours_ago(1).as_millis();
    let readings: Vec<_> = (0..500).map(|hour| reading(now - hour * HOUR)).collect();
    post(&cloud, "north", "m1", &readings).await;
    for (path, accept) in [
        ("/api/v1/fleet?at=2025-07-01T00:00:00Z&search=m1&limit=1", "application/json"),
        ("/api/v1/devices/m1/series", "application/json"),
        ("/api/v1/devices/m1/readings?limit=400", "text/csv"),
        ("/api/v1/devices/m1/readings?limit=400", "application/json"),
        ("/api/v1/export?format=csv", "*/*"),
    ] {
        let plain = cloud.request("GET", path, &[("accept", accept)], Bytes::new()).await;
        assert_eq!((plain.status.as_u16(), plain.header("content-encoding")), (200, ""), "{path}");
        let asked = [("accept", accept), ("accept-encoding", "br;q=0.5, gzip")];
        let packed = cloud.request("GET", path, &asked, Bytes::new()).await;
        if plain.body.len() < 1_024 {
            assert_eq!(packed.header("content-encoding"), "", "{path}: not worth it");
            continue;
        }
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert!(packed.header("vary").contains("accept-encoding"), "{path}: {}", packed.header("vary"));
        assert!(
            packed.body.len() * 2 < plain.body.len(),
            "{path}: {} of {}",
            packed.body.len(),
            plain.body.len()
        );
        let mut text = Vec::new();
        GzDecoder::new(&packed.body[..]).read_to_end(&mut text).unwrap();
        if !path.contains("series") {
            assert_eq!(text, plain.body, "{path}");
        }
        let none = [("accept", accept), ("accept-encoding", "gzip;q=0")];
        assert_eq!(cloud.request("GET", path, &none, Bytes::new()).await.header("content-encoding"), "");
    }
    cloud.stop().await;
}
