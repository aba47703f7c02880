//! A file's lines, however long the file is.

use std::io::{self, BufRead, Read};

/// The longest line; a longer one is none of a station file's.
const MAX_LINE: u64 = 4 * 1024;

/// A line.
pub(super) struct Line {
    /// From 1.
    pub(super) number: usize,
    /// Bytes, with its end.
    pub(super) length: u64,
    content: Result<Vec<u8>, &'static str>,
}

impl Line {
    /// What it says, without its end.
    pub(super) fn text(&self) -> Result<&str, String> {
        let bytes = self.content.as_ref().map_err(|why| (*why).to_owned())?;
        let text = std::str::from_utf8(bytes).map_err(|_| "bytes that are no UTF-8 text".to_owned())?;
        Ok(text.trim_end())
    }
}

/// The lines of `R`, one after the other.
pub(super) struct Lines<R> {
    reader: R,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, number: 0 }
    }

    /// The next line; None behind the last one.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let mut length = self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes)? as u64;
        if length == 0 {
            return Ok(None);
        }
        self.number += 1;
        let content = if bytes.ends_with(b"\n") {
            Ok(bytes)
        } else if length < MAX_LINE {
            // `12.3` may be all that is left of `12.34`, and nothing else would show it.
            Err(
                "the file ends within this line (no newline); copy it again, or add a newline if the line is complete",
            )
        } else {
            length += self.skip()?;
            Err("a line of more than 4 KiB")
        };
        Ok(Some(Line { number: self.number, length, content }))
    }

    /// Goes to the end of the line.
    fn skip(&mut self) -> io::Result<u64> {
        let mut skipped = 0;
        loop {
            let waiting = self.reader.fill_buf()?;
            let end = waiting.iter().position(|byte| *byte == b'\n').map(|position| position + 1);
            let length = end.unwrap_or(waiting.len());
            self.reader.consume(length);
            skipped += length as u64;
            if end.is_some() || length == 0 {
                return Ok(skipped);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_or_cut_is_bad_and_the_others_are_not() {
        let file = format!("one\r\n{}\nthree\n\u{e9}\nfi", "x".repeat(10_000)).replace('\u{e9}', "\u{e9}");
        let mut bytes = file.into_bytes();
        let bad = bytes.iter().position(|byte| *byte == 0xc3).unwrap();
        bytes[bad] = 0xff;
        let (mut lines, mut found, mut length) = (Lines::new(bytes.as_slice()), Vec::new(), 0);
        while let Some(line) = lines.next().unwrap() {
            length += line.length;
            found.push((line.number, line.text().map(str::to_owned)));
        }
        assert_eq!(length, bytes.len() as u64);
        let good: Vec<_> =
            found.iter().filter_map(|(number, text)| Some((*number, text.clone().ok()?))).collect();
        assert_eq!(good, [(1, "one".to_owned()), (3, "three".to_owned())]);
        assert_eq!(found.len(), 5);
    }
}
