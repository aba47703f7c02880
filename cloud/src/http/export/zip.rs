//! A ZIP archive that is written from front to back, its files stored as they are.
//!
//! ```text
//! file:    local header, name, extra (ZIP64) | bytes | descriptor: CRC-32, length twice (8 bytes each)
//! at last: central directory: a header for each file | ZIP64 end, its locator | end
//! ```
//!
//! Lengths are known only behind the bytes, so each file has a descriptor (bit 3), and always the ZIP64 form of it: no file and no
//! archive is too long. (PKWARE's APPNOTE 6.3.10, sections 4.3.7 to 4.3.16.) Stored and not deflated: what is exported is for
//! programs on a fast network, and a compressed format is offered beside it. An own writer, because the crates that can write
//! without seeking bring compressors and clocks for what is a hundred lines here.

use crc32fast::Hasher;

/// Version 4.5: ZIP64.
const VERSION: u16 = 45;
/// Bit 3: a descriptor follows; bit 11: the name is UTF-8.
const BITS: u16 = 1 << 3 | 1 << 11;
/// 1980-01-01 00:00, for files whose date nobody asks for.
const DATE: u32 = 0x0021_0000;
const LOCAL: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
const END: u32 = 0x0605_4b50;
/// What stands where the ZIP64 extra field says the number.
const ELSEWHERE: u32 = u32::MAX;
/// The header of the ZIP64 extra field.
const EXTRA_64: u16 = 1;

/// An archive on its way.
#[derive(Default)]
pub(super) struct Zip {
    /// Bytes so far.
    length: u64,
    files: Vec<File>,
    /// The file that is being written.
    open: Option<(File, Hasher)>,
}

struct File {
    name: Box<str>,
    /// Of its local header.
    offset: u64,
    length: u64,
    checksum: u32,
}

impl Zip {
    /// Files so far.
    pub(super) fn files(&self) -> usize {
        self.files.len()
    }

    /// Begins a file.
    pub(super) fn open(&mut self, name: &str, out: &mut Vec<u8>) {
        let start = out.len();
        let mut put = Put(out);
        put.u32(LOCAL).u16(VERSION).u16(BITS).u16(0).u32(DATE).u32(0).u32(ELSEWHERE).u32(ELSEWHERE);
        put.u16(length16(name)).u16(20).bytes(name.as_bytes());
        put.u16(EXTRA_64).u16(16).u64(0).u64(0);
        let file = File { name: name.into(), offset: self.length, length: 0, checksum: 0 };
        self.open = Some((file, Hasher::new()));
        self.count(start, out);
    }

    /// Bytes of the open file, which stand in `out` from `start` on already.
    pub(super) fn written(&mut self, start: usize, out: &[u8]) {
        let bytes = out.get(start..).unwrap_or_default();
        if let Some((file, checksum)) = &mut self.open {
            checksum.update(bytes);
            file.length += bytes.len() as u64;
        }
        self.length += bytes.len() as u64;
    }

    /// Ends the file.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) {
        let Some((mut file, checksum)) = self.open.take() else { return };
        let start = out.len();
        file.checksum = checksum.finalize();
        Put(out).u32(DESCRIPTOR).u32(file.checksum).u64(file.length).u64(file.length);
        self.files.push(file);
        self.count(start, out);
    }

    /// Ends the archive.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        let (start, directory) = (out.len(), self.length);
        for file in &self.files {
            let mut put = Put(out);
            put.u32(CENTRAL).u16(VERSION).u16(VERSION).u16(BITS).u16(0).u32(DATE).u32(file.checksum);
            put.u32(ELSEWHERE).u32(ELSEWHERE).u16(length16(&file.name)).u16(28);
            put.u16(0).u16(0).u16(0).u32(0).u32(ELSEWHERE).bytes(file.name.as_bytes());
            put.u16(EXTRA_64).u16(24).u64(file.length).u64(file.length).u64(file.offset);
        }
        self.count(start, out);
        let (files, end) = (self.files.len() as u64, self.length);
        let mut put = Put(out);
        put.u32(END_64).u64(44).u16(VERSION).u16(VERSION).u32(0).u32(0).u64(files).u64(files);
        put.u64(end - directory).u64(directory);
        put.u32(LOCATOR_64).u32(0).u64(end).u32(1);
        put.u32(END).u16(0).u16(0).u16(u16::MAX).u16(u16::MAX).u32(ELSEWHERE).u32(ELSEWHERE).u16(0);
    }

    fn count(&mut self, start: usize, out: &[u8]) {
        self.length += (out.len() - start) as u64;
    }
}

/// Names here are far shorter than 64 KiB.
fn length16(name: &str) -> u16 {
    u16::try_from(name.len()).unwrap_or(u16::MAX)
}

/// Numbers, the least significant byte first.
struct Put<'a>(&'a mut Vec<u8>);

impl Put<'_> {
    fn u16(&mut self, number: u16) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};

    #[test]
    fn another_program_reads_the_files_back() {
        let (mut archive, mut zip) = (Vec::new(), Zip::default());
        let long: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        for (name, bytes) in [("a/empty", b"".as_slice()), ("a/b/long.stm", &long), ("c%3A", b"text\n")] {
            zip.open(name, &mut archive);
            for piece in bytes.chunks(70_001) {
                let start = archive.len();
                archive.extend_from_slice(piece);
                zip.written(start, &archive);
            }
            zip.close(&mut archive);
        }
        assert_eq!(zip.files(), 3);
        zip.end(&mut archive);
        let mut read = ::zip::ZipArchive::new(Cursor::new(&archive)).unwrap();
        let names: Vec<_> = read.file_names().map(str::to_owned).collect();
        assert_eq!(names, ["a/empty", "a/b/long.stm", "c%3A"]);
        let mut bytes = Vec::new();
        read.by_name("a/b/long.stm").unwrap().read_to_end(&mut bytes).unwrap();
        assert!(bytes == long, "the checksum was compared by the reader");
        read.by_name("c%3A").unwrap().read_to_end(&mut bytes).unwrap();
        assert!(bytes.ends_with(b"text\n"));
    }
}
