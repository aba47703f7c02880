//! A cloud on real sockets and a real folder, and the peers that talk to it.
#![allow(unreachable_pub, reason = "seen by the tests only")]

pub mod alerts;
pub mod described;
pub mod receivers;
pub mod site;

use bytes::Bytes;
use fieldpost_cloud::{Error, Limits, Settings, Sockets};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::{
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

/// Longer than anything here takes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the cloud prints, kept.
#[derive(Clone, Default)]
pub struct Console(Arc<(Mutex<Vec<u8>>, Condvar)>);

impl Write for Console {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.lock().unwrap().extend_from_slice(bytes);
        self.0.1.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Console {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.0.lock().unwrap().clone()).unwrap()
    }
}

/// A running cloud.
pub struct Cloud {
    pub folder: Arc<TempDir>,
    pub upload: SocketAddr,
    pub http: SocketAddr,
    pub console: Console,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Error>>,
}

impl Cloud {
    pub async fn start() -> Self {
        Self::start_with(Arc::new(tempfile::tempdir().unwrap()), |_, _| {}).await
    }

    pub async fn start_with(folder: Arc<TempDir>, change: impl FnOnce(&mut Settings, &mut Limits)) -> Self {
        let console = Console::default();
        let out = console.clone();
        Self::start_on(folder, change, console, Box::new(out))
    }

    pub fn start_on(
        folder: Arc<TempDir>,
        change: impl FnOnce(&mut Settings, &mut Limits),
        console: Console,
        out: Box<dyn Write + Send>,
    ) -> Self {
        let bind = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (upload_socket, http_socket) = (bind(), bind());
        let (upload, http) = (upload_socket.local_addr().unwrap(), http_socket.local_addr().unwrap());
        let mut settings = Settings::new(folder.path());
        let mut limits = Limits::default();
        change(&mut settings, &mut limits);
        let (stop, stopped) = oneshot::channel::<()>();
        let sockets = Sockets { upload: Some(upload_socket), http: Some(http_socket) };
        let running = tokio::spawn(async move {
            let shutdown = async { _ = stopped.await };
            fieldpost_cloud::run_within(limits, sockets, settings, out, shutdown).await
        });
        Self { folder, upload, http, console, stop: Some(stop), running }
    }

    /// Stops it cleanly; returns its folder and what it printed.
    pub async fn stop(mut self) -> (Arc<TempDir>, String) {
        drop(self.stop.take());
        self.ended().await.unwrap();
        (self.folder.clone(), self.console.text())
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) -> Result<(), Error> {
        tokio::time::timeout(PATIENCE, &mut self.running).await.unwrap().unwrap()
    }

    /// The store's file.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    /// Uploads text as the reference gateway does: all in one go, its side left open; returns the answer.
    pub async fn upload(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.upload).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        answer(&mut stream).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], Bytes::new()).await
    }

    pub async fn get_json(&self, path: &str) -> serde_json::Value {
        let response = self.get(path).await;
        assert_eq!(response.status, StatusCode::OK, "{path}: {}", response.text());
        response.json()
    }

    pub async fn post_json(&self, pack: &str) -> Response {
        self.post("application/senml+json", pack.to_owned().into()).await
    }

    pub async fn post(&self, content_type: &str, body: Bytes) -> Response {
        self.request("POST", "/api/v1/surveys", &[("content-type", content_type)], body).await
    }

    pub async fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Response {
        let stream = TcpStream::connect(self.http).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = sender.send_request(request.body(Full::new(body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        drop(sender);
        let _ = connection.await;
        Response { status: head.status, headers: head.headers, body }
    }

    /// Waits until the cloud has printed a text with `part` in it.
    pub async fn prints(&self, part: &str) -> String {
        let shared = self.console.clone();
        let part = part.to_owned();
        let wait = move || {
            let deadline = Instant::now() + PATIENCE;
            let mut text = shared.0.0.lock().unwrap();
            while !String::from_utf8_lossy(&text).contains(&part) {
                assert!(Instant::now() < deadline, "not printed: {part}");
                text = shared.0.1.wait_timeout(text, Duration::from_secs(1)).unwrap().0;
            }
            String::from_utf8(text.clone()).unwrap()
        };
        tokio::task::spawn_blocking(wait).await.unwrap()
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem of `status`; returns its reason and detail.
    pub fn problem(&self, status: u16) -> (String, String) {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], status);
        let text = |member: &str| json[member].as_str().unwrap().to_owned();
        assert_eq!(text("type"), format!("urn:fieldpost:problem:{}", text("reason")));
        assert!(!text("title").is_empty());
        (text("reason"), text("detail"))
    }
}

/// The whole answer of an upload, to the cloud's close.
pub async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

/// The instant `hours` ago, on the hour.
pub fn hours_ago(hours: u64) -> fieldpost_core::UtcInstant {
    let now = jiff::Timestamp::now().as_millisecond();
    let hour = 60 * 60 * 1000;
    fieldpost_core::UtcInstant::from_millis(now / hour * hour - i64::try_from(hours).unwrap() * hour)
}

/// Runs `sql` on the store, as any SQL tool may while the cloud runs; the first column of its one row.
pub fn sql<T: rusqlite::types::FromSql>(store: &Path, sql: &str) -> T {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(store, flags).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Short limits, for tests in which they run out.
pub fn hasty(_: &mut Settings, limits: &mut Limits) {
    *limits = Limits {
        upload_stall: Duration::from_millis(400),
        upload_deadline: Duration::from_secs(3),
        upload_linger: Duration::from_millis(500),
        body_stall: Duration::from_millis(400),
        head_deadline: Duration::from_millis(400),
        ..Limits::default()
    };
}
