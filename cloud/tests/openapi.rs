//! What the cloud says of its API, held against what it does.

use crate::support;

use bytes::Bytes;
use fieldpost_cloud::Access;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use support::{
    Cloud, PATIENCE, Response,
    described::Described,
    hours_ago,
    receivers::Hook,
    site::{Browser, JSON, PASSWORD, SENML, Site, none},
};

const ITHACA: &str = include_str!("../../samples/ithaca.csv");

/// Lines of the sample as SenML, shifted so that the last one was `hours` ago.
fn pack(count: usize, hours: u64) -> String {
    let lines = ITHACA.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    let measured = |line: &Vec<&str>| line.len() == 4 && !line[2].is_empty() && !line[3].is_empty();
    let lines: Vec<_> = lines.filter(measured).take(count).collect();
    let end = hours_ago(hours).as_millis() / 1_000;
    let records = lines.iter().enumerate().flat_map(|(place, line)| {
        let time = end - 3_600 * i64::try_from(count - 1 - place).unwrap();
        let moisture = line[3].parse::<f64>().unwrap() / 100.0;
        [
            json!({"n": "m1/temperature", "u": "Cel", "t": time, "v": line[2].parse::<f64>().unwrap()}),
            json!({"n": "m1/moisture", "u": "/", "t": time, "v": (moisture * 10_000.0).round() / 10_000.0}),
        ]
    });
    Value::Array(records.collect()).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_openapi_and_speaks_of_itself() {
    let cloud = Cloud::start().await;
    let said = cloud.get("/api/v1/openapi.json").await;
    assert_eq!((said.status.as_u16(), said.header("content-type")), (200, "application/json"));
    let document = Described::of(&cloud).await;
    assert!(document.document["openapi"].as_str().unwrap().starts_with("3.1."));
    let (mut ids, mut tags) = (BTreeSet::new(), BTreeSet::new());
    for operation in document.operations() {
        assert!(ids.insert(operation.id().to_owned()), "{} stands twice", operation.id());
        assert!(!operation.says["summary"].as_str().unwrap().is_empty());
        tags.insert(operation.says["tags"][0].as_str().unwrap().to_owned());
        let named: BTreeSet<_> =
            operation.path.split('{').skip(1).map(|part| part.split('}').next().unwrap()).collect();
        let parameters = operation.says["parameters"].as_array().cloned().unwrap_or_default();
        let in_path =
            parameters.iter().filter(|one| one["in"] == "path").map(|one| one["name"].as_str().unwrap());
        assert_eq!(in_path.collect::<BTreeSet<_>>(), named, "{}", operation.path);
    }
    assert!(ids.len() >= 48 && ids.contains("get_openapi"), "{}", ids.len());
    let told = document.document["tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tag| tag["name"].as_str().unwrap().to_owned());
    assert_eq!(told.collect::<BTreeSet<_>>(), tags);
    let text = said.text();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.document.pointer(reference).is_some(), "{reference} leads nowhere");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_described_is_routed_and_nothing_else() {
    let cloud = Cloud::start().await;
    let document = Described::of(&cloud).await;
    let operations = document.operations();
    for operation in &operations {
        if operation.id() == "watch" {
            continue;
        }
        let said = cloud.request(operation.method, &operation.a_path(), &[], none()).await;
        let reason = (said.status.as_u16() >= 400).then(|| said.json()["reason"].as_str().map(str::to_owned));
        let unrouted = matches!(said.status.as_u16(), 405)
            || (said.status == 404 && said.text().contains("there is nothing at"));
        assert!(!unrouted, "{} {}: {reason:?}", operation.method, operation.path);
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
            if !operations.iter().any(|other| other.path == operation.path && other.method == method) {
                let said = cloud.request(method, &operation.a_path(), &[], none()).await;
                assert_eq!(said.status, 405, "{method} {} is not described", operation.path);
            }
        }
    }
    // A route comes from its description; one that is added by hand has none.
    for source in [include_str!("../src/http/mod.rs"), include_str!("../src/http/openapi/mod.rs")] {
        assert!(!source.contains(".route("), "a route without a description");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_is_said_to_need_is_what_it_needs() {
    let (site, ann) = Site::with_ann().await;
    let document = Described::of(&site.cloud).await;
    let (_, read) = ann.token(&site, "r", "read").await;
    let (_, ingest) = ann.token(&site, "i", "ingest").await;
    for operation in document.operations() {
        let (method, path, needs) = (operation.method, operation.a_path(), operation.needs());
        if operation.id() == "watch" {
            continue;
        }
        let asked = format!("{method} {path} needs {needs}");
        let open = operation.says["security"].as_array().unwrap().is_empty();
        assert_eq!(open, needs == "nothing", "{asked}");
        let reason = site.cloud.request(method, &path, &[], none()).await;
        let refused = reason.status == 401 && reason.json()["reason"] == "unauthenticated";
        assert_eq!(refused, needs != "nothing", "{asked}");
        if needs == "nothing" {
            continue;
        }
        for (token, rights) in [(&read, "read"), (&ingest, "ingest")] {
            let said = site.with_token(token, method, &path).await;
            let refused = said.status == 403 && said.json()["reason"] == "not-allowed";
            assert_eq!(refused, needs != rights, "{asked}, with a token of {rights}");
        }
    }
    site.cloud.stop().await;
}

/// A browser that holds each answer against the description.
struct Asking<'a> {
    site: &'a Site,
    ann: Browser,
    document: Described,
}

impl Asking<'_> {
    async fn ask(&mut self, method: &str, path: &str, body: Value) -> Response {
        let said = self.ann.ask(self.site, method, path, body).await;
        self.document.check(method, path, &said);
        said
    }

    async fn with(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Response {
        let own = [("cookie", self.ann.cookie.as_str()), ("x-csrf-token", &self.ann.csrf)];
        let said = self.site.cloud.request(method, path, &[&own, headers].concat(), body).await;
        self.document.check(method, path, &said);
        said
    }

    async fn is(&mut self, status: u16, method: &str, path: &str, body: Value) -> Value {
        let said = self.ask(method, path, body).await;
        assert_eq!(said.status, status, "{method} {path}: {}", said.text());
        if said.body.is_empty() { Value::Null } else { said.json() }
    }

    async fn get(&mut self, path: &str) -> Value {
        self.is(200, "GET", path, Value::Null).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_as_its_description_says() {
    let (site, ann) = Site::with_ann().await;
    let document = Described::of(&site.cloud).await;
    let mut asking = Asking { site: &site, ann, document };
    surveys(&mut asking).await;
    devices(&mut asking).await;
    gateways_and_plan(&mut asking).await;
    alerts(&mut asking).await;
    care_and_exports(&mut asking).await;
    accounts(&mut asking).await;
    problems(&mut asking).await;
    let all = asking.document.operations();
    let all: BTreeSet<_> = all.iter().map(|operation| operation.id().to_owned()).collect();
    let missed: Vec<_> = all.difference(&asking.document.seen).filter(|id| *id != "watch").collect();
    assert!(missed.is_empty(), "no answer of {missed:?} was seen");
    site.cloud.stop().await;
}

async fn surveys(asking: &mut Asking<'_>) {
    let north = [SENML, ("fieldpost-gateway", "north")];
    let body = pack(200, 2);
    assert_eq!(asking.with("POST", "/api/v1/surveys", &north, body.into()).await.status, 200);
    let time = hours_ago(2).as_millis() / 1_000;
    let other = json!([{"n": "m1/temperature", "u": "Cel", "t": time, "v": 55.5}]).to_string();
    let said = asking.with("POST", "/api/v1/surveys", &north, other.into()).await;
    assert_eq!(said.json()["conflict"], 1);
    let refused = json!([{"n": "m1/temperature", "u": "Cel", "t": time, "v": 1e9}]).to_string();
    assert_eq!(asking.with("POST", "/api/v1/surveys", &north, refused.into()).await.status, 422);
    // The example is a pack.
    let example = "/paths/~1api~1v1~1surveys/post/requestBody/content/application~1senml+json/example";
    let example = asking.document.document.pointer(example).unwrap().to_string();
    let said = asking.with("POST", "/api/v1/surveys", &[SENML], example.replace("m1/", "m2/").into()).await;
    assert_eq!(said.json(), json!({"new": 2, "duplicate": 0, "conflict": 0}));
    assert_eq!(asking.get("/api/v1/quarantine").await["quarantine"].as_array().unwrap().len(), 1);
}

async fn devices(asking: &mut Asking<'_>) {
    let details = json!({"name": "Apple, third row", "place": "hill", "latitude": 42.44, "longitude": -76.25, "depth_cm": 5.5,
        "soil": "loam", "interval_s": 3600, "survey_s": 86400, "notes": "under the drip", "moisture_low": 20.5, "moisture_high": 40,
        "temperature_low": 0, "temperature_high": 30});
    asking.is(200, "PUT", "/api/v1/devices/m1/details", details).await;
    asking.is(200, "PUT", "/api/v1/devices/never-heard/details", json!({"name": "new"})).await;
    let paged = asking.get("/api/v1/devices?limit=1").await;
    assert!(paged["next"].is_string());
    for path in [
        "/devices",
        "/devices/m1",
        "/devices/never-heard",
        "/devices/m1/readings",
        "/devices/m1/readings?limit=2",
    ] {
        asking.get(&format!("/api/v1{path}")).await;
    }
    let today = &hours_ago(2).to_string()[..10];
    assert_eq!(asking.get("/api/v1/devices/m1/conflicts").await["conflicts"].as_array().unwrap().len(), 1);
    let day = asking.get(&format!("/api/v1/devices/m1/days/{today}")).await;
    assert!(!day["surveys"].as_array().unwrap().is_empty(), "{day}");
    let first = asking.get("/api/v1/devices/m1").await["first_time"].as_str().unwrap()[..10].to_owned();
    asking.get(&format!("/api/v1/devices/m1/days/{first}")).await;
    for path in ["series", "series?points=10", "series?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z"] {
        asking.get(&format!("/api/v1/devices/m1/{path}")).await;
    }
    let fleet = asking.get("/api/v1/fleet?sort=moisture&order=desc&state=fresh,never,silent").await;
    let shown = &fleet["devices"].as_array().unwrap();
    assert!(shown.iter().any(|one| one["spark"].is_object()), "{fleet}");
    assert!(shown.iter().any(|one| one["cause"].is_object()), "{fleet}");
    asking.get("/api/v1/completeness").await;
    let csv = asking.with("GET", "/api/v1/devices/m1/readings", &[("accept", "text/csv")], none()).await;
    assert!(csv.text().starts_with("device,time,"));
}

async fn gateways_and_plan(asking: &mut Asking<'_>) {
    let round = json!({"opened": "2026-07-01T06:00:00Z", "closed": "2026-07-01T06:05:00Z", "reported": 1, "silent": ["m7"]});
    let status = json!({"version": "0.1.0", "waiting": 2, "oldest_waiting": "2026-07-01T06:00:00Z", "journal_bytes": 4096,
        "journal_limit": 1 << 30, "room_days": 812.5, "roster": ["m1", "m7"], "round": round});
    asking.is(204, "PUT", "/api/v1/gateways/north/status", status).await;
    let said = asking.get("/api/v1/gateways").await;
    assert!(
        said["gateways"].as_array().unwrap().iter().any(|one| one["status"]["round"].is_object()),
        "{said}"
    );
    asking.get("/api/v1/plan").await;
    let path = "/api/v1/plan?south=42&west=-77&north=43.5&east=-76";
    let png = Bytes::from_static(b"\x89PNG\r\n\x1a\n");
    assert_eq!(asking.with("PUT", path, &[("content-type", "image/png")], png).await.status, 200);
    asking.get("/api/v1/plan").await;
    assert_eq!(asking.ask("GET", "/api/v1/plan/image", Value::Null).await.status, 200);
    asking.is(204, "DELETE", "/api/v1/plan", Value::Null).await;
}

async fn alerts(asking: &mut Asking<'_>) {
    let hook = Hook::start(&[]).await;
    let webhook = json!({"kind": "webhook", "name": "phone", "url": hook.url(), "secret": "s3cr3t"});
    let channel = asking.is(201, "POST", "/api/v1/channels", webhook.clone()).await["id"].as_i64().unwrap();
    asking.is(200, "PUT", &format!("/api/v1/channels/{channel}"), webhook).await;
    let email = json!({"kind": "email", "name": "post", "to": "ann@example.org", "from": "field@example.org", "server": "smtp://127.0.0.1:1"});
    let email = asking.is(201, "POST", "/api/v1/channels", email).await["id"].as_i64().unwrap();
    let mqtt = json!({"kind": "mqtt", "name": "broker", "broker": "mqtt://127.0.0.1:1", "topic": "alerts"});
    asking.is(201, "POST", "/api/v1/channels", mqtt).await;
    asking.get("/api/v1/channels").await;
    for (channel, delivered) in [(channel, true), (email, false)] {
        let tried = asking.is(200, "POST", &format!("/api/v1/channels/{channel}/test"), Value::Null).await;
        assert_eq!(tried["delivered"], delivered, "{tried}");
    }
    let rule = json!({"name": "dry", "kind": "moisture_below", "value": 99.5, "channels": [channel], "devices": ["m1"]});
    let made = asking.is(201, "POST", "/api/v1/rules", rule.clone()).await["id"].as_i64().unwrap();
    asking.get("/api/v1/rules").await;
    let deadline = std::time::Instant::now() + PATIENCE;
    let alert = loop {
        let alerts = asking.get("/api/v1/alerts?open=true").await;
        if let Some(id) = alerts["alerts"][0]["id"].as_i64() {
            break id;
        }
        assert!(std::time::Instant::now() < deadline, "no alert");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    asking.is(200, "POST", &format!("/api/v1/alerts/{alert}/acknowledge"), Value::Null).await;
    asking.is(200, "PUT", &format!("/api/v1/rules/{made}"), rule).await;
    asking.is(204, "DELETE", &format!("/api/v1/rules/{made}"), Value::Null).await;
    asking.is(204, "DELETE", &format!("/api/v1/channels/{email}"), Value::Null).await;
    asking.get("/api/v1/alerts").await;
}

async fn care_and_exports(asking: &mut Asking<'_>) {
    asking.get("/api/v1/retention").await;
    asking.is(200, "PUT", "/api/v1/retention", json!({"keep_days": 3_650})).await;
    asking.get("/api/v1/retention/preview?keep_days=32").await;
    assert_eq!(asking.is(200, "POST", "/api/v1/check", Value::Null).await["ok"], true);
    for format in ["csv", "ismn", "senml", "parquet"] {
        let said =
            asking.ask("GET", &format!("/api/v1/export?format={format}&devices=m1,m2"), Value::Null).await;
        assert_eq!(said.status, 200, "{format}");
    }
    asking.get("/healthz").await;
    asking.get("/api/v1/openapi.json").await;
    assert_eq!(asking.ask("GET", "/metrics", Value::Null).await.status, 200);
    let stranger = asking.site.cloud.get("/healthz").await;
    assert!(stranger.json()["readings"].is_null());
    asking.document.check("GET", "/healthz", &stranger);
}

async fn accounts(asking: &mut Asking<'_>) {
    let bob = json!({"name": "bob", "role": "viewer", "password": PASSWORD});
    asking.is(201, "POST", "/api/v1/users", bob.clone()).await;
    asking.is(409, "POST", "/api/v1/users", bob).await;
    asking.is(200, "PATCH", "/api/v1/users/bob", json!({"role": "operator"})).await;
    asking.get("/api/v1/users").await;
    let token = asking.is(201, "POST", "/api/v1/tokens", json!({"name": "north", "scope": "ingest"})).await;
    asking.get("/api/v1/tokens").await;
    asking.is(204, "DELETE", &format!("/api/v1/tokens/{}", token["id"]), Value::Null).await;
    asking.is(204, "DELETE", "/api/v1/users/bob", Value::Null).await;
    asking.get("/api/v1/me").await;
    let me = asking.site.cloud.get("/api/v1/me").await;
    assert!(me.json()["user"].is_null());
    asking.document.check("GET", "/api/v1/me", &me);
    for (password, status) in [(PASSWORD, 200), ("wrong horse", 401)] {
        let said = asking.site.sign_in("ann", password).await;
        assert_eq!(said.status, status);
        asking.document.check("POST", "/api/v1/session", &said);
    }
    let same = json!({"old": PASSWORD, "new": PASSWORD});
    asking.is(204, "PUT", "/api/v1/me/password", same).await;
    asking.is(204, "DELETE", "/api/v1/session", Value::Null).await;
    let fresh = Site::start(Access::Guarded).await;
    let body = json!({"code": fresh.code(), "name": "ann", "password": PASSWORD});
    for status in [201, 403] {
        let said = fresh.post("/api/v1/setup", body.clone()).await;
        assert_eq!(said.status, status);
        asking.document.check("POST", "/api/v1/setup", &said);
    }
    fresh.cloud.stop().await;
    asking.ann = asking.site.browser("ann").await;
}

async fn problems(asking: &mut Asking<'_>) {
    for (status, method, path, body) in [
        (400, "GET", "/api/v1/fleet?sorted=name", Value::Null),
        (404, "GET", "/api/v1/devices/nobody", Value::Null),
        (404, "GET", "/api/v1/export?devices=nobody", Value::Null),
        (404, "GET", "/api/v1/plan/image", Value::Null),
        (400, "PUT", "/api/v1/devices/m1/details", json!({"colour": "red"})),
        (413, "PUT", "/api/v1/devices/m1/details", json!({"notes": "x".repeat(100_000)})),
        (400, "POST", "/api/v1/rules", json!({"name": "r", "kind": "no such kind"})),
    ] {
        asking.is(status, method, path, body).await;
    }
    let said = asking
        .with(
            "PUT",
            "/api/v1/plan?south=1&west=1&north=2&east=2",
            &[("content-type", "image/svg+xml")],
            none(),
        )
        .await;
    assert_eq!(said.status, 415);
    let said = asking.with("GET", "/api/v1/devices/m1/readings", &[("accept", "image/png")], none()).await;
    assert_eq!(said.status, 406);
    let said = asking.site.cloud.request("GET", "/api/v1/fleet", &[JSON], none()).await;
    assert_eq!(said.status, 401);
    asking.document.check("GET", "/api/v1/fleet", &said);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_in_queries_are_taken_up_to_the_limits_that_are_said() {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.post_json(&pack(10, 2)).await.status, 200);
    let document = Described::of(&cloud).await;
    let mut limits = 0;
    for operation in document.operations().iter().filter(|operation| operation.method == "GET") {
        for parameter in operation.says["parameters"].as_array().into_iter().flatten() {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            for (edge, step) in [("minimum", -1), ("maximum", 1)] {
                let Some(edge) = schema[edge].as_f64() else { continue };
                let edge = edge as i64;
                let ask =
                    async |value: i64| cloud.get(&format!("{}?{name}={value}", operation.a_path())).await;
                assert_eq!(ask(edge).await.status, 200, "{} {name}={edge}", operation.path);
                ask(edge + step).await.problem(400);
                limits += 1;
            }
        }
    }
    assert!(limits >= 20, "{limits}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_api_may_have_styles_inline_and_no_other_page_may() {
    let cloud = Cloud::start().await;
    let docs = cloud.get("/docs").await;
    assert_eq!((docs.status.as_u16(), docs.header("content-type")), (200, "text/html; charset=utf-8"));
    let there = docs.body != cloud.get("/").await.body;
    let policy = docs.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    assert_eq!(policy.contains("'unsafe-inline'"), there, "{policy}");
    assert!(docs.text().contains(if there { "<h1>" } else { "openapi.json" }), "{}", docs.text());
    assert!(!cloud.get("/").await.header("content-security-policy").contains("unsafe"));
    cloud.stop().await;
}
