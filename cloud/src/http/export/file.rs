//! The same export out of a store's file, for `fieldpost export --data`: nothing is started, and nothing in the folder changes. A cloud
//! may run on it meanwhile.

use super::{
    question::{Begun, Question},
    walk::{End, Taker, Walk},
};
use crate::{Error, store::Shelf};
use axum::http::Uri;
use std::{io::Write, path::Path};

/// Why a store's file is not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
    /// What is asked for makes no sense, or is not there.
    #[error("{0}")]
    Refused(String),
    /// It broke off.
    #[error("the export broke off: {0}")]
    Broken(String),
}

struct Writer<'a>(&'a mut dyn Write);

impl Taker for Writer<'_> {
    fn take(&mut self, piece: Vec<u8>) -> Result<(), End> {
        Ok(self.0.write_all(&piece)?)
    }
}

/// Writes an export of the store at `store` to `out`; `query` says what, as the API's is asked. Returns how many of its devices have
/// readings that no rule has looked at yet.
///
/// # Errors
/// If the store cannot be read, or `out` written; if the query is not as the API's has to be.
pub fn export_file(store: &Path, query: &str, out: &mut dyn Write) -> Result<u64, ExportError> {
    let refused = |detail: &str| ExportError::Refused(detail.to_owned());
    let uri: Uri = format!("/api/v1/export?{query}").parse().map_err(|_| refused("this cannot be asked"))?;
    let question = Question::of(&uri).map_err(|problem| refused(problem.detail()))?;
    let mut encoder = question.format.encoder().map_err(|problem| refused(problem.detail()))?;
    let shelf = Shelf::open(store)?;
    let Begun { devices, unexamined } =
        question.begin(&shelf).map_err(|problem| refused(problem.detail()))?;
    let mut walk = Walk { shelf, devices, range: question.range, taker: Writer(out), out: Vec::new() };
    match walk.go(&mut *encoder) {
        Ok(()) => Ok(unexamined),
        Err(End::Gone) => Err(ExportError::Broken("nobody takes it".into())),
        Err(End::Fault(error)) => Err(ExportError::Broken(error.to_string())),
    }
}
