//! `fieldpost.toml`: the same settings as the flags, a section a command.
//!
//! ```toml
//! [gateway]
//! listen = ["udp://192.168.1.1:10005"]
//! cloud = "http://10.10.10.2:8080"
//! expect = ["192.168.1.2", "192.168.1.3"]
//! allow-insecure = true
//! ```
//!
//! Flags override the environment, which overrides the file. So the file's settings become flags, unless a flag or
//! a variable says otherwise, and the command line is read once more: every setting is checked and explained in one
//! place only.

use crate::failure::Failure;
use clap::{ArgMatches, Command, parser::ValueSource};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

const FILE_NAME: &str = "fieldpost.toml";
const SYSTEM_FILE: &str = "/etc/fieldpost/fieldpost.toml";
/// A configuration is a page of text; something larger is something else.
const MAX_FILE: u64 = 1 << 20;

/// The command line, with the configuration file's settings added to it.
pub(crate) fn with_file(command: &Command, mut line: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let Some((name, given)) = look(command, &line) else { return Ok(line) };
    let Some(path) = find(&given) else { return Ok(line) };
    let settings = read(&path, command)?;
    let Some(Value::Table(section)) = settings.get(&name) else { return Ok(line) };
    let alternatives = |key: &str| alternatives(command, &name, &id(key));
    for (key, value) in section {
        if !said(&given, &id(key)) && !alternatives(key).iter().any(|other| said(&given, other)) {
            let flags = flags(&name, key, value).map_err(|why| wrong(&path, why))?;
            line.extend(flags.into_iter().map(OsString::from));
        }
    }
    Ok(line)
}

/// What the text of a configuration means: each section's settings as flags, checked as the command line is. Looks at no
/// file and no variable.
///
/// # Errors
/// What is wrong, for people.
pub fn check(text: &str) -> Result<Vec<String>, String> {
    let command = crate::command();
    let mut all = Vec::new();
    for (name, section) in &parse(text, &command)? {
        let Some(section) = section.as_table() else { continue };
        let Some(one) = command.find_subcommand(name) else { continue };
        let mut line = vec![name.clone()];
        for (key, value) in section {
            line.extend(flags(name, key, value)?);
        }
        // A configuration need not say all that a command needs; what it says must be right.
        let groups: Vec<_> = one.get_groups().map(|group| group.get_id().to_string()).collect();
        let one = one.clone().mut_args(|arg| arg.required(false).env(None));
        let one = groups.iter().fold(one, |one, group| one.mut_group(group, |group| group.required(false)));
        one.try_get_matches_from(&line).map_err(|error| error.to_string())?;
        all.extend(line.into_iter().skip(1));
    }
    Ok(all)
}

/// Reads the command line as far as possible, nothing being required yet; None if there is no command to configure.
fn look(command: &Command, line: &[OsString]) -> Option<(String, ArgMatches)> {
    let lenient = command
        .clone()
        .ignore_errors(true)
        .mut_subcommands(|one| one.ignore_errors(true).mut_args(|arg| arg.required(false)));
    let matches = lenient.try_get_matches_from(line).ok()?;
    let (name, given) = matches.subcommand()?;
    let has_its_own = given.subcommand().is_some();
    (!has_its_own).then(|| (name.to_owned(), given.clone()))
}

