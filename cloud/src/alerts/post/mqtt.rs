//! A broker: the message as a publication, at least once (`QoS` 1), not retained.
//!
//! Each message has a connection of its own. A client that stays connected may drop what is in flight when the broker forgets it; here the
//! outbox knows what was acknowledged, and nothing else counts.

use super::{Letter, chain, channel::Server, failure::Failure};
use rumqttc::{
    AsyncClient, ConnectionError, EventLoop, MqttOptions, PublishOptions, StateError, TlsConfiguration,
    Transport, mqttbytes,
};
use rustls::ClientConfig;
use std::{sync::Arc, time::Duration};

/// How long to wait until the broker has heard that we go.
const FAREWELL: Duration = Duration::from_secs(1);

/// The way to a topic.
pub(super) struct Route<'a> {
    pub(super) broker: &'a str,
    pub(super) topic: &'a str,
    pub(super) account: Option<(&'a str, &'a str)>,
    pub(super) tls: &'a Arc<ClientConfig>,
}

/// Publishes once; well when the broker has acknowledged it.
pub(super) async fn publish(route: &Route<'_>, letter: &Letter) -> Result<(), Failure> {
    let options = options(route, &letter.id).map_err(Failure::refused)?;
    let (client, mut connection) =
        AsyncClient::builder(options).try_build().map_err(|error| Failure::refused(chain(&error)))?;
    let publish = client.publish_tracked(route.topic, letter.body.clone(), PublishOptions::at_least_once());
    let notice = publish.await.map_err(|error| Failure::refused(chain(&error)))?;
    tokio::select! {
        done = notice.wait_completion_async() => done.map_err(|error| Failure::passing(chain(&error)))?,
        failure = broken(&mut connection) => return Err(failure),
    }
    if client.disconnect().await.is_ok() {
        let _ = tokio::time::timeout(FAREWELL, broken(&mut connection)).await;
    }
    Ok(())
}

fn options(route: &Route<'_>, message: &str) -> Result<MqttOptions, String> {
    let server = Server::parse(route.broker).ok_or("the broker's address cannot be read")?;
    let encrypted = server.scheme == "mqtts";
    let port = server.port.unwrap_or(if encrypted { 8_883 } else { 1_883 });
    // A name of its own for each message: brokers throw out the other client of the same name.
    let client = format!("fieldpost-{}", message.get(..12).unwrap_or(message));
    let mut options = MqttOptions::new(client, (server.host, port));
    if encrypted {
        options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::clone(route.tls))));
    }
    if let Some((name, password)) = route.account {
        options.set_credentials(name, password.to_owned());
    }
    Ok(options)
}

/// Works for the connection until it breaks, or has ended.
async fn broken(connection: &mut EventLoop) -> Failure {
    loop {
        if let Err(error) = connection.poll().await {
            let refused = matches!(
                error,
                ConnectionError::MqttState(
                    StateError::OutgoingPacketTooLarge { .. }
                        | StateError::Deserialization(mqttbytes::Error::OutgoingPacketTooLarge { .. })
                )
            );
            return Failure { reason: chain(&error), refused };
        }
    }
}
