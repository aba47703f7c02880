//! What is made of a cloud's answers, without a socket: for the fuzzer.

use super::{
    api::Api,
    http::{Answer, Ask},
    source::Range,
};
use crate::address::{Address, Scheme};
use anyhow::{Result, bail};
use bytes::Bytes;
use fieldpost_core::{DeviceId, Reading, UtcInstant};
use std::{cell::Cell, rc::Rc};

/// What was understood until the end, or the first answer that was not.
#[derive(Debug, Default)]
pub struct Heard {
    /// Devices in the order in which they were named, with their readings and the values that contradict these.
    pub devices: Vec<(DeviceId, Vec<Reading>, Vec<Reading>)>,
    /// How many questions there were.
    pub asked: usize,
    /// What would be said.
    pub error: Option<String>,
}

/// Says the same answers again and again.
struct Script {
    address: Address,
    answers: Vec<(u16, bool, Bytes)>,
    asked: Rc<Cell<usize>>,
    most: usize,
}

impl Ask for Script {
    fn address(&self) -> &Address {
        &self.address
    }

    fn get(&mut self, _: &str, _: &'static str) -> Result<Answer> {
        let place = self.asked.get();
        self.asked.set(place + 1);
        let answer = self.answers.iter().cycle().nth(place % self.answers.len().max(1));
        match answer {
            Some((status, more, body)) if place < self.most => {
                Ok(Answer { status: *status, more: *more, body: body.clone() })
            }
            _ => bail!("no answer"),
        }
    }
}

/// Asks for everything that a report needs, of a cloud that gives these answers in turn, and again from the first, but not more than
/// `most`: status, whether another page is promised, body.
#[must_use]
pub fn understand(answers: &[(u16, bool, &[u8])], most: usize) -> Heard {
    let asked = Rc::new(Cell::new(0));
    let answers = answers.iter().map(|(status, more, body)| (*status, *more, Bytes::copy_from_slice(body)));
    let address = Address { scheme: Scheme::Http, host: "cloud".to_owned(), port: 80 };
    let script = Script { address, answers: answers.collect(), asked: Rc::clone(&asked), most };
    let mut heard = Heard::default();
    let done = ask(&mut Api::over(Box::new(script)), &mut heard.devices);
    heard.error = done.err().map(|error| format!("{error:#}"));
    heard.asked = asked.get();
    heard
}

fn ask(api: &mut Api, devices: &mut Vec<(DeviceId, Vec<Reading>, Vec<Reading>)>) -> Result<()> {
    let range = Range { from: UtcInstant::EARLIEST, to: UtcInstant::LATEST };
    api.zones()?;
    let mut last = None;
    while let Some(id) = api.next_device(last.as_ref())? {
        if api.device(&id)?.is_some() {
            let held = api.readings(&id, range)?;
            devices.push((id.clone(), held, api.conflicts(&id, range)?));
        }
        api.kept_from()?;
        last = Some(id);
    }
    Ok(())
}