/// Whether a flag or a variable says it.
fn said(given: &ArgMatches, id: &str) -> bool {
    given.try_contains_id(id).unwrap_or(false)
        && matches!(given.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// The flags of which only one can be given, if `key` is one of them: to say one is to say no to the others.
fn alternatives(command: &Command, name: &str, key: &str) -> Vec<String> {
    let mut command = command.clone();
    // Only then does a group know its flags.
    command.build();
    let Some(command) = command.find_subcommand(name) else { return Vec::new() };
    let groups = command.get_groups().filter(|group| !(*group).clone().is_multiple());
    let ids = groups.map(|group| group.get_args().map(|id| id.as_str().to_owned()).collect::<Vec<_>>());
    ids.filter(|ids| ids.iter().any(|id| id == key)).flatten().collect()
}

/// The file: the one named, else the data folder's, else the system's.
fn find(given: &ArgMatches) -> Option<PathBuf> {
    let path = |id: &str| given.try_get_one::<PathBuf>(id).ok().flatten();
    if let Some(named) = path("config") {
        return Some(named.clone());
    }
    let in_data = path("data").map(|data| data.join(FILE_NAME));
    in_data.into_iter().chain([PathBuf::from(SYSTEM_FILE)]).find(|path| path.exists())
}

fn read(path: &Path, command: &Command) -> Result<Table, Failure> {
    let unreadable = |error| wrong(path, format!("cannot read the configuration: {error}"));
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(wrong(path, "this is no configuration: it is larger than a mebibyte".into()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    parse(&text, command).map_err(|why| wrong(path, why))
}

fn wrong(path: &Path, why: String) -> Failure {
    Failure::usage(format!("{}: {why}", path.display()))
}

/// Reads the text, and checks that every section is a command and every key one of its flags.
fn parse(text: &str, command: &Command) -> Result<Table, String> {
    let settings: Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    for (name, section) in &settings {
        let commands = || known(command.get_subcommands().map(Command::get_name), "help");
        let Value::Table(section) = section else {
            return Err(format!("`{name}` stands outside a section; put it under {}", commands()));
        };
        let one = command
            .get_subcommands()
            .find(|one| one.get_name() == name)
            .ok_or_else(|| format!("unknown section `[{name}]`; there is {}", commands()))?;
        let flags = || one.get_arguments().filter_map(|arg| arg.get_long());
        if let Some(key) = section.keys().find(|key| !flags().any(|flag| flag == *key) || *key == "help") {
            return Err(format!("unknown key `{key}` in `[{name}]`; there is {}", known(flags(), "help")));
        }
    }
    Ok(settings)
}

fn known<'a>(names: impl Iterator<Item = &'a str>, hidden: &str) -> String {
    names.filter(|name| *name != hidden).collect::<Vec<_>>().join(", ")
}

/// A setting as flags.
fn flags(section: &str, key: &str, value: &Value) -> Result<Vec<String>, String> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        _ => None,
    };
    let texts = match value {
        Value::Boolean(true) => return Ok(vec![format!("--{key}")]),
        Value::Boolean(false) => return Ok(Vec::new()),
        Value::Array(values) => values.iter().map(one).collect(),
        other => one(other).map(|text| vec![text]),
    };
    let texts: Vec<String> = texts.ok_or_else(|| {
        format!("`{key}` in `[{section}]` must be text, a number, true or false, or a list of those")
    })?;
    Ok(texts.into_iter().map(|text| format!("--{key}={text}")).collect())
}

/// The name under which a flag is known to the parser.
fn id(key: &str) -> String {
    key.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_checked_whole_without_asking_for_what_it_need_not_say() {
        let text = "[gateway]\nlisten = [\"udp://a\", \"udp://b:1\"]\nprint = true\nonce = false\n[device]\nspeed = 2.5\n";
        let flags = ["--speed=2.5", "--listen=udp://a", "--listen=udp://b:1", "--print"];
        assert_eq!(check(text).as_deref(), Ok(&flags.map(String::from)[..]));
        assert_eq!(check(""), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("[gateway\n", "line 1"),
            ("listen = 1\n", "`listen`"),
            ("[gatway]\n", "`[gatway]`"),
            ("[gateway]\nhelp = true\n", "`help`"),
            ("[gateway]\nexpect = [[1]]\n", "`expect` in `[gateway]`"),
            ("[gateway]\nlisten = \"tcp://a\"\n", "tcp://"),
            ("[gateway]\njournal-max = -1\n", "`-1` is not a size"),
            ("[gateway]\nlisten = true\n", "--listen"),
            ("[device]\nsurvey = \"a\"\nreplay = \"b\"\n", "--replay"),
        ] {
            let said = check(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
