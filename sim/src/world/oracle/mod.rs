//! The oracle: what must hold in every world, whatever goes wrong in it.
//!
//! In plain words, checked after every step that could break it:
//!
//! 1. **Nothing acknowledged is missing (P1).** When a gateway has answered `Surveys arrived`, the survey is in its journal
//!    after any crash, and in the end in the cloud. When the cloud has answered 200, the readings are in its store
//!    after any crash. What was not acknowledged may be there or not, but whole or not at all. Excused is only what a fault
//!    destroyed on the disk, a journal that was thrown away or put back to an older copy, and readings of a clock that was so far ahead
//!    that the cloud refused them as the future each time that they were offered; what was ahead by some hours has to arrive. What was destroyed the gateway must have said, and counted as far as it can
//!    know; rows on whole pages that the table still leads to must be saved; and what nothing has damaged must not be called so:
//!    a disk that cannot be read for a moment destroys nothing.
//! 2. **Nothing is twice (P2), conflicts are recorded (P3).** The store equals a model of it, reading by reading and
//!    conflict by conflict, and each upload's report counts what the model counts. Uploads that went into one transaction are judged
//!    in order, each by itself; when the cloud dies with them, all are there or none. When the cloud is put back to an older
//!    backup, the model is too, and what was acknowledged since comes again by itself.
//! 3. **Every date is right (P4).** A time of day is dated by the receipt of the first copy that was journaled, as the wall clock
//!    of the site tells it, found here by looking back half hour by half hour; copies change nothing, for 20 hours. Only where its
//!    rows were damaged since, or a changed clock was 20 hours away from its receipt, may a copy be new; if it is not, what it says is in the journal or at the cloud.
//! 4. **Nothing is stored that no device measured (P5).** Every reading in an upload is one that a message said. Messages
//!    with a bad line are refused whole, and good ones are refused only if they are from the gateway's future.
//!    What a gateway or the cloud refuses is counted by its reason and kept, the newest of it: at least what was answered, at most what was handed in.
//! 5. **Limits hold (P6).** A journal stays within its limit; refusing for want of room needs a want of room, and whoever cannot
//!    start, read or write needs a disk that failed in that very moment, or as short a time before as it takes to try again. What is to be
//!    left free of the disk no survey is written into, and the log only by a stated amount. Refused input takes at most its part of a
//!    journal, and none where a survey is refused for want of room. Of damaged journals three at most are set aside, and nothing
//!    is left of one that was never finished.
//! 6. **Nobody is in the way of the others (P7), and it ends well (P10).** While a stranger floods a gateway, and has his half of what
//!    one commit can carry, what a meter sends finds its place in it. When the faults stop, within a stated time every meter is rid of its messages, every journal has
//!    been passed on, and the cloud holds all of it; and then it is quiet: for hours no meter sends, and nothing is passed on.
//! 7. **Silence is named (P8).** Each round closes once, at the latest when its deadline is over by the gateway's clock, also when
//!    nothing comes and over restarts; it names exactly those on the roster of whom the journal has no survey in it.
//!
//! The model is plain maps; it shares no code with what it judges, but for the reading of foreign bytes.

mod cloud;
mod custody;
mod judge;
mod limbo;
mod opened;
mod refusals;
mod room;
mod rounds;
mod store;
mod wall;

pub use cloud::{Backup, Handed, Judgement, Said};
pub use custody::{Custody, Row, Seq};
pub use judge::{Came, Setup};
pub use opened::Opened;
pub use refusals::{Refusals, Refused};
pub use room::Room;
pub use rounds::{RoundFacts, RoundStep, Rounds};
pub use store::{Shelf, Tally, Which};
pub use wall::Wall;

use super::agenda::Millis;
use fieldpost_core::{DeviceId, UtcInstant, Values};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};
pub use store::Receipts;

/// What a line of a message says.
#[derive(Debug, Clone)]
pub struct Line {
    /// Who measured.
    pub device: DeviceId,
    /// When.
    pub when: When,
    /// What.
    pub values: Values,
}

