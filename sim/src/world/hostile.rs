//! A stranger who posts to the cloud what is no upload at all.

use super::{
    agenda::Millis,
    context::{Context, Event, Upload},
    plan::below,
};
use crate::rng::Rng;
use std::rc::Rc;

/// The posts of a flood: more than a quarantine keeps.
const FLOOD: u64 = 1_200;
/// The most time between two of them.
const BETWEEN: Millis = 8;

/// In what form something is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// SenML in JSON.
    Json,
    /// SenML in CBOR.
    Cbor,
    /// The reference upload.
    Text,
}

/// Something that must be refused, whole.
pub(super) fn post(rng: &mut Rng) -> Upload {
    let good = r#"{"n":"m/temperature","u":"Cel","t":1700000000,"v":20}"#;
    // As a ratio it is one of more than all.
    let number = 2 + rng.below(1_000);
    let (form, bytes) = match rng.below(10) {
        0 => (Form::Json, random(rng)),
        1 => (Form::Cbor, random(rng)),
        2 => (Form::Text, random(rng)),
        3 => (Form::Json, format!("[{good},{}", "[".repeat(300)).into_bytes()),
        4 => (Form::Json, format!(r#"[{good},{{"n":"m/moisture","u":"Cel","v":{number}}}]"#).into_bytes()),
        5 => (Form::Json, format!(r#"[{good},{{"n":"m/light","u":"lx","v":{number}}}]"#).into_bytes()),
        6 => (
            Form::Json,
            format!(r#"[{{"n":"m/moisture","u":"/","t":7258118400,"v":0.{number}}}]"#).into_bytes(),
        ),
        7 => (
            Form::Json,
            format!(r#"[{{"n":"{}/moisture","u":"/","v":0.1}}]"#, "n".repeat(5_000)).into_bytes(),
        ),
        8 => (Form::Text, format!("m 08:00 - 20 - 30%\nm {number} o'clock\n").into_bytes()),
        _ => (Form::Json, format!("[{}", good.repeat(200)).into_bytes()),
    };
    Upload::Stranger(form, Rc::from(bytes))
}

/// Bytes that begin no message, document or pack.
fn random(rng: &mut Rng) -> Vec<u8> {
    let rest = (0..rng.below(300)).map(|_| rng.below(256).to_le_bytes()[0]);
    std::iter::once(0xff).chain(rest).collect()
}

/// He posts a great deal of it.
pub(super) fn flood(world: &mut Context) {
    let mut delay = 0;
    for _ in 0..FLOOD {
        delay += below(&mut world.rng, BETWEEN);
        let upload = post(&mut world.rng);
        world.agenda.after(delay, Event::Upload(upload));
    }
}
