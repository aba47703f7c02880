//! Readings out of a cloud's folder. It is only read: nothing is started there, and a cloud may run on it or not.

use super::{Export, Output, Unfinished, bar, query, stopped, warn_unexamined};
use crate::failure::Failure;
use anyhow::Context;
use fieldpost_cloud::Settings;
use indicatif::ProgressBar;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// How long the reader may take to tidy up when it is stopped.
const FAREWELL: Duration = Duration::from_secs(5);

/// Reads on a thread of its own, unless `shutdown` comes first.
pub(super) async fn read(
    export: &Export,
    folder: &Path,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let store = Settings::new(folder).store_path();
    if !store.is_file() {
        let hint = "name a cloud's folder with --data";
        return Err(Failure::failed(format!("{} is not there; {hint}", store.display())));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let work = Work { store, query: query(export), output: export.output.clone(), stop: Arc::clone(&stop) };
    let (done, ended) = oneshot::channel();
    let thread = std::thread::Builder::new().name("export".into());
    thread.spawn(move || done.send(work.run())).context("cannot start")?;
    tokio::pin!(ended);
    tokio::select! {
        done = &mut ended => done.unwrap_or_else(|_| Err(Failure::failed("the store's reader ended badly"))),
        () = shutdown => {
            stop.store(true, Relaxed);
            // Whoever takes the export may take nothing more; then there is no file to tidy away.
            let _ = timeout(FAREWELL, ended).await;
            Err(stopped())
        }
    }
}

struct Work {
    store: PathBuf,
    query: String,
    output: Output,
    stop: Arc<AtomicBool>,
}

impl Work {
    fn run(self) -> Result<(), Failure> {
        let bar = bar::bytes(None);
        let unexamined = match &self.output {
            Output::Stdout => self.write(&mut io::stdout().lock(), &bar)?,
            Output::File(path) => {
                let mut file = Unfinished::create(path)?;
                let unexamined = self.write(&mut file.file, &bar)?;
                file.finish()?;
                unexamined
            }
        };
        bar.finish_and_clear();
        warn_unexamined(unexamined);
        Ok(())
    }

    fn write(&self, out: &mut dyn Write, bar: &ProgressBar) -> Result<u64, Failure> {
        let mut out = Told { out, bar, stop: &self.stop };
        let unexamined = fieldpost_cloud::export_file(&self.store, &self.query, &mut out);
        let unexamined = unexamined.map_err(|error| Failure::failed(error.to_string()))?;
        out.flush().context("cannot write the export")?;
        Ok(unexamined)
    }
}

/// Tells the bar of what is written, and ends when it has to.
struct Told<'a> {
    out: &'a mut dyn Write,
    bar: &'a ProgressBar,
    stop: &'a AtomicBool,
}

impl Write for Told<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Relaxed) {
            return Err(io::Error::other("it was stopped"));
        }
        let written = self.out.write(bytes)?;
        self.bar.inc(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
