//! Accounts over real HTTP: who may what.

use crate::support;

use fieldpost_cloud::Access;
use serde_json::{Value, json};
use support::site::{Browser, JSON, PACK, PASSWORD, SENML, Site, none};

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_all_is_open_until_the_first_account_and_then_nothing_is() {
    let site = Site::start(Access::Guarded).await;
    let me = site.cloud.get_json("/api/v1/me").await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        me,
        json!({"open": true, "local": true, "setup": true, "user": null, "csrf": null, "version": version})
    );
    assert_eq!(site.cloud.post_json(PACK).await.status, 200);
    assert_eq!(site.cloud.get_json("/api/v1/users").await, json!({"users": []}));
    let ann = site.set_up("ann").await;
    let me = site.cloud.get_json("/api/v1/me").await;
    assert_eq!(
        me,
        json!({"open": false, "local": true, "setup": false, "user": null, "csrf": null, "version": version})
    );
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
async fn everybody_may_change_the_own_password_and_is_signed_out_elsewhere() {
    let (site, ann) = Site::with_ann().await;
    ann.add(&site, "vic", "viewer").await;
    let (vic, elsewhere) = (site.browser("vic").await, site.browser("vic").await);
    let put = async |who: &Browser, old: &str, new: &str| {
        who.ask(&site, "PUT", "/api/v1/me/password", json!({"old": old, "new": new})).await
    };
    assert_eq!(put(&vic, "wrong horse", "another horse").await.problem(403).0, "wrong-password");
    assert!(put(&vic, PASSWORD, "short").await.problem(400).1.contains("at least 8"));
    let no_csrf = Browser { csrf: String::new(), ..vic.clone() };
    assert_eq!(put(&no_csrf, PASSWORD, "another horse").await.problem(403).0, "csrf");
    let nobody = Browser { cookie: String::new(), csrf: String::new() };
    assert_eq!(put(&nobody, PASSWORD, "another horse").await.problem(401).0, "unauthenticated");
    let (_, token) = ann.token(&site, "t", "admin").await;
    let bearer = format!("Bearer {token}");
    let body = json!({"old": PASSWORD, "new": "another horse"}).to_string();
    let headers = [("authorization", bearer.as_str()), JSON];
    let said = site.cloud.request("PUT", "/api/v1/me/password", &headers, body.into()).await;
    assert_eq!(said.problem(403).0, "no-password");
    assert!(elsewhere.is_signed_in(&site).await, "nothing has happened so far");

    assert_eq!(put(&vic, PASSWORD, "another horse").await.status, 204);
    assert!(vic.is_signed_in(&site).await && !elsewhere.is_signed_in(&site).await);
    assert!(ann.is_signed_in(&site).await, "others stay where they are");
    assert_eq!(site.sign_in("vic", PASSWORD).await.status, 401);
    assert_eq!(site.sign_in("vic", "another horse").await.status, 200);
    // Whoever finds the browser open has no more attempts than whoever signs in.
    let mut guesses = 0;
    while put(&vic, "wrong horse", "another horse").await.status == 403 {
        guesses += 1;
        assert!(guesses < 30, "it goes on for ever");
    }
    assert!(vic.is_signed_in(&site).await);
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
