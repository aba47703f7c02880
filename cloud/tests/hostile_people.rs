//! What people with bad intentions type into names, searches, paths and headers: over real HTTP, and nothing comes of it.

use crate::support;

use serde_json::{Value, json};
use support::{
    Cloud,
    site::{JSON, SENML},
    sql,
};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Each would be a statement of its own, or change the one it stands in, if texts were ever put together to SQL.
const SQL: [&str; 8] = [
    "'; DROP TABLE readings; --",
    "' OR '1'='1",
    "\" OR 1=1 --",
    "m1' UNION SELECT name, sql, 1, 2 FROM sqlite_master --",
    "1); DELETE FROM devices; --",
    "\\'; ATTACH DATABASE '/tmp/x' AS x; --",
    "name; PRAGMA writable_schema=1",
    "m1\0' OR 1=1",
];
/// Each would run, or become an element, on a page that takes texts for markup.
const MARKUP: [&str; 5] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</title><!--",
];

/// A cloud with one reading of `m1`.
async fn with_a_reading() -> Cloud {
    let cloud = Cloud::start().await;
    assert_eq!(cloud.post_json(support::site::PACK).await.status, 200);
    cloud
}

/// Everything that is not plain, as a query or path has it.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A request as bytes, and what came back until the cloud closed.
async fn raw(cloud: &Cloud, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(cloud.http).await.unwrap();
    // A cloud that has heard enough may close before everything is written.
    let _ = stream.write_all(request).await;
    support::answer(&mut stream).await
}

async fn ask(cloud: &Cloud, method: &str, path: &str, body: &Value) -> support::Response {
    cloud.request(method, path, &[JSON], body.to_string().into()).await
}

