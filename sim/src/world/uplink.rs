//! A gateway's uplink in a world: what the shipped machine wants done is done here.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    context::{Context, Event, Upload},
    gateway::Gateway,
    network::{Passage, Road},
    tally::Strike,
};
use fieldpost_gateway::{
    JournalError,
    parts::{
        Answer, Custody, Group, MAX_BATCH, MAX_BATCH_BYTES, Moment, Note, Noted, Offer, Order, Page, Reader,
        Step, Uplink,
    },
};
use std::rc::Rc;
use tokio::sync::oneshot;

/// What wakes later than this is not urgent, and may come this many times later still: a world need not count minutes
/// in which nothing happens.
const IDLE: Millis = 2 * MINUTE;
const IDLE_FACTOR: Millis = 10;
/// What an uplink may want done without time passing: more, and it goes round in circles.
const MAX_STEPS: usize = 20_000;

impl Gateway {
    /// Does what the uplink wants done until it waits.
    pub(super) fn go_on(&mut self, world: &mut Context) {
        for _ in 0..MAX_STEPS {
            let now = self.moment(world);
            let Some(running) = &mut self.running else { return };
            if running.offer != 0 {
                return self.wake_for_keeper(world);
            }
            let step = running.uplink.poll(now, running.keeper.progress());
            match step {
                Step::Wait { until, .. } => {
                    let delay =
                        Millis::try_from(until.saturating_sub(now.up).as_millis()).unwrap_or(HOUR) + 1;
                    self.wake_after(world, if delay > IDLE { delay * IDLE_FACTOR } else { delay });
                    return self.wake_for_keeper(world);
                }
                Step::Offer(offer) => {
                    self.offer(world, offer);
                    return self.wake_for_keeper(world);
                }
                Step::Done(result) => {
                    return world
                        .oracle
                        .fail(format!("gateway {}: its uplink ended: {result:?}", self.number));
                }
                step => self.serve(world, step, now),
            }
            if self.machine.disk.is_off() {
                return self.die(world, "died in its uplink");
            }
        }
        world.oracle.fail(format!("gateway {}: its uplink goes round in circles", self.number));
    }

    /// What an uplink wants of the journal.
    fn serve(&mut self, world: &mut Context, step: Step, now: Moment) {
        match step {
            Step::Read { after, through } => {
                let page = self.with_reader(|reader| reader.page(after, through, MAX_BATCH, MAX_BATCH_BYTES));
                if let Ok(Page::Damaged(seq)) = &page {
                    world.trace(|| format!("gateway {}: survey {seq} is damaged", self.number));
                }
                self.with_uplink(|uplink| uplink.handle_page(page, now));
            }
            Step::ReadAgain => {
                let found = self.with_reader(|reader| {
                    let survey = reader.again(now.utc)?;
                    survey.map(|survey| Ok((reader.tries(survey.seq)?, survey))).transpose()
                });
                let found = found.map(|found| found.map(|(tries, survey)| (survey, tries)));
                self.with_uplink(|uplink| uplink.handle_again(found, now));
            }
            Step::Note { generation, custody } => {
                let unheard = self.running.as_ref().is_some_and(|running| !running.was_refused);
                if unheard && let Custody::Refused { seq, .. } = custody {
                    let what = format!(
                        "gateway {} notes survey {seq} as refused, and nobody refused it",
                        self.number
                    );
                    return world.oracle.fail(what);
                }
                world.trace(|| format!("gateway {} notes {custody:?}", self.number));
                let (done, mut noted) = oneshot::channel();
                let order = Order::Note(Note { generation, custody, done });
                self.order(world, order);
                let noted = noted.try_recv().unwrap_or(Noted::Failed);
                self.with_uplink(|uplink| uplink.handle_noted(noted, now));
            }
            Step::Salvage => {
                let (done, mut saved) = oneshot::channel();
                self.order(world, Order::Salvage { done });
                let saved = saved.try_recv().unwrap_or(false);
                self.with_uplink(|uplink| uplink.handle_salvaged(saved, now));
                if !self.machine.disk.is_off() {
                    self.look(world);
                }
            }
            _ => {}
        }
    }