/// What a line says of its time.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// All of it.
    Instant(Millis),
    /// The minute of the day on the site's wall.
    Minute(Millis),
}

/// What a message means.
#[derive(Debug, Clone)]
pub enum Meaning {
    /// Readings.
    Lines(Vec<Line>),
    /// A day without any.
    Empty,
    /// Nothing: it must be refused.
    Bad,
}

/// Values, and how long ago each was measured.
type Aged = Vec<(Millis, Values)>;

/// What is known of a world by those who made it.
#[derive(Debug)]
pub struct Oracle {
    /// The site's wall clock.
    pub wall: Wall,
    messages: BTreeMap<Rc<[u8]>, Meaning>,
    /// Messages of devices without a clock: how long ago each reading was.
    relative: BTreeMap<Rc<[u8]>, (DeviceId, Aged)>,
    /// Messages that some gateway has in its journal, or had.
    journaled: BTreeSet<Rc<[u8]>>,
    /// Every reading that some message said, with all the values that were said.
    said: BTreeMap<(DeviceId, Millis), BTreeSet<Values>>,
    custodies: Vec<Custody>,
    /// What the cloud must hold.
    shelf: Shelf,
    receipts: Receipts,
    /// What the cloud refused.
    refusals: Refusals,
    /// Uploads that may or may not have been committed.
    limbo: limbo::Limbo,
    /// The first promise that was broken, and how.
    pub broken: Option<String>,
}

impl Oracle {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(wall: Wall, gateways: usize) -> Self {
        Self {
            wall,
            messages: BTreeMap::new(),
            relative: BTreeMap::new(),
            journaled: BTreeSet::new(),
            said: BTreeMap::new(),
            custodies: vec![Custody::default(); gateways],
            shelf: Shelf::default(),
            receipts: Receipts::new(),
            refusals: Refusals::default(),
            limbo: limbo::Limbo::default(),
            broken: None,
        }
    }

    /// A promise is broken. Only the first counts: the others follow from it.
    pub fn fail(&mut self, how: impl Into<String>) {
        if self.broken.is_none() {
            self.broken = Some(how.into());
        }
    }

    /// The model of a gateway's journal.
    ///
    /// # Panics
    /// There is no such gateway.
    pub fn custody(&mut self, gateway: usize) -> &mut Custody {
        &mut self.custodies[gateway]
    }

    /// A meter is about to send this.
    pub fn said(&mut self, bytes: &Rc<[u8]>, meaning: Meaning) {
        self.messages.insert(Rc::clone(bytes), meaning);
    }

    /// A meter was told that its message has arrived.
    pub fn acknowledged(&mut self, bytes: &Rc<[u8]>) {
        let empty = matches!(self.messages.get(bytes), Some(Meaning::Empty));
        if !empty && !self.journaled.contains(bytes) {
            self.fail(format!("a meter was told that `{}` arrived, and no gateway has it", shown(bytes)));
        }
    }

    /// A meter was told that its message is refused. The gateway's answer was judged when it was given.
    pub fn refused(&mut self, device: &DeviceId, bytes: &Rc<[u8]>, why: &str) {
        if !why.contains("in the future") && !why.contains("before the year 2000") {
            self.fail(format!("{device}'s message `{}` was refused: {why}", shown(bytes)));
        }
    }

    /// These rows are, or may be, in a journal: their readings may come to the cloud.
    fn admit(&mut self, rows: &[Row]) {
        for row in rows {
            for reading in &row.readings {
                let which = (row.device.clone(), reading.time.as_millis());
                self.said.entry(which).or_default().insert(reading.values);
            }
        }
    }
}

/// The start of a message, on one line.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    const SHOWN: usize = 60;
    let start = bytes.get(..SHOWN).unwrap_or(bytes);
    let dots = if bytes.len() > SHOWN { "..." } else { "" };
    format!("{}{dots} ({} bytes)", String::from_utf8_lossy(start).escape_debug(), bytes.len())
}

/// An instant, for people.
#[must_use]
pub fn shown_time(time: Millis) -> String {
    UtcInstant::from_millis(time).to_string()
}
