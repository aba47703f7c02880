//! Accounts over real HTTP: who may what, and what keeps others out (promise P9).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "this file is a test")]

mod support;

use fieldpost_cloud::{Access, Announce};
use serde_json::{Value, json};
use std::{
    fs,
    sync::{Arc, Mutex},
};
use support::{Cloud, Response, sql};
use tempfile::TempDir;

const JSON: (&str, &str) = ("content-type", "application/json");
const SENML: (&str, &str) = ("content-type", "application/senml+json");
const PACK: &str = r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#;
const PASSWORD: &str = "correct horse";

/// A cloud, and the one-time links that it told.
struct Site {
    cloud: Cloud,
    links: Arc<Mutex<Vec<String>>>,
}

impl Site {
    async fn start(access: Access) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), access).await
    }

    async fn start_in(folder: Arc<TempDir>, access: Access) -> Self {
        let links = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&links);
        let cloud = Cloud::start_with(folder, |settings, _| {
            settings.access = access;
            settings.announce = Some(Announce::new(move |link| told.lock().unwrap().push(link.to_owned())));
        })
        .await;
        cloud.get_json("/healthz").await;
        Self { cloud, links }
    }

    /// A cloud in which `ann` is the administrator, and she.
    async fn with_ann() -> (Self, Browser) {
        let site = Self::start(Access::Guarded).await;
        let ann = site.set_up("ann").await;
        (site, ann)
    }

    fn code(&self) -> String {
        self.links.lock().unwrap().last().unwrap().split_once("/setup#code=").unwrap().1.to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        self.cloud.request("POST", path, &[JSON], body.to_string().into()).await
    }

    async fn set_up(&self, name: &str) -> Browser {
        let body = json!({"code": self.code(), "name": name, "password": PASSWORD});
        Browser::of(&self.post("/api/v1/setup", body).await, 201)
    }

    async fn sign_in(&self, name: &str, password: &str) -> Response {
        self.post("/api/v1/session", json!({"name": name, "password": password})).await
    }

    async fn browser(&self, name: &str) -> Browser {
        Browser::of(&self.sign_in(name, PASSWORD).await, 200)
    }

    async fn with_token(&self, token: &str, method: &str, path: &str) -> Response {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), SENML];
        self.cloud.request(method, path, &headers, PACK.into()).await
    }

    /// Everything that is on disk.
    fn bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.cloud.folder.path()).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// A browser in which somebody is signed in.
#[derive(Clone)]
struct Browser {
    cookie: String,
    csrf: String,
}

