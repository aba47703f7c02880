//! Programs as children of ours, that can be killed without warning and that never outlive us.

use crate::ports;
use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// How much of a log a failure shows.
const LOG_TAIL: usize = 4_000;

/// The shipped program, as built in the profile of whoever asks.
///
/// # Errors
/// It is not built.
pub fn fieldpost() -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program is")?;
    let folder = own.parent().context("this program is in no folder")?;
    let folder =
        if folder.ends_with("deps") { folder.parent().context("deps is in no folder")? } else { folder };
    let path = folder.join("fieldpost");
    if !path.is_file() {
        bail!(
            "{} is missing; build it first: cargo build -p fieldpost (with the same --release)",
            path.display()
        );
    }
    Ok(path)
}

/// A program, its output in files. Killed when dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    command: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    starts: u32,
    child: Option<Child>,
}

impl Program {
    /// A program that is not started yet; its output goes to files in `folder`.
    pub fn new<A: Into<OsString>>(
        name: &str,
        command: &Path,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            command: command.to_owned(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            folder: folder.to_owned(),
            starts: 0,
            child: None,
        }
    }

    /// One more argument, from the next start on.
    pub fn add_argument(&mut self, argument: &str) {
        self.arguments.push(argument.into());
    }

    /// Starts it.
    ///
    /// # Errors
    /// It runs already, or cannot be started.
    pub fn start(&mut self) -> Result<()> {
        if self.child.is_some() {
            bail!("{} runs already", self.name);
        }
        self.starts += 1;
        let mut command = Command::new(&self.command);
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(File::create(self.stdout())?).stderr(File::create(self.stderr())?);
        // The operator's own settings must not reach a program under test.
        for (key, _) in env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("FIELDPOST_")) {
            command.env_remove(key);
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", self.command.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills it with SIGKILL, as a power cut would.
    ///
    /// # Errors
    /// It was not running: it must not end by itself.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} ended by itself ({status}):\n{}", self.name, self.log());
        }
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Kills it and starts it again at once.
    ///
    /// # Errors
    /// It was not running, or cannot be started.
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.start()
    }

    /// Asks it to end, as an operator or a service manager does, and waits until it has.
    ///
    /// # Errors
    /// It does not end within `patience`, or not with success.
    pub fn stop(&mut self, patience: Duration) -> Result<()> {
        let id = self.id().with_context(|| format!("{} is not started", self.name))?;
        kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGTERM)?;
        self.finish(patience)?;
        self.child = None;
        Ok(())
    }

    /// Leaves out the arguments that begin with `flag` from the next start on.
    pub fn leave_out(&mut self, flag: &str) {
        self.arguments.retain(|argument| !argument.to_string_lossy().starts_with(flag));
    }

    /// Starts it again if it has ended by itself, as a service manager would; says whether it had.
    ///
    /// # Errors
    /// It was never started, or cannot be started.
    pub fn revive(&mut self) -> Result<bool> {
        if self.ended()?.is_none() {
            return Ok(false);
        }
        self.child = None;
        self.start()?;
        Ok(true)
    }

    /// Its exit status, if it has ended by itself.
    ///
    /// # Errors
    /// It was never started, or was killed.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        let child = self.child.as_mut().with_context(|| format!("{} is not started", self.name))?;
        Ok(child.try_wait()?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// It does not end within `patience`, or not with success.
    pub fn finish(&mut self, patience: Duration) -> Result<()> {
        let mut status = None;
        ports::wait_until(patience, || {
            status = self.ended()?;
            Ok(status.is_some())
        })
        .with_context(|| format!("{} did not end:\n{}\n{}", self.name, self.output(), self.log()))?;
        match status {
            Some(status) if status.success() => Ok(()),
            _ => bail!("{} failed ({status:?}):\n{}\n{}", self.name, self.output(), self.log()),
        }
    }

    /// The process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it has printed since its last start.
    #[must_use]
    pub fn output(&self) -> String {
        read(&self.stdout())
    }

    /// What each of its lives has printed, oldest first.
    #[must_use]
    pub fn outputs(&self) -> Vec<String> {
        (1..=self.starts).map(|life| read(&self.file(life, "out"))).collect()
    }

    /// What each of its lives has logged, oldest first.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        (1..=self.starts).map(|life| read(&self.file(life, "log"))).collect()
    }

    /// The end of what it has logged since its last start.
    #[must_use]
    pub fn log(&self) -> String {
        let log = read(&self.stderr());
        let from = (log.len().saturating_sub(LOG_TAIL)..log.len()).find(|at| log.is_char_boundary(*at));
        from.and_then(|from| log.get(from..)).unwrap_or_default().to_owned()
    }

    fn stdout(&self) -> PathBuf {
        self.file(self.starts, "out")
    }

    fn stderr(&self) -> PathBuf {
        self.file(self.starts, "log")
    }

    fn file(&self, life: u32, what: &str) -> PathBuf {
        self.folder.join(format!("{}-{life}.{what}", self.name))
    }
}

/// Whatever can be read of a file that a killed program may have left in the middle of a character.
fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself, which is as well.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
