//! Readings out of a cloud, into a file that is there whole or not at all.

use super::{
    bar,
    cloud::{self, Cloud},
};
use crate::{
    address::{Address, Scheme},
    failure::Failure,
};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use fieldpost_cloud::{Settings, Sockets};
use fieldpost_core::{DeviceId, UtcInstant};
use http_body_util::BodyExt;
use hyper::{Method, body::Incoming};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

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
    Cloud(Address),
    /// The data folder of one that does not.
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
    let (address, local) = match &export.source {
        Source::Cloud(address) => (address.clone(), None),
        Source::Data(folder) => {
            let local = Local::start(folder)?;
            (local.address.clone(), Some(local))
        }
    };
    let done = tokio::select! {
        done = fetch(&export, address) => done,
        () = shutdown => Err(Failure::failed("stopped before the export was whole")),
    };
    if let Some(local) = local {
        local.stop().await?;
    }
    done
}

async fn fetch(export: &Export, address: Address) -> Result<(), Failure> {
    let mut cloud = Cloud::new(address)?;
    let path = path(export);
    let asked = cloud.ask(Method::GET, &path, &[], Bytes::new()).await;
    let answer = asked
        .with_context(|| format!("cannot ask the cloud at {}; is it running there?", cloud.address()))?;
    let status = answer.status().as_u16();
    if status != 200 {
        let why = cloud::explain(status, &cloud::body(answer).await?);
        return Err(Failure::failed(format!("the cloud at {} does not export that: {why}", cloud.address())));
    }
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
    Ok(())
}

fn path(export: &Export) -> String {
    let mut path = format!("/api/v1/export?format={}", export.format.name());
    if !export.devices.is_empty() {
        let ids: Vec<_> = export.devices.iter().map(DeviceId::as_str).collect();
        path.push_str(&format!("&devices={}", ids.join(",")));
    }
    for (key, time) in [("from", export.from), ("to", export.to)] {
        if let Some(time) = time {
            path.push_str(&format!("&{key}={time}"));
        }
    }
    path
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

/// A cloud in this process, on the folder of one that does not run.
struct Local {
    address: Address,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), fieldpost_cloud::Error>>,
}

impl Local {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let settings = Settings::new(folder);
        let store = settings.store_path();
        if !store.is_file() {
            return Err(Failure::failed(format!(
                "{} is not there; name a cloud's folder with --data",
                store.display()
            )));
        }
        let http = std::net::TcpListener::bind("127.0.0.1:0").context("cannot listen on this machine")?;
        let port = http.local_addr().context("cannot listen on this machine")?.port();
        let (stop, stopped) = oneshot::channel::<()>();
        let sockets = Sockets { upload: None, http: Some(http) };
        let running = tokio::spawn(async move {
            let shutdown = async { _ = stopped.await };
            fieldpost_cloud::run(sockets, settings, Box::new(io::sink()), shutdown).await
        });
        Ok(Self { address: Address { scheme: Scheme::Http, host: "127.0.0.1".into(), port }, stop, running })
    }

    async fn stop(self) -> Result<(), Failure> {
        let _ = self.stop.send(());
        match self.running.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(Failure::failed(format!("{error}; of a cloud that runs, export with --cloud")))
            }
            Err(error) => Err(Failure::failed(format!("the store's reader ended badly: {error}"))),
        }
    }
}
