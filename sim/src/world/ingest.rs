//! What the cloud does with uploads: as its shell does, what waits goes into one transaction of the shipped store.

use super::{
    agenda::{HOUR, MINUTE, Millis, SECOND},
    cloud::{self, Cloud},
    context::{Context, Event, LOOKED_AT, Upload},
    gateway::Gateway,
    hostile::{self, Form},
    oracle::{Handed, Judgement, Said, Tally},
    plan::{below, place},
    tally::Strike,
};
use crate::rng::Rng;
use bytes::Bytes;
use fieldpost_cloud::parts::{self, Custody, Format, Origin, Stored, SubmitError};
use fieldpost_core::{DeviceId, Reading, UtcInstant, message, senml};
use fieldpost_gateway::parts::{Answer, Offer};
use std::rc::Rc;

/// How long the same undated text is a copy.
const TEXT_WINDOW: Millis = 20 * HOUR;
/// And a pack with relative times.
const RELATIVE_WINDOW: Millis = 2 * MINUTE;
/// What comes while the last transaction takes so long waits for the next one.
const BUSY: Millis = 30;
/// Once in a while a transaction takes as long as this: the disk is slow.
const SLOW: Millis = 5 * SECOND;

/// An upload that waits for the next transaction.
pub(super) struct Waiting {
    /// As it came.
    pub(super) upload: Upload,
    received: Millis,
}

/// An upload as it is read, and what it should come to.
struct Read {
    bytes: Bytes,
    upload: parts::Upload,
    judgement: Judgement,
}

impl Read {
    fn new(one: &Waiting, format: Format, bytes: Bytes, origin: Origin, judgement: Judgement) -> Self {
        let received = UtcInstant::from_millis(one.received);
        Self { upload: parts::Upload::new(format, bytes.clone(), origin, received), bytes, judgement }
    }
}

type Outcome = Result<Stored, SubmitError>;

impl Cloud {
    /// A request comes.
    pub fn receive(&mut self, world: &mut Context, upload: Upload) {
        if self.vault.is_none() {
            return unheard(world, &upload);
        }
        if self.inbox.is_empty() {
            let span = if world.rng.chance(25) { SLOW } else { BUSY };
            let delay = below(&mut world.rng, span);
            world.agenda.after(delay, Event::Store(self.machine.life));
        }
        let received = world.now();
        self.inbox.push(Waiting { upload, received });
        if world.hostile > 0 && world.rng.chance(world.hostile) {
            world.counts.hit(Strike::Hostile);
            let place = usize::try_from(world.rng.below(self.inbox.len() as u64 + 1)).unwrap_or(0);
            let upload = hostile::post(&mut world.rng);
            self.inbox.insert(place, Waiting { upload, received });
        }
    }

    /// Stores what has come, and answers it.
    pub fn store(&mut self, world: &mut Context, life: u64) {
        if life != self.machine.life || self.vault.is_none() {
            return;
        }
        let waiting = std::mem::take(&mut self.inbox);
        let mut reads: Vec<Read> = Vec::new();
        for one in &waiting {
            let read = read(world, one, &reads);
            disturbs(world, one, &read.judgement);
            reads.push(read);
        }
        let strikes = self.machine.strikes();
        let outcomes = self.take(&reads);
        let troubled = self.machine.strikes() > strikes;
        self.quarantine(world, &reads, &outcomes);
        self.judge(world, &waiting, reads, &outcomes, troubled);
        if self.machine.disk.is_off() {
            waiting.iter().for_each(|one| unheard(world, &one.upload));
            return self.die(world, "died in a commit");
        }
        // It has committed, and dies before it answers.
        if world.now() < world.calm && world.rng.below(1_000) < self.machine.fragile {
            waiting.iter().for_each(|one| unheard(world, &one.upload));
            world.counts.hit(Strike::CloudFragile);
            return self.kill(world, "died before it answered");
        }
        for (one, outcome) in waiting.iter().zip(&outcomes) {
            answer(world, &one.upload, outcome);
        }
        if world.rng.chance(LOOKED_AT) {
            self.look(world);
        }
    }

    /// What becomes of uploads that came together: what cannot be read is refused before the others are stored.
    fn take(&mut self, reads: &[Read]) -> Vec<Outcome> {
        let Some(vault) = &mut self.vault else { return Vec::new() };
        let (mut submissions, mut refusals) = (Vec::new(), Vec::new());
        for one in reads {
            refusals.push(match one.upload.read() {
                Ok(submission) => {
                    submissions.push(submission);
                    None
                }
                Err(refusal) => Some(refusal),
            });
        }
        let mut stored = vault.store(submissions).into_iter();
        let outcome = |refusal| match refusal {
            Some(refusal) => Err(SubmitError::Refused(refusal)),
            None => stored.next().unwrap_or(Err(SubmitError::Closed)),
        };
        refusals.into_iter().map(outcome).collect()
    }

