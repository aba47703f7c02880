//! Faults that struck, kind by kind. What is only planned strikes nothing: it is counted where it does.

use super::faults::{Fault, Who};

macro_rules! kinds {
    ($($kind:ident $group:ident $name:literal)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Strike {
            $(#[doc = $name] $kind,)*
        }

        impl Strike {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// What it strikes.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$kind => Group::$group,)* }
            }

            /// For people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }
        }
    };
}

/// What a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Datagrams and replies.
    Line,
    /// Requests and answers.
    Road,
    /// Machines that die.
    Deaths,
    /// Writes and reads that fail.
    Disk,
    /// Files, clocks and people.
    Others,
}

kinds! {
    DatagramLost      Line   "datagram lost"
    DatagramTwice     Line   "datagram doubled"
    DatagramLate      Line   "datagram late"
    DatagramDamaged   Line   "datagram damaged"
    DatagramCut       Line   "datagram truncated"
    ReplyLost         Line   "reply lost"
    ReplyLate         Line   "reply late"
    ReplyDamaged      Line   "reply damaged"
    CutLine           Line   "line cut"
    Flood             Line   "gateway flooded"
    RequestLost       Road   "request lost"
    RequestTwice      Road   "request doubled"
    RequestLate       Road   "request late"
    RequestHours      Road   "request hours late"
    UploadShort       Road   "upload cut at a line's end"
    AnswerLost        Road   "answer lost"
    AnswerCut         Road   "answer cut"
    RefusalDamaged    Road   "refusal damaged"
    Stranger          Road   "answered by a stranger"
    Hostile           Road   "post by a stranger"
    CutRoad           Road   "road cut"
    FloodCloud        Road   "cloud flooded"
    GatewayPower      Deaths "gateway: power cut"
    GatewayKill       Deaths "gateway: killed"
    GatewayKillStep   Deaths "gateway: killed as it writes"
    GatewayFragile    Deaths "gateway: dies unanswered"
    CloudPower        Deaths "cloud: power cut"
    CloudKill         Deaths "cloud: killed"
    CloudKillStep     Deaths "cloud: killed as it writes"
    CloudFragile      Deaths "cloud: dies unanswered"
    GatewayFull       Disk   "gateway: no room to write"
    GatewayIo         Disk   "gateway: write failed"
    GatewayUnreadable Disk   "gateway: read failed"
    GatewayTorn       Disk   "gateway: write torn"
    CloudFull         Disk   "cloud: no room to write"
    CloudIo           Disk   "cloud: write failed"
    CloudUnreadable   Disk   "cloud: read failed"
    CloudTorn         Disk   "cloud: write torn"
    Tight             Disk   "disk nearly full"
    Well              Disk   "room on a disk again"
    DamageRow         Others "row damaged"
    FlipLive          Others "row damaged, running"
    ZeroLive          Others "page zeroed, running"
    CutFile           Others "file cut"
    ZeroFile          Others "page zeroed"
    Garbage           Others "file of garbage"
    Newer             Others "file of a later version"
    Older             Others "old file back"
    Clock             Others "clock jumps"
    ClockRight        Others "clock put right"
    Roster            Others "roster changed"
    Replace           Others "gateway replaced"
    Copy              Others "journal copied"
    PutBack           Others "old journal back"
    Backup            Others "store copied"
    Restore           Others "old store back"
}

