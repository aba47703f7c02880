//! Alerts: what a person should know of now, and what was so once.
//!
//! ```text
//! readings, contacts, status --> episodes, levels (pure) --> reconcile, settle (pure) --> store: alerts, outbox
//!                                                                                  outbox --> post: webhook, email, mqtt
//! ```
//!
//! [`watch`] is the shell that asks the store and writes what the rules say; [`post`] delivers. Alerts of values and of conflicts
//! are a function of the readings that are held ([`episodes`]), so neither the order in which surveys come nor their
//! copies matter; those of silence, rounds and room are a function of what is so now ([`levels`]).

pub(crate) mod band;
pub(crate) mod change;
pub(crate) mod episodes;
pub(crate) mod facts;
pub(crate) mod levels;
pub(crate) mod message;
pub(crate) mod post;
pub(crate) mod reconcile;
pub(crate) mod rule;
pub(crate) mod silence;
pub(crate) mod text;
pub(crate) mod watch;

use std::time::Duration;

/// How old an event may be to ring: what the last survey of a day may bring when it comes in time, a day's readings and the two
/// hours that a survey may be late. What is older came with a backlog, and is history.
pub(crate) const RINGING_WINDOW: Duration = Duration::from_hours(26);

/// The most rules.
pub(crate) const MAX_RULES: usize = 200;
/// The most alerts that are kept; then the oldest that are solved go.
pub(crate) const MAX_ALERTS: i64 = 100_000;
/// The most devices that one alert lists; its text has the number of all.
pub(crate) const MAX_LISTED: usize = 1_000;
