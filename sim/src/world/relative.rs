//! A device without a clock: it posts to the cloud itself and says how long ago it measured.

use super::{
    agenda::{Millis, SECOND},
    context::{Context, Event, Upload},
    plan::below,
    tally::Strike,
};
use fieldpost_cloud::parts::{Stored, SubmitError};
use fieldpost_core::{DeviceId, Moisture, Reading, Temperature};
use std::{fmt::Write, rc::Rc};

/// It sends the same again as often, each time after half a minute: all within the time in which that is a copy.
const TRIES: u32 = 3;
const PAUSE: Millis = 30 * SECOND;

/// Sends `readings` as ages.
pub(super) fn send(world: &mut Context, device: &DeviceId, readings: &[Reading]) {
    let now = world.now();
    let aged: Vec<_> =
        readings.iter().map(|one| ((now - one.time.as_millis()) / SECOND * SECOND, one.values)).collect();
    if aged.is_empty() {
        return;
    }
    let mut json = String::from("[");
    for (ago, values) in &aged {
        let mut record = |name: &str, unit: &str, value: Option<String>| {
            let Some(value) = value else { return };
            let comma = if json.len() > 1 { "," } else { "" };
            let _ = write!(
                json,
                r#"{comma}{{"n":"{device}/{name}","u":"{unit}","t":{},"v":{value}}}"#,
                -ago / SECOND
            );
        };
        record(
            "temperature",
            "Cel",
            values.temperature().map(|one| decimal(Temperature::hundredths(one), 100)),
        );
        record("moisture", "/", values.moisture().map(|one| decimal(Moisture::hundredths(one), 10_000)));
    }
    json.push(']');
    let bytes: Rc<[u8]> = Rc::from(json.into_bytes());
    world.oracle.said_relative(&bytes, device, aged);
    post(world, &bytes, 1);
}

fn decimal(number: i64, of: i64) -> String {
    let digits = if of == 100 { 2 } else { 4 };
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}.{:0digits$}", number.abs() / of, number.abs() % of)
}

fn post(world: &mut Context, bytes: &Rc<[u8]>, tries: u32) {
    if world.rng.chance(world.road.lost) {
        world.counts.hit(Strike::RequestLost);
        return answered(world, bytes, tries, None);
    }
    let delay = below(&mut world.rng, SECOND);
    world.agenda.after(delay, Event::Upload(Upload::Relative(Rc::clone(bytes), tries)));
}

/// It hears that it is stored, or nothing, and then sends it again.
pub(super) fn answered(
    world: &mut Context,
    bytes: &Rc<[u8]>,
    tries: u32,
    answer: Option<&Result<Stored, SubmitError>>,
) {
    let heard = matches!(answer, Some(Ok(_))) && !world.rng.chance(world.road.deaf);
    if !heard && tries < TRIES {
        world.agenda.after(PAUSE, Event::Upload(Upload::Relative(Rc::clone(bytes), tries + 1)));
    }
}
