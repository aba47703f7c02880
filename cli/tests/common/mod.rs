//! The program, as an operator starts it.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

/// The program with these arguments, and nothing from the environment.
pub(crate) fn fieldpost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fieldpost"));
    command.args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// A program that is killed when the test ends, however it ends.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts a command and waits until its log says `ready`.
    pub(crate) fn start(mut command: Command, ready: &str) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        while !line.contains(ready) {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended without saying `{ready}`:\n{all}");
            all.push_str(&line);
        }
        // Somebody must go on reading, or the program would stand still at a full pipe.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
