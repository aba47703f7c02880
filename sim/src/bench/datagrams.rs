//! The reference device's day, 120 bytes, no two alike.

/// Bytes of a line with the newline behind it.
const LINE: usize = 30;
/// Bytes of a datagram: four measurements.
pub(super) const DATAGRAM: usize = 4 * LINE;

const TEMPLATE: &[u8; DATAGRAM] = b"dev-0000000 02:00 - 00 - 00%\n\n\
dev-0000000 08:00 - 00 - 00%\n\n\
dev-0000000 14:00 - 00 - 00%\n\n\
dev-0000000 20:00 - 00 - 00%\n\n";
/// Where in a line the digits of the device stand, the temperature, and the moisture.
const DEVICE: usize = 4;
const TEMPERATURE: usize = 20;
const MOISTURE: usize = 25;
/// Values from 10 on, so that each has two digits.
const VALUES: u64 = 90;

/// An endless supply of different datagrams, from each device in turn.
#[derive(Debug)]
pub(super) struct Datagrams {
    devices: u64,
    next: u64,
}

impl Datagrams {
    pub(super) fn new(devices: u64) -> Self {
        Self { devices: devices.max(1), next: 0 }
    }

    /// Writes the next one.
    pub(super) fn write(&mut self, out: &mut [u8; DATAGRAM]) {
        let (device, mut turn) = (self.next % self.devices, self.next / self.devices);
        self.next += 1;
        *out = *TEMPLATE;
        for line in out.chunks_exact_mut(LINE) {
            let mut digits = device;
            for digit in line.iter_mut().skip(DEVICE).take(7).rev() {
                *digit = decimal(digits % 10);
                digits /= 10;
            }
            put(line, TEMPERATURE, turn % VALUES);
            turn /= VALUES;
            put(line, MOISTURE, turn % VALUES);
            turn /= VALUES;
        }
    }
}

fn put(line: &mut [u8], at: usize, value: u64) {
    let value = value + 10;
    if let Some([tens, ones]) = line.get_mut(at..at + 2) {
        *tens = decimal(value / 10);
        *ones = decimal(value % 10);
    }
}

fn decimal(digit: u64) -> u8 {
    b'0' + u8::try_from(digit).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_datagrams_are_alike_and_all_are_legal() {
        let mut datagrams = Datagrams::new(3);
        let mut seen = BTreeSet::new();
        for number in 0..30_000_u64 {
            let mut datagram = [0; DATAGRAM];
            datagrams.write(&mut datagram);
            let text = String::from_utf8(datagram.to_vec()).unwrap();
            assert!(text.starts_with(&format!("dev-000000{} 02:00 - ", number % 3)), "{text}");
            assert_eq!(text.matches('%').count(), 4, "{text}");
            assert!(seen.insert(text), "datagram {number} came before");
        }
    }
}
