//! Readings out of a cloud, into a file that is there whole or not at all.

mod local;

use super::{
    bar,
    cloud::{self, Cloud},
};
use crate::{address::Address, failure::Failure};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use fieldpost_core::{DeviceId, UtcInstant};
use fieldpost_gateway::Token;
use http_body_util::BodyExt;
use hyper::{Method, body::Incoming};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::timeout;

/// The header in which the cloud says how many devices have readings that no rule has looked at yet.
const UNEXAMINED: &str = "fieldpost-unexamined";
/// How long the cloud may pause in the middle.
const PAUSE: Duration = Duration::from_secs(120);

/// What is exported, and where to.
pub(crate) struct Export {
    pub(crate) source: Source,
    pub(crate) format: Format,
    /// None for all.
    pub(crate) devices: Vec<DeviceId>,
    pub(crate) from: Option<UtcInstant>,
    pub(crate) to: Option<UtcInstant>,
    pub(crate) output: Output,
}

/// Where the readings are.
pub(crate) enum Source {
    /// A cloud that runs.
    Cloud(Address, Option<Token>),
    /// The data folder of one that may run or not.
    Data(PathBuf),
}

/// The form of the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// device,time,temperature_c,moisture_pct,flags; `fieldpost import` reads it
    Csv,
    /// Columns, compressed
    Parquet,
    /// A ZIP archive of station files as the International Soil Moisture Network has them
    Ismn,
    /// One pack of SenML JSON
    Senml,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Ismn => "ismn",
            Self::Senml => "senml",
        }
    }

    /// Whether it is of use on a terminal.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Senml)
    }
}

/// Where the export goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    File(PathBuf),
}

/// Exports, unless `shutdown` comes first.
pub(crate) async fn export(export: Export, shutdown: impl Future<Output = ()>) -> Result<(), Failure> {
    match &export.source {
        Source::Data(folder) => local::read(&export, folder, shutdown).await,
        Source::Cloud(address, token) => tokio::select! {
            done = fetch(&export, address.clone(), token.clone()) => done,
            () = shutdown => Err(stopped()),
        },
    }
}

fn stopped() -> Failure {
    Failure::failed("stopped before the export was whole")
}

/// Says that flags are missing which the readings may get yet.
#[expect(clippy::print_stderr, reason = "for people, whatever the export goes to")]
fn warn_unexamined(devices: u64) {
    if devices > 0 {
        eprintln!(
            "fieldpost: readings of {devices} devices have not been examined yet: they have no flags, good or not; export again later if you need them"
        );
    }
}

async fn fetch(export: &Export, address: Address, token: Option<Token>) -> Result<(), Failure> {
    let mut cloud = Cloud::new(address, token);
    let path = format!("/api/v1/export?{}", query(export));
    let asked = cloud.ask(Method::GET, &path, &[], Bytes::new()).await;
    let answer = asked
        .with_context(|| format!("cannot ask the cloud at {}; is it running there?", cloud.address()))?;
    let status = answer.status().as_u16();
    if status != 200 {
        let why = cloud::explain(status, &cloud::body(answer).await?);
        return Err(Failure::failed(format!("the cloud at {} does not export that: {why}", cloud.address())));
    }
    let unexamined = answer.headers().get(UNEXAMINED).and_then(|count| count.to_str().ok()?.parse().ok());
    let bar = bar::bytes(None);
    match &export.output {
        Output::Stdout => copy(answer.into_body(), &mut io::stdout().lock(), &bar).await?,
        Output::File(path) => {
            let mut file = Unfinished::create(path)?;
            copy(answer.into_body(), &mut file.file, &bar).await?;
            file.finish()?;
        }
    }
    bar.finish_and_clear();
    warn_unexamined(unexamined.unwrap_or(0));
    Ok(())
}

/// What is asked for, as the API is asked.
fn query(export: &Export) -> String {
    let mut query = format!("format={}", export.format.name());
    if !export.devices.is_empty() {
        let ids: Vec<_> = export.devices.iter().map(DeviceId::as_str).collect();
        query.push_str(&format!("&devices={}", ids.join(",")));
    }
    for (key, time) in [("from", export.from), ("to", export.to)] {
        if let Some(time) = time {
            query.push_str(&format!("&{key}={time}"));
        }
    }
    query
}

async fn copy(mut body: Incoming, out: &mut impl Write, bar: &indicatif::ProgressBar) -> Result<()> {
    loop {
        let Ok(frame) = timeout(PAUSE, body.frame()).await else {
            bail!("the cloud sends no more; try again")
        };
        let Some(frame) = frame else { break };
        let frame = frame.context("the cloud broke off in the middle; its log says why")?;
        if let Some(data) = frame.data_ref() {
            out.write_all(data).context("cannot write the export")?;
            bar.inc(data.len() as u64);
        }
    }
    out.flush().context("cannot write the export")
}

/// A file under another name until it is whole; gone if it never is.
struct Unfinished {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
    whole: bool,
}

impl Unfinished {
    fn create(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let unfinished = PathBuf::from(name);
        let file =
            File::create(&unfinished).with_context(|| format!("cannot write {}", unfinished.display()))?;
        Ok(Self { file, unfinished, path: path.to_owned(), whole: false })
    }

    fn finish(mut self) -> Result<()> {
        let done = self.file.sync_all().and_then(|()| fs::rename(&self.unfinished, &self.path));
        done.with_context(|| format!("cannot write {}", self.path.display()))?;
        self.whole = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")));
        // The file is whole already; that its name is on disk, too, not every file system can say.
        let _ = folder.and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.whole {
            let _ = fs::remove_file(&self.unfinished);
        }
    }
}
