//! Uploads that nobody waits for any more: those that arrive hours late, when their gateway has sent them again, or has been started anew
//! or replaced since; and reference uploads whose connection ends at the end of a line.

use super::{
    agenda::{HOUR, Millis, SECOND},
    context::{Context, Event, Upload},
    gateway::Gateway,
    ingest,
    network::Road,
    plan::{below, place},
    tally::Strike,
};
use fieldpost_gateway::parts::{Answer, Offer};
use std::rc::Rc;

/// The longest delay of a request: longer than a meter tries to send the same, shorter than the time in which the same undated text is a copy.
const LATEST: Millis = 12 * HOUR;

impl Gateway {
    /// A copy of a request may arrive hours later, whatever becomes of the first one.
    pub(super) fn lag(&self, world: &mut Context, id: u64, offer: &Rc<Offer>) {
        if !world.more.chance(world.road.hours) {
            return;
        }
        let arrives = world.now() + Road::PATIENCE + below(&mut world.more, LATEST);
        if arrives >= world.calm || !says_the_same(world, offer, arrives) {
            return;
        }
        world.counts.hit(Strike::RequestHours);
        let upload = Upload::Offer(self.number, self.machine.life, id, Rc::clone(offer));
        world.agenda.at(arrives, Event::Upload(upload));
    }

    /// The connection of a reference upload may end where a line does. Whether it did.
    pub(super) fn breaks_off(&self, world: &mut Context, id: u64, offer: &Offer) -> bool {
        let Offer::Text { text } = offer else { return false };
        if !world.more.chance(world.road.short) {
            return false;
        }
        let starts = text.match_indices('\n').filter_map(|(end, _)| text.split_at_checked(end + 1));
        let starts: Vec<&str> =
            starts.filter(|(_, rest)| !rest.trim().is_empty()).map(|(start, _)| start).collect();
        let Some(start) = starts.get(place(&mut world.more, starts.len())) else { return false };
        world.counts.hit(Strike::UploadShort);
        let start = Offer::Text { text: (*start).to_owned() };
        let delay = 1 + below(&mut world.more, SECOND);
        world.agenda.after(delay, Event::Upload(Upload::Unheard(self.number, Rc::new(start))));
        let closed = world.more.chance(50);
        let answer =
            if closed { Answer::Reply(Vec::new()) } else { Answer::Failed("the connection broke".into()) };
        let answer = Event::Answered(self.number, self.machine.life, id, Rc::new(answer));
        world.agenda.after(SECOND, answer);
        true
    }
}

/// Whether a request still says the same when it arrives. The reference upload has times of day without dates: when a day
/// has passed over one, it says another day, and nobody can tell (docs/PROTOCOL.md).
fn says_the_same(world: &Context, offer: &Offer, arrives: Millis) -> bool {
    let Offer::Text { text } = offer else { return true };
    let read = |at| ingest::text_readings(world, text.as_bytes(), at);
    read(world.now()) == read(arrives)
}
