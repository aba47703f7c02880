//! What happens now, for whoever watches: the newest reading of each device that brought something, merged.
//!
//! The store's writer leaves a note of each commit; a task asks once a second how the devices of these notes do, turns them
//! into one text and hands it to all watchers, who share its bytes. While nobody watches nothing is noted or asked. A watcher that is too slow loses texts, and is told so:
//! what is stored is not in question here, it asks the API again.

use crate::fleet::state::State;
use bytes::Bytes;
use fieldpost_core::{DeviceId, Reading, UtcInstant};
use std::{
    collections::BTreeMap,
    fmt::{Display, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, broadcast};

/// Watchers at once: a browser's page is one.
pub(crate) const MAX_WATCHERS: usize = 200;
/// Texts that wait for a slow watcher.
const TEXTS_AHEAD: usize = 16;
/// Devices and gateways of one text; of more, watchers are told that they missed some.
const MAX_NOTED: usize = 20_000;
/// The least time between two texts.
const PAUSE: Duration = Duration::from_secs(1);

/// The text for those who missed something.
pub(crate) const MISSED: &str = "event: missed\ndata: {}\n\n";

/// Where notes are left and watchers come; clones are the same place.
#[derive(Clone)]
pub(crate) struct Live(Arc<Shared>);

struct Shared {
    notes: Mutex<Notes>,
    noted: Notify,
    texts: broadcast::Sender<Bytes>,
}

/// What happened since the last text.
#[derive(Default)]
struct Notes {
    readings: BTreeMap<DeviceId, Came>,
    contacts: BTreeMap<String, UtcInstant>,
    alerts: Vec<serde_json::Value>,
    missed: bool,
}

/// What came of a device.
#[derive(Debug, Clone, Copy)]
struct Came {
    /// The newest of the readings that were new, and how many they were.
    newest: Reading,
    new: u64,
}

/// How a device does after its survey: one that waited behind a dead uplink is no sign of life of today.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    /// When it was last heard.
    pub(crate) contact: UtcInstant,
    pub(crate) state: State,
}

impl Live {
    pub(crate) fn new() -> Self {
        let (texts, _) = broadcast::channel(TEXTS_AHEAD);
        Self(Arc::new(Shared { notes: Mutex::default(), noted: Notify::new(), texts }))
    }