impl Strike {
    /// The kind of a fault. Each has one.
    #[must_use]
    pub const fn of(fault: &Fault) -> Self {
        match fault {
            Fault::PowerCut(Who::Gateway(_), _) => Self::GatewayPower,
            Fault::PowerCut(Who::Cloud, _) => Self::CloudPower,
            Fault::Kill(Who::Gateway(_)) => Self::GatewayKill,
            Fault::Kill(Who::Cloud) => Self::CloudKill,
            Fault::KillStep(Who::Gateway(_), _) => Self::GatewayKillStep,
            Fault::KillStep(Who::Cloud, _) => Self::CloudKillStep,
            Fault::Fragile(Who::Gateway(_), _) => Self::GatewayFragile,
            Fault::Fragile(Who::Cloud, _) => Self::CloudFragile,
            Fault::Full(Who::Gateway(_), _) => Self::GatewayFull,
            Fault::Full(Who::Cloud, _) => Self::CloudFull,
            Fault::Io(Who::Gateway(_), ..) => Self::GatewayIo,
            Fault::Io(Who::Cloud, ..) => Self::CloudIo,
            Fault::Unreadable(Who::Gateway(_), ..) => Self::GatewayUnreadable,
            Fault::Unreadable(Who::Cloud, ..) => Self::CloudUnreadable,
            Fault::Flood(_) => Self::Flood,
            Fault::FloodCloud => Self::FloodCloud,
            Fault::Tight(_) => Self::Tight,
            Fault::Well(_) => Self::Well,
            Fault::DamageRow(_) => Self::DamageRow,
            Fault::FlipLive(_) => Self::FlipLive,
            Fault::ZeroLive(_) => Self::ZeroLive,
            Fault::CutFile(_) => Self::CutFile,
            Fault::ZeroFile(_) => Self::ZeroFile,
            Fault::Garbage(_) => Self::Garbage,
            Fault::Newer(_) => Self::Newer,
            Fault::Older(_) => Self::Older,
            Fault::Clock(..) => Self::Clock,
            Fault::ClockRight(_) => Self::ClockRight,
            Fault::Roster(_) => Self::Roster,
            Fault::Replace(_) => Self::Replace,
            Fault::Copy(_) => Self::Copy,
            Fault::PutBack(_) => Self::PutBack,
            Fault::Backup => Self::Backup,
            Fault::Restore => Self::Restore,
            Fault::CutLine(..) => Self::CutLine,
            Fault::CutRoad(..) => Self::CutRoad,
        }
    }
}

/// Faults that really struck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    struck: [u64; Strike::ALL.len()],
    /// No faults: transactions of the cloud that carried several uploads.
    pub together: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Self { struck: [0; Strike::ALL.len()], together: 0 }
    }
}

impl Counts {
    /// It struck.
    pub fn hit(&mut self, kind: Strike) {
        self.hits(kind, 1);
    }

    /// It struck so often.
    pub fn hits(&mut self, kind: Strike, times: u64) {
        self.struck[kind as usize] += times;
    }

    /// How often it struck.
    #[must_use]
    pub fn of(&self, kind: Strike) -> u64 {
        self.struck[kind as usize]
    }

    /// How often any of a group did.
    #[must_use]
    pub fn of_group(&self, group: Group) -> u64 {
        Strike::ALL.iter().filter(|kind| kind.group() == group).map(|kind| self.of(*kind)).sum()
    }

    /// All of them.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.struck.iter().sum()
    }

    /// The kinds that never struck.
    #[must_use]
    pub fn missing(&self) -> Vec<Strike> {
        Strike::ALL.iter().copied().filter(|kind| self.of(*kind) == 0).collect()
    }

    /// Those of another world as well.
    pub fn add(&mut self, other: &Self) {
        Strike::ALL.iter().for_each(|kind| self.hits(*kind, other.of(*kind)));
        self.together += other.together;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_counted_by_itself_and_with_its_group() {
        let (mut counts, mut other) = (Counts::default(), Counts::default());
        assert_eq!(counts.missing(), Strike::ALL);
        counts.hit(Strike::Clock);
        other.hits(Strike::Roster, 2);
        counts.add(&other);
        assert_eq!((counts.of(Strike::Clock), counts.of(Strike::Roster)), (1, 2));
        assert_eq!((counts.of_group(Group::Others), counts.of_group(Group::Road), counts.sum()), (3, 0, 3));
        assert_eq!(counts.missing().len(), Strike::ALL.len() - 2);
    }
}
