//! Files into a cloud.
//!
//! ```text
//! file -> stream: lines (numbered, bounded) -> slots (CSV or USCRN) -> days (a survey is a device's day)
//!      -> packs -> POST surveys
//! ```
//!
//! A bad line refuses its survey whole (promise P5) and is named; the rest goes on. The cloud knows what it holds, so running
//! an import again, after whatever happened, only adds what is missing.

mod days;
mod lines;
mod reader;
mod send;
mod stream;

use super::{bar, cloud::Cloud};
use crate::{address::Address, failure::Failure};
use anyhow::{Context, Result};
use fieldpost_core::{DeviceId, Survey, station::Depth};
use fieldpost_gateway::Token;
use indicatif::ProgressBar;
use reader::Reader;
use send::Sender;
pub use send::understand_report;
use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};
use stream::Stream;

/// Readings that are held before surveys are sent: files in the order of time go through all devices for each day.
const MAX_HELD: usize = 48_000;
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
    let reader = Reader::new(import.kind, import.device.clone(), import.depth);
    let mut stream = Stream::new(BufReader::new(file), reader, MAX_HELD);
    while let Some(step) = stream.step().with_context(|| format!("cannot read {name}"))? {
        faults.bar.inc(step.length);
        if let Some(fault) = step.fault {
            faults.say(&format!("{name}: {fault}"));
        }
        sender.send(&name, step.surveys, faults).await?;
    }
    sender.flush(faults).await
}

/// What would be sent of a file of these bytes, and the faults that would be named, if at most `held` readings were held back. For the
/// fuzzer: looks at no file, sends nothing.
#[must_use]
pub fn understand(bytes: &[u8], device: Option<DeviceId>, held: usize) -> (Vec<Survey>, Vec<String>) {
    let mut stream = Stream::new(bytes, Reader::new(None, device, Depth::default()), held);
    let (mut surveys, mut faults) = (Vec::new(), Vec::new());
    // Bytes in memory can always be read.
    while let Ok(Some(step)) = stream.step() {
        surveys.extend(step.surveys.into_iter().map(|one| one.survey));
        faults.extend(step.fault);
    }
    (surveys, faults)
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
