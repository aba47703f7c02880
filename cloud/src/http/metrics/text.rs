//! Prometheus' text form, version 0.0.4: a family has its help, its kind, and then all of its samples.

use std::fmt::{Display, Write};

/// What is told so far.
pub(super) struct Text(String);

impl Text {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    /// All of it.
    pub(super) fn finish(self) -> String {
        self.0
    }

    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// The one sample of a family.
    pub(super) fn number(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name} {value}"));
    }

    /// One of a family's samples.
    pub(super) fn sample(&mut self, name: &str, label: &str, which: &str, value: impl Display) {
        let which = which.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
        self.line(format_args!("{name}{{{label}=\"{which}\"}} {value}"));
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}
