//! The door to MQTT of the real program, at a real Mosquitto: what the broker says when the cloud is killed, encryption, and who is not let in.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "this file is a test")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const GLANCE: Duration = Duration::from_millis(20);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(GLANCE);
    }
}

/// A program, killed when the test ends, however it ends.
struct Running {
    child: Child,
    log: Arc<Mutex<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(mut command: Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *kept.lock().unwrap() += &(line + "\n"));
        });
        Self { child, log }
    }

    fn says(&self, part: &str) {
        until(&format!("it never said `{part}`"), || self.log.lock().unwrap().contains(part).then_some(()));
    }
}

/// A Mosquitto with a listener of the test's own.
struct Mosquitto {
    folder: TempDir,
    port: u16,
    _running: Option<Running>,
}

impl Mosquitto {
    /// One that is not started yet.
    fn new() -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        Self { folder: tempfile::tempdir().unwrap(), port, _running: None }
    }

    fn start(&mut self, settings: &str) {
        let config = self.folder.path().join("mosquitto.conf");
        let listener =
            format!("listener {} 127.0.0.1\npersistence false\nuser root\n{settings}\n", self.port);
        std::fs::write(&config, listener).unwrap();
        let mut command = Command::new("mosquitto");
        command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()));
        command.arg("-c").arg(config);
        self._running = Some(Running::start(command));
        until("mosquitto does not start", || std::net::TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// The cloud, told to speak to this broker.
    fn cloud(&self, scheme: &str, change: impl FnOnce(&mut Command)) -> Running {
        let data = self.folder.path().join("cloud");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
        let broker = format!("{scheme}localhost:{}", self.port);
        command.args(["cloud", "--http", "127.0.0.1:0", "--mqtt", &broker, "--data"]).arg(data).env_clear();
        change(&mut command);
        Running::start(command)
    }

    /// Waits until the broker has `wanted` under `topic`.
    fn has(&self, topic: &str, wanted: &str, more: &[&str]) {
        until(&format!("{topic} is not {wanted}"), || {
            let port = self.port.to_string();
            let arguments = ["-h", "localhost", "-p", &port, "-t", topic, "-C", "1", "-W", "2"];
            let asked = Command::new("mosquitto_sub").args(arguments).args(more).output();
            let said = asked.expect("mosquitto_sub is installed (Debian: mosquitto-clients)").stdout;
            (String::from_utf8_lossy(&said).trim() == wanted).then_some(())
        });
    }
}

#[test]
fn p8_a_cloud_that_is_killed_is_offline_by_its_last_will() {
    let mut mosquitto = Mosquitto::new();
    mosquitto.start("allow_anonymous true");
    let mut cloud = mosquitto.cloud("mqtt://", |_| {});
    mosquitto.has("fieldpost/status", "online", &[]);
    cloud.child.kill().unwrap();
    mosquitto.has("fieldpost/status", "offline", &[]);
    drop(cloud);
    let _again = mosquitto.cloud("mqtt://", |_| {});
    mosquitto.has("fieldpost/status", "online", &[]);
}

#[test]
fn a_broker_that_does_not_let_us_in_is_said_and_asked_again() {
    let mut mosquitto = Mosquitto::new();
    let passwords = mosquitto.folder.path().join("passwords");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&passwords).args(["me", "right"]).output();
    assert!(made.expect("mosquitto_passwd is installed (Debian: mosquitto)").status.success());
    let guarded = format!("allow_anonymous false\npassword_file {}", passwords.display());
    mosquitto.start(&guarded);
    let cloud =
        mosquitto.cloud("mqtt://me@", |command| _ = command.env("FIELDPOST_MQTT_PASSWORD", "wrong-one"));
    cloud.says("does not let us in");
    cloud.says("FIELDPOST_MQTT_PASSWORD");
    assert!(!cloud.log.lock().unwrap().contains("wrong-one"));
    // The broker's password is mended, and the cloud comes by itself.
    let made = Command::new("mosquitto_passwd").arg("-b").arg(&passwords).args(["me", "wrong-one"]).output();
    assert!(made.unwrap().status.success());
    mosquitto._running = None;
    mosquitto.start(&guarded);
    mosquitto.has("fieldpost/status", "online", &["-u", "me", "-P", "wrong-one"]);
}

/// Runs openssl in `folder`.
fn openssl(folder: &Path, arguments: &str) {
    let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output();
    let made = made.expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn p9_mqtts_is_encrypted_and_only_to_a_broker_whose_certificate_is_trusted() {
    let mut mosquitto = Mosquitto::new();
    let folder = mosquitto.folder.path().to_owned();
    std::fs::write(folder.join("san"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        &folder,
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority",
    );
    openssl(&folder, "req -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=localhost");
    openssl(
        &folder,
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile san",
    );
    let file = |name: &str| folder.join(name).display().to_string();
    mosquitto.start(&format!(
        "allow_anonymous true\ncertfile {}\nkeyfile {}",
        file("cert.pem"),
        file("key.pem")
    ));
    let doubting = mosquitto.cloud("mqtts://", |_| {});
    doubting.says("certificate is not trusted");
    drop(doubting);
    let _cloud = mosquitto.cloud("mqtts://", |command| _ = command.env("SSL_CERT_FILE", file("ca.pem")));
    mosquitto.has("fieldpost/status", "online", &["--cafile", &file("ca.pem")]);
}
