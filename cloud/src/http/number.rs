//! Numbers in JSON, exactly as they are held: `20.5`, never `20.499999`.

use fieldpost_core::Values;
use serde_json::value::RawValue;

/// A number that prints as `number` does; None if it is missing.
fn exact(number: Option<impl std::fmt::Display>) -> Option<Box<RawValue>> {
    // What prints as a decimal number is JSON.
    number.and_then(|number| RawValue::from_string(number.to_string()).ok())
}

/// Both values of a reading, under the names that JSON has for them.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Values)]
pub(super) struct JsonValues {
    #[schema(value_type = Option<super::fixed::Hundredths>)]
    temperature_c: Option<Box<RawValue>>,
    #[schema(value_type = Option<super::fixed::Hundredths>)]
    moisture_pct: Option<Box<RawValue>>,
}

impl From<Values> for JsonValues {
    fn from(values: Values) -> Self {
        Self { temperature_c: exact(values.temperature()), moisture_pct: exact(values.moisture()) }
    }
}