impl Browser {
    fn of(response: &Response, status: u16) -> Self {
        assert_eq!(response.status, status, "{}", response.text());
        let set = response.header("set-cookie");
        let cookie = set.split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("fieldpost_session=") && cookie.len() > 64, "{set}");
        Self { cookie, csrf: response.json()["csrf"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, site: &Site, method: &str, path: &str, body: Value) -> Response {
        let headers = [("cookie", self.cookie.as_str()), ("x-csrf-token", &self.csrf), JSON];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        site.cloud.request(method, path, &headers, body.into()).await
    }

    async fn get(&self, site: &Site, path: &str) -> Response {
        self.ask(site, "GET", path, Value::Null).await
    }

    async fn is_signed_in(&self, site: &Site) -> bool {
        !self.get(site, "/api/v1/me").await.json()["user"].is_null()
    }

    async fn add(&self, site: &Site, name: &str, role: &str) {
        let body = json!({"name": name, "role": role, "password": PASSWORD});
        let said = self.ask(site, "POST", "/api/v1/users", body).await;
        assert_eq!(said.status, 201, "{}", said.text());
    }

    /// Makes a token; its number and itself.
    async fn token(&self, site: &Site, name: &str, scope: &str) -> (i64, String) {
        let said = self.ask(site, "POST", "/api/v1/tokens", json!({"name": name, "scope": scope})).await;
        assert_eq!(said.status, 201, "{}", said.text());
        let said = said.json();
        (said["id"].as_i64().unwrap(), said["token"].as_str().unwrap().to_owned())
    }
}

fn none() -> bytes::Bytes {
    bytes::Bytes::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_all_is_open_until_the_first_account_and_then_nothing_is() {
    let site = Site::start(Access::Guarded).await;
    let me = site.cloud.get_json("/api/v1/me").await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(me, json!({"open": true, "setup": true, "user": null, "csrf": null, "version": version}));
    assert_eq!(site.cloud.post_json(PACK).await.status, 200);
    assert_eq!(site.cloud.get_json("/api/v1/users").await, json!({"users": []}));
    let ann = site.set_up("ann").await;
    let me = site.cloud.get_json("/api/v1/me").await;
    assert_eq!(me, json!({"open": false, "setup": false, "user": null, "csrf": null, "version": version}));
    for (method, path) in [
        ("GET", "/api/v1/devices"),
        ("GET", "/api/v1/users"),
        ("GET", "/metrics"),
        ("POST", "/api/v1/surveys"),
        ("DELETE", "/api/v1/users/ann"),
        ("GET", "/api/v1/nothing"),
    ] {
        let said = site.cloud.request(method, path, &[SENML], PACK.into()).await;
        assert_eq!(said.problem(401).0, "unauthenticated", "{method} {path}");
        assert_eq!(said.header("www-authenticate"), "Bearer");
    }
    let health = site.cloud.get_json("/healthz").await;
    assert!(health["status"] == "ok" && health.get("readings").is_none(), "{health}");
    let me = ann.get(&site, "/api/v1/me").await.json();
    assert_eq!(me["user"], json!({"name": "ann", "role": "administrator"}));
    assert_eq!(me["csrf"], ann.csrf);
    assert_eq!(ann.get(&site, "/api/v1/devices").await.json()["devices"][0]["id"], "m1");
    let metrics = ann.get(&site, "/metrics").await.text();
    assert!(metrics.contains("fieldpost_uploads_refused_total{reason=\"unauthenticated\"} 1"), "{metrics}");
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_link_sets_up_once_and_each_start_without_accounts_makes_another() {
    let site = Site::start(Access::Guarded).await;
    let first = site.code();
    let (folder, _) = site.cloud.stop().await;
    let site = Site::start_in(folder, Access::Guarded).await;
    assert_ne!(site.code(), first);
    let body = |code: &str, password: &str| json!({"code": code, "name": "ann", "password": password});
    assert_eq!(site.post("/api/v1/setup", body(&first, PASSWORD)).await.problem(403).0, "bad-code");
    let short = site.post("/api/v1/setup", body(&site.code(), "short")).await;
    assert!(short.problem(400).1.contains("at least 8"));
    site.set_up("ann").await;
    let again = site.post("/api/v1/setup", body(&site.code(), PASSWORD)).await;
    assert_eq!(again.problem(403).0, "bad-code");
    let told = site.links.lock().unwrap().clone();
    let (folder, _) = site.cloud.stop().await;
    assert_eq!(told.len(), 1);
    let site = Site::start_in(folder, Access::Guarded).await;
    assert_eq!(*site.links.lock().unwrap(), Vec::<String>::new(), "there is an account");

    // The password is lost: a link made beside the running cloud.
    let (store, ann) = (site.cloud.store(), site.browser("ann").await);
    let link = fieldpost_cloud::setup_link(&store, "127.0.0.1:8080").unwrap();
    assert!(link.starts_with("http://127.0.0.1:8080/setup#code="), "{link}");
    site.links.lock().unwrap().push(link);
    let body = json!({"code": site.code(), "name": "ann", "password": "another one"});
    assert_eq!(site.post("/api/v1/setup", body).await.status, 201);
    assert!(!ann.is_signed_in(&site).await, "whoever was in there is out");
    assert_eq!(site.sign_in("ann", PASSWORD).await.problem(401).0, "wrong-credentials");
    assert_eq!(site.sign_in("ann", "another one").await.status, 200);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out_and_a_session_outlives_the_cloud_but_not_its_end() {
    let (site, ann) = Site::with_ann().await;
    let wrong = site.sign_in("ann", "wrong horse").await.problem(401);
    let unknown = site.sign_in("bob", "wrong horse").await.problem(401);
    assert_eq!(wrong, unknown, "which of the two was wrong is not told");
    let other = site.browser("ann").await;
    assert_ne!(other.cookie, ann.cookie);
    let said = ann.ask(&site, "DELETE", "/api/v1/session", Value::Null).await;
    assert_eq!(said.status, 204);
    assert!(said.header("set-cookie").starts_with("fieldpost_session=; Path=/; Max-Age=0"));
    assert!(!ann.is_signed_in(&site).await && other.is_signed_in(&site).await);
    assert_eq!(ann.get(&site, "/api/v1/devices").await.status, 401);
    let nobody = site.cloud.request("DELETE", "/api/v1/session", &[], none()).await;
    assert_eq!(nobody.status, 204);
    let (folder, _) = site.cloud.stop().await;
    let site = Site::start_in(folder, Access::Guarded).await;
    assert!(other.is_signed_in(&site).await && !ann.is_signed_in(&site).await);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_somebody_planted_is_not_the_one_that_is_signed_in() {
    let (site, _) = Site::with_ann().await;
    let planted = "fieldpost_session=0123456789abcdef";
    let body = json!({"name": "ann", "password": PASSWORD}).to_string();
    let sign_in = async |cookie: &str| {
        let headers = [("cookie", cookie), JSON];
        site.cloud.request("POST", "/api/v1/session", &headers, body.clone().into()).await
    };
    let first = Browser::of(&sign_in(planted).await, 200);
    assert_ne!(first.cookie, planted);
    let planted = Browser { cookie: planted.into(), csrf: String::new() };
    assert!(!planted.is_signed_in(&site).await);
    // Signing in again ends the session that the browser had, and begins another; no X-CSRF-Token is needed for that.
    let second = Browser::of(&sign_in(&first.cookie).await, 200);
    assert_ne!(first.cookie, second.cookie);
    assert!(!first.is_signed_in(&site).await && second.is_signed_in(&site).await);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_what_it_is_for() {
    let (site, ann) = Site::with_ann().await;
    ann.add(&site, "vic", "viewer").await;
    ann.add(&site, "olga", "operator").await;
    let (vic, olga) = (site.browser("vic").await, site.browser("olga").await);
    // 403 is what a role may not; whatever else comes, its route has said.
    let may = async |who: &Browser, method: &str, path: &str| {
        who.ask(&site, method, path, Value::Null).await.status != 403
    };
    for (method, path, allowed) in [
        ("GET", "/api/v1/devices", [true, true, true]),
        ("GET", "/metrics", [true, true, true]),
        ("PUT", "/api/v1/devices/m1/details", [false, true, true]),
        ("POST", "/api/v1/surveys", [false, true, true]),
        ("GET", "/api/v1/users", [false, false, true]),
        ("GET", "/api/v1/tokens", [false, false, true]),
        ("PUT", "/api/v1/retention", [false, false, true]),
        ("DELETE", "/api/v1/users/olga", [false, false, true]),
    ] {
        let said =
            [may(&vic, method, path).await, may(&olga, method, path).await, may(&ann, method, path).await];
        assert_eq!(said, allowed, "{method} {path}");
    }
    assert!(!olga.is_signed_in(&site).await, "she was removed");
    let refused = vic.get(&site, "/api/v1/users").await.problem(403);
    assert_eq!(refused.0, "not-allowed");
    assert!(refused.1.contains("administrator") && refused.1.contains("viewer"), "{}", refused.1);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_may_what_it_is_for_until_it_is_revoked() {
    let (site, ann) = Site::with_ann().await;
    let (_, read) = ann.token(&site, "grafana", "read").await;
    let (id, ingest) = ann.token(&site, "north", "ingest").await;
    let (_, admin) = ann.token(&site, "script", "admin").await;
    assert!(ingest.starts_with("fp_") && ingest.len() > 60);
    for (method, path, [reads, ingests, admins]) in [
        ("GET", "/api/v1/devices", [200, 403, 200]),
        ("POST", "/api/v1/surveys", [403, 200, 200]),
        ("PUT", "/api/v1/gateways/north/status", [403, 404, 404]),
        ("DELETE", "/api/v1/tokens/999", [403, 403, 404]),
    ] {
        for (token, status) in [(&read, reads), (&ingest, ingests), (&admin, admins)] {
            let said = site.with_token(token, method, path).await.status;
            // A route that is not here yet says 404, one that is may find fault with the body.
            let expected = said == status || (status == 404 && said != 401 && said != 403);
            assert!(expected, "{method} {path}: {said} for {status}");
        }
    }
    let listed = ann.get(&site, "/api/v1/tokens").await.json();
    let north = &listed["tokens"][1];
    assert_eq!(
        (&north["id"], &north["name"], &north["scope"]),
        (&json!(id), &json!("north"), &json!("ingest"))
    );
    assert!(north["last_used"].is_string() && north["created"].is_string(), "{north}");
    assert!(!listed.to_string().contains("fp_"), "shown once");
    let said = ann.ask(&site, "DELETE", &format!("/api/v1/tokens/{id}"), Value::Null).await;
    assert_eq!(said.status, 204);
    assert_eq!(site.with_token(&ingest, "POST", "/api/v1/surveys").await.problem(401).0, "bad-token");
    for bad in ["fp_", "x", &read[..read.len() - 1]] {
        assert_eq!(site.with_token(bad, "GET", "/api/v1/devices").await.problem(401).0, "bad-token", "{bad}");
    }
    // A bad token is not made good by a cookie.
    let headers = [("authorization", "Bearer nonsense"), ("cookie", ann.cookie.as_str())];
    assert_eq!(site.cloud.request("GET", "/api/v1/devices", &headers, none()).await.status, 401);
    // But a proxy's own sign-in leaves ours as it is.
    let headers = [("authorization", "Basic YTpi"), ("cookie", ann.cookie.as_str())];
    assert_eq!(site.cloud.request("GET", "/api/v1/devices", &headers, none()).await.status, 200);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_page_can_change_nothing() {
    let (site, ann) = Site::with_ann().await;
    let body = json!({"name": "eve", "role": "administrator", "password": PASSWORD}).to_string();
    let with = async |more: &[(&str, &str)]| {
        let headers = [&[("cookie", ann.cookie.as_str()), JSON], more].concat();
        site.cloud.request("POST", "/api/v1/users", &headers, body.clone().into()).await
    };
    let token = ("x-csrf-token", ann.csrf.as_str());
    assert_eq!(with(&[]).await.problem(403).0, "csrf");
    let others = site.browser("ann").await.csrf;
    for wrong in ["", "x", &ann.csrf[1..], &others] {
        assert_eq!(with(&[("x-csrf-token", wrong)]).await.problem(403).0, "csrf");
    }
    for strange in [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(with(&[token, strange]).await.problem(403).0, "wrong-origin");
    }
    let cookie = [("cookie", ann.cookie.as_str())];
    let gone = site.cloud.request("DELETE", "/api/v1/session", &cookie, none()).await;
    assert_eq!(gone.problem(403).0, "csrf", "nor sign her out");
    let headers = [("sec-fetch-site", "cross-site"), JSON];
    let signing_in = site.cloud.request("POST", "/api/v1/session", &headers, body.clone().into()).await;
    assert_eq!(signing_in.problem(403).0, "wrong-origin", "nor sign her in as somebody else");
    assert_eq!(ann.get(&site, "/api/v1/users").await.json()["users"].as_array().unwrap().len(), 1);
    assert_eq!(
        with(&[token, ("origin", "http://localhost"), ("sec-fetch-site", "same-origin")]).await.status,
        201
    );
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_cloud_is_not_open_to_pages_elsewhere() {
    let site = Site::start(Access::Guarded).await;
    let as_host = async |host: &str, path: &str| raw(&site.cloud, "GET", path, host, "").await;
    for host in ["evil.example", "evil.example:8080", "192.0.2.1", ""] {
        let said = as_host(host, "/api/v1/devices").await;
        assert!(said.starts_with("HTTP/1.1 403") && said.contains("wrong-host"), "{host}: {said}");
    }
    for host in ["localhost:1", "127.0.0.1", "[::1]:8080"] {
        assert!(as_host(host, "/api/v1/devices").await.starts_with("HTTP/1.1 200"), "{host}");
    }
    let change =
        raw(&site.cloud, "DELETE", "/api/v1/tokens/1", "localhost", "Origin: http://evil.example\r\n");
    let change = change.await;
    assert!(change.starts_with("HTTP/1.1 403") && change.contains("wrong-origin"), "{change}");
    // With an account names do not matter any more: nothing goes without a cookie, and that is bound to its name.
    let ann = site.set_up("ann").await;
    let cookie = format!("Cookie: {}\r\n", ann.cookie);
    assert!(
        raw(&site.cloud, "GET", "/api/v1/devices", "cloud.example", &cookie)
            .await
            .starts_with("HTTP/1.1 200")
    );
    site.cloud.stop().await;
}

/// A request as bytes.
async fn raw(cloud: &Cloud, method: &str, path: &str, host: &str, headers: &str) -> String {
    use tokio::io::AsyncWriteExt;
    let mut stream = tokio::net::TcpStream::connect(cloud.http).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    support::answer(&mut stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_and_unknown_names_are_treated_alike() {
    for name in ["ann", "nobody"] {
        let (site, ann) = Site::with_ann().await;
        for attempt in 0..5 {
            assert_eq!(site.sign_in(name, "wrong horse").await.status, 401, "{name} {attempt}");
        }
        // The delay outgrows whatever time this machine takes to hash.
        let mut said = site.sign_in(name, "wrong horse").await;
        for _ in 0..6 {
            if said.status == 401 {
                said = site.sign_in(name, "wrong horse").await;
            }
        }
        assert_eq!(said.problem(429).0, "too-many-attempts", "{name}");
        assert!(said.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(ann.is_signed_in(&site).await, "who is in stays in");
        site.cloud.stop().await;
    }
    // Whoever sends many at once gets no more.
    let (site, _) = Site::with_ann().await;
    let (site, mut refused) = (Arc::new(site), 0);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let site = Arc::clone(&site);
        waiting.spawn(async move { site.sign_in("ann", "wrong horse").await.status.as_u16() });
    }
    while let Some(status) = waiting.join_next().await {
        refused += usize::from(status.unwrap() == 429);
    }
    assert!(refused >= 10, "{refused} of 20");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_or_role_signs_out_and_the_last_administrator_stays() {
    let (site, ann) = Site::with_ann().await;
    let patch =
        async |name: &str, body: Value| ann.ask(&site, "PATCH", &format!("/api/v1/users/{name}"), body).await;
    assert_eq!(patch("ann", json!({"role": "viewer"})).await.problem(409).0, "last-administrator");
    let said = ann.ask(&site, "DELETE", "/api/v1/users/ann", Value::Null).await;
    assert_eq!(said.problem(409).0, "last-administrator");
    ann.add(&site, "vic", "viewer").await;
    for body in [json!({"role": "operator"}), json!({"password": "quite another"})] {
        let vic = site.browser("vic").await;
        assert!(vic.is_signed_in(&site).await);
        assert_eq!(patch("vic", body).await.status, 200);
        assert!(!vic.is_signed_in(&site).await);
    }
    assert_eq!(site.sign_in("vic", "quite another").await.json()["user"]["role"], "operator");
    assert_eq!(patch("vic", json!({})).await.problem(400).0, "bad-body");
    assert_eq!(patch("eve", json!({"role": "viewer"})).await.problem(404).0, "not-found");
    for body in [json!({"role": "emperor"}), json!({"rule": "viewer"}), json!([1])] {
        assert_eq!(patch("vic", body).await.problem(400).0, "bad-body");
    }
    let twice = json!({"name": "vic", "role": "viewer", "password": PASSWORD});
    assert_eq!(ann.ask(&site, "POST", "/api/v1/users", twice).await.problem(409).0, "name-taken");
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_open_the_first_account_is_an_administrators() {
    let site = Site::start(Access::Guarded).await;
    let user = |role: &str| json!({"name": "ann", "role": role, "password": PASSWORD});
    assert_eq!(site.post("/api/v1/users", user("viewer")).await.problem(409).0, "last-administrator");
    assert_eq!(site.post("/api/v1/users", user("administrator")).await.status, 201);
    assert_eq!(site.cloud.get("/api/v1/users").await.status, 401);
    assert!(site.browser("ann").await.is_signed_in(&site).await);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_is_open_whatever_accounts_there_are() {
    let site = Site::start(Access::Open).await;
    site.set_up("ann").await;
    assert_eq!(site.cloud.get_json("/api/v1/me").await["open"], true);
    assert_eq!(site.cloud.post_json(PACK).await.status, 200);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_and_worse_in_names_is_a_name() {
    let (site, ann) = Site::with_ann().await;
    for name in
        ["'; DROP TABLE users; --", "\" OR 1=1", "<script>alert(1)</script>", "a/b?c#d%", "Ünal", "%00"]
    {
        ann.add(&site, name, "viewer").await;
        let browser = site.browser(name).await;
        assert_eq!(browser.get(&site, "/api/v1/me").await.json()["user"]["name"], name);
        let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let said = ann.ask(&site, "DELETE", &format!("/api/v1/users/{escaped}"), Value::Null).await;
        assert_eq!(said.status, 204, "{name}");
        assert!(!browser.is_signed_in(&site).await);
    }
    assert_eq!(site.sign_in("ann' --", PASSWORD).await.status, 401);
    assert_eq!(site.sign_in("ann\0", PASSWORD).await.status, 401);
    assert_eq!(site.sign_in(&"x".repeat(10_000), PASSWORD).await.status, 401);
    assert_eq!(sql::<i64>(&site.cloud.store(), "SELECT count(*) FROM users"), 1);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_on_disk_as_it_is() {
    let (site, ann) = Site::with_ann().await;
    let (_, token) = ann.token(&site, "north", "ingest").await;
    assert_eq!(site.with_token(&token, "POST", "/api/v1/surveys").await.status, 200);
    let cookie = ann.cookie.split_once('=').unwrap().1;
    let secrets = [PASSWORD, token.as_str(), &token[3..], cookie, &ann.csrf, &site.code()];
    for bytes in [site.bytes(), {
        let folder = site.cloud.folder.clone();
        fs::read(folder.path().join("store.db")).unwrap()
    }] {
        for (n, secret) in secrets.iter().enumerate() {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "secret {n}");
        }
    }
    let hash: String = sql(&site.cloud.store(), "SELECT password FROM users");
    assert!(hash.starts_with("$argon2id$"), "{hash}");
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(site.cloud.store()).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_cookie_never_goes_without() {
    let (site, _) = Site::with_ann().await;
    let body = json!({"name": "ann", "password": PASSWORD}).to_string();
    let headers = [("x-forwarded-proto", "https"), JSON];
    let said = site.cloud.request("POST", "/api/v1/session", &headers, body.into()).await;
    let cookie = said.header("set-cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.ends_with("; Secure"),
        "{cookie}"
    );
    assert_eq!(said.header("cache-control"), "no-store");
    site.cloud.stop().await;
}

/// The sender of a big pack hears that it may not, instead of seeing its connection break.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_without_a_token_is_told_so_also_in_the_middle_of_a_big_pack() {
    let (site, _) = Site::with_ann().await;
    let body = bytes::Bytes::from(vec![b' '; 8 * 1024 * 1024]);
    let said = site.cloud.post("application/senml+json", body).await;
    assert_eq!(said.problem(401).0, "unauthenticated");
    assert_eq!(
        sql::<i64>(&site.cloud.store(), "SELECT count(*) FROM quarantine"),
        0,
        "nor does a stranger fill that"
    );
    site.cloud.stop().await;
}
