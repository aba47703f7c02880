//! A device as JSON, as people see it.

use super::fixed::{Fixed, Hundredths, Millionths, Tenths};
use crate::{
    fleet::{cause::Cause, spark::Means},
    store::{Bringer, One, Shown},
};
use fieldpost_core::UtcInstant;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// A device in the fleet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FleetDevice)]
pub(super) struct JsonShown {
    id: String,
    name: Option<String>,
    place: Option<String>,
    latitude: Option<Millionths>,
    longitude: Option<Millionths>,
    depth_cm: Option<Tenths>,
    #[schema(value_type = crate::fleet::state::State)]
    state: &'static str,
    cause: Option<JsonCause>,
    #[schema(format = DateTime)]
    last_time: Option<String>,
    #[schema(format = DateTime)]
    last_contact: Option<String>,
    gateway: Option<String>,
    last: Option<JsonPair>,
    /// Slots of the last seven UTC days, today so far among them, that are filled, and that were due.
    held: i64,
    due: i64,
    conflicts: i64,
    flags: usize,
    spark: Option<JsonSpark>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cause)]
struct JsonCause {
    #[schema(value_type = crate::fleet::cause::Kind)]
    kind: &'static str,
    text: String,
    gateway: Option<String>,
    #[schema(format = DateTime)]
    since: Option<String>,
}

/// Both values of a reading.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = Pair)]
pub(super) struct JsonPair {
    pub(super) temperature_c: Option<Hundredths>,
    pub(super) moisture_pct: Option<Hundredths>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Spark)]
struct JsonSpark {
    #[schema(format = DateTime)]
    from: String,
    step_s: i64,
    #[schema(value_type = Vec<Option<Hundredths>>)]
    temperature_c: JsonMeans,
    #[schema(value_type = Vec<Option<Hundredths>>)]
    moisture_pct: JsonMeans,
}

/// Hundredths that are shared with whoever worked them out.
#[derive(Debug)]
struct JsonMeans(Means);

impl Serialize for JsonMeans {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|mean| mean.map(|mean| Fixed::<100>(mean.into()))))
    }
}

/// A device by itself: what lists show, what lists of old showed, and more.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub(super) struct JsonOne {
    #[serde(flatten)]
    shown: JsonShown,
    readings: i64,
    #[schema(format = DateTime)]
    first_time: Option<String>,
    last_values: Option<JsonPair>,
    details: JsonDetails,
    interval_s: u32,
    gateways: Vec<JsonBringer>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Details)]
struct JsonDetails {
    name: Option<String>,
    place: Option<String>,
    latitude: Option<Millionths>,
    longitude: Option<Millionths>,
    depth_cm: Option<Tenths>,
    soil: Option<String>,
    interval_s: Option<u32>,
    survey_s: Option<u32>,
    notes: Option<String>,
    moisture_low: Option<Hundredths>,
    moisture_high: Option<Hundredths>,
    temperature_low: Option<Hundredths>,
    temperature_high: Option<Hundredths>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Bringer)]
struct JsonBringer {
    name: String,
    #[schema(format = DateTime)]
    last_contact: String,
    surveys: i64,
}

/// An instant as JSON has it.
fn text(instant: UtcInstant) -> String {
    instant.to_string()
}

impl From<Shown> for JsonShown {
    fn from(shown: Shown) -> Self {
        let brief = shown.brief;
        let last = (brief.temperature.is_some() || brief.moisture.is_some()).then(|| JsonPair {
            temperature_c: brief.temperature.map(Fixed),
            moisture_pct: brief.moisture.map(Fixed),
        });
        let spark = shown.spark.map(|spark| JsonSpark {
            from: text(UtcInstant::from_millis(spark.from)),
            step_s: spark.step / 1_000,
            temperature_c: JsonMeans(spark.temperature),
            moisture_pct: JsonMeans(spark.moisture),
        });
        Self {
            id: brief.id,
            name: brief.label,
            place: brief.place,
            latitude: brief.latitude.map(Fixed),
            longitude: brief.longitude.map(Fixed),
            depth_cm: brief.depth_mm.map(Fixed),
            state: shown.state.name(),
            cause: shown.cause.map(JsonCause::from),
            last_time: brief.last_time.map(|time| text(UtcInstant::from_millis(time))),
            last_contact: brief.contact.map(text),
            gateway: shown.gateway,
            last,
            held: shown.held,
            due: shown.due,
            conflicts: brief.conflicts,
            flags: shown.flags,
            spark,
        }
    }
}

impl From<Cause> for JsonCause {
    fn from(cause: Cause) -> Self {
        Self {
            kind: cause.kind.name(),
            text: cause.text,
            gateway: cause.gateway,
            since: cause.since.map(text),
        }
    }
}

impl JsonOne {
    /// The device with all that is known of it.
    pub(super) fn new(one: One) -> Self {
        let One { shown, details, bringers } = one;
        let (readings, interval_s) = (shown.brief.readings, shown.interval_s);
        let first_time = shown.brief.first_time.map(|time| text(UtcInstant::from_millis(time)));
        let shown = JsonShown::from(shown);
        let bringer = |one: Bringer| JsonBringer {
            name: one.name,
            last_contact: text(one.last_contact),
            surveys: one.surveys,
        };
        Self {
            last_values: shown.last,
            shown,
            readings,
            first_time,
            interval_s,
            gateways: bringers.into_iter().map(bringer).collect(),
            details: JsonDetails {
                name: details.name,
                place: details.place,
                latitude: details.latitude.map(Fixed),
                longitude: details.longitude.map(Fixed),
                depth_cm: details.depth_mm.map(Fixed),
                soil: details.soil,
                interval_s: details.interval_s,
                survey_s: details.survey_s,
                notes: details.notes,
                moisture_low: details.moisture_low.map(Fixed),
                moisture_high: details.moisture_high.map(Fixed),
                temperature_low: details.temperature_low.map(Fixed),
                temperature_high: details.temperature_high.map(Fixed),
            },
        }
    }
}