    /// Counts and keeps what was refused, as far as the disk lets it.
    fn quarantine(&mut self, world: &mut Context, reads: &[Read], outcomes: &[Outcome]) {
        let Some(vault) = &mut self.vault else { return };
        let (mut refused, mut known) = (Vec::new(), Vec::new());
        for (one, outcome) in reads.iter().zip(outcomes) {
            if let Err(SubmitError::Refused(refusal)) = outcome {
                refused.push(parts::Refused::new(&one.upload, refusal));
                known.push((refusal.reason().code(), one.bytes.clone()));
            }
        }
        let strikes = self.machine.strikes();
        let written = vault.quarantine(&refused).is_ok();
        let troubled = self.machine.strikes() > strikes;
        // Somebody asks whether the store can be written; that must not do it any harm.
        vault.probe();
        let durable = written && !self.machine.disk.is_off();
        world.oracle.cloud_refused(&known, durable);
        if !written && !troubled && !self.machine.disk.is_off() {
            world.oracle.fail("the cloud cannot keep what it refused, and nothing troubles it");
        }
    }

    fn judge(
        &self,
        world: &mut Context,
        waiting: &[Waiting],
        reads: Vec<Read>,
        outcomes: &[Outcome],
        troubled: bool,
    ) {
        let off = self.machine.disk.is_off();
        let said: Vec<Said> = outcomes.iter().map(said).collect();
        world.counts.together += u64::from(said.len() > 1);
        world.trace(|| {
            let sizes: Vec<_> =
                reads.iter().map(|one| one.judgement.readings.iter().flatten().count()).collect();
            format!("the cloud takes {sizes:?} readings: {said:?}{}", if off { ", and dies" } else { "" })
        });
        let handed =
            |(one, read): (&Waiting, Read)| Handed { received: one.received, upload: read.judgement };
        let came = waiting.iter().zip(reads).map(handed).collect();
        let found = || cloud::shelf(&self.machine).unwrap_or_default();
        world.oracle.uploaded(came, (!off).then_some(said), troubled, found);
    }
}

fn said(outcome: &Outcome) -> Said {
    match outcome {
        Ok(stored) => {
            let parts::Outcome { new, duplicate, conflict, expired: _ } = stored.outcome;
            Said::Stored(Tally { new, duplicate, conflict })
        }
        Err(SubmitError::Refused(refusal)) => Said::Refused(refusal.to_string()),
        Err(other) => Said::Later(other.to_string()),
    }
}

/// Nobody answers: the cloud is not there, or dies.
pub(super) fn unheard(world: &mut Context, upload: &Upload) {
    if let Upload::Relative(bytes, tries) = upload {
        super::relative::answered(world, bytes, *tries, None);
    }
}

/// In a settled world only what was from the future until now may still come.
fn disturbs(world: &mut Context, one: &Waiting, judgement: &Judgement) {
    let readings = judgement.readings.iter().flatten().count();
    if !world.quiet || readings == 0 {
        return;
    }
    match one.upload {
        Upload::Offer(gateway, ..) if world.oracle.custody(gateway).is_early(one.received) => {}
        _ => world.oracle.fail(format!("a settled world still passes on {readings} readings")),
    }
}

/// An upload, and what it should come to behind those `before` it.
fn read(world: &mut Context, one: &Waiting, before: &[Read]) -> Read {
    match &one.upload {
        Upload::Offer(gateway, _, _, offer) | Upload::Unheard(gateway, offer) => match &**offer {
            Offer::Http { body, custody } => {
                let custody = parts::parse_custody(custody).ok();
                let origin = origin(*gateway, world, custody);
                let readings = senml::decode_cbor(body, UtcInstant::LATEST).ok().map(flat);
                Read::new(one, Format::Cbor, body.clone(), origin, Judgement { readings, receipt: None })
            }
            Offer::Text { text } => {
                let bytes: Rc<[u8]> = Rc::from(text.as_bytes());
                let first = first_receipt(world, one, &bytes, before, TEXT_WINDOW);
                let format = Format::Text(world.zone.clone());
                let origin = origin(*gateway, world, None);
                let readings = text_readings(world, &bytes, first);
                let judgement = Judgement { readings, receipt: Some((bytes, first)) };
                Read::new(one, format, Bytes::from(text.clone()), origin, judgement)
            }
        },
        Upload::Stranger(form, bytes) => {
            let format = match form {
                Form::Json => Format::Json,
                Form::Cbor => Format::Cbor,
                Form::Text => Format::Text(world.zone.clone()),
            };
            let origin = Origin { gateway: "http:10.6.6.6".into(), time_zone: None, custody: None };
            Read::new(
                one,
                format,
                Bytes::copy_from_slice(bytes),
                origin,
                Judgement { readings: None, receipt: None },
            )
        }
        Upload::Relative(bytes, _) => {
            let first = first_receipt(world, one, bytes, before, RELATIVE_WINDOW);
            let readings = Some(world.oracle.relative_readings(bytes, first));
            let origin = Origin { gateway: "http:192.168.1.9".into(), time_zone: None, custody: None };
            let judgement = Judgement { readings, receipt: Some((Rc::clone(bytes), first)) };
            Read::new(one, Format::Json, Bytes::copy_from_slice(bytes), origin, judgement)
        }
    }
}