    fn order(&mut self, world: &mut Context, order: Order) {
        let group = Group { entries: Vec::new(), orders: vec![order], dropped: 0 };
        self.handle(world, group, &[]);
    }

    fn with_uplink(&mut self, act: impl FnOnce(&mut Uplink)) {
        if let Some(running) = &mut self.running {
            act(&mut running.uplink);
        }
    }

    fn with_reader<T>(
        &mut self,
        read: impl FnOnce(&Reader) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let folder = self.machine.disk.folder();
        let Some(running) = &mut self.running else { return read(&Reader::open(&folder)?) };
        let generation = running.keeper.progress().generation;
        if generation != running.generation {
            (running.generation, running.reader) = (generation, None);
        }
        let reader = match running.reader.take() {
            Some(reader) => reader,
            None => Reader::open(&folder)?,
        };
        let found = read(&reader)?;
        running.reader = Some(reader);
        Ok(found)
    }

    fn offer(&mut self, world: &mut Context, offer: Offer) {
        let (number, life) = (self.number, self.machine.life);
        let Some(running) = &mut self.running else { return };
        world.steps += 1;
        let id = world.steps;
        running.offer = id;
        let failed = |why: &str| Rc::new(Answer::Failed(why.to_owned()));
        if world.is_cut_off(number) {
            world.counts.hit(Strike::CutRoad);
            return world.agenda.after(SECOND, Event::Answered(number, life, id, failed("cannot connect")));
        }
        world.agenda.after(Road::PATIENCE, Event::Answered(number, life, id, failed("no answer in time")));
        let offer = Rc::new(offer);
        self.lag(world, id, &offer);
        if self.breaks_off(world, id, &offer) {
            return;
        }
        match world.road.carry(&mut world.rng) {
            Passage::Lost => world.counts.hit(Strike::RequestLost),
            Passage::Stranger => {
                world.counts.hit(Strike::Stranger);
                let answer = Rc::new(super::cloud::stranger(&mut world.rng, self.text));
                world.agenda.after(SECOND, Event::Answered(number, life, id, answer));
            }
            Passage::Arrives(delays) => {
                let late = delays.iter().any(|delay| *delay > Road::PATIENCE);
                world.counts.hits(Strike::RequestTwice, u64::from(delays.len() > 1));
                world.counts.hits(Strike::RequestLate, u64::from(late));
                for delay in delays {
                    let upload = Upload::Offer(number, life, id, Rc::clone(&offer));
                    world.agenda.after(delay, Event::Upload(upload));
                }
            }
        }
    }

    /// An answer has come to an offer of this life.
    pub fn answered(&mut self, world: &mut Context, life: u64, id: u64, answer: &Answer) {
        let now = self.moment(world);
        let random = world.rng.number();
        let Some(running) = self.running.as_mut().filter(|running| running.offer == id) else { return };
        if life != self.machine.life {
            return;
        }
        running.offer = 0;
        world.trace(|| format!("gateway {} hears {answer:?}", self.number));
        if let Some(running) = &mut self.running {
            running.was_refused = refuses(answer);
            running.uplink.handle_answer(answer.clone(), now, random);
        }
        self.go_on(world);
    }
}

/// Whether an answer refuses surveys: in our cloud's words, for one of its reasons. A proxy's page does not, nor does what is damaged.
fn refuses(answer: &Answer) -> bool {
    match answer {
        Answer::Http { status: 400..500, body, .. } => {
            let problem: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            let kind = problem.as_ref().and_then(|problem| problem.get("type")?.as_str());
            kind.is_some_and(|kind| kind.starts_with("urn:fieldpost:problem:"))
        }
        Answer::Reply(bytes) => bytes.starts_with(b"Surveys refused: "),
        _ => false,
    }
}
