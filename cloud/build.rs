//! Embeds the dashboard: builds `../dashboard` with Node when it is there, and else a page that says how to get it.
//!
//! `FIELDPOST_DASHBOARD=off` builds none, `=require` fails without one (for continuous integration and releases). What is
//! embedded is a table `FILES` in `OUT_DIR/page_files.rs`, ordered by path, which `src/http/page.rs` includes.
#![allow(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SWITCH: &str = "FIELDPOST_DASHBOARD";
/// The oldest Node that builds it; Debian 12 has it.
const OLDEST_NODE: u32 = 18;
/// What the dashboard is made of; all else in its folder is for its tests.
const SOURCES: [&str; 8] = [
    "src",
    "public",
    "docs",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "tsconfig.json",
];

fn main() -> Result<()> {
    let source = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("../dashboard");
    let out = PathBuf::from(variable("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed={SWITCH}");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/http/page_missing.html");
    for part in SOURCES.map(|part| source.join(part)).iter().filter(|part| part.exists()) {
        println!("cargo::rerun-if-changed={}", part.display());
    }
    let switch = env::var(SWITCH).unwrap_or_default();
    let files = files_for(&switch, &out, || build(&source, &out.join("dashboard")))?;
    fs::write(out.join("page_files.rs"), table(&files)?)?;
    Ok(())
}

/// What is embedded where `switch` is set so: what `build` made, or a page that says why it made nothing.
pub(crate) fn files_for(
    switch: &str,
    out: &Path,
    build: impl FnOnce() -> Result<PathBuf>,
) -> Result<Vec<(String, PathBuf)>> {
    let built = match switch {
        "" | "require" => build(),
        "off" => Err(format!("{SWITCH}=off").into()),
        _ => return Err(format!("{SWITCH}={switch} is unknown; known are off and require").into()),
    };
    match built {
        Ok(folder) => files_below(&folder),
        Err(why) if switch == "require" => Err(format!("the dashboard could not be built: {why}").into()),
        Err(why) => {
            println!("cargo::warning=without the dashboard ({why}); a page that says so is served instead");
            missing_page(out, &why.to_string())
        }
    }
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Builds the dashboard from `source` into `target`; returns that.
fn build(source: &Path, target: &Path) -> Result<PathBuf> {
    if !source.join("package.json").exists() {
        return Err(format!("{} is not there", source.display()).into());
    }
    check_node()?;
    // Builds of two profiles at once would install into the same folder.
    let lock = fs::File::open(source.join("package-lock.json"))?;
    lock.lock()?;
    if must_install(source) {
        let options =
            ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"];
        run(
            Command::new("npm").args(options).current_dir(source),
            "touch dashboard/package.json to try again",
        )?;
    }
    let vite = source.join("node_modules/vite/bin/vite.js");
    let mut command = Command::new("node");
    command.arg(vite).args(["build", "--logLevel", "error", "--emptyOutDir", "--outDir"]).arg(target);
    run(command.current_dir(source), "npm run build in dashboard/ says more")?;
    Ok(target.to_owned())
}

/// An error that says what is wrong with the Node that is, or is not, there.
fn check_node() -> Result<()> {
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").stderr(Stdio::null()).output();
        let version = match found {
            Ok(said) if said.status.success() => String::from_utf8_lossy(&said.stdout).into_owned(),
            Ok(said) => return Err(format!("{program} fails: {}", said.status).into()),
            Err(error) => {
                watch_for_programs();
                return Err(format!("{program} cannot be started: {error}").into());
            }
        };
        let major =
            version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
        if program == "node" && major.is_none_or(|major: u32| major < OLDEST_NODE) {
            watch_for_programs();
            return Err(format!("node is {}, needed is {OLDEST_NODE}", version.trim()).into());
        }
    }
    Ok(())
}

/// Has cargo look again when a program is installed.
fn watch_for_programs() {
    println!("cargo::rerun-if-env-changed=PATH");
    let path = env::var_os("PATH").unwrap_or_default();
    for folder in env::split_paths(&path).filter(|folder| folder.is_absolute() && folder.is_dir()) {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
}

/// Whether what is installed is older than what is locked; npm keeps its own copy of the lock beside it.
fn must_install(source: &Path) -> bool {
    let changed = |path: &str| fs::metadata(source.join(path)).and_then(|metadata| metadata.modified());
    match (changed("package-lock.json"), changed("node_modules/.package-lock.json")) {
        (Ok(locked), Ok(installed)) => locked > installed || !source.join("node_modules/vite").exists(),
        _ => true,
    }
}

/// Runs `command` to its end; an error has the last that it said, and the `hint`.
fn run(command: &mut Command, hint: &str) -> Result<()> {
    let said = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("{command:?} cannot be started"),
        _ => format!("{command:?}: {error}"),
    })?;
    if said.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&said.stderr);
    let last = text.lines().rfind(|line| line.contains("rror")).or(text.lines().last()).unwrap_or("no word");
    let program = command.get_program().to_string_lossy();
    Err(format!("{program} failed: {}; {hint}", last.trim()).into())
}

/// Every file below `folder`, with its path there; ordered by it.
fn files_below(folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_str().ok_or("a file's name is not UTF-8")?;
                found.push((format!("/{}", name.replace('\\', "/")), path.clone()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The page that stands in for the dashboard.
fn missing_page(out: &Path, why: &str) -> Result<Vec<(String, PathBuf)>> {
    let escaped = why.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let page = fs::read_to_string("src/http/page_missing.html")?.replace("{why}", &escaped);
    let path = out.join("missing.html");
    fs::write(&path, page)?;
    Ok(vec![("/index.html".to_owned(), path)])
}

/// The table as Rust: `(path, tag, plain, brotli, gzip)`, where the tag is a hash of the plain bytes.
pub(crate) fn table(files: &[(String, PathBuf)]) -> Result<String> {
    let path_of = |name: &str| files.iter().find(|(known, _)| known == name).map(|(_, path)| path);
    let mut text = "static FILES: &[File] = &[\n".to_owned();
    let is_form = |name: &str| name.ends_with(".br") || name.ends_with(".gz");
    for (name, path) in files.iter().filter(|(name, _)| !is_form(name)) {
        let form = |ending: &str| match path_of(&format!("{name}{ending}")) {
            Some(path) => format!("Some(include_bytes!({path:?}))"),
            None => "None".to_owned(),
        };
        let tag = fnv1a(&fs::read(path)?);
        writeln!(
            text,
            "    File {{ path: {name:?}, tag: \"{tag:016x}\", plain: include_bytes!({path:?}), brotli: {}, gzip: {} }},",
            form(".br"),
            form(".gz"),
        )?;
    }
    text.push_str("];\n");
    Ok(text)
}

/// Tells versions of a file apart; nobody gains by a collision with what this build embeds itself.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
