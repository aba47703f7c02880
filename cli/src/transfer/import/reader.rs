//! Understands the lines of a file.

use super::{Kind, lines::Line};
use fieldpost_core::{
    DeviceId, Refusal, UtcInstant,
    station::{Depth, Slot, csv, csv::Columns, uscrn},
};

/// Understands lines.
pub(super) struct Reader {
    kind: Option<Kind>,
    columns: Option<Columns>,
    /// The one name that a file may have if its readings go to another device.
    only: Option<String>,
    device: Option<DeviceId>,
    depth: Depth,
}

impl Reader {
    /// A reader of files of that kind, of which the first line decides if there is none.
    pub(super) fn new(kind: Option<Kind>, device: Option<DeviceId>, depth: Depth) -> Self {
        Self { kind, columns: None, only: None, device, depth }
    }

    /// Whether the first line was what it had to be.
    pub(super) fn has_begun(&self) -> bool {
        self.columns.is_some() || self.kind == Some(Kind::Uscrn)
    }

    /// The line's slot; none if it is empty, or the header.
    pub(super) fn read<'a>(&mut self, line: &'a Line) -> Result<Option<(DeviceId, Slot<'a>)>, String> {
        let text = line.text()?;
        if line.number == 1 {
            self.columns = Columns::of(text);
            match (self.kind, self.columns) {
                (Some(Kind::Csv), None) => {
                    return Err(format!("this is no CSV of ours, which begins with {}", csv::HEADER));
                }
                (Some(Kind::Uscrn), _) => self.columns = None,
                (_, Some(_)) => {
                    self.kind = Some(Kind::Csv);
                    return Ok(None);
                }
                (None, None) => self.kind = self.slot(text).is_ok().then_some(Kind::Uscrn),
            }
            if self.kind.is_none() {
                return Err(
                    "neither a CSV of ours nor a USCRN station file; see fieldpost import --help".into()
                );
            }
        }
        if text.is_empty() {
            return Ok(None);
        }
        let slot = self.slot(text).map_err(|refusal| refusal.to_string())?;
        let device = self.device_of(slot.name)?;
        Ok(Some((device, slot)))
    }

    fn slot<'a>(&self, text: &'a str) -> Result<Slot<'a>, Refusal> {
        match self.columns {
            Some(columns) => columns.parse_row(text),
            None => uscrn::parse_line(text, self.depth),
        }
    }

    fn device_of(&mut self, name: &str) -> Result<DeviceId, String> {
        let Some(device) = &self.device else {
            return DeviceId::new(name).map_err(|invalid| invalid.to_string());
        };
        let only = self.only.get_or_insert_with(|| name.to_owned());
        if only != name {
            let (name, only) = (shown(name), shown(only));
            return Err(format!(
                "`{name}` in a file that began with `{only}`; with --device a file has one device"
            ));
        }
        Ok(device.clone())
    }

    /// Whose line it is and of when, if at least that can be read.
    pub(super) fn place(&mut self, line: &Line) -> Option<(DeviceId, UtcInstant)> {
        let mut cells = line.text().ok()?.split(',');
        let (name, time) = (cells.next()?, cells.next()?.parse().ok()?);
        Some((self.device_of(name).ok()?, time))
    }
}

/// A station's name as it may be shown: a file may call it anything.
fn shown(name: &str) -> String {
    const SHOWN: usize = 64;
    name.escape_debug().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_without_anything_that_a_terminal_would_obey() {
        let mut reader = Reader::new(None, Some("a".parse().unwrap()), Depth::default());
        assert!(reader.device_of("one").is_ok());
        let why = reader.device_of("\u{1b}[2J").unwrap_err();
        assert!(why.starts_with("`\\u{1b}[2J` in a file that began with `one`"), "{why}");
    }
}
