//! A door to MQTT: the newest values of each device, as Home Assistant finds them by itself. See [`announce`] for topics.
//!
//! One task drives the connection, another publishes. A broker that restarts may have forgotten everything, and the message that was under way,
//! so after each connection everything is said again: messages are retained and say what is, so that twice does no harm.

mod announce;
mod publisher;

pub use announce::Topics;

use crate::{Store, alerts::post::tls};
use publisher::Publisher;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions, Packet, QoS,
    StateError, TlsConfiguration, Transport,
};
use std::{sync::Arc, time::Duration};
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
    /// Whether the connection is encrypted, and the broker shows a certificate that the system trusts.
    pub tls: bool,
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

/// Publishes what the store holds until it is told to stop; looks at all of it every `look_every`.
pub(crate) async fn run(
    broker: Broker,
    store: Store,
    look_every: Duration,
    mut stop: crate::connections::Stop,
) {
    let (client, events) = match connect(&broker).await {
        Ok(connection) => connection,
        Err(error) => return tracing::error!(error, "nothing is said by MQTT"),
    };
    let (connected, connections) = watch::channel(0_u64);
    let driving = tokio::spawn(drive(events, connected));
    let mut publisher = Publisher::new(broker.topics, store, client, connections, look_every);
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

async fn connect(broker: &Broker) -> Result<(AsyncClient, EventLoop), String> {
    let name = format!("fieldpost-{}", broker.topics.prefix.replace('/', "-"));
    let mut options = MqttOptions::new(name, (broker.host.as_str(), broker.port));
    options.set_keep_alive(KEEP_ALIVE);
    let will = LastWill::new(broker.topics.status(), "offline", QoS::AtLeastOnce, true, None);
    options.set_last_will(will);
    if let Some((name, password)) = &broker.credentials {
        options.set_credentials(name.clone(), password.clone());
    }
    if broker.tls {
        let config = tokio::task::spawn_blocking(tls::config).await.map_err(|error| error.to_string())??;
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(config))));
    }
    Ok(AsyncClient::builder(options).capacity(MESSAGES_AHEAD).build())
}

/// What to do about an error, for whoever reads the log.
fn advice(error: &ConnectionError) -> &'static str {
    use ConnectReturnCode::{BadUserNamePassword, NotAuthorized};
    let refused = match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => code,
        ConnectionError::Tls(_) => {
            return "the MQTT broker's certificate is not trusted, or it speaks no TLS; trying again";
        }
        _ => return "the MQTT broker cannot be reached; trying again, all is said when it is there",
    };
    match refused {
        BadUserNamePassword | NotAuthorized => {
            "the MQTT broker does not let us in: is the name in --mqtt right, and the password in FIELDPOST_MQTT_PASSWORD? trying again"
        }
        _ => "the MQTT broker refuses us; trying again",
    }
}

/// Keeps the connection going; counts connections.
async fn drive(mut events: EventLoop, connected: watch::Sender<u64>) {
    let mut said = None;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                tracing::info!("connected to the MQTT broker");
                said = None;
                connected.send_modify(|count| *count += 1);
            }
            Ok(_) => {}
            Err(_) if connected.is_closed() => return,
            Err(error) => {
                // Once, until it is something else.
                let advice = advice(&error);
                if said.replace(advice) != Some(advice) {
                    tracing::warn!(%error, "{advice}");
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}
