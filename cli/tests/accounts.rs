//! A cloud off loopback as an operator runs it: closed, opened by its one-time link, used by a gateway with a token.
#![expect(clippy::unwrap_used, reason = "this file is a test")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

const PASSWORD: &str = "correct horse battery";

fn fieldpost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A running program, killed when the test ends, however it ends.
struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while lines.read_line(&mut line).unwrap() > 0 {
                kept.lock().unwrap().push_str(&std::mem::take(&mut line));
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// Waits until the log has a line with `part`; what stands behind it there.
    fn says(&self, part: &str) -> String {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            let log = self.log.lock().unwrap().clone();
            let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some((_, rest)) = whole.split_once(part) {
                return rest.lines().next().unwrap_or("").trim().to_owned();
            }
            assert!(std::time::Instant::now() < deadline, "it never said `{part}`:\n{log}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Ends it; all that it said.
    fn stop(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reader.take().unwrap().join().unwrap();
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP answer, head and body.
fn ask(at: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {at}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The text of a member of a JSON object.
fn member(answer: &str, name: &str) -> String {
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    json.get(name).and_then(|value| value.as_str()).unwrap().to_owned()
}

#[test]
fn a_cloud_off_loopback_is_closed_and_a_gateway_with_a_token_gets_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let data = path("cloud");
    let cloud = ["cloud", "--http", "0.0.0.0:0", "--log", "trace", "--data", &data];
    let cloud = Running::start(fieldpost(&cloud));
    let port = cloud.says("listening on http://0.0.0.0:");
    let at = format!("127.0.0.1:{port}");
    let code = cloud.says(&format!("http://{at}/setup#code="));
    assert!(ask(&at, "GET", "/api/v1/devices", "", "").starts_with("HTTP/1.0 401"));

    // The link beside the running cloud replaces the first one.
    let link = fieldpost(&["cloud", "setup-link", "--http", &at, "--data", &data]).output().unwrap();
    let link = String::from_utf8(link.stdout).unwrap();
    let newer = link.trim().strip_prefix(&format!("http://{at}/setup#code=")).unwrap().to_owned();
    let set_up = |code: &str| {
        let body = serde_json::json!({"code": code, "name": "ann", "password": PASSWORD});
        ask(&at, "POST", "/api/v1/setup", "", &body.to_string())
    };
    assert!(set_up(&code).starts_with("HTTP/1.0 403"));
    let said = set_up(&newer);
    assert!(said.starts_with("HTTP/1.0 201"), "{said}");
    let cookie = said.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let headers = format!("Cookie: {cookie}\r\nX-CSRF-Token: {}\r\n", member(&said, "csrf"));
    let token = member(
        &ask(&at, "POST", "/api/v1/tokens", &headers, r#"{"name":"north","scope":"ingest"}"#),
        "token",
    );
    let reader =
        member(&ask(&at, "POST", "/api/v1/tokens", &headers, r#"{"name":"verify","scope":"read"}"#), "token");

    let file = path("token");
    fs::write(&file, format!("{token}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (journal, url) = (path("gateway"), format!("http://{at}"));
    let gateway = [
        &["gateway", "--listen", "udp://127.0.0.1:0", "--cloud", &url, "--data", &journal][..],
        &["--log", "trace", "--token-file", &file],
    ];
    let gateway = Running::start(fieldpost(&gateway.concat()));
    gateway.says("others on this machine may read the token; chmod 600");
    let meters = gateway.says("listening on udp://");
    let survey = path("survey.txt");
    fs::write(&survey, "08:00 - 20 - 30%\n").unwrap();
    let meters = format!("udp://{meters}");
    let device = ["device", "--id", "m1", "--gateway", &meters, "--survey", &survey, "--once"];
    assert!(fieldpost(&device).output().unwrap().status.success());
    gateway.says("the cloud answers");

    let verify = ["verify", "--data", &journal, "--cloud", &url];
    let denied = fieldpost(&verify).output().unwrap();
    let denied = (denied.status.code(), String::from_utf8(denied.stderr).unwrap());
    assert!(denied.0 == Some(1) && denied.1.contains("token"), "{denied:?}");
    let verified = fieldpost(&verify).env("FIELDPOST_TOKEN", &reader).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));

    // Whatever is logged, no secret is.
    let (said, log) = (cloud.stop(), gateway.stop());
    for secret in [PASSWORD, &token, &reader, cookie.split_once('=').unwrap().1, &newer] {
        assert!(!said.contains(secret) && !log.contains(secret), "a secret in a log");
    }
    assert_eq!(said.matches(&code).count(), 1, "told once, and not by the log");
}

#[test]
fn a_token_that_cannot_be_used_is_an_error_that_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let gateway = |cloud: &str, more: &[&str]| {
        let mut command = fieldpost(&["gateway", "--listen", "udp://127.0.0.1:0", "--cloud", cloud]);
        command.arg("--data").arg(&data).args(more);
        command
    };
    let ends = |command: &mut Command| {
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let http = "http://127.0.0.1:9";
    let (code, said) = ends(&mut gateway(http, &["--token-file", "no-such-file"]));
    assert!(code == Some(1) && said.contains("no-such-file"), "{said}");
    let (code, said) = ends(gateway(http, &["--token-file", "x"]).env("FIELDPOST_TOKEN", "y"));
    assert!(code == Some(2) && said.contains("FIELDPOST_TOKEN"), "{said}");
    let (code, said) = ends(gateway("tcp://127.0.0.1:9", &[]).env("FIELDPOST_TOKEN", "y"));
    assert!(code == Some(2) && said.contains("http://"), "{said}");
    let (code, said) = ends(gateway(http, &[]).env("FIELDPOST_TOKEN", "fp_secret and more"));
    assert!(code == Some(2) && said.contains("one line") && !said.contains("fp_secret"), "{said}");
    let link = folder.path().to_str().unwrap();
    let (code, said) = ends(&mut fieldpost(&["cloud", "setup-link", "--data", link]));
    assert!(code == Some(1) && said.contains("store.db"), "{said}");
}

#[test]
fn in_a_trusted_network_all_is_open_but_nobody_leaves_a_door_for_later() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let cloud = ["cloud", "--http", "0.0.0.0:0", "--allow-insecure", "--data", data];
    let cloud = Running::start(fieldpost(&cloud));
    let at = format!("127.0.0.1:{}", cloud.says("listening on http://0.0.0.0:"));
    let code = cloud.says(&format!("http://{at}/setup#code="));
    let status = |method: &str, path: &str, body: &str| {
        let said = ask(&at, method, path, "", body);
        said.split(' ').nth(1).unwrap().to_owned()
    };
    let user = format!(r#"{{"name":"eve","role":"administrator","password":"{PASSWORD}"}}"#);
    assert_eq!(status("GET", "/api/v1/devices", ""), "200");
    assert_eq!(status("POST", "/api/v1/users", &user), "401");
    assert_eq!(status("POST", "/api/v1/tokens", r#"{"name":"eve","scope":"admin"}"#), "401");
    let set_up = format!(r#"{{"code":"{code}","name":"ann","password":"{PASSWORD}"}}"#);
    assert_eq!(status("POST", "/api/v1/setup", &set_up), "201");
    assert_eq!(status("GET", "/api/v1/devices", ""), "401");
}
