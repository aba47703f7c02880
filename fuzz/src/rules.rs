//! What holds for all parsers: what is accepted is in range and in the past, a refusal is a line that can be shown.

use fieldpost_core::{Reading, Refusal, Survey, UtcInstant, Values, dating};
use jiff::tz::TimeZone;

/// The longest refusal, in bytes. On the wire it is cut to `reply::MAX_LEN`; logs and problem reports show it whole.
const MAX_REFUSAL: usize = 600;

/// The sites at which inputs are received: clocks that never change, that change, by half an hour, over midnight.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Rome",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "America/Sao_Paulo",
    "Pacific/Apia",
];

/// Where and when an input is received: the first 8 bytes choose it, the rest is the message. Shorter inputs are received on
/// a plain summer's day.
pub(crate) fn receipt(data: &[u8]) -> (UtcInstant, TimeZone, &[u8]) {
    /// From 2000-01-02 on, for 120 years: before, yesterday is too old.
    const FIRST: i64 = 946_771_200_000;
    const SPAN: u64 = 120 * 365 * 86_400_000;
    let Some((head, message)) = data.split_first_chunk::<8>() else {
        return (UtcInstant::from_millis(1_782_939_600_000), TimeZone::UTC, data);
    };
    let [zone, time @ ..] = head;
    let millis = time.iter().fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)) % SPAN;
    let name = ZONES.get(usize::from(*zone) % ZONES.len()).copied().unwrap_or("UTC");
    let zone = TimeZone::get(name).expect("the zone is in the bundled database");
    (UtcInstant::from_millis(FIRST.saturating_add_unsigned(millis)), zone, message)
}

/// A refusal is one line, of bounded length, without anything that a terminal would obey.
pub(crate) fn check_refusal(refusal: &Refusal) {
    let text = refusal.to_string();
    assert!(text.len() <= MAX_REFUSAL, "a refusal of {} bytes: {text:.200}", text.len());
    assert!(!text.chars().any(char::is_control), "a refusal is one printable line: {text:?}");
    assert!(!text.is_empty(), "a refusal says something");
}

/// A line for people: of at most so many characters, without anything that a terminal would obey.
pub(crate) fn check_printable(text: &str, longest: usize) {
    assert!(text.chars().count() <= longest, "{} characters: {text:.200}", text.chars().count());
    assert!(!text.chars().any(char::is_control), "more than a printable line: {text:?}");
}

/// Promise P4: nothing from the future of `received` or from before 2000; and values that soil can have.
pub(crate) fn check_reading(reading: &Reading, received: UtcInstant) {
    assert!(reading.time >= UtcInstant::EARLIEST, "{} was accepted", reading.time);
    assert!(reading.time <= received.saturating_add(dating::GRACE), "{} at {received}", reading.time);
    check_values(reading.values);
}

/// Values are in range and never both missing.
pub(crate) fn check_values(values: Values) {
    let (temperature, moisture) = (values.temperature(), values.moisture());
    assert!(temperature.is_some() || moisture.is_some(), "a reading of nothing");
    assert!(temperature.is_none_or(|value| (-10_000..=10_000).contains(&value.hundredths())));
    assert!(moisture.is_none_or(|value| (0..=10_000).contains(&value.hundredths())));
}

/// What a decoder makes of the survey's readings: in the order of time, neighbours joined.
pub(crate) fn check_order(survey: &Survey) {
    let sorted = survey.readings.is_sorted_by_key(|reading| reading.time);
    assert!(sorted, "the readings of {} are not in order", survey.device);
}
