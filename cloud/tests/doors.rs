//! What keeps out those who have no account, and those who come in the name of one who has (promise P9).

use crate::support;

use fieldpost_cloud::Access;
use serde_json::{Value, json};
use std::{fs, sync::Arc};
use support::{
    Cloud,
    site::{Browser, JSON, PASSWORD, Site, none},
    sql,
};

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
async fn p9_a_cloud_that_is_open_answers_nobody_who_comes_through_a_proxy() {
    let site = Site::start(Access::Guarded).await;
    // As Apache's ProxyPass sends it: the host is ours, and only these lines tell.
    for header in [
        "X-Forwarded-For: 203.0.113.9\r\n",
        "X-Forwarded-Host: cloud.example\r\n",
        "Forwarded: for=203.0.113.9\r\n",
        "Via: 1.1 proxy\r\n",
    ] {
        for (method, path) in [("GET", "/api/v1/devices"), ("GET", "/metrics"), ("DELETE", "/api/v1/plan")] {
            let said = raw(&site.cloud, method, path, "127.0.0.1", header).await;
            assert!(said.starts_with("HTTP/1.1 403") && said.contains("setup-link"), "{header}: {said}");
        }
    }
    assert_eq!(site.cloud.get("/api/v1/devices").await.status, 200);
    // The first account can be made through it, by the link; then it is as good as any way.
    let body = json!({"code": site.code(), "name": "ann", "password": PASSWORD}).to_string();
    let through = [("x-forwarded-for", "203.0.113.9"), JSON];
    let ann = Browser::of(&site.cloud.request("POST", "/api/v1/setup", &through, body.into()).await, 201);
    let headers = [("x-forwarded-for", "203.0.113.9"), ("cookie", ann.cookie.as_str())];
    let said = site.cloud.request("GET", "/api/v1/devices", &headers, none()).await;
    assert_eq!(said.status, 200);
    site.cloud.stop().await;
}

/// Tries to sign in as `name`, through a proxy on this machine, as somebody at `address`, with these cookies.
async fn try_from(
    site: &Site,
    name: &str,
    password: &str,
    address: &str,
    cookies: &str,
) -> support::Response {
    let headers = [("x-forwarded-for", address), ("cookie", cookies), JSON];
    let body = json!({"name": name, "password": password}).to_string();
    site.cloud.request("POST", "/api/v1/session", &headers, body.into()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_guesses_does_not_keep_the_owner_out_of_a_browser_that_he_used() {
    let (site, _) = Site::with_ann().await;
    let said = site.sign_in("ann", PASSWORD).await;
    let known = said.headers.get_all("set-cookie").iter().nth(1).unwrap().to_str().unwrap();
    assert!(known.starts_with("fieldpost_device=") && known.contains("HttpOnly"), "{known}");
    let known = known.split(';').next().unwrap().to_owned();
    let (folder, _) = site.cloud.stop().await;
    let site = Site::start_in(folder, Access::Guarded).await;
    let mut crowd = (0..=255).map(|n| format!("198.51.100.{n}"));
    loop {
        let said = try_from(&site, "ann", "wrong horse", &crowd.next().unwrap(), "").await;
        if said.status == 429 {
            break;
        }
        assert_eq!(said.status, 401);
    }
    let made_up = format!("fieldpost_device={}", "0".repeat(64));
    let said = try_from(&site, "ann", PASSWORD, "192.0.2.1", &made_up).await;
    assert_eq!(said.status, 429, "a browser that is new waits with the crowd");
    assert_eq!(try_from(&site, "ann", PASSWORD, "192.0.2.1", &known).await.status, 200);
    let thief = try_from(&site, "ann", "wrong horse", "192.0.2.2", &known).await;
    assert_eq!(thief.status, 401, "it is no password");
    site.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_flood_of_sign_ins_meets_a_bounded_queue() {
    let (site, _) = Site::with_ann().await;
    let site = Arc::new(site);
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..200 {
        let site = Arc::clone(&site);
        waiting.spawn(async move {
            let address = format!("198.51.100.{n}");
            try_from(&site, &format!("user{n}"), "wrong horse", &address, "").await
        });
    }
    let (mut hashed, mut busy) = (0, 0);
    while let Some(said) = waiting.join_next().await {
        let said = said.unwrap();
        match said.status.as_u16() {
            401 => hashed += 1,
            503 => {
                assert_eq!(said.problem(503).0, "busy");
                assert!(said.headers.contains_key("retry-after"));
                busy += 1;
            }
            other => panic!("{other}: {}", said.text()),
        }
    }
    assert!(busy > 0 && hashed > 0, "{hashed} were hashed, {busy} sent away");
    assert_eq!(site.sign_in("ann", PASSWORD).await.status, 200, "and then it is as before");
    assert_eq!(site.cloud.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_neighbour_planted_beside_keeps_nobody_from_signing_out() {
    let (site, ann) = Site::with_ann().await;
    ann.add(&site, "eve", "viewer").await;
    let (eve, junk) = (site.browser("eve").await, "fieldpost_session=junk");
    let both = format!("{junk}; {}; {}", eve.cookie, ann.cookie);
    let ask = async |method: &str, path: &str, csrf: &str| {
        let headers = [("cookie", both.as_str()), ("x-csrf-token", csrf)];
        site.cloud.request(method, path, &headers, none()).await
    };
    // The page goes on as whom it began.
    assert_eq!(ask("DELETE", "/api/v1/plan", &ann.csrf).await.status, 204);
    assert_eq!(ask("DELETE", "/api/v1/plan", &eve.csrf).await.problem(403).0, "not-allowed");
    assert_eq!(ask("DELETE", "/api/v1/plan", "").await.problem(403).0, "csrf");
    assert_eq!(ask("DELETE", "/api/v1/session", &ann.csrf).await.status, 204);
    assert!(!ann.is_signed_in(&site).await && !eve.is_signed_in(&site).await, "nothing is left there");
    // Signing in ends all that was there, too.
    let (eve, ann) = (site.browser("eve").await, site.browser("ann").await);
    let both = format!("{junk}; {}; {}", eve.cookie, ann.cookie);
    assert_eq!(try_from(&site, "ann", PASSWORD, "192.0.2.1", &both).await.status, 200);
    assert!(!ann.is_signed_in(&site).await && !eve.is_signed_in(&site).await);
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
    // Browsers take this name from nobody else, and so do we.
    let (name, rest) = cookie.split_once('=').unwrap();
    assert_eq!(name, "__Host-fieldpost_session");
    let value = rest.split(';').next().unwrap();
    for (name, status) in [("__Host-fieldpost_session", 200), ("fieldpost_session", 401)] {
        let cookie = format!("{name}={value}");
        let headers = [("x-forwarded-proto", "https"), ("cookie", &cookie)];
        assert_eq!(site.cloud.request("GET", "/api/v1/devices", &headers, none()).await.status, status);
    }
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
