//! Says what the store holds, as far as the broker does not know it yet.
//!
//! Of what is new only the devices that it is about are looked at; all of them now and then, for what only time brings and for what
//! people wrote about them. A gateway is said before the devices that it brings: Home Assistant would not know what it is told of else.

use super::announce::{Message, Topics, availability};
use crate::{
    Store, clock, live,
    store::{Announced, ReadError},
};
use fieldpost_core::UtcInstant;
use rumqttc::{AsyncClient, PublishOptions, QoS};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{broadcast::Receiver, watch},
    time::{Instant, sleep_until},
};

/// All devices are looked at so long after the last time, if it is not known of which there is news.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// The most devices, and the most gateways, that are announced.
const MAX_NAMED: usize = 100_000;
/// Devices of one question to the store.
const PAGE: usize = 1_000;

/// Why not everything could be said.
enum Trouble {
    /// The connection's task has ended.
    Gone,
    /// The store did not answer.
    Unread(ReadError),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Unread(error)
    }
}

pub(super) struct Publisher {
    topics: Topics,
    store: Store,
    client: AsyncClient,
    connections: watch::Receiver<u64>,
    /// What was said on this connection: of devices by their ids, of gateways by `gateway ` and their names.
    said: BTreeMap<String, Said>,
    /// All devices are looked at this often: whether they fell silent, what they are called.
    look_every: Duration,
}

/// What the broker knows of a device or a gateway.
#[derive(Debug, PartialEq)]
struct Said {
    last_contact: Option<UtcInstant>,
    last_time: Option<UtcInstant>,
    availability: &'static str,
    announced: Announcement,
}

/// What makes another announcement necessary.
#[derive(Debug, Default, PartialEq)]
struct Announcement {
    temperature: bool,
    moisture: bool,
    survey_s: u32,
    name: Option<String>,
    place: Option<String>,
    gateway: Option<String>,
}

impl Publisher {
    pub(super) fn new(
        topics: Topics,
        store: Store,
        client: AsyncClient,
        connections: watch::Receiver<u64>,
        look_every: Duration,
    ) -> Self {
        Self { topics, store, client, connections, said: BTreeMap::new(), look_every }
    }

    /// Publishes until the connection's task ends.
    pub(super) async fn run(&mut self) {
        // Each connection is another broker for all that is known.
        while self.connections.changed().await.is_ok() {
            self.said.clear();
            if let Err(Trouble::Gone) = self.publish().await {
                return;
            }
        }
    }

    /// Says that the cloud goes, and hangs up.
    pub(super) async fn leave(&self) {
        let status = Message { topic: self.topics.status(), payload: "offline".into() };
        if self.say(status).await.is_ok() {
            let _ = self.client.disconnect().await;
        }
    }

    /// Says everything, and then what changes, until there is another connection.
    async fn publish(&mut self) -> Result<(), Trouble> {
        self.say(Message { topic: self.topics.status(), payload: "online".into() }).await?;
        let mut watching = self.store.live.watch();
        let mut looked = Instant::now();
        let mut next = looked;
        loop {
            let changed = tokio::select! {
                () = sleep_until(next) => None,
                changed = news(&mut watching) => changed,
                _ = self.connections.changed() => {
                    self.connections.mark_changed();
                    return Ok(());
                }
            };
            let said = match changed {
                Some(devices) => self.look_at(devices).await,
                None if Instant::now() < next => {
                    next = next.min(looked + LOOK_AGAIN);
                    continue;
                }
                None => {
                    looked = Instant::now();
                    next = looked + self.look_every;
                    self.look().await
                }
            };
            match said {
                Err(Trouble::Unread(error)) => {
                    tracing::warn!(%error, "what MQTT is to be told cannot be read; trying again");
                    next = next.min(looked + LOOK_AGAIN);
                }
                said => said?,
            }
        }
    }

    /// Says what is not said yet of all there is.
    async fn look(&mut self) -> Result<(), Trouble> {
        self.say_gateways().await?;
        let (mut after, mut seen) = (None, 0_usize);
        loop {
            let page = self.store.announced(after, PAGE).await?;
            seen = seen.saturating_add(page.len());
            let last = page.last().filter(|_| page.len() == PAGE && seen < MAX_NAMED);
            after = last.map(|row| row.id.clone());
            self.say_devices(page).await?;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Says what is not said yet of these devices, as many as may be.
    async fn look_at(&mut self, mut devices: Vec<String>) -> Result<(), Trouble> {
        devices.retain(|device| self.said.contains_key(device) || self.said.len() < MAX_NAMED);
        let rows = self.store.announced_of(devices).await?;
        self.say_devices(rows).await
    }

    async fn say_devices(&mut self, rows: Vec<Announced>) -> Result<(), Trouble> {
        let unsaid = |row: &Announced| {
            row.gateway.as_deref().is_some_and(|gateway| !self.said.contains_key(&gateway_key(gateway)))
        };
        if rows.iter().any(unsaid) {
            self.say_gateways().await?;
        }
        for row in rows {
            self.say_device(row).await?;
        }
        Ok(())
    }

    async fn say_gateways(&mut self) -> Result<(), Trouble> {
        for row in self.store.gateways(None, MAX_NAMED).await? {
            let name = gateway_key(&row.gateway.name);
            let now = Said {
                last_contact: Some(row.gateway.last_contact),
                last_time: None,
                availability: "online",
                announced: Announcement::default(),
            };
            if self.said.get(&name) != Some(&now) {
                self.say_all(self.topics.gateway(&row)).await?;
                self.said.insert(name, now);
            }
        }
        Ok(())
    }

    async fn say_device(&mut self, row: Announced) -> Result<(), Trouble> {
        let Some(values) = row.last_values else { return Ok(()) };
        let time = clock::now();
        let now = Said {
            last_contact: row.last_contact,
            last_time: row.last_time,
            availability: availability(&row, time),
            announced: Announcement {
                temperature: values.temperature().is_some(),
                moisture: values.moisture().is_some(),
                survey_s: row.survey_s,
                name: row.name.clone(),
                place: row.place.clone(),
                gateway: row.gateway.clone(),
            },
        };
        let before = self.said.get(&row.id);
        if before == Some(&now) {
            return Ok(());
        }
        if before.is_none_or(|before| before.announced != now.announced) {
            self.say_all(self.topics.discover_device(&row)).await?;
        }
        self.say_all(self.topics.device(&row, time)).await?;
        self.said.insert(row.id, now);
        Ok(())
    }

    async fn say_all(&self, messages: Vec<Message>) -> Result<(), Trouble> {
        for message in messages {
            self.say(message).await?;
        }
        Ok(())
    }

    async fn say(&self, message: Message) -> Result<(), Trouble> {
        let options = PublishOptions::new(QoS::AtLeastOnce).retained();
        self.client.publish(message.topic, message.payload, options).await.map_err(|_| Trouble::Gone)
    }
}

/// Of which devices there is news; None if that is not known.
async fn news(watching: &mut Option<Receiver<bytes::Bytes>>) -> Option<Vec<String>> {
    let text = match watching {
        Some(texts) => texts.recv().await.ok()?,
        None => std::future::pending().await,
    };
    live::devices_in(std::str::from_utf8(&text).ok()?)
}

/// Under what a gateway is noted; no device's id has a space in it.
fn gateway_key(name: &str) -> String {
    format!("gateway {name}")
}
