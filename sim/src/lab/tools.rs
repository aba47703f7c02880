//! The system's own tools, run one at a time, with errors that say which one said what.

use anyhow::{Context, Result, bail};
use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs a tool to its end and returns what it printed.
pub(super) fn run(tool: &str, arguments: &[&str]) -> Result<String> {
    succeeded(tool, arguments, output(tool, arguments, "")?)
}

/// Runs a tool with something to read.
pub(super) fn feed(tool: &str, arguments: &[&str], input: &str) -> Result<String> {
    succeeded(tool, arguments, output(tool, arguments, input)?)
}

/// Runs `command` in the network namespace of that name, whatever its exit code.
pub(super) fn within(namespace: &str, command: &[&str]) -> Result<Output> {
    let arguments = [&["netns", "exec", namespace], command].concat();
    output("ip", &arguments, "")
}

fn output(tool: &str, arguments: &[&str], input: &str) -> Result<Output> {
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {tool}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that needs no input may be gone by now.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().with_context(|| format!("{tool} did not end"))
}

fn succeeded(tool: &str, arguments: &[&str], output: Output) -> Result<String> {
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{tool} {} failed ({}): {}", arguments.join(" "), output.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