/// Nothing is gone, added or damaged.
fn assert_unharmed(cloud: &Cloud) {
    let one = |query: &str| sql::<i64>(&cloud.store(), query);
    assert_eq!((one("SELECT count(*) FROM readings"), one("SELECT count(*) FROM surveys")), (1, 1));
    assert_eq!(sql::<String>(&cloud.store(), "PRAGMA integrity_check"), "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_in_a_query_or_an_id_is_text_that_nothing_has() {
    let cloud = with_a_reading().await;
    for attack in SQL {
        let text = escaped(attack);
        for path in ["fleet?search=", "completeness?search="] {
            let found = cloud.get_json(&format!("/api/v1/{path}{text}")).await;
            assert_eq!(found["total"], 0, "{path}{attack}");
        }
        for path in [
            "fleet?sort=",
            "fleet?state=",
            "fleet?order=",
            "fleet?offset=",
            "completeness?from=",
            "devices/m1/series?from=",
            "devices/m1/series?points=",
            "devices/m1/readings?limit=",
            "quarantine?before=",
            "alerts?before=",
            "alerts?open=",
            "export?devices=",
            "export?format=",
            "export?from=",
            "retention/preview?keep_days=",
            "plan?south=",
        ] {
            let said = cloud.get(&format!("/api/v1/{path}{text}")).await;
            said.problem(400);
        }
        for path in ["", "/readings", "/series", "/conflicts", "/days/2025-07-01"] {
            let said = cloud.get(&format!("/api/v1/devices/{text}{path}")).await;
            assert!([400, 404].contains(&said.status.as_u16()), "{path} {attack}: {}", said.text());
            said.problem(said.status.as_u16());
        }
        for path in ["devices/m1/days/", "quarantine?device="] {
            cloud.get(&format!("/api/v1/{path}{text}")).await.problem(404);
        }
    }
    // Not patterns either: what LIKE and GLOB take for anything is a character as any other.
    for pattern in ["%", "_", "*", "m_", "[m]1"] {
        let found = cloud.get_json(&format!("/api/v1/fleet?search={}", escaped(pattern))).await;
        assert_eq!(found["total"], 0, "{pattern}");
    }
    assert_unharmed(&cloud);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_and_markup_in_names_is_kept_as_it_is_and_said_as_json() {
    let cloud = with_a_reading().await;
    for attack in SQL.into_iter().filter(|attack| !attack.contains('\0')).chain(MARKUP) {
        let details = json!({"name": attack, "place": attack, "soil": attack, "notes": attack});
        let said = ask(&cloud, "PUT", "/api/v1/devices/m1/details", &details).await;
        assert_eq!(said.status, 200, "{attack}: {}", said.text());
        let rule = json!({"name": attack, "kind": "device_silent", "channels": []});
        assert_eq!(ask(&cloud, "POST", "/api/v1/rules", &rule).await.status, 201, "{attack}");
        let gateway = [("fieldpost-gateway", attack), SENML];
        let again = cloud.request("POST", "/api/v1/surveys", &gateway, support::site::PACK.into()).await;
        assert_eq!(again.json(), json!({"new": 0, "duplicate": 1, "conflict": 0}), "{attack}");
        for path in ["devices/m1", "fleet", "completeness", "rules", "gateways"] {
            let said = cloud.get(&format!("/api/v1/{path}")).await;
            assert_eq!(said.header("content-type"), "application/json", "{path}");
            assert_eq!(said.header("x-content-type-options"), "nosniff", "{path}");
            assert!(said.json().to_string().contains(&json!(attack).to_string()), "{path} lacks {attack}");
        }
        let found = cloud.get_json(&format!("/api/v1/fleet?search={}", escaped(attack))).await;
        assert_eq!(found["total"], 1, "it is found by its own name: {attack}");
    }
    assert_eq!(sql::<i64>(&cloud.store(), "SELECT count(*) FROM readings"), 1);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_of_a_request_is_never_a_page() {
    let cloud = with_a_reading().await;
    let index = cloud.get("/").await.body;
    for attack in MARKUP {
        let text = escaped(attack);
        assert_eq!(
            cloud.get(&format!("/devices/{text}")).await.body,
            index,
            "the page does not say where it is"
        );
        for path in ["nothing/", "devices/", "fleet?sort=", "fleet?"] {
            let said = cloud.get(&format!("/api/v1/{path}{text}")).await;
            assert!(said.status.is_client_error(), "{path}{attack}");
            assert_eq!(said.header("content-type"), "application/problem+json");
            assert_eq!(said.header("x-content-type-options"), "nosniff");
        }
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_leads_to_what_is_in_the_program_and_nowhere_else() {
    let cloud = with_a_reading().await;
    let index = cloud.get("/").await.body;
    let index = std::str::from_utf8(&index).unwrap();
    for path in [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "///etc/passwd",
        "/assets/../../../etc/passwd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%5c..%5cetc%5cpasswd",
        "/etc/passwd%00",
        "/%00",
        "/index.html%00.js",
        "/assets/%00",
        "/store.db",
        "/../store.db",
        "/./store.db",
        "/%2e/store.db",
        "/devices/..%2f..%2fstore.db",
        "/api/../store.db",
        "/api/v1/..%2f..%2fstore.db",
        "/api/v1/devices/..%2f..%2fetc%2fpasswd",
        "/api/v1/devices/%2e%2e/readings",
        "/api/v1/export?devices=..%2f..%2fetc%2fpasswd",
        "http://elsewhere/etc/passwd",
        "/%c0%ae%c0%ae/etc/passwd",
        "/%ff%fe",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let said = raw(&cloud, request.as_bytes()).await;
        assert!(!said.contains("root:") && !said.contains("SQLite format"), "{path}: {said}");
        let body = said.split_once("\r\n\r\n").unwrap().1;
        let refused = said.starts_with("HTTP/1.1 4") && said.contains("application/problem+json");
        assert!(refused || said.starts_with("HTTP/1.1 200") && body == index, "{path}: {said}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_exported_have_names_that_stay_where_they_are_put() {
    let cloud = Cloud::start().await;
    for id in ["a..b", "a:b", "a_b", "CON", "m1.stm"] {
        let pack = format!(r#"[{{"n":"{id}/temperature","u":"Cel","t":1751356800,"v":-20}}]"#);
        assert_eq!(cloud.post_json(&pack).await.status, 200, "{id}");
    }
    for id in
        ["../x", "..", "/etc/x", "a/b", "a\\b", "=1+1", "@x", "+x", "-x", "a\"b", "a b", "a\r\nSet-Cookie: x"]
    {
        let name = json!(format!("{id}/temperature"));
        let pack = format!(r#"[{{"n":{name},"u":"Cel","t":1751356800,"v":20}}]"#);
        cloud.post_json(&pack).await.problem(422);
    }
    let details = json!({"name": "../../x\"; filename=\"y", "place": "=cmd|' /C calc'!A0", "soil": "@x", "notes": "+1"});
    assert_eq!(ask(&cloud, "PUT", "/api/v1/devices/CON/details", &details).await.status, 200);
    for (format, ending) in [("csv", "csv"), ("ismn", "zip"), ("senml", "senml.json")] {
        let said = cloud.get(&format!("/api/v1/export?format={format}")).await;
        let name = said.header("content-disposition").to_owned();
        let inside =
            name.strip_prefix("attachment; filename=\"fieldpost-").and_then(|rest| rest.strip_suffix('"'));
        let plain =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        assert!(inside.is_some_and(|name| plain(name) && name.ends_with(ending)), "{name}");
        let body = String::from_utf8_lossy(&said.body).into_owned();
        assert!(
            !body.contains("calc") && !body.contains("../"),
            "{format} has what people said of the device"
        );
        if format == "csv" {
            // No cell can begin a formula but a number's minus sign: ids begin with a letter or digit, the rest are numbers and flags.
            let cells = body.lines().flat_map(|line| line.split(','));
            let formula =
                |cell: &&str| cell.starts_with(['=', '+', '@', '\t', '-']) && cell.parse::<f64>().is_err();
            assert_eq!(cells.into_iter().find(formula), None);
        }
        if format == "ismn" {
            for file in
                body.match_indices("FIELDPOST/").map(|(at, _)| body[at..].split('\u{0}').next().unwrap())
            {
                let path = file.split(".stm").next().unwrap();
                assert!(path.split('/').all(|part| part != ".." && part != "."), "{path}");
            }
        }
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateways_name_is_one_line_wherever_it_comes_from() {
    let cloud = with_a_reading().await;
    let status = json!({"version": "0.1.0", "waiting": 0, "journal_bytes": 0, "journal_limit": 1});
    for name in
        ["a%0d%0aSet-Cookie:%20x=1", "a%0a", "%00", "%7f", "%1b[2J", "%20a", "%ff", "%C3%BC", "x/../y"]
    {
        let said = ask(&cloud, "PUT", &format!("/api/v1/gateways/{name}/status"), &status).await;
        assert!(said.status.is_client_error(), "{name}: {}", said.status);
        said.problem(said.status.as_u16());
    }
    let long = "x".repeat(129);
    ask(&cloud, "PUT", &format!("/api/v1/gateways/{long}/status"), &status).await.problem(400);
    for name in ["a\tb", "a\u{7f}b", "\u{fc}", long.as_str()] {
        let headers = format!(
            "Host: localhost\r\nFieldpost-Gateway: {name}\r\nContent-Type: application/senml+json\r\n"
        );
        let request = format!(
            "POST /api/v1/surveys HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: 2\r\n\r\n[]"
        );
        let said = raw(&cloud, request.as_bytes()).await;
        assert!(said.starts_with("HTTP/1.1 400"), "{name:?}: {said}");
    }
    // The worst that is allowed, where quotes and backslashes mean something.
    let worst = r#"a"b\c{}<script>,="#;
    let headers = [("fieldpost-gateway", worst), SENML];
    assert_eq!(
        cloud.request("POST", "/api/v1/surveys", &headers, support::site::PACK.into()).await.status,
        200
    );
    let metrics = cloud.get("/metrics").await.text();
    assert!(metrics.contains(r#"gateway="a\"b\\c{}<script>,=""#), "{metrics}");
    for gateway in cloud.get_json("/api/v1/gateways").await["gateways"].as_array().unwrap() {
        let name = gateway["name"].as_str().unwrap();
        assert!(!name.is_empty() && name.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name:?}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_what_is_too_long_or_too_deep_is_refused_and_the_next_is_served() {
    let cloud = with_a_reading().await;
    let long = "a".repeat(100_000);
    let many = "search=a&".repeat(3_000);
    for (path, status) in [
        (format!("/api/v1/fleet?search={long}"), 431),
        (format!("/{long}"), 431),
        (format!("/api/v1/fleet?{many}"), 400),
        (format!("/api/v1/fleet?search={}", &long[..201]), 400),
        (format!("/api/v1/fleet?state={}", "late,".repeat(5_000)), 400),
        (format!("/api/v1/devices/{}", &long[..64]), 404),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let said = raw(&cloud, request.as_bytes()).await;
        let begin: String = path.chars().take(60).collect();
        // A cloud that closes with bytes unread may take its own answer back on the way.
        let refused = said.starts_with(&format!("HTTP/1.1 {status}")) || status == 431 && said.is_empty();
        assert!(refused, "{begin}: {}", said.chars().take(200).collect::<String>());
        assert!(said.len() < 4_096, "{begin}: an answer as long as the question");
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let object = "{\"name\":".repeat(10_000);
    for body in
        [deep.as_str(), object.as_str(), "1e999", "{\"latitude\":1e999}", "\u{0}", "{\"name\":\"\\ud800\"}"]
    {
        let said = cloud.request("PUT", "/api/v1/devices/m1/details", &[JSON], body.to_owned().into()).await;
        assert!([400, 413].contains(&said.status.as_u16()), "{}", said.status);
        said.problem(said.status.as_u16());
    }
    cloud.post_json(&deep).await.problem(400);
    assert_unharmed(&cloud);
    assert_eq!(cloud.get_json("/api/v1/fleet").await["total"], 1);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_none_is_refused_and_not_repeated() {
    let cloud = with_a_reading().await;
    for host in [
        "evil.example",
        "\"><script>alert(1)</script>",
        "localhost@evil.example",
        "localhost:1:2",
        "a, localhost",
    ] {
        let request = format!("GET /api/v1/fleet HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let said = raw(&cloud, request.as_bytes()).await;
        assert!(
            said.starts_with("HTTP/1.1 403") && !said.contains("evil") && !said.contains("alert"),
            "{host}: {said}"
        );
    }
    let two =
        "GET /api/v1/fleet HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    let said = raw(&cloud, two.as_bytes()).await;
    assert!(said.starts_with("HTTP/1.1 4"), "two names at once: {said}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_a_picture_or_nothing() {
    let cloud = Cloud::start().await;
    let path = "/api/v1/plan?south=1&west=1&north=2&east=2";
    let script = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>";
    for (form, status) in
        [("image/svg+xml", 415), ("text/html", 415), ("image/png", 400), ("image/png, text/html", 415)]
    {
        cloud.request("PUT", path, &[("content-type", form)], script.into()).await.problem(status);
    }
    let both = [b"\x89PNG\r\n\x1a\n".as_slice(), script.as_bytes()].concat();
    assert_eq!(cloud.request("PUT", path, &[("content-type", "image/png")], both.into()).await.status, 200);
    let image = cloud.get("/api/v1/plan/image").await;
    assert_eq!(
        (image.header("content-type"), image.header("x-content-type-options")),
        ("image/png", "nosniff")
    );
    assert!(
        image.header("content-security-policy").contains("sandbox"),
        "opened by itself it may do nothing"
    );
    cloud.stop().await;
}