    /// Whether anybody would see what is noted.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers() > 0
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.0.texts.receiver_count()
    }

    /// A new watcher; None if there are too many.
    pub(crate) fn watch(&self) -> Option<broadcast::Receiver<Bytes>> {
        let _turn = self.0.lock();
        (self.0.texts.receiver_count() < MAX_WATCHERS).then(|| self.0.texts.subscribe())
    }

    /// These readings of a device are new.
    pub(crate) fn readings(&self, device: &DeviceId, readings: impl Iterator<Item = Reading>) {
        let count = |(newest, new): (Option<Reading>, u64), one: Reading| {
            (Some(newest.filter(|newest| newest.time > one.time).unwrap_or(one)), new + 1)
        };
        let (Some(newest), new) = readings.fold((None, 0), count) else { return };
        let mut notes = self.0.lock();
        let full = notes.readings.len() >= MAX_NOTED;
        match notes.readings.get_mut(device) {
            Some(came) => {
                came.new += new;
                came.newest = if came.newest.time > newest.time { came.newest } else { newest };
            }
            None if full => notes.missed = true,
            None => _ = notes.readings.insert(device.clone(), Came { newest, new }),
        }
        drop(notes);
        self.0.noted.notify_one();
    }

    /// A gateway, or another sender, brought something.
    pub(crate) fn contact(&self, gateway: &str, time: UtcInstant) {
        let mut notes = self.0.lock();
        match notes.contacts.len() < MAX_NOTED || notes.contacts.contains_key(gateway) {
            true => _ = notes.contacts.insert(gateway.to_owned(), time),
            false => notes.missed = true,
        }
        drop(notes);
        self.0.noted.notify_one();
    }

    /// An alert began, was resolved, or was seen by somebody.
    pub(crate) fn alert(&self, alert: serde_json::Value) {
        let mut notes = self.0.lock();
        match notes.alerts.len() < MAX_NOTED {
            true => notes.alerts.push(alert),
            false => notes.missed = true,
        }
        drop(notes);
        self.0.noted.notify_one();
    }

    /// Hands notes to the watchers, at most once in a while, for ever. `ask` says how devices do, if it can.
    pub(crate) async fn run<A: Future<Output = Option<BTreeMap<String, Heard>>>>(
        self,
        ask: impl Fn(Vec<DeviceId>) -> A,
    ) {
        loop {
            self.0.noted.notified().await;
            let mut notes = std::mem::take(&mut *self.0.lock());
            if self.is_watched() {
                let heard = match notes.readings.is_empty() {
                    true => Some(BTreeMap::new()),
                    false => ask(notes.readings.keys().cloned().collect()).await,
                };
                notes.missed |= heard.is_none();
                // It fails only if nobody watches any more.
                let _ = self.0.texts.send(Bytes::from(notes.text(&heard.unwrap_or_default())));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    /// As server-sent events (HTML Living Standard, 9.2.6). JSON has no line breaks as it is printed here, so an event's
    /// data is one line.
    fn text(&self, heard: &BTreeMap<String, Heard>) -> String {
        let mut text = String::new();
        for (device, Came { newest: Reading { time, values }, new }) in &self.readings {
            let Some(heard) = heard.get(device.as_str()) else { continue };
            let (contact, state) = (heard.contact, heard.state.name());
            // An id, a time, a state and a number have nothing that JSON escapes. Writing to a string cannot fail.
            let (temperature, moisture) = (number(values.temperature()), number(values.moisture()));
            let _ = write!(
                text,
                "event: readings\ndata: {{\"device\":\"{device}\",\"time\":\"{time}\",\"temperature_c\":{temperature},\"moisture_pct\":{moisture},\"new\":{new},\"last_contact\":\"{contact}\",\"state\":\"{state}\"}}\n\n"
            );
        }
        for (gateway, time) in &self.contacts {
            let gateway = serde_json::Value::from(gateway.as_str());
            let _ = write!(text, "event: contact\ndata: {{\"gateway\":{gateway},\"time\":\"{time}\"}}\n\n");
        }
        for alert in &self.alerts {
            let _ = write!(text, "event: alert\ndata: {alert}\n\n");
        }
        if self.missed {
            text.push_str(MISSED);
        }
        text
    }
}

/// The devices that a text is about; None if it does not say all.
pub(crate) fn devices_in(text: &str) -> Option<Vec<String>> {
    let mut devices = Vec::new();
    for event in text.split_terminator("\n\n") {
        let (kind, data) = event.split_once('\n')?;
        match kind {
            "event: readings" => {
                let device = data.strip_prefix("data: {\"device\":\"")?.split('"').next()?;
                devices.push(device.to_owned());
            }
            "event: missed" => return None,
            _ => {}
        }
    }
    Some(devices)
}

fn number(value: Option<impl Display>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldpost_core::{Temperature, Values};

    fn note(live: &Live, device: &str, time: &str, temperature: i64) {
        let values = Values::new(Temperature::from_hundredths(temperature), None).unwrap();
        let reading = Reading { time: time.parse().unwrap(), values };
        live.readings(&DeviceId::new(device).unwrap(), [reading].into_iter());
    }

    /// All devices were heard at this moment, and are late.
    async fn late(devices: Vec<DeviceId>) -> Option<BTreeMap<String, Heard>> {
        let heard = Heard { contact: "2025-07-01T12:00:00Z".parse().unwrap(), state: State::Late };
        Some(devices.iter().map(|device| (device.to_string(), heard)).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn readings_of_a_second_come_as_one_event_a_device_with_the_newest() {
        let live = Live::new();
        let mut watcher = live.watch().unwrap();
        note(&live, "m1", "2025-07-01T08:00:00Z", 2_000);
        tokio::spawn(live.clone().run(late));
        let first = watcher.recv().await.unwrap();
        note(&live, "m1", "2025-07-01T10:00:00Z", 2_150);
        note(&live, "m1", "2025-07-01T09:00:00Z", 2_100);
        live.contact("north \"field\"\n", "2025-07-01T10:00:01Z".parse().unwrap());
        let second = watcher.recv().await.unwrap();
        assert_eq!(
            first,
            "event: readings\ndata: {\"device\":\"m1\",\"time\":\"2025-07-01T08:00:00Z\",\"temperature_c\":20,\"moisture_pct\":null,\"new\":1,\"last_contact\":\"2025-07-01T12:00:00Z\",\"state\":\"late\"}\n\n"
        );
        let second = String::from_utf8(second.to_vec()).unwrap();
        assert!(second.contains("\"time\":\"2025-07-01T10:00:00Z\",\"temperature_c\":21.5"), "{second}");
        assert!(second.contains("\"new\":2"), "{second}");
        assert_eq!(devices_in(&second), Some(vec!["m1".to_owned()]));
        assert_eq!(devices_in(MISSED), None);
        assert!(second.contains("data: {\"gateway\":\"north \\\"field\\\"\\n\""), "{second}");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_so_many_watchers_and_no_more_and_so_many_notes() {
        let live = Live::new();
        let mut watchers: Vec<_> = std::iter::from_fn(|| live.watch()).collect();
        assert_eq!(watchers.len(), MAX_WATCHERS);
        for number in 0..=MAX_NOTED {
            note(&live, &format!("m{number}"), "2025-07-01T08:00:00Z", 2_000);
        }
        tokio::spawn(live.clone().run(late));
        let text = watchers.pop().unwrap().recv().await.unwrap();
        assert!(text.ends_with(MISSED.as_bytes()));
        assert!(live.watch().is_some(), "one has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_of_commits_asks_once_and_where_nobody_watches_nobody_asks() {
        let live = Live::new();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(live.clone().run(move |devices| {
            log.lock().unwrap().push(devices.len());
            late(devices)
        }));
        for _ in 0..3 {
            note(&live, "m1", "2025-07-01T08:00:00Z", 2_000);
            tokio::time::sleep(2 * PAUSE).await;
        }
        assert_eq!(*asked.lock().unwrap(), Vec::<usize>::new(), "nobody watches");
        let mut watchers: Vec<_> = (0..10).filter_map(|_| live.watch()).collect();
        for number in 0..1_000 {
            note(&live, &format!("m{number}"), "2025-07-01T08:00:00Z", 2_000);
        }
        let mut texts = Vec::new();
        for watcher in &mut watchers {
            texts.push(watcher.recv().await.unwrap());
        }
        assert_eq!(*asked.lock().unwrap(), [1_000], "once for all devices and all watchers");
        assert_eq!(devices_in(std::str::from_utf8(&texts[0]).unwrap()).unwrap().len(), 1_000);
        assert!(texts.iter().all(|text| text.as_ptr() == texts[0].as_ptr()), "they share its bytes");
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_asked_was_missed() {
        let live = Live::new();
        let mut watcher = live.watch().unwrap();
        note(&live, "m1", "2025-07-01T08:00:00Z", 2_000);
        tokio::spawn(live.clone().run(|_| async { None }));
        assert_eq!(watcher.recv().await.unwrap(), MISSED);
    }
}
