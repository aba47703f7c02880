//! Which of a station's five probes is read.

use alloc::format;
use core::fmt;
use core::str::FromStr;

use crate::refusal::Quoted;
use crate::{Reason, Refusal};

/// How deep the probe lies, of the five depths that a USCRN station measures at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// 5 cm: follows the weather most closely.
    #[default]
    Cm5,
    /// 10 cm.
    Cm10,
    /// 20 cm.
    Cm20,
    /// 50 cm.
    Cm50,
    /// 100 cm: follows the seasons.
    Cm100,
}

impl Depth {
    /// All depths, in the order of a station file's columns.
    pub const ALL: [Self; 5] = [Self::Cm5, Self::Cm10, Self::Cm20, Self::Cm50, Self::Cm100];

    /// The depth in centimetres.
    #[must_use]
    pub fn centimetres(self) -> u32 {
        match self {
            Self::Cm5 => 5,
            Self::Cm10 => 10,
            Self::Cm20 => 20,
            Self::Cm50 => 50,
            Self::Cm100 => 100,
        }
    }

    /// The place among the five columns that a station file has for each quantity.
    pub(super) fn column(self) -> usize {
        match self {
            Self::Cm5 => 0,
            Self::Cm10 => 1,
            Self::Cm20 => 2,
            Self::Cm50 => 3,
            Self::Cm100 => 4,
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cm", self.centimetres())
    }
}

impl FromStr for Depth {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let same = |depth: &Self| text.parse() == Ok(depth.centimetres());
        Self::ALL.into_iter().find(same).ok_or_else(|| {
            let detail = format!(
                "depth {} is none that stations measure at; write 5, 10, 20, 50 or 100",
                Quoted(text)
            );
            Refusal::new(Reason::Malformed, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_depth_is_read_from_its_centimetres_and_no_other() {
        for (column, depth) in Depth::ALL.into_iter().enumerate() {
            assert_eq!(format!("{}", depth.centimetres()).parse::<Depth>().unwrap(), depth);
            assert_eq!(depth.column(), column);
        }
        for wrong in ["", "0", "15", "-5", "5 cm", "five"] {
            assert!(wrong.parse::<Depth>().is_err(), "{wrong}");
        }
    }
}
