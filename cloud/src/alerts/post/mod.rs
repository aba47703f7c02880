//! Delivery: out of the outbox, in order for each channel, to webhooks, mailboxes and brokers.
//!
//! A message is tried until its receiver says that it has it; after a restart, too, so a receiver may see one twice: its id is
//! the same then. What cannot be delivered for three days is given up, counted, and said at the channel.

pub(crate) mod channel;
mod email;
mod mqtt;
pub(crate) mod schedule;
mod tls;
mod webhook;

use crate::{clock, connections::Stop, store::Store};
use channel::Settings;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, OnceCell, Semaphore},
    task::JoinSet,
};

/// The most messages that wait for one channel; beyond, the oldest is given up.
pub(crate) const MAX_WAITING: i64 = 1_000;
/// Deliveries at once.
const MAX_DELIVERIES: usize = 4;
/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest reason that is kept of a failure, in characters.
const MAX_REASON: usize = 300;
/// How long to wait if the store does not answer.
const BREATH: Duration = Duration::from_secs(5);
/// The longest sleep: clocks may be set meanwhile.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    /// The same at every attempt.
    pub(crate) id: String,
    /// JSON, see [`super::message`].
    pub(crate) body: String,
}

/// What delivers.
#[derive(Clone)]
pub(crate) struct Post {
    /// Made for the first message: reading certificates takes time and memory that few clouds need.
    tools: Arc<OnceCell<Tools>>,
    turns: Arc<Semaphore>,
}

struct Tools {
    webhooks: webhook::Client,
    tls: Arc<rustls::ClientConfig>,
}

impl Tools {
    async fn new() -> Result<Self, String> {
        let read = tokio::task::spawn_blocking(tls::config).await;
        let tls = read.map_err(|_| "the cloud is stopping".to_owned())??;
        Ok(Self { webhooks: webhook::client(&tls), tls: Arc::new(tls) })
    }
}

impl Post {
    /// Trusts the certificates that the system trusts.
    pub(crate) fn new() -> Self {
        Self { tools: Arc::new(OnceCell::new()), turns: Arc::new(Semaphore::new(MAX_DELIVERIES)) }
    }

    /// Tries once; says why not.
    ///
    /// # Errors
    /// What the receiver or the network said, without secrets.
    pub(crate) async fn deliver(
        &self,
        settings: &Settings,
        secret: Option<&str>,
        letter: &Letter,
    ) -> Result<(), String> {
        let attempt = async {
            let _turn = self.turns.acquire().await.map_err(|_| "the cloud is stopping".to_owned())?;
            let tools = self.tools.get_or_try_init(Tools::new).await?;
            let sent = async {
                match settings {
                    Settings::Webhook { url } => webhook::post(&tools.webhooks, url, secret, letter).await,
                    Settings::Email { to, from, server, username } => {
                        let account = username.as_deref().zip(secret);
                        email::send(&email::Route { to, from, server, account }, letter).await
                    }
                    Settings::Mqtt { broker, topic, username } => {
                        let account = username.as_deref().map(|name| (name, secret.unwrap_or("")));
                        let route = mqtt::Route { broker, topic, account, tls: &tools.tls };
                        mqtt::publish(&route, letter).await
                    }
                }
            };
            tokio::time::timeout(TIMEOUT, sent).await.unwrap_or_else(|_| Err("no answer in time".into()))
        };
        attempt.await.map_err(|reason| short(&reason))
    }
}

/// A reason as one short line.
fn short(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON).collect()
}

/// An error and its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Delivers what waits until the stop. `first_pause`: until the second attempt; `woken` says that something may have come.
pub(crate) async fn run(store: Store, post: Post, first_pause: Duration, woken: Arc<Notify>, mut stop: Stop) {
    let mut under_way: JoinSet<i64> = JoinSet::new();
    let mut busy: BTreeSet<i64> = BTreeSet::new();
    loop {
        let now = clock::now();
        let pause = match store.outbox_heads(now).await {
            Ok(heads) => {
                for letter in heads.due {
                    if busy.contains(&letter.channel) {
                        continue;
                    }
                    busy.insert(letter.channel);
                    under_way.spawn(attempt(store.clone(), post.clone(), letter, first_pause));
                }
                heads.next.map_or(LONGEST_SLEEP, |next| next.duration_since(now)).min(LONGEST_SLEEP)
            }
            Err(error) => {
                tracing::warn!(%error, "the outbox of alerts cannot be read; it is tried again");
                BREATH
            }
        };
        tokio::select! {
            () = stop.wait() => break,
            () = woken.notified() => {}
            () = tokio::time::sleep(pause) => {}
            Some(done) = under_way.join_next() => {
                // One that panicked leaves its channel busy until the next start rather than in a loop.
                if let Ok(channel) = done {
                    busy.remove(&channel);
                }
            }
        }
    }
    // What is cut here is sent again after the start, with the same id.
    under_way.shutdown().await;
}

async fn attempt(store: Store, post: Post, letter: crate::store::Letter, first_pause: Duration) -> i64 {
    let channel = letter.channel;
    let result = post.deliver(&letter.settings, letter.secret.as_deref(), &letter.parts).await;
    let failure = result.err();
    match &failure {
        None => tracing::debug!(channel, message = letter.parts.id, "a message of an alert was delivered"),
        Some(reason) => {
            tracing::warn!(
                channel,
                message = letter.parts.id,
                reason,
                "a message of an alert was not delivered; it is tried again"
            );
        }
    }
    while let Err(error) = store.attempted(letter.clone(), failure.clone(), clock::now(), first_pause).await {
        tracing::warn!(%error, "how a message fared cannot be noted; that is tried again");
        if matches!(error, crate::SubmitError::Closed) {
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    channel
}
