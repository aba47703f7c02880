//! An export as one SenML pack in JSON. It has no flags: SenML has no place for them that others would understand.

use super::{Encoder, Fault, Part};
use crate::store::{ExportDevice, FlaggedReading};
use fieldpost_core::{Survey, senml};

/// The format.
#[derive(Default)]
pub(super) struct Senml {
    /// A record was printed.
    begun: bool,
}

impl Encoder for Senml {
    fn start(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.push(b'[');
        Ok(())
    }

    fn readings(
        &mut self,
        device: &ExportDevice,
        _: Part,
        readings: &[FlaggedReading],
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let readings = readings.iter().map(|one| one.reading).collect();
        let pack = senml::encode_json(&[Survey { device: device.id.clone(), readings }]);
        // A pack of its own, which becomes a part of the one array.
        let records = pack.strip_prefix('[').and_then(|pack| pack.strip_suffix(']')).unwrap_or_default();
        if !records.is_empty() {
            if self.begun {
                out.extend_from_slice(b",\n ");
            }
            self.begun = true;
            out.extend_from_slice(records.as_bytes());
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(b"]\n");
        Ok(())
    }
}
