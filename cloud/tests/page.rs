//! The dashboard as the cloud serves it, or the page that stands in for it where the build had no Node.
#![allow(clippy::print_stdout, reason = "this file is a test")]

use crate::support;

use bytes::Bytes;
use support::{Cloud, Response};

async fn ask(cloud: &Cloud, path: &str, headers: &[(&str, &str)]) -> Response {
    cloud.request("GET", path, headers, Bytes::new()).await
}

/// What stands in quotes behind each `attribute`, as `src="/assets/…"`.
fn quoted<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    html.split(attribute).skip(1).filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_answers_at_every_address_of_its_own() {
    let cloud = Cloud::start().await;
    let index = cloud.get("/").await;
    assert_eq!((index.status.as_u16(), index.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(index.text().starts_with("<!doctype html>") && index.text().contains("Fieldpost"));
    for path in ["/index.html", "/field", "/devices/192.168.1.2", "/settings", "/setup?x=1", "/no/such/page"]
    {
        assert_eq!(cloud.get(path).await.body, index.body, "{path}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_page_nor_file_is_said_to_be_nothing() {
    let cloud = Cloud::start().await;
    let traversal = "/assets/..%2f..%2fCargo.toml";
    let paths = [
        "/api/v1/nothing",
        "/api",
        "/assets/no.js",
        "/robots.txt",
        traversal,
        "/../Cargo.toml",
        "//etc/x.conf",
    ];
    for path in paths {
        assert_eq!(cloud.get(path).await.problem(404).0, "not-found", "{path}");
    }
    assert_eq!(cloud.request("POST", "/field", &[], Bytes::new()).await.problem(404).0, "not-found");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_the_guards() {
    let cloud = Cloud::start().await;
    for path in ["/", "/field", "/api/v1/devices", "/api/v1/nothing", "/healthz", "/metrics", "/assets/no.js"]
    {
        let said = cloud.get(path).await;
        let policy = said.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{path}: {policy}"
        );
        assert!(policy.ends_with("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(said.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(said.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(said.header("referrer-policy"), "same-origin", "{path}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_page_needs_what_its_policy_forbids() {
    let cloud = Cloud::start().await;
    let html = cloud.get("/").await.text();
    for forbidden in ["style=\"", "<style", "onload=", "onclick=", "javascript:"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    let scripts = html.matches("<script").count();
    let (sources, links) = (quoted(&html, " src"), quoted(&html, " href"));
    assert_eq!(scripts, sources.len(), "a script inline");
    for path in sources.iter().chain(&links) {
        assert!(path.starts_with('/') && !path.starts_with("//"), "{path} is at another host");
        let said = cloud.get(path).await;
        assert_eq!(said.status, 200, "{path}");
        assert!(!said.header("content-type").is_empty(), "{path}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_asked_for_again_and_its_hashed_parts_never() {
    let cloud = Cloud::start().await;
    let index = cloud.get("/").await;
    assert_eq!(index.header("cache-control"), "no-cache");
    let tag = index.header("etag").to_owned();
    let again = ask(&cloud, "/field", &[("if-none-match", &format!("\"x\", W/{tag}"))]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!((again.header("etag"), again.header("vary")), (tag.as_str(), "Accept-Encoding"));
    assert_eq!(ask(&cloud, "/", &[("if-none-match", "\"x\"")]).await.status, 200);
    let html = index.text();
    for path in quoted(&html, " src") {
        assert!(path.starts_with("/assets/"), "{path}");
        let said = cloud.get(path).await;
        assert_eq!(said.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        assert_eq!(said.header("content-type"), "text/javascript; charset=utf-8", "{path}");
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_out_in_the_form_that_the_client_takes() {
    let cloud = Cloud::start().await;
    let html = cloud.get("/").await.text();
    for path in quoted(&html, " src") {
        let plain = cloud.get(path).await;
        assert_eq!(plain.header("content-encoding"), "", "nobody asked");
        let forms =
            [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, GZIP;q=0.5", "gzip"), ("identity", "")];
        for (accepted, encoding) in forms {
            let said = ask(&cloud, path, &[("accept-encoding", accepted)]).await;
            assert_eq!(said.header("content-encoding"), encoding, "{accepted}");
            assert_eq!(said.header("vary"), "Accept-Encoding");
            assert_eq!(said.body.len() < plain.body.len(), !encoding.is_empty(), "{accepted}");
            assert_eq!(said.header("etag") == plain.header("etag"), encoding.is_empty(), "forms share a tag");
        }
    }
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_told_what_a_get_would_be() {
    let cloud = Cloud::start().await;
    let get = cloud.get("/").await;
    let head = cloud.request("HEAD", "/", &[], Bytes::new()).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), get.header("etag"));
    cloud.stop().await;
}

/// Most that the dashboard may weigh on its way, in bytes: all of it, every page visited, compressed.
const MAX_WEIGHT: usize = 200_000;

/// What `text` names below `/assets/`, also as a script names its neighbours: `./name.js`.
fn assets_in(text: &str) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = |rest: &str| rest.chars().take_while(|c| is_name(*c)).collect::<String>();
    let found = ["assets/", "\"./", "`./"].into_iter().flat_map(|before| text.split(before).skip(1));
    let names = found.map(name).filter(|name| name.contains('.') && !name.starts_with('.'));
    names.map(|name| format!("/assets/{name}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_dashboard_weighs_less_than_200_kb_compressed() {
    let cloud = Cloud::start().await;
    let index = cloud.get("/").await.text();
    let mut wanted: Vec<String> = quoted(&index, " src")
        .into_iter()
        .chain(quoted(&index, " href"))
        .map(str::to_owned)
        .chain(["/".to_owned(), "/horizons.svg".to_owned()])
        .collect();
    let mut loaded = Vec::new();
    let mut weight = 0;
    while let Some(path) = wanted.pop() {
        if loaded.contains(&path) {
            continue;
        }
        weight += ask(&cloud, &path, &[("accept-encoding", "gzip")]).await.body.len();
        let plain = cloud.get(&path).await;
        if plain.header("content-type").starts_with("text/") {
            wanted.extend(assets_in(&plain.text()));
        }
        loaded.push(path);
    }
    assert!(weight < MAX_WEIGHT, "{weight} bytes: {loaded:?}");
    // Nothing is forgotten: a page with scripts has the one that is fetched late, the style and the font.
    if index.contains("<script") {
        for part in ["/assets/index-", "/assets/device-", ".css", ".woff2"] {
            assert!(loaded.iter().any(|path| path.contains(part)), "{part} is not among {loaded:?}");
        }
        assert!(!loaded.iter().any(|path| path.contains("docs")), "the API's page is apart: {loaded:?}");
    }
    println!("the dashboard: {weight} bytes compressed, {} files", loaded.len());
    cloud.stop().await;
}
