//! Who gets messages: an HTTP receiver, an SMTP server, a broker.

use super::PATIENCE;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use ring::hmac;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use std::{
    fmt::Write as _,
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// As the documentation tells receivers to.
    pub fn check_signature(&self, secret: &str) {
        let signature = self.header("fieldpost-signature");
        let (time, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{}", self.body).as_bytes());
        let expected = tag.as_ref().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        assert_eq!(hex, expected);
        let now = jiff::Timestamp::now().as_second();
        assert!((now - time.parse::<i64>().unwrap()).abs() < 300, "{time} is not now");
    }
}

/// An HTTP receiver that keeps what comes.
pub struct Hook {
    address: SocketAddr,
    received: watch::Receiver<Vec<Received>>,
    serving: JoinHandle<()>,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Hook {
    /// Answers with the statuses of `script` first, and then well.
    pub async fn start(script: &[u16]) -> Self {
        Self::answering(script, None).await
    }

    /// Sends everybody to another address.
    pub async fn redirecting(to: &str) -> Self {
        Self::answering(&[307; 1_000], Some(to.to_owned())).await
    }

    async fn answering(script: &[u16], location: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        let script = Arc::new(script.to_vec());
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (sender, script, location) = (sender.clone(), script.clone(), location.clone());
                let answer = move |request: Request<Incoming>| {
                    let (sender, script, location) = (sender.clone(), script.clone(), location.clone());
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        let body = String::from_utf8(body.to_vec()).unwrap();
                        let mut count = 0;
                        sender.send_modify(|all| {
                            count = all.len();
                            all.push(Received { headers: head.headers, body });
                        });
                        let mut response =
                            Response::builder().status(script.get(count).copied().unwrap_or(200));
                        if let Some(location) = location {
                            response = response.header("location", location);
                        }
                        response.body(Full::new(bytes::Bytes::new()))
                    }
                };
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service_fn(answer)));
            }
        });
        Self { address, received, serving }
    }

    pub fn url(&self) -> String {
        format!("http://{}/alerts", self.address)
    }

    pub fn count(&self) -> usize {
        self.received.borrow().len()
    }

    /// Waits for `count` requests; returns all.
    pub async fn got(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.clone();
        let wait = received.wait_for(|all| all.len() >= count);
        let all = tokio::time::timeout(PATIENCE, wait).await.expect("messages come").unwrap().clone();
        assert_eq!(all.len(), count, "{all:?}");
        all
    }
}

/// An SMTP server that takes one mail.
pub struct Mailbox {
    pub port: u16,
    mail: JoinHandle<String>,
}

impl Mailbox {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mail = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            smtp(stream, "250 ok\r\n").await
        });
        Self { port, mail }
    }

    /// One that knows none of those who are written to, however often.
    pub async fn refusing() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mail = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                smtp(stream, "550 there is nobody of this name\r\n").await;
            }
        });
        Self { port, mail }
    }

    /// All that the client said.
    pub async fn got(self) -> String {
        tokio::time::timeout(PATIENCE, self.mail).await.expect("a mail comes").unwrap()
    }
}

/// Speaks SMTP; to whom is written, it answers `recipient`.
async fn smtp(stream: TcpStream, recipient: &str) -> String {
    let mut stream = BufReader::new(stream);
    let mut said = String::new();
    stream.write_all(b"220 test\r\n").await.unwrap();
    let (mut line, mut in_data) = (String::new(), false);
    loop {
        line.clear();
        if stream.read_line(&mut line).await.unwrap() == 0 {
            return said;
        }
        said.push_str(&line);
        let answer: &str = match line.trim_end() {
            "." if in_data => {
                in_data = false;
                "250 kept\r\n"
            }
            _ if in_data => continue,
            "DATA" => {
                in_data = true;
                "354 go on\r\n"
            }
            "QUIT" => "221 bye\r\n",
            greeting if greeting.starts_with("EHLO") => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n",
            auth if auth.starts_with("AUTH PLAIN") => "235 yes\r\n",
            to if to.starts_with("RCPT") => recipient,
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A real Mosquitto, with a folder and a port of its own.
pub struct Broker {
    pub port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Broker {
    const PROGRAM: &str = "/usr/sbin/mosquitto";

    /// One that is not started yet. None where there is no Mosquitto, which is not allowed in CI.
    #[expect(clippy::print_stdout, reason = "whoever runs the test has to see that it did not")]
    pub fn prepare() -> Option<Self> {
        if !std::path::Path::new(Self::PROGRAM).exists() {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "no {}: install mosquitto", Self::PROGRAM);
            println!("skipped: there is no {}", Self::PROGRAM);
            return None;
        }
        // The port is free a moment later, too: the system gives others first.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some(Self { port, folder: tempfile::tempdir().unwrap(), process: None })
    }

    pub fn start(&mut self) {
        self.start_with("");
    }

    /// With one more line of settings.
    pub fn start_with(&mut self, line: &str) {
        let settings =
            format!("listener {} 127.0.0.1\nallow_anonymous true\npersistence false\n{line}\n", self.port);
        let path = self.folder.path().join("mosquitto.conf");
        std::fs::write(&path, settings).unwrap();
        let command = Command::new(Self::PROGRAM).arg("-c").arg(path).stderr(Stdio::null()).spawn();
        self.process = Some(command.unwrap());
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Keeps what comes under `topic`, from now on.
    pub async fn subscribe(&self, topic: &str, received: Arc<Mutex<Vec<String>>>) -> JoinHandle<()> {
        let options = MqttOptions::new("test", ("127.0.0.1", self.port));
        let (client, mut connection) = AsyncClient::builder(options).build();
        client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let _client = client;
            let mut ready = Some(ready);
            loop {
                match connection.poll().await.unwrap() {
                    Event::Incoming(Packet::SubAck(_)) => _ = ready.take().map(|ready| ready.send(())),
                    Event::Incoming(Packet::Publish(publish)) => {
                        received.lock().unwrap().push(String::from_utf8(publish.payload.to_vec()).unwrap());
                    }
                    _ => {}
                }
            }
        });
        tokio::time::timeout(PATIENCE, is_ready).await.unwrap().unwrap();
        task
    }
}
