//! Files into a cloud.
//!
//! ```text
//! file -> lines (numbered, bounded) -> slots (CSV or USCRN) -> days (a survey is a device's day) -> packs -> POST surveys
//! ```
//!
//! A bad line refuses its survey whole (promise P5) and is named; the rest goes on. The cloud knows what it holds, so running
//! an import again, after whatever happened, only adds what is missing.

mod days;
mod lines;
mod send;

use super::{bar, cloud::Cloud};
use crate::{address::Address, failure::Failure};
use anyhow::{Context, Result};
use days::Days;
use fieldpost_core::{
    DeviceId, Refusal,
    station::{Depth, Slot, csv::Columns, uscrn},
};
use fieldpost_gateway::Token;
use indicatif::ProgressBar;
use lines::{Line, Lines};
use send::Sender;
use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

/// Bad lines that are named of each file; the others are counted.
const MAX_NAMED: u64 = 20;

/// What is imported, and where to.
pub(crate) struct Import {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) cloud: Address,
    /// What the cloud is shown.
    pub(crate) token: Option<Token>,
    /// Whose readings they are, whatever the files say.
    pub(crate) device: Option<DeviceId>,
    /// None: as the first line shows.
    pub(crate) kind: Option<Kind>,
    /// Of a USCRN station, the probe.
    pub(crate) depth: Depth,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// As exported: device,time,temperature_c,moisture_pct, with or without flags
    Csv,
    /// A station's year of NOAA's product hourly02
    Uscrn,
}

/// Imports, unless `shutdown` comes first.
pub(crate) async fn import(import: Import, shutdown: impl Future<Output = ()>) -> Result<String, Failure> {
    let total = import.files.iter().filter_map(|file| fs::metadata(file).ok()).map(|file| file.len()).sum();
    let bar = bar::bytes(Some(total));
    let work = async {
        let mut sender = Sender::new(Cloud::new(import.cloud.clone(), import.token.clone()));
        let mut faults = Faults { bar: &bar, count: 0, of_file: 0 };
        for path in &import.files {
            faults.of_file = 0;
            match File::open(path) {
                Ok(file) => one(&import, path, file, &mut sender, &mut faults).await?,
                Err(error) => faults.say(&format!("{}: cannot be read: {error}", path.display())),
            }
            faults.rest(path);
        }
        Ok((sender.sums(), faults.count))
    };
    let done: Result<_, Failure> = tokio::select! {
        done = work => done,
        () = shutdown => Err(Failure::failed("stopped; run it again to go on")),
    };
    bar.finish_and_clear();
    let (sums, faults) = done?;
    match faults {
        0 => Ok(sums),
        faults => {
            let named = if faults == 1 { "1 fault".into() } else { format!("{faults} faults") };
            Err(Failure::failed(format!("{sums}; {named}, mend what is named above and run it again")))
        }
    }
}

async fn one(
    import: &Import,
    path: &Path,
    file: File,
    sender: &mut Sender,
    faults: &mut Faults<'_>,
) -> Result<(), Failure> {
    let name = path.display().to_string();
    let mut lines = Lines::new(BufReader::new(file));
    let mut reader = Reader {
        kind: import.kind,
        columns: None,
        only: None,
        device: import.device.clone(),
        depth: import.depth,
    };
    let mut days = Days::default();
    while let Some(line) = lines.next().with_context(|| format!("cannot read {name}"))? {
        faults.bar.inc(line.length);
        match reader.read(&line) {
            Ok(Some((device, slot))) => days.take(line.number, device, slot),
            Ok(None) => {}
            Err(why) => {
                faults.say(&format!("{name}: line {}: {why}; nothing of its day is sent", line.number));
                if !reader.has_begun() {
                    return Ok(());
                }
                days.spoil(line.number, reader.place(&line));
            }
        }
        if days.is_full() {
            sender.send(&name, days.drain(), faults).await?;
        }
    }
    sender.send(&name, days.end(), faults).await?;
    sender.flush(faults).await
}

/// Understands lines.
struct Reader {
    kind: Option<Kind>,
    columns: Option<Columns>,
    /// The one name that a file may have if its readings go to another device.
    only: Option<String>,
    device: Option<DeviceId>,
    depth: Depth,
}

impl Reader {
    /// Whether the first line was what it had to be.
    fn has_begun(&self) -> bool {
        self.columns.is_some() || self.kind == Some(Kind::Uscrn)
    }

    /// The line's slot; none if it is empty, or the header.
    fn read<'a>(&mut self, line: &'a Line) -> Result<Option<(DeviceId, Slot<'a>)>, String> {
        let text = line.text()?;
        if line.number == 1 {
            self.columns = Columns::of(text);
            match (self.kind, self.columns) {
                (Some(Kind::Csv), None) => {
                    return Err(format!(
                        "this is no CSV of ours, which begins with {}",
                        fieldpost_core::station::csv::HEADER
                    ));
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
            return Err(format!(
                "`{name}` in a file that began with `{only}`; with --device a file has one device"
            ));
        }
        Ok(device.clone())
    }

    /// Whose line it is and of when, if at least that can be read.
    fn place(&mut self, line: &Line) -> Option<(DeviceId, fieldpost_core::UtcInstant)> {
        let mut cells = line.text().ok()?.split(',');
        let (name, time) = (cells.next()?, cells.next()?.parse().ok()?);
        Some((self.device_of(name).ok()?, time))
    }
}

/// What is wrong with the files, said on stderr as it is found.
struct Faults<'a> {
    bar: &'a ProgressBar,
    count: u64,
    of_file: u64,
}

impl Faults<'_> {
    #[expect(clippy::print_stderr, reason = "faults are for people, and above the bar")]
    fn say(&mut self, fault: &str) {
        self.count += 1;
        self.of_file += 1;
        if self.of_file <= MAX_NAMED {
            self.bar.suspend(|| eprintln!("fieldpost: {fault}"));
        }
    }

    #[expect(clippy::print_stderr, reason = "as above")]
    fn rest(&self, path: &Path) {
        if self.of_file > MAX_NAMED {
            let more = self.of_file - MAX_NAMED;
            self.bar.suspend(|| eprintln!("fieldpost: {}: and {more} more", path.display()));
        }
    }
}
