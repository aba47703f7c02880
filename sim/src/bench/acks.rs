//! Durable acknowledgements a second: the gateway against bare echoes, same generator, same datagrams, in turns.

use super::{
    folder,
    load::{Answer, Pressure, Rate, press},
    median,
    procfs::{self, Memory},
    thousands,
};
use crate::{
    ports::{self, Kind},
    process::{self, Program},
};
use anyhow::{Context, Result};
use std::{env, io::Write, net::SocketAddr, path::Path, time::Duration};

/// What is compared.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each turn takes.
    pub duration: Duration,
    /// Turns for each peer.
    pub turns: usize,
    /// How many devices send.
    pub devices: u64,
    /// Sockets of the generator.
    pub sockets: usize,
    /// Unanswered datagrams a socket.
    pub window: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Echo,
    BatchedEcho,
    Gateway,
}

impl Peer {
    const ALL: [Self; 3] = [Self::Echo, Self::BatchedEcho, Self::Gateway];

    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::BatchedEcho => "echo, batched",
            Self::Gateway => "gateway",
        }
    }
}

/// What a turn found.
struct Turn {
    rate: Rate,
    memory: Memory,
}

/// Runs the comparison and prints it.
///
/// # Errors
/// A peer does not start, or answers wrongly.
pub fn run(options: &Options, out: &mut impl Write) -> Result<()> {
    let Options { duration, turns, devices, sockets, window } = *options;
    writeln!(
        out,
        "{turns} turns of {duration:?} each, {devices} devices, datagrams of 120 bytes, no two alike"
    )?;
    writeln!(out, "{sockets} sockets with {window} unanswered datagrams each\n")?;
    writeln!(
        out,
        "{:<14} {:>10} {:>8} {:>10} {:>14} {:>12} {:>12}",
        "", "answers/s", "lost", "silence", "cpu/answer", "resident", "peak"
    )?;
    let mut rates: Vec<(Peer, f64)> = Vec::new();
    for _ in 0..turns {
        for peer in Peer::ALL {
            let turn = turn(peer, options)?;
            let Turn { rate, memory } = &turn;
            writeln!(
                out,
                "{:<14} {:>10} {:>8} {:>7} ms {:>11.2} us {:>8} KiB {:>8} KiB",
                peer.name(),
                thousands(rate.per_second),
                rate.lost,
                rate.silence.as_millis(),
                rate.cost.as_secs_f64() * 1e6,
                memory.resident,
                memory.peak
            )?;
            rates.push((peer, rate.per_second));
        }
    }
    let of = |peer| median(rates.iter().filter(|(of, _)| *of == peer).map(|(_, rate)| *rate).collect());
    let (echo, batched, gateway) = (of(Peer::Echo), of(Peer::BatchedEcho), of(Peer::Gateway));
    writeln!(out, "\nmedians: gateway {} durable acknowledgements/s", thousands(gateway))?;
    writeln!(out, "  {:.2} of the bare echo ({}/s)", gateway / echo, thousands(echo))?;
    writeln!(out, "  {:.2} of the batched echo ({}/s)", gateway / batched, thousands(batched))?;
    Ok(())
}

fn turn(peer: Peer, options: &Options) -> Result<Turn> {
    let folder = folder()?;
    let address = ports::free()?;
    let mut program = program(peer, address, folder.path())?;
    program.start()?;
    ports::wait_for_listener(Kind::Udp, address, Duration::from_secs(10)).with_context(|| program.log())?;
    let id = program.id().context("it runs")?;
    let pressure = Pressure {
        devices: options.devices,
        sockets: options.sockets,
        window: options.window,
        duration: options.duration,
    };
    let answer = if peer == Peer::Gateway { Answer::Arrived } else { Answer::Echo };
    let rate = press(address, id, answer, pressure).with_context(|| program.log())?;
    let memory = procfs::memory(id)?;
    Ok(Turn { rate, memory })
}

fn program(peer: Peer, address: SocketAddr, folder: &Path) -> Result<Program> {
    let own = env::current_exe()?;
    let echo = |more: &[&str]| {
        let arguments = ["echo".to_owned(), address.to_string()].into_iter();
        Program::new("echo", &own, folder, arguments.chain(more.iter().map(|&word| word.to_owned())))
    };
    Ok(match peer {
        Peer::Echo => echo(&[]),
        Peer::BatchedEcho => echo(&["--batched"]),
        Peer::Gateway => Program::new(
            "gateway",
            &process::fieldpost()?,
            folder,
            [
                "gateway".to_owned(),
                format!("--listen=udp://{address}"),
                // Nobody is there: the journal's work is measured, and the uplink tries now and then.
                format!("--cloud=http://{}", ports::free()?),
                format!("--data={}", folder.join("data").display()),
                "--time-zone=Europe/Rome".to_owned(),
                "--journal-max=16GiB".to_owned(),
            ],
        ),
    })
}
