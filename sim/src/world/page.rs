//! As much of SQLite's file format (sqlite.org/fileformat2.html, section 1.6) as it takes to know which rows stand on a page.

use super::oracle::Seq;

/// What SQLite reads and writes at a time.
pub const SIZE: usize = 4_096;
/// How a page begins that holds rows of a table.
const LEAF: u8 = 0x0d;
/// And one that leads to others of the table.
const INNER: u8 = 0x05;

/// How a page begins that holds rows of a table whose rows have no number: facts, keys, counters.
const UNNUMBERED: u8 = 0x0a;

/// The numbers of the pages of `file` that hold numbered rows, or others, the first page excepted.
#[must_use]
pub fn leaves(file: &[u8], numbered: bool) -> Vec<usize> {
    let kind = if numbered { LEAF } else { UNNUMBERED };
    (1..file.len() / SIZE).filter(|page| file.get(page * SIZE) == Some(&kind)).collect()
}

/// The pages with rows to which the table that begins on page `root`, counted from one, leads in what is left of `file`.
#[must_use]
pub fn reachable(file: &[u8], root: usize) -> Vec<&[u8]> {
    let number = |page: &[u8], at: usize, bytes: usize| {
        let digits = page.get(at..at + bytes).unwrap_or_default();
        digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit))
    };
    let (mut leaves, mut open, mut left) = (Vec::new(), vec![root], file.len() / SIZE);
    while let Some(next) = open.pop().filter(|_| left > 0) {
        let start = next.wrapping_sub(1).saturating_mul(SIZE);
        let Some(page) = file.get(start..start.saturating_add(SIZE)) else { continue };
        left -= 1;
        match page.first() {
            Some(&LEAF) => leaves.push(page),
            Some(&INNER) => {
                let cells = (0..number(page, 3, 2)).map(|cell| number(page, 12 + 2 * cell, 2));
                open.extend(cells.map(|cell| number(page, cell, 4)).chain([number(page, 8, 4)]));
            }
            _ => {}
        }
    }
    leaves
}

/// Whether the row `seq`, which contains `content`, stands on a page.
#[must_use]
pub fn holds(page: &[u8], seq: Seq, content: &[u8]) -> bool {
    let count = page.get(3..5).map_or(0, |bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
    let pointers = page.get(8..).unwrap_or_default().chunks_exact(2).take(count);
    let starts = pointers.map(|bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
    starts.filter_map(|start| page.get(start..)).any(|cell| {
        let (length, after) = varint(cell);
        let (row, payload) = varint(after);
        let payload = payload.get(..usize::try_from(length).unwrap_or(0)).unwrap_or(payload);
        row.cast_signed() == seq && payload.windows(content.len().max(1)).any(|part| part == content)
    })
}

/// A number of seven bits a byte, the highest first; and what stands behind it.
fn varint(bytes: &[u8]) -> (u64, &[u8]) {
    let mut number = 0_u64;
    for (place, byte) in bytes.iter().enumerate().take(9) {
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return (number, bytes.get(place + 1..).unwrap_or_default());
        }
    }
    (number, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn each_row_is_found_on_one_page() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.db");
        let database = Connection::open(&path).unwrap();
        database
            .execute_batch(
                "PRAGMA page_size = 4096; CREATE TABLE rows (seq INTEGER PRIMARY KEY, content BLOB)",
            )
            .unwrap();
        let content = |seq: i64| format!("row {seq} ").repeat(100).into_bytes();
        for seq in 1..=200 {
            database.execute("INSERT INTO rows VALUES (?, ?)", (seq, content(seq))).unwrap();
        }
        database.close().unwrap();
        let file = std::fs::read(&path).unwrap();
        let led_to = reachable(&file, 2);
        assert_eq!(led_to.len(), leaves(&file, true).len(), "page 2 is the table's root, and leads to all");
        assert!(led_to.len() > 10);
        let half = reachable(&file[..file.len() / 2 + 77], 2);
        assert!(half.len() < led_to.len() && half.len() > 3, "{}", half.len());
        for seq in 1..=200 {
            let on = |page: &usize| holds(&file[page * SIZE..(page + 1) * SIZE], seq, &content(seq));
            assert_eq!(leaves(&file, true).into_iter().filter(on).count(), 1, "row {seq}");
        }
    }
}
