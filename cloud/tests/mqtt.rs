//! The door to MQTT, at a real Mosquitto.

use crate::support;

use fieldpost_cloud::{Broker, Topics};
use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use support::{Cloud, PATIENCE};
use tempfile::TempDir;

/// A Mosquitto of the test's own, on a free port of loopback, that keeps nothing when it ends.
struct Mosquitto {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Mosquitto {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = run(&folder, port);
        Self { folder, port, process }
    }

    /// Ends it and starts it anew: all retained messages are gone.
    fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = run(&self.folder, self.port);
    }

    fn broker(&self) -> Broker {
        let topics = Topics { prefix: "fieldpost".into(), discovery: "homeassistant".into() };
        Broker { host: "127.0.0.1".into(), port: self.port, tls: false, credentials: None, topics }
    }

    /// What is retained under `topic`, once it is there and `wanted`.
    fn retained(&self, topic: &str, wanted: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let port = self.port.to_string();
            let asked = Command::new("mosquitto_sub")
                .args(["-h", "127.0.0.1", "-p", &port, "-t", topic, "-C", "1", "-W", "2"])
                .output()
                .expect("mosquitto_sub is installed (Debian: mosquitto-clients)");
            let said = String::from_utf8(asked.stdout).unwrap().trim().to_owned();
            if asked.status.success() && wanted(&said) {
                return said;
            }
            assert!(Instant::now() < end, "{topic} says {said:?}");
        }
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(folder: &TempDir, port: u16) -> Child {
    let config = folder.path().join("mosquitto.conf");
    std::fs::write(&config, format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"))
        .unwrap();
    let mut command = Command::new("mosquitto");
    command.env("PATH", format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap()));
    let process = command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = process.expect("mosquitto is installed (Debian: mosquitto)");
    let end = Instant::now() + PATIENCE;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "mosquitto did not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn any(_: &str) -> bool {
    true
}

const PACK: &str = r#"[{"bn":"192.168.1.2/","bt":1751356800,"n":"temperature","u":"Cel","v":20.5},{"n":"moisture","u":"/","v":0.305}]"#;

#[tokio::test(flavor = "multi_thread")]
async fn home_assistant_finds_devices_by_itself_and_a_broker_that_forgot_is_told_again() {
    let mut mosquitto = Mosquitto::start();
    let broker = mosquitto.broker();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let cloud = Cloud::start_with(folder, |settings, _| settings.mqtt = Some(broker)).await;
    assert_eq!(mosquitto.retained("fieldpost/status", any), "online");
    let headers = [("content-type", "application/senml+json"), ("fieldpost-gateway", "north/field #1")];
    assert_eq!(cloud.request("POST", "/api/v1/surveys", &headers, PACK.into()).await.status, 200);

    let state = json(&mosquitto.retained("fieldpost/devices/192.168.1.2/state", any));
    assert_eq!((&state["temperature_c"], &state["moisture_pct"]), (&20.5.into(), &30.5.into()));
    assert_eq!(state["time"], "2025-07-01T08:00:00Z");
    assert_eq!(mosquitto.retained("fieldpost/devices/192.168.1.2/availability", any), "online");

    let config = json(&mosquitto.retained("homeassistant/sensor/+/moisture/config", any));
    assert_eq!(config["unit_of_measurement"], "%");
    assert_eq!(config["device_class"], "moisture");
    assert_eq!(config["state_topic"], "fieldpost/devices/192.168.1.2/state");
    assert_eq!(config["value_template"], "{{ value_json.moisture_pct }}");
    assert_eq!(config["expire_after"], 26 * 60 * 60);
    assert_eq!(config["availability"][1]["topic"], "fieldpost/devices/192.168.1.2/availability");
    let gateway = json(&mosquitto.retained("homeassistant/sensor/+/last_contact/config", any));
    assert_eq!(config["device"]["via_device"], gateway["device"]["identifiers"][0]);
    assert_eq!(gateway["device"]["name"], "north/field #1");

    // An older survey that comes late says nothing about now; a newer one does.
    let older = PACK.replace("1751356800", "1751270400").replace("20.5", "3");
    let newer = PACK.replace("1751356800", "1751360400").replace("20.5", "21.5");
    for pack in [older, newer] {
        assert_eq!(cloud.request("POST", "/api/v1/surveys", &headers, pack.into()).await.status, 200);
    }
    let state = mosquitto.retained("fieldpost/devices/192.168.1.2/state", |said| said.contains("09:00:00Z"));
    assert_eq!(json(&state)["temperature_c"], 21.5);

    mosquitto.restart();
    let again = mosquitto.retained("fieldpost/devices/192.168.1.2/state", any);
    assert_eq!(json(&again), json(&state));
    json(&mosquitto.retained("homeassistant/sensor/+/temperature/config", any));
    cloud.stop().await;
    assert_eq!(mosquitto.retained("fieldpost/status", |said| said == "offline"), "offline");
}

/// A value expires when a survey is overdue. Home Assistant goes by what it was told last.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_expires_by_the_interval_that_somebody_set_as_soon_as_it_is_heard_of() {
    let mosquitto = Mosquitto::start();
    // Of the first edit only a survey brings news, of the second only the look at all devices.
    for (look, surveys) in [(PATIENCE * 10, true), (Duration::from_millis(100), false)] {
        let mut broker = mosquitto.broker();
        broker.topics.discovery = format!("look{}", look.as_millis());
        let cloud = Cloud::start_with(Arc::new(tempfile::tempdir().unwrap()), |settings, limits| {
            settings.mqtt = Some(broker);
            limits.mqtt_look = look;
        })
        .await;
        assert_eq!(cloud.post_json(PACK).await.status, 200);
        let topic = format!("look{}/sensor/+/moisture/config", look.as_millis());
        let expires = |seconds: u64| {
            mosquitto.retained(&topic, |said| !said.is_empty() && json(said)["expire_after"] == seconds);
        };
        let grace = 2 * 60 * 60;
        expires(24 * 60 * 60 + grace);
        let content = [("content-type", "application/json")];
        for (survey_s, seconds, time) in [("3600", 3_600, "1751360400"), ("null", 86_400, "1751364000")] {
            let details = format!("{{\"survey_s\":{survey_s}}}");
            let path = "/api/v1/devices/192.168.1.2/details";
            let edited = cloud.request("PUT", path, &content, details.into()).await;
            assert_eq!(edited.status, 200, "{}", edited.text());
            if surveys {
                assert_eq!(cloud.post_json(&PACK.replace("1751356800", time)).await.status, 200);
            }
            expires(seconds + grace);
        }
        cloud.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p7_a_broker_that_is_not_there_holds_up_nobody() {
    let mut broker = Mosquitto::start().broker();
    broker.credentials = Some(("me".into(), "secret".into()));
    assert!(!format!("{broker:?}").contains("secret"));
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let cloud = Cloud::start_with(folder, |settings, _| settings.mqtt = Some(broker)).await;
    assert_eq!(cloud.post_json(PACK).await.status, 200);
    cloud.stop().await;
}
