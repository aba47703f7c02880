//! Devices as people see them, over HTTP: a real year of soil measurements, and what is not there.

use crate::support;

use bytes::Bytes;
use fieldpost_core::{
    DeviceId, Reading, Survey, Temperature, UtcInstant, Values, senml,
    station::{Depth, csv},
};
use serde_json::{Value, json};
use support::{Cloud, Response, hours_ago};

const DAY_MS: i64 = 86_400_000;
const ITHACA: &str = include_str!("../../samples/ithaca.csv");

/// The station's readings whose time `keep` wants.
fn measured(keep: impl Fn(&str) -> bool) -> Vec<Reading> {
    let lines: Vec<&str> = ITHACA.lines().skip(1).collect();
    let wanted = lines.into_iter().filter(|line| keep(line.split(',').nth(1).unwrap()));
    let text: String = [csv::HEADER].into_iter().chain(wanted).flat_map(|line| [line, "\n"]).collect();
    let slots = fieldpost_core::station::parse(&text, Depth::Cm5).unwrap();
    slots.into_iter().filter_map(|slot| Some(Reading { time: slot.time, values: slot.values? })).collect()
}

/// Posts a survey as the gateway `gateway` does.
async fn post(cloud: &Cloud, gateway: &str, device: &str, readings: Vec<Reading>) {
    let survey = Survey { device: DeviceId::new(device).unwrap(), readings };
    let records = senml::encode_records(&survey, None);
    let body = Bytes::from(senml::pack([records.as_slice()]));
    let headers = [("content-type", "application/senml+cbor"), ("fieldpost-gateway", gateway)];
    let said = cloud.request("POST", "/api/v1/surveys", &headers, body).await;
    assert_eq!(said.status, 200, "{}", said.text());
}

/// Of the sample, the readings of the last `count` hours, shifted so that the last one was `hours` ago.
fn recent(count: usize, hours: u64) -> Vec<Reading> {
    let readings = measured(|time| time.starts_with("2019-07-"));
    let readings = &readings[..count];
    let shift = hours_ago(hours).as_millis() - readings[count - 1].time.as_millis();
    let shifted = |reading: &Reading| Reading {
        time: UtcInstant::from_millis(reading.time.as_millis() + shift),
        ..*reading
    };
    readings.iter().map(shifted).collect()
}

async fn put(cloud: &Cloud, path: &str, body: &Value) -> Response {
    cloud.request("PUT", path, &[("content-type", "application/json")], body.to_string().into()).await
}

