//! Delivery: out of the outbox, in order for each channel, to webhooks, mailboxes and brokers.
//!
//! A message is tried until its receiver says that it has it; after a restart, too, so a receiver may see one twice: its id is
//! the same then. What cannot be delivered for three days, or is refused a few times, is given up, counted, and said at the channel:
//! a message that nobody will ever take must not keep those behind it.

pub(crate) mod channel;
mod email;
mod failure;
mod mqtt;
pub(crate) mod schedule;
pub(crate) mod tls;
mod webhook;

use crate::{
    clock,
    connections::Stop,
    store::{self, Attempted, Store},
};
use channel::{MAX_CHANNELS, Settings};
use failure::Failure;
use fieldpost_core::UtcInstant;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
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
    ) -> Result<(), Failure> {
        let attempt = async {
            let _turn = self.turns.acquire().await.map_err(|_| Failure::passing("the cloud is stopping"))?;
            let tools = self.tools.get_or_try_init(Tools::new).await.map_err(Failure::passing)?;
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
            let late = |_| Err(Failure::passing("no answer in time"));
            tokio::time::timeout(TIMEOUT, sent).await.unwrap_or_else(late)
        };
        attempt.await.map_err(|failure| Failure { reason: short(&failure.reason), ..failure })
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

/// How often the first message of a channel was refused. A restart forgets it: then it is tried a few times more.
#[derive(Debug, Default)]
struct Refusals(BTreeMap<i64, (i64, u32)>);

impl Refusals {
    fn of(&self, letter: &store::Letter) -> u32 {
        self.0.get(&letter.channel).filter(|(id, _)| *id == letter.id).map_or(0, |(_, count)| *count)
    }

    fn note(&mut self, done: &Done) {
        // Channels that were removed leave theirs behind.
        if self.0.len() >= MAX_CHANNELS as usize {
            self.0.clear();
        }
        self.0.insert(done.channel, (done.letter, done.refusals));
    }
}

/// An attempt that was made.
#[derive(Debug)]
struct Done {
    channel: i64,
    letter: i64,
    /// How often the message was refused so far.
    refusals: u32,
}

/// Delivers what waits until the stop. `first_pause`: until the second attempt; `woken` says that something may have come.
pub(crate) async fn run(store: Store, post: Post, first_pause: Duration, woken: Arc<Notify>, mut stop: Stop) {
    let mut under_way: JoinSet<Done> = JoinSet::new();
    let mut busy: BTreeSet<i64> = BTreeSet::new();
    let mut refusals = Refusals::default();
    loop {
        let now = clock::now();
        let pause = match store.outbox_heads(now).await {
            Ok(heads) => {
                for letter in heads.due {
                    if busy.insert(letter.channel) {
                        let before = refusals.of(&letter);
                        under_way.spawn(attempt(store.clone(), post.clone(), letter, before, first_pause));
                    }
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
                // What an attempt could break at is guarded in it.
                if let Ok(done) = done {
                    busy.remove(&done.channel);
                    refusals.note(&done);
                }
            }
        }
    }
    // What is cut here is sent again after the start, with the same id.
    under_way.shutdown().await;
}

async fn attempt(
    store: Store,
    post: Post,
    letter: store::Letter,
    refusals: u32,
    first_pause: Duration,
) -> Done {
    let (channel, message) = (letter.channel, letter.parts.id.clone());
    let sent = letter.clone();
    let delivery = async move { post.deliver(&sent.settings, sent.secret.as_deref(), &sent.parts).await };
    let result = failure::guarded(delivery).await;
    let refusals = refusals + u32::from(result.as_ref().is_err_and(|failure| failure.refused));
    let how = judge(result, refusals, letter.put, clock::now());
    match &how {
        Attempted::Delivered => tracing::debug!(channel, message, "a message of an alert was delivered"),
        Attempted::Failed(reason) => {
            tracing::warn!(
                channel,
                message,
                reason,
                "a message of an alert was not delivered; it is tried again"
            );
        }
        Attempted::GivenUp(reason) => {
            tracing::error!(
                channel,
                message,
                reason,
                "a message of an alert was not delivered, and is given up"
            );
        }
    }
    while let Err(error) = store.attempted(letter.clone(), how.clone(), clock::now(), first_pause).await {
        tracing::warn!(%error, "how a message fared cannot be noted; that is tried again");
        if matches!(error, crate::SubmitError::Closed) {
            break;
        }
        tokio::time::sleep(BREATH).await;
    }
    Done { channel, letter: letter.id, refusals }
}

/// What comes of an attempt with a message that was put out at `put`, and was refused so often so far.
fn judge(result: Result<(), Failure>, refusals: u32, put: UtcInstant, now: UtcInstant) -> Attempted {
    match result {
        Ok(()) => Attempted::Delivered,
        Err(failure) if refusals >= schedule::MAX_REFUSALS || schedule::is_over(put, now) => {
            Attempted::GivenUp(failure.reason)
        }
        Err(failure) => Attempted::Failed(failure.reason),
    }
}
