//! A door to MQTT: the newest values of each device, as Home Assistant finds them by itself. See [`announce`] for topics.
//!
//! One task drives the connection, another publishes. A broker that restarts may have forgotten everything, and the message that was under way,
//! so after each connection everything is said again: messages are retained and say what is, so that twice does no harm.

mod announce;
mod publisher;

pub use announce::Topics;

use crate::Store;
use publisher::Publisher;
use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// Messages that wait for the broker.
const MESSAGES_AHEAD: usize = 64;
/// Seconds between signs of life to the broker.
const KEEP_ALIVE: u16 = 30;
/// Between attempts to connect.
const RETRY: Duration = Duration::from_secs(5);
/// How long the cloud's farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// Where the broker is, and how to get in.
#[derive(Clone)]
pub struct Broker {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password, if it asks.
    pub credentials: Option<(String, String)>,
    /// Where messages go.
    pub topics: Topics,
}

impl std::fmt::Debug for Broker {
    /// Without the password (promise P9).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Publishes what the store holds until it is told to stop.
pub(crate) async fn run(broker: Broker, store: Store, mut stop: crate::connections::Stop) {
    let (client, events) = connect(&broker);
    let (connected, connections) = watch::channel(0_u64);
    let driving = tokio::spawn(drive(events, connected));
    let mut publisher = Publisher::new(broker.topics, store, client, connections);
    tokio::select! {
        () = publisher.run() => {}
        () = stop.wait() => {}
    }
    // The will is for those who cannot say it themselves.
    let _ = timeout(FAREWELL, publisher.leave()).await;
    drop(publisher);
    // It ends by itself once the broker has been told.
    let driving_ends = driving.abort_handle();
    if timeout(FAREWELL, driving).await.is_err() {
        driving_ends.abort();
    }
}

fn connect(broker: &Broker) -> (AsyncClient, EventLoop) {
    let name = format!("fieldpost-{}", broker.topics.prefix.replace('/', "-"));
    let mut options = MqttOptions::new(name, (broker.host.as_str(), broker.port));
    options.set_keep_alive(KEEP_ALIVE);
    let will = LastWill::new(broker.topics.status(), "offline", QoS::AtLeastOnce, true, None);
    options.set_last_will(will);
    if let Some((name, password)) = &broker.credentials {
        options.set_credentials(name.clone(), password.clone());
    }
    AsyncClient::builder(options).capacity(MESSAGES_AHEAD).build()
}

/// Keeps the connection going; counts connections.
async fn drive(mut events: EventLoop, connected: watch::Sender<u64>) {
    let mut failing = false;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!("connected to the MQTT broker");
                failing = false;
                connected.send_modify(|count| *count += 1);
            }
            Ok(_) => {}
            Err(_) if connected.is_closed() => return,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "the MQTT broker cannot be reached; trying again, all is said when it is there");
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
