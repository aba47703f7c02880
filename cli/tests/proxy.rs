//! Whom the real program believes when it says for whom it asks: proxies on this machine, and those that the operator named, by flag,
//! variable or file.
#![expect(clippy::unwrap_used, reason = "this file is a test")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery";
/// A proxy on another machine.
const PROXY: &str = "198.51.100.7";
/// More than may fail from one address without a delay, and so many that the delay, which doubles, outlasts a slow machine.
const ATTEMPTS: u8 = 12;

/// A cloud on all addresses, killed when the test ends, however it ends.
struct Cloud {
    child: Child,
    port: u16,
    code: String,
    _folder: TempDir,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Cloud {
    /// Starts it as `change` says, with `config` as its file.
    fn start(config: &str, change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fieldpost.toml"), config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
        command.args(["cloud", "--http", "0.0.0.0:0", "--data"]).arg(folder.path()).env_clear();
        change(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let link = (&mut log).lines().find_map(|line| {
            let line = line.unwrap();
            let (_, link) = line.split_once("http://127.0.0.1:")?;
            let (port, code) = link.trim().split_once("/setup#code=")?;
            Some((port.parse().unwrap(), code.to_owned()))
        });
        let (port, code) = link.expect("it prints the link for the first account");
        // Somebody must go on reading, or the program would stand still at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, port, code, _folder: folder }
    }

    fn post(&self, to: IpAddr, path: &str, headers: &str, body: &serde_json::Value) -> String {
        let (mut stream, body) =
            (TcpStream::connect(SocketAddr::new(to, self.port)).unwrap(), body.to_string());
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.0\r\nHost: cloud\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Whether those who try passwords from one address after the other, through proxies or by their own word, count as one.
    fn counts_as_one(&self, to: IpAddr, through: &str) -> bool {
        (1..=ATTEMPTS).any(|number| {
            let forwarded = format!("X-Forwarded-For: 203.0.113.{number}{through}\r\n");
            let body = serde_json::json!({"name": format!("m{number}"), "password": PASSWORD});
            let said = self.post(to, "/api/v1/session", &forwarded, &body);
            let status = said.split(' ').nth(1).unwrap();
            assert!(matches!(status, "401" | "429"), "{said}");
            status == "429"
        })
    }

    /// The cookie of the first account, which is made through a proxy with TLS, or by who says that it is one.
    fn cookie(&self, to: IpAddr) -> String {
        let body = serde_json::json!({"code": self.code, "name": "ann", "password": PASSWORD});
        let said = self.post(to, "/api/v1/setup", "X-Forwarded-Proto: https\r\n", &body);
        let cookie = said.lines().find_map(|line| line.strip_prefix("set-cookie: "));
        cookie.unwrap_or_else(|| panic!("no cookie: {said}")).to_owned()
    }
}

/// An address of this machine at which it is for itself a stranger; None if it has no network.
fn own_address() -> Option<IpAddr> {
    let table = fs::read_to_string("/proc/net/fib_trie").unwrap();
    let mut last = None;
    for line in table.lines() {
        if let Some((_, address)) = line.split_once("|-- ") {
            last = address.trim().parse::<Ipv4Addr>().ok();
        } else if line.contains("host LOCAL") && last.is_some_and(|address| !address.is_loopback()) {
            return last.map(IpAddr::V4);
        }
    }
    None
}

fn file(proxies: &str) -> String {
    format!("[cloud]\ntrusted-proxy = {proxies}\n")
}

/// Each word counts only if whoever passed it on is believed: the one on this machine always, the one before that if it was named.
#[test]
fn p9_a_proxy_counts_that_a_flag_a_variable_or_the_file_names() {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let through = format!(", {PROXY}");
    let both = format!("192.0.2.9,{PROXY}");
    let nobody = Cloud::start("", |_| {});
    assert!(nobody.counts_as_one(here, &through), "nobody named it");
    assert!(!nobody.counts_as_one(here, ""), "on this machine it needs no name");
    let flag =
        |command: &mut Command| _ = command.args(["--trusted-proxy", "192.0.2.9", "--trusted-proxy", PROXY]);
    let variable = |command: &mut Command| _ = command.env("FIELDPOST_TRUSTED_PROXY", &both);
    for (what, named) in [
        ("flag", Cloud::start("", flag)),
        ("variable", Cloud::start("", variable)),
        ("file", Cloud::start(&file("[\"192.0.2.9\", \"198.51.100.0/24\"]"), |_| {})),
        ("flag over file", Cloud::start(&file("\"192.0.2.9\""), flag)),
        ("variable over file", Cloud::start(&file("\"192.0.2.9\""), variable)),
    ] {
        assert!(!named.counts_as_one(here, &through), "{what}");
    }
    let another = |command: &mut Command| _ = command.args(["--trusted-proxy", "192.0.2.9"]);
    let overruled = Cloud::start(&file(&format!("\"{PROXY}\"")), another);
    assert!(overruled.counts_as_one(here, &through), "a flag says something else than the file");
}

#[test]
fn p9_what_a_peer_says_that_is_no_proxy_counts_nothing() {
    // Without a network there is no peer but those on this machine.
    let Some(own) = own_address() else { return };
    let stranger = Cloud::start(&file("\"192.0.2.9\""), |_| {});
    let cookie = stranger.cookie(own);
    assert!(!cookie.contains("Secure") && !cookie.contains("__Host-"), "{cookie}");
    assert!(stranger.counts_as_one(own, ""), "for whom it asks is its own word");
    let proxy = Cloud::start(&file(&format!("\"{own}\"")), |_| {});
    let cookie = proxy.cookie(own);
    assert!(cookie.contains("; Secure") && cookie.contains("__Host-"), "{cookie}");
    assert!(!proxy.counts_as_one(own, ""), "it was named");
}

#[test]
fn a_proxy_that_is_no_address_or_everybody_is_a_usage_error() {
    for (proxy, part) in
        [("cloud.example", "no network"), ("0.0.0.0/0", "everybody"), ("10.0.0.1/33", "no network")]
    {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
        command.args(["cloud", "--trusted-proxy", proxy, "--data"]).arg(folder.path()).env_clear();
        let ended = command.output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.code() == Some(2) && said.contains(part), "{proxy}: {said}");
    }
}
