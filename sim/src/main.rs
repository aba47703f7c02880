//! `fieldpost-sim`: the lab, and benchmarks of the shipped program against bare peers. Build it and `fieldpost` with `--release`.

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use fieldpost_sim::{
    bench::{acks, echo, export, fleet, ingest, memory},
    lab, simulate,
};
use std::{
    io::{stderr, stdout},
    net::SocketAddr,
    process::ExitCode,
    time::Duration,
};

/// The lab and benchmarks of Fieldpost; the kill tests and the mixes with the reference system are `cargo test -p fieldpost-sim`.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let worlds happen in virtual time, and judge them: `cargo sim`
    Sim(simulate::Arguments),
    /// The shipped program in network namespaces, with everything that goes wrong there (root, Linux, some 30 s)
    Lab(Lab),
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
    /// Send every datagram back: the bare peer of `bench acks`
    Echo {
        /// Where to listen
        address: SocketAddr,
        /// As many with one system call as are there
        #[arg(long)]
        batched: bool,
    },
}

#[derive(Debug, Args)]
struct Lab {
    /// Let nothing go wrong
    #[arg(long, hide = true)]
    calm: bool,
    /// Remove a reading before looking: it must be found out
    #[arg(long, hide = true)]
    spoil: bool,
    /// Give up when every meter has delivered: what is known must be told
    #[arg(long, hide = true)]
    break_off: bool,
    /// Set by the lab for its own process in the namespaces
    #[arg(long, hide = true, value_name = "NAME")]
    inside: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Durable acknowledgements a second of the gateway, against a bare UDP echo
    Acks {
        /// How long a turn takes
        #[arg(long, default_value_t = 5)]
        seconds: u64,
        /// Turns for each peer
        #[arg(long, default_value_t = 3)]
        turns: usize,
        /// How many devices send
        #[arg(long, default_value_t = 10_000)]
        devices: u64,
        /// How many sockets they share
        #[arg(long, default_value_t = 64)]
        sockets: usize,
        /// Unanswered datagrams a socket
        #[arg(long, default_value_t = 32)]
        window: usize,
    },
    /// New readings a second from the body of a POST to the commit on disk, against a bare insert loop
    Ingest {
        /// How many devices
        #[arg(long, default_value_t = 1_000)]
        devices: u64,
        /// Days of each, 24 readings a day
        #[arg(long, default_value_t = 100)]
        days: u64,
        /// How surveys follow each other
        #[arg(long, value_enum, default_value_t = Order::Device)]
        order: Order,
        /// How often, each time into a new store
        #[arg(long, default_value_t = 2)]
        turns: usize,
    },
    /// How long the page's questions take over many devices, each beside its limit, and ingest while browsers watch
    Fleet {
        /// How many devices
        #[arg(long, default_value_t = 1_000)]
        devices: u32,
        /// Days of each, 24 readings a day
        #[arg(long, default_value_t = 365)]
        days: u32,
        /// How often each question is asked
        #[arg(long, default_value_t = 30)]
        turns: usize,
    },
    /// Memory of the cloud while a client takes a large export in fits and starts
    Export {
        /// How many megabytes of CSV
        #[arg(long, default_value_t = 10_000)]
        megabytes: u64,
    },
    /// Memory of gateway and cloud when many readings have passed through them
    Memory {
        /// How many devices
        #[arg(long, default_value_t = 10_000)]
        devices: u64,
        /// How many readings at least
        #[arg(long, default_value_t = 1_000_000)]
        readings: u64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// All days of a device, then the next device
    Device,
    /// A day of all devices, then the next day
    Day,
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Sim(arguments) => done(simulate::run(&arguments, &mut stdout())),
        Command::Lab(Lab { calm, spoil, break_off, inside }) => {
            let options = lab::Options { calm, spoil, break_off };
            match inside {
                None => lab::run(&options, &mut stdout(), &mut stderr()),
                Some(name) => lab::inside(&options, name, &mut stdout()),
            }
        }
        Command::Echo { address, batched: false } => done(echo::plain(address)),
        Command::Echo { address, batched: true } => done(echo::batched(address)),
        Command::Bench(bench) => done(measure(bench)),
    }
}

fn done(result: Result<()>) -> Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

fn measure(bench: Bench) -> Result<()> {
    let mut out = stdout();
    match bench {
        Bench::Acks { seconds, turns, devices, sockets, window } => {
            let duration = Duration::from_secs(seconds);
            acks::run(&acks::Options { duration, turns, devices, sockets, window }, &mut out)
        }
        Bench::Ingest { devices, days, order, turns } => {
            let order = match order {
                Order::Device => ingest::Order::Device,
                Order::Day => ingest::Order::Day,
            };
            ingest::run(&ingest::Options { devices, days, order, turns }, &mut out)
        }
        Bench::Fleet { devices, days, turns } => {
            let (devices, days) = (devices.max(1).into(), days.max(1).into());
            fleet::run(&fleet::Options { devices, days, turns }, &mut out)
        }
        Bench::Export { megabytes } => export::run(megabytes * 1_000_000, &mut out),
        Bench::Memory { devices, readings } => memory::run(devices, readings, &mut out),
    }
}
