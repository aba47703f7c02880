//! A request as a cloud's routes answer it.

use crate::rules::check_printable;
use bytes::Bytes;
use fieldpost_cloud::parts::{Answered, Routes};
use serde_json::Value;
use std::cell::RefCell;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The longest detail of a problem, in characters.
const MAX_DETAIL: usize = 800;

/// A cloud over an empty store. Made anew when a request has changed something. When the thread ends it goes without being closed: no
/// runtime can be entered then, and the store's threads end by themselves.
struct Cloud {
    routes: Routes,
    runtime: Runtime,
    _folder: TempDir,
}

thread_local! {
    static CLOUD: RefCell<Option<Cloud>> = const { RefCell::new(None) };
}

impl Cloud {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room for a store");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let routes = runtime.block_on(Routes::open(folder.path())).expect("a store");
        Self { routes, runtime, _folder: folder }
    }

    fn close(self) {
        self.runtime.block_on(self.routes.close());
    }
}

/// A request: the method and the target in the first line, headers until an empty line, the body.
///
/// A cloud that does well never says that it fails, whatever it is asked; an answer that is not what was asked for is a problem
/// (RFC 9457) whose detail is one printable line of bounded length, with the status that it says.
///
/// # Panics
/// A promise is broken.
pub fn http_request(data: &[u8]) {
    let request = Request::of(data);
    CLOUD.with_borrow_mut(|cloud| {
        let running = cloud.get_or_insert_with(Cloud::new);
        let Some(answered) = running.ask(&request) else { return };
        check(&request, &answered);
        if answered.status < 300 && !matches!(request.method, "GET" | "HEAD") {
            cloud.take().into_iter().for_each(Cloud::close);
        }
    });
}

struct Request<'a> {
    method: &'a str,
    target: &'a str,
    headers: Vec<(&'a [u8], &'a [u8])>,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn of(data: &'a [u8]) -> Self {
        let (line, mut rest) = split(data);
        let (method, target) =
            std::str::from_utf8(line).ok().and_then(|line| line.split_once(' ')).unwrap_or_default();
        let mut headers = Vec::new();
        loop {
            let (line, behind) = split(rest);
            rest = behind;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let (name, value) = line.split_at(colon);
            headers.push((name, value.get(1..).unwrap_or_default().trim_ascii()));
        }
        Self { method, target, headers, body: rest }
    }
}

/// The first line, and what is behind it.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (data.get(..end).unwrap_or_default(), data.get(end + 1..).unwrap_or_default())
}

impl Cloud {
    fn ask(&self, request: &Request<'_>) -> Option<Answered> {
        let Request { method, target, headers, body } = request;
        self.runtime.block_on(self.routes.answer(method, target, headers, Bytes::copy_from_slice(body)))
    }
}

fn check(request: &Request<'_>, answered: &Answered) {
    let Answered { status, content_type, body } = answered;
    assert!((200..500).contains(status), "status {status}: {answered:?}");
    if *status < 400 {
        return;
    }
    assert_eq!(content_type, "application/problem+json", "{answered:?}");
    if request.method == "HEAD" {
        return;
    }
    let problem: Value =
        body.as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let text = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default();
    assert_eq!(problem.get("status").and_then(Value::as_u64), Some(u64::from(*status)), "{problem}");
    let kind = text("type").strip_prefix("urn:fieldpost:problem:");
    assert!(kind == Some(text("reason")) && kind != Some(""), "{problem}");
    assert!(!text("title").is_empty() && !text("detail").is_empty(), "{problem}");
    check_printable(text("detail"), MAX_DETAIL);
}
