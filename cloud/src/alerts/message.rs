//! Alerts and messages as JSON: what the API answers and what channels carry is the same.

use super::{
    change::Event,
    rule::{Kind, Rule},
};
use fieldpost_core::UtcInstant;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An alert as the store holds it.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) id: i64,
    pub(crate) rule: i64,
    /// As its rule was called.
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) devices: Vec<String>,
    pub(crate) text: String,
    pub(crate) began: UtcInstant,
    pub(crate) noticed: UtcInstant,
    pub(crate) resolved: Option<UtcInstant>,
    /// By whom, if that is known, and when.
    pub(crate) acknowledged: Option<(Option<String>, UtcInstant)>,
    /// Nobody was told: the event was too old.
    pub(crate) history: bool,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Acknowledged)]
struct JsonAcknowledged<'a> {
    by: Option<&'a str>,
    #[schema(format = DateTime)]
    at: String,
}

/// An alert as JSON.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct JsonAlert<'a> {
    id: i64,
    rule: i64,
    name: &'a str,
    #[schema(value_type = Kind)]
    kind: &'a str,
    subject: &'a str,
    devices: &'a [String],
    text: &'a str,
    #[schema(format = DateTime)]
    began: String,
    #[schema(format = DateTime)]
    noticed: String,
    #[schema(format = DateTime)]
    resolved: Option<String>,
    acknowledged: Option<JsonAcknowledged<'a>>,
    history: bool,
}

impl<'a> From<&'a Alert> for JsonAlert<'a> {
    fn from(alert: &'a Alert) -> Self {
        let acknowledged = alert.acknowledged.as_ref();
        Self {
            id: alert.id,
            rule: alert.rule,
            name: &alert.name,
            kind: &alert.kind,
            subject: &alert.subject,
            devices: &alert.devices,
            text: &alert.text,
            began: alert.began.to_string(),
            noticed: alert.noticed.to_string(),
            resolved: alert.resolved.map(|at| at.to_string()),
            acknowledged: acknowledged
                .map(|(by, at)| JsonAcknowledged { by: by.as_deref(), at: at.to_string() }),
            history: alert.history,
        }
    }
}

/// The body of the message `id`, put out at `at`.
pub(crate) fn body(id: &str, event: Event, alert: &Alert, at: UtcInstant) -> Value {
    json!({"id": id, "event": event.name(), "at": at.to_string(), "alert": JsonAlert::from(alert)})
}

/// The body of a message that only shows that the channel works.
pub(crate) fn test(id: &str, at: UtcInstant) -> Value {
    json!({"id": id, "event": "test", "at": at.to_string(), "alert": null})
}

/// A rule as JSON. Values are printed as they were set: `20.5`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Rule)]
pub(crate) struct JsonRule<'a> {
    id: i64,
    name: &'a str,
    #[schema(value_type = Kind)]
    kind: &'static str,
    #[schema(value_type = Option<f64>)]
    value: Option<Value>,
    #[schema(value_type = Option<f64>)]
    clear: Option<Value>,
    for_s: i64,
    devices: Option<&'a [String]>,
    repeat_s: i64,
    channels: &'a [i64],
    enabled: bool,
}

impl<'a> From<&'a Rule> for JsonRule<'a> {
    fn from(rule: &'a Rule) -> Self {
        Self {
            id: rule.id,
            name: &rule.name,
            kind: rule.kind.name(),
            value: rule.value.map(number),
            clear: rule.clear.map(number),
            for_s: rule.for_s,
            devices: rule.devices.as_deref(),
            repeat_s: rule.repeat_s,
            channels: &rule.channels,
            enabled: rule.enabled,
        }
    }
}

/// Hundredths as a number.
#[expect(clippy::cast_precision_loss, reason = "a rule's hundredths are far below 2^53")]
fn number(hundredths: i64) -> Value {
    if hundredths % 100 == 0 { json!(hundredths / 100) } else { json!(hundredths as f64 / 100.0) }
}

/// The hundredths of a number, if it has no more than two decimals.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
pub(crate) fn hundredths(number: f64) -> Option<i64> {
    let scaled = number * 100.0;
    let whole = scaled.round();
    (whole.abs() <= 1e9 && (scaled - whole).abs() < 1e-6).then_some(whole as i64)
}

/// The kinds, for whoever wrote another.
pub(crate) fn unknown_kind() -> String {
    format!("kind is one of {}", Kind::all())
}
