//! A cloud with accounts, and the browsers and programs that come to it.

use super::{Cloud, Response};
use fieldpost_cloud::{Access, Announce};
use serde_json::{Value, json};
use std::{
    fs,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

pub const JSON: (&str, &str) = ("content-type", "application/json");
pub const SENML: (&str, &str) = ("content-type", "application/senml+json");
pub const PACK: &str = r#"[{"bn":"m1/","bt":1751356800,"n":"temperature","u":"Cel","v":20}]"#;
pub const PASSWORD: &str = "correct horse";

/// A cloud, and the one-time links that it told.
pub struct Site {
    pub cloud: Cloud,
    pub links: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub async fn start(access: Access) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), access).await
    }

    pub async fn start_in(folder: Arc<TempDir>, access: Access) -> Self {
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
    pub async fn with_ann() -> (Self, Browser) {
        let site = Self::start(Access::Guarded).await;
        let ann = site.set_up("ann").await;
        (site, ann)
    }

    pub fn code(&self) -> String {
        self.links.lock().unwrap().last().unwrap().split_once("/setup#code=").unwrap().1.to_owned()
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.cloud.request("POST", path, &[JSON], body.to_string().into()).await
    }

    pub async fn set_up(&self, name: &str) -> Browser {
        let body = json!({"code": self.code(), "name": name, "password": PASSWORD});
        Browser::of(&self.post("/api/v1/setup", body).await, 201)
    }

    pub async fn sign_in(&self, name: &str, password: &str) -> Response {
        self.post("/api/v1/session", json!({"name": name, "password": password})).await
    }

    pub async fn browser(&self, name: &str) -> Browser {
        Browser::of(&self.sign_in(name, PASSWORD).await, 200)
    }

    pub async fn with_token(&self, token: &str, method: &str, path: &str) -> Response {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), SENML];
        self.cloud.request(method, path, &headers, PACK.into()).await
    }

    /// Everything that is on disk.
    pub fn bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.cloud.folder.path()).unwrap();
        files.flat_map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// A browser in which somebody is signed in.
#[derive(Clone)]
pub struct Browser {
    pub cookie: String,
    pub csrf: String,
}

impl Browser {
    pub fn of(response: &Response, status: u16) -> Self {
        assert_eq!(response.status, status, "{}", response.text());
        let set = response.header("set-cookie");
        let cookie = set.split(';').next().unwrap().to_owned();
        assert!(cookie.starts_with("fieldpost_session=") && cookie.len() > 64, "{set}");
        Self { cookie, csrf: response.json()["csrf"].as_str().unwrap().to_owned() }
    }

    pub async fn ask(&self, site: &Site, method: &str, path: &str, body: Value) -> Response {
        let headers = [("cookie", self.cookie.as_str()), ("x-csrf-token", &self.csrf), JSON];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        site.cloud.request(method, path, &headers, body.into()).await
    }

    pub async fn get(&self, site: &Site, path: &str) -> Response {
        self.ask(site, "GET", path, Value::Null).await
    }

    pub async fn is_signed_in(&self, site: &Site) -> bool {
        !self.get(site, "/api/v1/me").await.json()["user"].is_null()
    }

    pub async fn add(&self, site: &Site, name: &str, role: &str) {
        let body = json!({"name": name, "role": role, "password": PASSWORD});
        let said = self.ask(site, "POST", "/api/v1/users", body).await;
        assert_eq!(said.status, 201, "{}", said.text());
    }

    /// Makes a token; its number and itself.
    pub async fn token(&self, site: &Site, name: &str, scope: &str) -> (i64, String) {
        let said = self.ask(site, "POST", "/api/v1/tokens", json!({"name": name, "scope": scope})).await;
        assert_eq!(said.status, 201, "{}", said.text());
        let said = said.json();
        (said["id"].as_i64().unwrap(), said["token"].as_str().unwrap().to_owned())
    }
}

pub fn none() -> bytes::Bytes {
    bytes::Bytes::new()
}
