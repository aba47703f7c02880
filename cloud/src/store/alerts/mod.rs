//! What the store holds for alerts: rules, alerts, and messages that wait. What they mean is in [`crate::alerts`].

mod channels;
mod judge;
mod log;
mod outbox;
mod rules;
mod situation;

pub(crate) use channels::{ChannelError, ChannelRow, NewChannel, Secret};
pub(crate) use judge::JudgeError;
pub(crate) use outbox::{Attempted, Letter};
pub(crate) use rules::RuleError;
pub(crate) use situation::Surroundings;

use fieldpost_core::UtcInstant;

/// A list as its JSON in a column.
fn list<T: serde::Serialize>(items: &[T]) -> String {
    serde_json::to_string(items).unwrap_or_else(|_| "[]".into())
}

/// The list in a column; one that is damaged is empty.
fn listed<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    serde_json::from_str(text).unwrap_or_default()
}

fn instant(millis: Option<i64>) -> Option<UtcInstant> {
    millis.map(UtcInstant::from_millis)
}