fn status(waiting: u64, roster: &[&str]) -> Value {
    json!({
        "version": "0.1.0", "waiting": waiting, "oldest_waiting": null, "journal_bytes": 4096,
        "journal_limit": 1 << 30, "room_days": 812.5, "roster": roster,
        "round": {"opened": "2026-07-01T06:00:00Z", "closed": "2026-07-01T06:05:00Z", "reported": 1, "silent": roster},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fleet_shows_every_device_by_state_and_cause() {
    let cloud = Cloud::start().await;
    post(&cloud, "north", "m1", recent(200, 0)).await;
    let said = put(&cloud, "/api/v1/gateways/north/status", &status(0, &["m1", "m9"])).await;
    assert_eq!((said.status.as_u16(), said.text()), (204, String::new()));
    let fleet = cloud.get_json("/api/v1/fleet").await;
    assert_eq!(fleet["counts"], json!({"fresh": 1, "late": 0, "silent": 0, "never": 1}));
    assert_eq!(fleet["total"], 2);
    let (fresh, never) = (&fleet["devices"][0], &fleet["devices"][1]);
    assert_eq!(
        (&fresh["id"], &fresh["state"], &fresh["cause"]),
        (&json!("m1"), &json!("fresh"), &Value::Null)
    );
    // Today's and those of the six days before: what is still on its way is not due. A clock may be a minute early.
    let first = (hours_ago(0).as_millis() / DAY_MS - 6) * DAY_MS - 60_000;
    let of_week = recent(200, 0).iter().filter(|reading| reading.time.as_millis() >= first).count();
    assert!(of_week >= 6 * 24 - 2, "{of_week}");
    assert_eq!(
        (&fresh["held"], &fresh["due"], &fresh["gateway"]),
        (&json!(of_week), &json!(of_week), &json!("north"))
    );
    let last = recent(200, 0)[199];
    let text = cloud.get("/api/v1/fleet?state=fresh").await.text();
    let pair = format!(
        r#""last":{{"temperature_c":{},"moisture_pct":{}}}"#,
        last.values.temperature().unwrap(),
        last.values.moisture().unwrap()
    );
    assert!(text.contains(&pair), "{pair} in {text}");
    let spark = &fresh["spark"];
    assert_eq!(
        (spark["step_s"].as_i64(), spark["moisture_pct"].as_array().unwrap().len()),
        (Some(10_800), 56)
    );
    assert!(spark["temperature_c"].as_array().unwrap().iter().all(Value::is_number));
    assert_eq!(
        (&never["id"], &never["state"], &never["last_contact"]),
        (&json!("m9"), &json!("never"), &Value::Null)
    );
    assert_eq!((&never["cause"]["kind"], &never["cause"]["gateway"]), (&json!("device"), &json!("north")));
    assert_eq!((&never["due"], &never["spark"], &never["last"]), (&json!(0), &Value::Null, &Value::Null));
    let listed = cloud.get_json("/api/v1/devices").await;
    assert_eq!(
        (&listed["devices"][1]["id"], &listed["devices"][1]["last_contact"]),
        (&json!("m9"), &Value::Null)
    );
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_that_a_device_leaves_forgets_it_unless_somebody_knows_it() {
    let cloud = Cloud::start().await;
    let path = "/api/v1/gateways/north/status";
    assert_eq!(put(&cloud, path, &status(0, &["a", "b", "c"])).await.status, 204);
    assert_eq!(put(&cloud, "/api/v1/devices/b/details", &json!({"name": "Beet"})).await.status, 200);
    post(&cloud, "north", "c", recent(5, 1)).await;
    assert_eq!(put(&cloud, path, &status(0, &[])).await.status, 204);
    let fleet = cloud.get_json("/api/v1/fleet?sort=name").await;
    let ids: Vec<_> = fleet["devices"].as_array().unwrap().iter().map(|device| &device["id"]).collect();
    assert_eq!(ids, ["b", "c"]);
    post(&cloud, "south", "a", recent(5, 1)).await;
    assert_eq!(cloud.get_json("/api/v1/devices/a").await["readings"], 5);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_kept_shown_and_searched() {
    let cloud = Cloud::start().await;
    post(&cloud, "north", "m1", recent(48, 1)).await;
    let details = json!({
        "name": "Vigna alta", "place": "Filare 3", "latitude": 44.123457, "longitude": -7.5, "depth_cm": 7.5,
        "soil": "limo", "interval_s": 7200, "survey_s": 43200, "notes": "una\nriga", "moisture_low": 12.25,
        "moisture_high": 40, "temperature_low": -3.5, "temperature_high": null,
    });
    let said = put(&cloud, "/api/v1/devices/m1/details", &details).await;
    assert_eq!(said.status, 200, "{}", said.text());
    let device = said.json();
    assert_eq!(device["details"], details);
    for key in ["name", "place", "latitude", "longitude", "depth_cm", "interval_s"] {
        assert_eq!(device[key], details[key], "{key}");
    }
    assert_eq!(device["gateways"][0]["name"], "north");
    assert_eq!((&device["gateways"][0]["surveys"], &device["readings"]), (&json!(1), &json!(48)));
    assert_eq!(cloud.get_json("/api/v1/devices/m1").await, device);
    assert_eq!(cloud.get_json("/api/v1/fleet?search=vIGNA").await["total"], 1);
    assert_eq!(cloud.get_json("/api/v1/fleet?search=filare%203").await["total"], 1);
    assert_eq!(cloud.get_json("/api/v1/fleet?search=nothing").await["total"], 0);
    assert_eq!(
        put(&cloud, "/api/v1/devices/m1/details", &json!({})).await.json()["details"]["name"],
        Value::Null
    );
    let registered = put(&cloud, "/api/v1/devices/new/details", &json!({"name": "<b>"})).await.json();
    assert_eq!((&registered["state"], &registered["cause"]["kind"]), (&json!("never"), &json!("device")));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn details_that_cannot_be_are_refused_with_what_would_be_right() {
    let cloud = Cloud::start().await;
    let path = "/api/v1/devices/m1/details";
    for (body, hint) in [
        (json!({"latitude": 91, "longitude": 0}), "from -90 to 90"),
        (json!({"latitude": 1}), "go together"),
        (json!({"name": "a\u{7}b"}), "control character"),
        (json!({"name": "x".repeat(201)}), "at most 200"),
        (json!({"notes": "x".repeat(4_001)}), "at most 4000"),
        (json!({"interval_s": 0}), "from 1 to"),
        (json!({"moisture_low": 30, "moisture_high": 30}), "moisture_low lies below"),
        (json!({"colour": "red"}), "unknown field `colour`"),
        (json!({"name": 7}), "expected a string"),
    ] {
        let (_, detail) = put(&cloud, path, &body).await.problem(400);
        assert!(detail.contains(hint), "{body}: {detail}");
    }
    put(&cloud, path, &json!({"notes": "x".repeat(70_000)})).await.problem(413);
    let text = cloud.request("PUT", path, &[("content-type", "text/plain")], "{}".into()).await;
    text.problem(415);
    put(&cloud, "/api/v1/devices/%20/details", &json!({})).await.problem(400);
    assert_eq!(cloud.get_json("/api/v1/fleet").await["total"], 0, "nothing was registered");
    cloud.stop().await;
}

/// The series, as (time, temperature, moisture).
fn points(series: &Value) -> Vec<(i64, Option<f64>, Option<f64>)> {
    let of = |key: &str| series[key].as_array().unwrap().clone();
    let (time, temperature, moisture) = (of("time"), of("temperature_c"), of("moisture_pct"));
    assert!(time.len() == temperature.len() && time.len() == moisture.len());
    let all = time.iter().zip(temperature).zip(moisture);
    all.map(|((time, t), m)| (time.as_i64().unwrap(), t.as_f64(), m.as_f64())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_of_a_real_year_keeps_its_extremes_and_its_gaps() {
    let cloud = Cloud::start().await;
    let silent = |time: &str| time.starts_with("2019-03-1");
    let year = measured(|time| !silent(time));
    post(&cloud, "north", "ithaca", year.clone()).await;
    let series = cloud.get_json("/api/v1/devices/ithaca/series").await;
    // Flags come when the checks have been through, before or after this question.
    assert_eq!((&series["interval_s"], &series["thinned"]), (&json!(3600), &json!(true)));
    let shown = points(&series);
    assert!((200..1_200).contains(&shown.len()), "{} points", shown.len());
    let extremes = |values: Vec<f64>| {
        (values.iter().copied().fold(f64::MAX, f64::min), values.into_iter().fold(f64::MIN, f64::max))
    };
    let temperatures = year.iter().filter_map(|reading| reading.values.temperature());
    let held = extremes(temperatures.map(|value| value.hundredths() as f64 / 100.0).collect());
    assert_eq!(extremes(shown.iter().filter_map(|point| point.1).collect()), held);
    let gap = json!(["2019-03-09T23:00:00Z", "2019-03-20T00:00:00Z"]);
    assert!(series["gaps"].as_array().unwrap().contains(&gap), "{}", series["gaps"]);
    let within = 1_552_176_000..1_553_040_000;
    assert!(shown.iter().any(|point| within.contains(&point.0) && point.1.is_none() && point.2.is_none()));
    assert!(!shown.iter().any(|point| within.contains(&point.0) && point.1.is_some()));

    let path = "/api/v1/devices/ithaca/series?from=2019-07-01T00:00:00Z&to=2019-07-02T00:00:00Z";
    let day = cloud.get_json(path).await;
    assert_eq!(
        (&day["thinned"], &day["gaps"], &day["from"]),
        (&json!(false), &json!([]), &json!("2019-07-01T00:00:00Z"))
    );
    let expected: Vec<_> = measured(|time| time.starts_with("2019-07-01"))
        .iter()
        .map(|reading| {
            let t = reading.values.temperature().map(|value| value.hundredths() as f64 / 100.0);
            let m = reading.values.moisture().map(|value| value.hundredths() as f64 / 100.0);
            (reading.time.as_millis() / 1_000, t, m)
        })
        .collect();
    assert_eq!(points(&day), expected);
    let none = cloud.get_json("/api/v1/devices/ithaca/series?from=2024-01-01T00:00:00Z").await;
    assert_eq!((&none["time"], &none["to"]), (&json!([]), &Value::Null));
    cloud.get("/api/v1/devices/ithaca/series?points=9").await.problem(400);
    cloud.get("/api/v1/devices/nobody/series").await.problem(404);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_tells_what_came_and_what_is_missing() {
    let cloud = Cloud::start().await;
    let july = |time: &str| time.starts_with("2019-07-0") && time != "2019-07-02T07:00:00Z";
    post(&cloud, "north", "ithaca", measured(july)).await;
    let mut other = measured(|time| time == "2019-07-02T08:00:00Z");
    other[0].values = Values::new(Temperature::from_hundredths(10), None).unwrap();
    post(&cloud, "south", "ithaca", other).await;
    let day = cloud.get_json("/api/v1/devices/ithaca/days/2019-07-02").await;
    assert_eq!(
        (&day["due"], &day["held"], &day["missing"]),
        (&json!(24), &json!(23), &json!(["2019-07-02T07:00:00Z"]))
    );
    assert_eq!(day["readings"].as_array().unwrap().len(), 23);
    assert_eq!(day["readings"][0]["time"], "2019-07-02T00:00:00Z");
    assert_eq!(day["readings"][0]["flags"], 0);
    let gateways: Vec<_> =
        day["surveys"].as_array().unwrap().iter().map(|survey| &survey["gateway"]).collect();
    assert_eq!(gateways, ["north", "south"]);
    assert_eq!((&day["surveys"][1]["conflict"], &day["surveys"][1]["readings"]), (&json!(1), &json!(1)));
    assert_eq!(day["conflicts"][0]["offered"]["temperature_c"], 0.1);
    assert!(day["where"].as_str().unwrap().contains("has reported since"), "{}", day["where"]);
    let before = cloud.get_json("/api/v1/devices/ithaca/days/2019-06-30").await;
    assert_eq!((&before["due"], &before["missing"], &before["surveys"]), (&json!(0), &json!([]), &json!([])));
    for date in ["2019-02-30", "20190702", "1999-12-31", "today"] {
        cloud.get(&format!("/api/v1/devices/ithaca/days/{date}")).await.problem(404);
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_counts_slots_by_device_and_day() {
    let cloud = Cloud::start().await;
    let gap = |time: &str| time.starts_with("2019-07-03T1");
    post(&cloud, "north", "ithaca", measured(|time| time.starts_with("2019-07-0") && !gap(time))).await;
    put(&cloud, "/api/v1/devices/b/details", &json!({"name": "Aaa"})).await;
    let path = "/api/v1/completeness?from=2019-06-30&to=2019-07-04";
    let calendar = cloud.get_json(path).await;
    assert_eq!(
        calendar,
        json!({"from": "2019-06-30", "to": "2019-07-04", "total": 2, "newest": "2019-07-09T23:00:00Z", "devices": [
            {"id": "b", "name": "Aaa", "last_time": null, "held": [0, 0, 0, 0, 0], "due": [0, 0, 0, 0, 0], "extra": [0, 0, 0, 0, 0]},
            {"id": "ithaca", "name": null, "last_time": "2019-07-09T23:00:00Z", "held": [0, 24, 24, 14, 24], "due": [0, 24, 24, 24, 24], "extra": [0, 0, 0, 0, 0]},
        ]})
    );
    let second = cloud.get_json(&format!("{path}&offset=1&limit=1")).await;
    assert_eq!((&second["total"], &second["devices"][0]["id"]), (&json!(2), &json!("ithaca")));
    assert_eq!(cloud.get_json(&format!("{path}&search=THA")).await["total"], 1);
    assert_eq!(
        cloud.get_json("/api/v1/completeness").await["devices"][0]["held"].as_array().unwrap().len(),
        30
    );
    for wrong in ["from=2019-07-04&to=2019-07-03", "from=2018-01-01&to=2019-07-03", "from=x", "limit=1001"] {
        cloud.get(&format!("/api/v1/completeness?{wrong}")).await.problem(400);
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_input_is_shown_by_device_newest_first() {
    let cloud = Cloud::start().await;
    for (device, moisture) in [("a", 101), ("b", 102), ("a", 103)] {
        assert!(
            cloud
                .upload(&format!("{device} 08:00 - 20 - {moisture}%\n"))
                .await
                .starts_with("Surveys refused")
        );
    }
    let all = cloud.get_json("/api/v1/quarantine?limit=2").await;
    let texts = |page: &Value| -> Vec<String> {
        let rows = page["quarantine"].as_array().unwrap();
        rows.iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(texts(&all), ["a 08:00 - 20 - 103%\n", "b 08:00 - 20 - 102%\n"]);
    assert_eq!(all["quarantine"][0]["reason"], "bad-moisture");
    assert_eq!(texts(&cloud.get_json(all["next"].as_str().unwrap()).await), ["a 08:00 - 20 - 101%\n"]);
    let of_a = cloud.get_json("/api/v1/quarantine?device=a").await;
    assert_eq!(texts(&of_a), ["a 08:00 - 20 - 103%\n", "a 08:00 - 20 - 101%\n"]);
    assert!(of_a["next"].is_null());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_tell_their_status_and_it_is_checked() {
    let cloud = Cloud::start().await;
    post(&cloud, "north", "m1", recent(5, 1)).await;
    let path = "/api/v1/gateways/north%20field/status";
    let mut told = status(3, &["m2", "m1"]);
    assert_eq!(put(&cloud, path, &told).await.status, 204);
    let gateways = cloud.get_json("/api/v1/gateways").await;
    let (north, field) = (&gateways["gateways"][0], &gateways["gateways"][1]);
    assert_eq!(
        (&north["name"], &north["status"], &north["devices"]),
        (&json!("north"), &Value::Null, &json!(1))
    );
    assert_eq!(
        (&field["name"], &field["state"], &field["devices"]),
        (&json!("north field"), &json!("fresh"), &json!(0))
    );
    let mut status = field["status"].clone();
    assert!(status["at"].take().is_string());
    status.as_object_mut().unwrap().remove("at");
    (told["roster"], told["round"]["silent"]) = (json!(["m1", "m2"]), json!(["m1", "m2"]));
    assert_eq!(status, told);
    for (key, value, hint) in [
        ("roster", json!(["m1", "no id"]), "entry 2"),
        ("waiting", json!(-1), "invalid value"),
        ("room_days", json!(-1.5), "room_days"),
        ("oldest_waiting", json!("yesterday"), "RFC 3339"),
        ("at", json!("2026-07-01T00:00:00Z"), "unknown field"),
    ] {
        let mut wrong = told.clone();
        wrong[key] = value;
        let (_, detail) = put(&cloud, path, &wrong).await.problem(400);
        assert!(detail.contains(hint), "{key}: {detail}");
    }
    let long = format!("/api/v1/gateways/{}/status", "x".repeat(129));
    put(&cloud, &long, &told).await.problem(400);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_a_picture_with_edges_and_nothing_else() {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.get_json("/api/v1/plan").await, json!({"plan": null}));
    cloud.get("/api/v1/plan/image").await.problem(404);
    let path = "/api/v1/plan?south=44.1&west=7&north=44.25&east=7.5";
    let send = async |path: &str, content_type: &str, body: Vec<u8>| {
        cloud.request("PUT", path, &[("content-type", content_type)], body.into()).await
    };
    let png = || b"\x89PNG\r\n\x1a\nand so on".to_vec();
    let said = send(path, "image/png", png()).await;
    assert_eq!(said.status, 200, "{}", said.text());
    let plan = cloud.get_json("/api/v1/plan").await;
    assert_eq!(said.json(), plan);
    assert_eq!((&plan["plan"]["south"], &plan["plan"]["content_type"]), (&json!(44.1), &json!("image/png")));
    let image = cloud.get("/api/v1/plan/image").await;
    assert_eq!(
        (image.header("content-type"), image.header("x-content-type-options")),
        ("image/png", "nosniff")
    );
    assert_eq!(image.body, png());
    send(path, "image/svg+xml", b"<svg/>".to_vec()).await.problem(415);
    send(path, "image/png", b"<svg/>".to_vec()).await.problem(400);
    send("/api/v1/plan?south=44.1&west=7&north=44&east=7.5", "image/png", png()).await.problem(400);
    send("/api/v1/plan?south=44.1", "image/png", png()).await.problem(400);
    let mut large = png();
    large.resize(2 * 1024 * 1024 + 1, 0);
    send(path, "image/png", large).await.problem(413);
    assert_eq!(cloud.get("/api/v1/plan/image").await.body, png(), "what was refused changed nothing");
    assert_eq!(cloud.request("DELETE", "/api/v1/plan", &[], Bytes::new()).await.status, 204);
    assert_eq!(cloud.get_json("/api/v1/plan").await, json!({"plan": null}));
    cloud.stop().await;
}
