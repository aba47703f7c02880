//! Ten gigabytes to a client that reads in fits and starts: what the cloud keeps in memory meanwhile.
//!
//! The store is made of numbers, straight into its tables: rows enough for so many bytes of CSV, of devices with ids as long as
//! may be. What is measured is the shipped program's process, from outside.

use super::{
    cloud, folder,
    procfs::{self, Memory},
    thousands,
};
use anyhow::{Context, Result, ensure};
use fieldpost_cloud::parts::Vault;
use rusqlite::Connection;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Bytes of a row of CSV with an id of 63 bytes, about.
const ROW: u64 = 99;
/// Readings of a device: eleven years, hour by hour.
const READINGS: u64 = 100_000;
/// How often the client stops for a while.
const STOPS: u64 = 50;
const STOP: Duration = Duration::from_secs(1);
/// How often it is told how far it is.
const TOLD: u64 = 10;
/// What the memory may grow by after the first tenth, in KiB: caches fill up, and pieces differ in size.
const MAX_GROWTH: u64 = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(60);

/// Fills a store with what makes `bytes` of CSV, has it exported, and prints the cloud's memory as it goes.
///
/// # Errors
/// The cloud does not start or breaks off, or its memory grows.
pub fn run(bytes: u64, out: &mut impl Write) -> Result<()> {
    let folder = folder()?;
    let data = folder.path().join("data");
    std::fs::create_dir(&data)?;
    let began = Instant::now();
    let devices = bytes.div_ceil(ROW * READINGS);
    fill(&data.join("store.db"), devices)?;
    let readings = thousands((devices * READINGS) as f64);
    writeln!(out, "{readings} readings of {devices} devices stored in {:.0?}", began.elapsed())?;
    let (cloud, address) = cloud(folder.path(), &data)?;
    let id = cloud.id().context("the cloud runs")?;
    tell("before", procfs::memory(id)?, out)?;
    read(address, id, devices * READINGS * ROW, out).with_context(|| cloud.log())
}

/// Writes the tables' rows.
fn fill(path: &Path, devices: u64) -> Result<()> {
    Vault::create(path)?;
    let mut store = Connection::open(path)?;
    store.pragma_update(None, "synchronous", "off")?;
    for device in 1..=devices {
        let transaction = store.transaction()?;
        transaction.execute(
            "INSERT INTO devices (id, name, readings, last_contact, first_time, last_time)
             VALUES (?1, printf('m%062d', ?1), ?2, 0, 1262304000000, 1262304000000 + (?2 - 1) * 3600000)",
            (i64::try_from(device)?, i64::try_from(READINGS)?),
        )?;
        transaction.execute(
            "INSERT INTO readings WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < ?2 - 1)
             SELECT ?1, 1262304000000 + n * 3600000, (n * 37 + ?1) % 4000 - 500, (n * 11 + ?1) % 5000 FROM n",
            (i64::try_from(device)?, i64::try_from(READINGS)?),
        )?;
        transaction.commit()?;
    }
    store.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Reads an export to its end.
fn read(address: SocketAddr, cloud: u32, expected: u64, out: &mut impl Write) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /api/v1/export?format=csv HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
    let (began, mut length, mut piece) = (Instant::now(), 0_u64, vec![0; 1 << 20]);
    let (mut stop, mut told, mut first, mut last) = (1, 1, None, [0; 5]);
    while last != *b"0\r\n\r\n" {
        let read = stream.read(&mut piece)?;
        ensure!(read > 0, "it broke off after {length} bytes");
        let read = piece.get(..read).unwrap_or_default();
        length += read.len() as u64;
        for byte in read.get(read.len().saturating_sub(last.len())..).unwrap_or_default() {
            last.rotate_left(1);
            last[4] = *byte;
        }
        if length >= expected / STOPS * stop {
            thread::sleep(STOP);
            stop += 1;
        }
        if length >= expected / TOLD * told {
            let memory = procfs::memory(cloud)?;
            tell(&format!("{:.2} GB read", length as f64 / 1e9), memory, out)?;
            let before = *first.get_or_insert(memory.peak);
            ensure!(
                memory.peak.saturating_sub(before) < MAX_GROWTH,
                "the memory grew from {before} KiB to {} KiB",
                memory.peak
            );
            told += 1;
        }
    }
    let gigabytes = length as f64 / 1e9;
    writeln!(
        out,
        "{gigabytes:.2} GB in {:.0?}, of which the client rested {:.0?}",
        began.elapsed(),
        STOP * (stop as u32 - 1)
    )?;
    Ok(())
}

fn tell(when: &str, memory: Memory, out: &mut impl Write) -> Result<()> {
    let Memory { resident, peak, anonymous } = memory;
    writeln!(out, "  {when:<14} {resident:>7} KiB resident, {anonymous:>7} its own, {peak:>7} at the peak")?;
    Ok(())
}
