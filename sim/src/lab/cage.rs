//! What holds the lab, and vanishes with it: a process of ours in mount, network and process namespaces without names.
//!
//! In it, `/run` is a file system of its own, in memory: the names that `ip netns` gives, the logs, the data, and a
//! smaller one for the gateway lie there, and nobody outside sees them. The process is the first of its process
//! namespace, so the kernel kills all the others when it ends, however it ends. It holds on to a leash: standard
//! input, which the lab's own process never writes to, and which ends with that one, even after kill -9.

use super::{Options, story, tools};
use crate::{process, rng};
use anyhow::{Context, Result};
use std::{
    env,
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio, exit},
};

/// The tools that are needed, and the Debian package of each.
const TOOLS: [(&str, &str); 4] =
    [("ip", "iproute2"), ("nft", "nftables"), ("unshare", "util-linux"), ("mount", "mount")];
/// Where the administrator's tools are, for a PATH that leaves them out.
const ADMIN: &str = "/usr/local/sbin:/usr/sbin:/sbin";
/// Namespaces that go with the process in them.
const NAMESPACES: [&str; 8] =
    ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
/// The exit code of a lab that cannot be set up here.
const CANNOT: u8 = 2;

/// Starts a lab and waits for its end.
///
/// # Errors
/// It cannot be started at all.
pub fn run(options: &Options, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode> {
    if let Some(obstacle) = obstacle() {
        writeln!(err, "the lab cannot be set up: {obstacle}")?;
        return Ok(ExitCode::from(CANNOT));
    }
    build()?;
    fieldpost()?;
    let seed = rng::seed()?;
    writeln!(out, "FIELDPOST_SIM_SEED={seed}")?;
    let mut inside = Command::new("unshare");
    inside.args(NAMESPACES).arg(env::current_exe()?).args(["lab", "--inside"]);
    inside.arg(std::process::id().to_string());
    inside.args(options.calm.then_some("--calm")).args(options.spoil.then_some("--spoil"));
    inside.args(options.break_off.then_some("--break-off"));
    inside.env("FIELDPOST_SIM_SEED", seed.to_string()).env("PATH", path()).stdin(Stdio::piped());
    let mut inside = inside.spawn().context("cannot start unshare")?;
    let leash = inside.stdin.take();
    let ended = inside.wait()?;
    drop(leash);
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The lab itself, in its namespaces; `name` tells it from others.
///
/// # Errors
/// Something is lost, or does not come back; where the logs are is said.
pub fn inside(options: &Options, name: u32, out: &mut dyn Write) -> Result<ExitCode> {
    std::thread::Builder::new().name("leash".into()).spawn(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        exit(1);
    })?;
    tools::run("mount", &["-t", "tmpfs", "lab-run", "/run"])?;
    let folder = Path::new("/run").join(format!("fieldpost-lab-{name}"));
    let told = story::tell(options, rng::seed()?, &folder, out);
    if let Ok(true) = told {
        return Ok(ExitCode::SUCCESS);
    }
    if let Err(error) = told {
        writeln!(out, "NOT WELL\n{error:#}")?;
    }
    let kept = keep(&folder)?;
    writeln!(out, "logs and data are kept in {}", kept.display())?;
    Ok(ExitCode::FAILURE)
}

/// The shipped program beside this one.
pub(super) fn fieldpost() -> Result<PathBuf> {
    process::fieldpost()
}

/// Why there can be no lab here.
fn obstacle() -> Option<String> {
    if fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid()) != 0 {
        return Some("it makes network namespaces, which takes root on Linux; run it as root".to_owned());
    }
    let path = path();
    let there = |tool: &str| env::split_paths(&path).any(|folder| folder.join(tool).is_file());
    let missing: Vec<_> = TOOLS.into_iter().filter(|(tool, _)| !there(tool)).collect();
    if !missing.is_empty() {
        let tools: Vec<_> = missing.iter().map(|(tool, _)| format!("`{tool}`")).collect();
        let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
        return Some(format!("{} missing; apt-get install {}", tools.join(" and "), packages.join(" ")));
    }
    let tried = Command::new("unshare").args(NAMESPACES).arg("true").env("PATH", &path).output();
    match tried {
        Ok(tried) if tried.status.success() => None,
        Ok(tried) => {
            let said = String::from_utf8_lossy(&tried.stderr).trim().to_owned();
            Some(format!(
                "namespaces are forbidden here, even to root ({said}); a container needs --privileged"
            ))
        }
        Err(error) => Some(format!("cannot start unshare: {error}")),
    }
}

/// Builds the shipped program if cargo runs us: it must not be older than the lab.
fn build() -> Result<()> {
    let Some(cargo) = env::var_os("CARGO") else { return Ok(()) };
    let release = env::current_exe()?.parent().is_some_and(|folder| folder.ends_with("release"));
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "-p", "fieldpost"]).args(release.then_some("--release"));
    let built = build.status().context("cannot start cargo")?;
    anyhow::ensure!(built.success(), "fieldpost cannot be built");
    Ok(())
}

fn path() -> OsString {
    let mut path = env::var_os("PATH").unwrap_or_default();
    path.push(":");
    path.push(ADMIN);
    path
}

/// Copies what the lab has written to where it outlives it. What has its name is whole: one that is killed meanwhile leaves a
/// hidden folder whose name says that it is a part.
fn keep(folder: &Path) -> Result<PathBuf> {
    const PART: (&str, &str) = (".", ".part");
    let part = tempfile::Builder::new().prefix(".fieldpost-lab-").suffix(PART.1).tempdir()?;
    copy(folder, part.path())?;
    let name = part.path().file_name().unwrap_or_default().to_string_lossy();
    let kept = part.path().with_file_name(name.trim_start_matches(PART.0).trim_end_matches(PART.1));
    fs::rename(part.path(), &kept).with_context(|| format!("cannot name {}", kept.display()))?;
    // It is no longer there under that name.
    let _ = part.keep();
    Ok(kept)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot keep {}", entry.path().display()))?;
        }
    }
    Ok(())
}