fn origin(gateway: usize, world: &Context, custody: Option<Custody>) -> Origin {
    Origin { gateway: Gateway::name(gateway), time_zone: Some(world.zone.clone()), custody }
}

/// When the first copy of these bytes came, also if it waits for the same transaction.
fn first_receipt(
    world: &Context,
    one: &Waiting,
    bytes: &Rc<[u8]>,
    before: &[Read],
    window: Millis,
) -> Millis {
    let receipts = before.iter().filter_map(|read| read.judgement.receipt.as_ref());
    let waiting = receipts.filter(|(other, _)| other == bytes).map(|(_, first)| *first).next_back();
    let waiting = waiting.filter(|first| (one.received - first).abs() < window);
    waiting.unwrap_or_else(|| world.oracle.first_receipt(bytes, one.received, window))
}

/// What a reference upload says that first came at `first`.
pub(super) fn text_readings(
    world: &Context,
    bytes: &[u8],
    first: Millis,
) -> Option<Vec<(DeviceId, Reading)>> {
    let surveys = message::surveys(bytes, UtcInstant::from_millis(first), &world.zone).ok()?.into_iter();
    let named = |one: fieldpost_core::Survey| {
        one.readings.into_iter().map(move |reading| (one.device.clone(), reading))
    };
    Some(surveys.flat_map(named).collect())
}

fn flat(pack: senml::Pack) -> Vec<(DeviceId, Reading)> {
    let readings = |one: senml::PackSurvey| {
        let device = one.survey.device;
        one.survey.readings.into_iter().map(move |reading| (device.clone(), reading))
    };
    pack.surveys.into_iter().flat_map(readings).collect()
}

fn answer(world: &mut Context, upload: &Upload, outcome: &Outcome) {
    match upload {
        Upload::Offer(gateway, life, id, offer) => {
            let answer = match **offer {
                Offer::Http { .. } => {
                    let answer = parts::http_answer(outcome);
                    Answer::Http {
                        status: answer.status,
                        content_type: answer.content_type.to_owned(),
                        custody: answer.custody,
                        body: Bytes::from(answer.body),
                    }
                }
                Offer::Text { .. } => Answer::Reply(parts::text_answer(outcome).into_bytes()),
            };
            reply(world, *gateway, *life, *id, answer);
        }
        Upload::Relative(bytes, tries) => super::relative::answered(world, bytes, *tries, Some(outcome)),
        Upload::Unheard(..) | Upload::Stranger(..) => {}
    }
}

/// An answer goes back to a gateway, if the road lets it.
fn reply(world: &mut Context, gateway: usize, life: u64, id: u64, mut answer: Answer) {
    if world.rng.chance(world.road.deaf) {
        return world.counts.hit(Strike::AnswerLost);
    }
    if world.is_cut_off(gateway) {
        return world.counts.hit(Strike::CutRoad);
    }
    if world.rng.chance(world.road.cut) {
        world.counts.hit(Strike::AnswerCut);
        answer = cut(&mut world.rng, answer);
    }
    garble(world, &mut answer);
    let delay = 1 + below(&mut world.rng, SECOND);
    world.agenda.after(delay, Event::Answered(gateway, life, id, Rc::new(answer)));
}

/// A refusal may come damaged, so that nobody can tell what it says.
fn garble(world: &mut Context, answer: &mut Answer) {
    let Answer::Http { status: 400..500, body, .. } = answer else { return };
    if !world.more.chance(world.road.garbled) {
        return;
    }
    world.counts.hit(Strike::RefusalDamaged);
    let mut bytes = body.to_vec();
    let place = place(&mut world.more, bytes.len());
    if world.more.chance(50) {
        bytes.truncate(place);
    } else if let Some(byte) = bytes.get_mut(place) {
        *byte = 0xff;
    }
    *body = Bytes::from(bytes);
}

fn cut(rng: &mut Rng, answer: Answer) -> Answer {
    let mut shorter = |length: usize| usize::try_from(rng.below(length as u64)).unwrap_or(0);
    match answer {
        Answer::Http { .. } => Answer::Failed("the connection broke".into()),
        Answer::Reply(mut bytes) => {
            bytes.truncate(shorter(bytes.len()));
            Answer::Reply(bytes)
        }
        other => other,
    }
}
