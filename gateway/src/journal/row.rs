//! One survey in the journal.

use fieldpost_core::{DeviceId, Key, UtcInstant};

/// The place of a survey in the journal; grows with every survey and is never used twice.
pub type Seq = i64;

/// What a re-sent datagram is recognised by: the first eight bytes of its [`Key`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShortKey(i64);

impl ShortKey {
    pub(crate) fn of(key: &Key) -> Self {
        Self(key.as_i64())
    }

    pub(super) const fn from_sql(value: i64) -> Self {
        Self(value)
    }

    pub(super) const fn to_sql(self) -> i64 {
        self.0
    }
}

/// A survey that is to be journaled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSurvey {
    /// When the first copy of its datagram came.
    pub(crate) received: UtcInstant,
    /// On the first survey of a datagram only.
    pub(crate) key: Option<ShortKey>,
    pub(crate) device: DeviceId,
    pub(crate) readings: u32,
    /// Its SenML CBOR records, without the array around them.
    pub(crate) records: Vec<u8>,
}

impl NewSurvey {
    /// What journaling it takes, on disk and in memory, generously.
    pub(crate) fn weight(&self) -> usize {
        const ROW: usize = 64;
        ROW + self.device.as_str().len() + self.records.len()
    }

    /// The checksum with which it is stored at `seq`.
    pub(super) fn checksum(&self, seq: Seq) -> i64 {
        checksum(seq, self.received.as_millis(), self.device.as_str(), self.readings, &self.records)
    }
}

/// A survey as it is read back, its checksum proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSurvey {
    /// Its place in the journal.
    pub seq: Seq,
    /// Whose readings they are.
    pub device: DeviceId,
    /// How many.
    pub readings: u32,
    /// Its SenML CBOR records, without the array around them.
    pub records: Vec<u8>,
}

/// The CRC-32 of the row's fields (as in zlib), integers as 8 bytes, the lowest first. It is to find accidents of the
/// disk; whoever can write the file can write the checksum too.
pub(super) fn checksum(seq: Seq, received: i64, device: &str, readings: u32, records: &[u8]) -> i64 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&seq.to_le_bytes());
    crc.update(&received.to_le_bytes());
    crc.update(&u64::from(readings).to_le_bytes());
    crc.update(device.as_bytes());
    crc.update(records);
    i64::from(crc.finalize())
}
