//! What a broker is told of devices and gateways: their newest values, and what Home Assistant needs to find them.
//!
//! ```text
//! <prefix>/status                              online | offline    of the cloud itself (the last will)
//! <prefix>/devices/<id>/state                  {"time":…,"temperature_c":…,"moisture_pct":…,"last_contact":…}
//! <prefix>/devices/<id>/availability           online | offline    offline once it is silent
//! <prefix>/gateways/<node>/state               {"name":…,"last_contact":…}
//! <discovery>/sensor/<node>/<quantity>/config  Home Assistant's MQTT discovery
//! ```
//!
//! All are retained. Values are the newest by the time of measuring, so a backlog of old readings changes nothing here.

use crate::{
    fleet::state::{GRACE, State},
    store::{Announced, GatewayRow},
};
use fieldpost_core::{Key, UtcInstant};
use serde_json::{Value, json};

/// A retained message.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: String,
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    /// Before all our own topics, such as `fieldpost`.
    pub prefix: String,
    /// Home Assistant's discovery prefix, such as `homeassistant`.
    pub discovery: String,
}

impl Topics {
    /// Where the cloud itself says whether it is there.
    pub(super) fn status(&self) -> String {
        format!("{}/status", self.prefix)
    }

    /// A device's newest values, and whether it is there.
    pub(super) fn device(&self, row: &Announced, now: UtcInstant) -> Vec<Message> {
        let Some(values) = row.last_values else { return Vec::new() };
        let base = format!("{}/devices/{}", self.prefix, row.id);
        let hundredths = |number: i64| number as f64 / 100.0;
        let state = json!({
            "time": row.last_time.map(|time| time.to_string()),
            "temperature_c": values.temperature().map(|value| hundredths(value.hundredths())),
            "moisture_pct": values.moisture().map(|value| hundredths(value.hundredths())),
            "last_contact": row.last_contact.map(|time| time.to_string()),
        });
        vec![
            Message { topic: format!("{base}/state"), payload: state.to_string() },
            Message { topic: format!("{base}/availability"), payload: availability(row, now).to_owned() },
        ]
    }

    /// What Home Assistant needs to know of a device, a message for each quantity that it measures.
    pub(super) fn discover_device(&self, row: &Announced) -> Vec<Message> {
        let quantities = [
            (
                "temperature",
                "temperature_c",
                "°C",
                row.last_values.and_then(|values| values.temperature()).is_some(),
            ),
            ("moisture", "moisture_pct", "%", row.last_values.and_then(|values| values.moisture()).is_some()),
        ];
        let node = format!("fieldpost_{}", node(&row.id));
        let measured = quantities.into_iter().filter(|(_, _, _, measures)| *measures);
        let config = |(quantity, member, unit, _): (&str, &str, &str, bool)| {
            let base = format!("{}/devices/{}", self.prefix, row.id);
            let mut device = json!({
                "identifiers": [node],
                "name": row.name.as_ref().unwrap_or(&row.id),
                "manufacturer": "Fieldpost",
                "model": "soil meter",
            });
            if let (Some(place), Some(device)) = (&row.place, device.as_object_mut()) {
                device.insert("suggested_area".into(), place.as_str().into());
            }
            if let (Some(gateway), Some(device)) = (&row.gateway, device.as_object_mut()) {
                device.insert("via_device".into(), gateway_identifier(gateway).into());
            }
            let payload = json!({
                "name": capitalised(quantity),
                "unique_id": format!("{node}_{quantity}"),
                "state_topic": format!("{base}/state"),
                "value_template": format!("{{{{ value_json.{member} }}}}"),
                "json_attributes_topic": format!("{base}/state"),
                "unit_of_measurement": unit,
                "device_class": quantity,
                "state_class": "measurement",
                "expire_after": u64::from(row.survey_s).saturating_add(GRACE.as_secs()),
                "availability": [{ "topic": self.status() }, { "topic": format!("{base}/availability") }],
                "availability_mode": "all",
                "device": device,
                "origin": origin(),
            });
            self.config(&node, quantity, &payload)
        };
        measured.map(config).collect()
    }

    /// A gateway's last contact, and what Home Assistant needs to know of it.
    pub(super) fn gateway(&self, row: &GatewayRow) -> Vec<Message> {
        let gateway = &row.gateway;
        let node = gateway_identifier(&gateway.name);
        let topic = format!("{}/gateways/{node}/state", self.prefix);
        let state = json!({ "name": gateway.name, "last_contact": gateway.last_contact.to_string() });
        let payload = json!({
            "name": "Last contact",
            "unique_id": format!("{node}_last_contact"),
            "state_topic": topic,
            "value_template": "{{ value_json.last_contact }}",
            "device_class": "timestamp",
            "entity_category": "diagnostic",
            "availability": [{ "topic": self.status() }],
            "device": { "identifiers": [node], "name": gateway.name, "manufacturer": "Fieldpost", "model": "gateway" },
            "origin": origin(),
        });
        vec![Message { topic, payload: state.to_string() }, self.config(&node, "last_contact", &payload)]
    }

    fn config(&self, node: &str, quantity: &str, payload: &Value) -> Message {
        let topic = format!("{}/sensor/{node}/{quantity}/config", self.discovery);
        Message { topic, payload: payload.to_string() }
    }
}

fn origin() -> Value {
    json!({ "name": "Fieldpost", "sw_version": env!("CARGO_PKG_VERSION") })
}

/// A device is there until two surveys of it are missing.
pub(super) fn availability(row: &Announced, now: UtcInstant) -> &'static str {
    match row.state(now) {
        State::Fresh | State::Late => "online",
        State::Silent | State::Never => "offline",
    }
}

fn gateway_identifier(name: &str) -> String {
    format!("fieldpost_gateway_{}", node(name))
}

/// A name as a part of a topic: Home Assistant takes letters, digits, `_` and `-` there. What had to be changed gets a
/// hash of the whole behind it, so that two names stay two.
fn node(name: &str) -> String {
    let plain = |byte: char| byte.is_ascii_alphanumeric() || byte == '_' || byte == '-';
    if name.chars().all(plain) {
        return name.to_owned();
    }
    let plainer: String = name.chars().map(|byte| if plain(byte) { byte } else { '_' }).collect();
    let key = Key::of(&[name.as_bytes()]);
    let hash: String = key.as_bytes().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{plainer}_{hash}")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
