//! `fieldpost export` and `fieldpost import`: readings out of a cloud into a file, and from files into a cloud, by its public API.

mod bar;
mod cloud;
mod export;
mod import;

pub(crate) use export::{Export, Format, Output, Source, export};
pub(crate) use import::{Import, Kind, import};
pub use import::{understand, understand_report};
