//! The token that lets a program into a cloud. It is a secret, so it is never a flag: every user of the machine could read
//! it in the list of processes.

use crate::{
    address::{Address, Scheme},
    failure::Failure,
};
use clap::Args;
use fieldpost_gateway::Token;
use std::{
    fs::File,
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The variable that holds a token itself.
const VARIABLE: &str = "FIELDPOST_TOKEN";
/// The longest file that is read.
const MAX_FILE: u64 = 4_096;

/// Where the token is.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Show the cloud the token in this file (mode 0600); or put the token itself into the environment, as FIELDPOST_TOKEN
    #[arg(long, env = "FIELDPOST_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl TokenArgs {
    /// Reads the token for `cloud`, if there is one; what is not as it should be is said to `warn`.
    pub(crate) fn read(&self, cloud: &Address, warn: impl Fn(&str)) -> Result<Option<Token>, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let token = match (&self.token_file, variable) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => {
                return Err(Failure::usage(format!(
                    "which token? leave out --token-file, or unset {VARIABLE}"
                )));
            }
            (Some(path), None) => from_file(path, warn)?,
            (None, Some(value)) => {
                let token = value.to_str().and_then(|text| Token::new(text).ok());
                token.ok_or_else(|| Failure::usage(format!("{VARIABLE}: {}", fieldpost_gateway::BadToken)))?
            }
        };
        if cloud.scheme != Scheme::Http {
            return Err(Failure::usage(format!(
                "{cloud} has no place for a token; leave it out, or send to the cloud's http:// address"
            )));
        }
        Ok(Some(token))
    }
}

fn from_file(path: &Path, warn: impl Fn(&str)) -> Result<Token, Failure> {
    let unreadable = |error| Failure::failed(format!("cannot read the token in {}: {error}", path.display()));
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.mode() & 0o077 != 0 {
        warn(&format!("others on this machine may read the token; chmod 600 {}", path.display()));
    }
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text).map_err(unreadable)?;
    Token::new(&text).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}
