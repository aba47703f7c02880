//! Browsers that watch a cloud: each holds a stream of events open and reads what comes, and looks at the page again and again.

use super::post::Client;
use anyhow::{Context, Result, ensure};
use std::{
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often each looks at the page.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one that reads events waits for the next before it sees whether it shall stop.
const BREATH: Duration = Duration::from_millis(100);

/// Some browsers at work.
pub(super) struct Browsers {
    stop: Arc<AtomicBool>,
    looking: Vec<JoinHandle<Result<usize>>>,
    watching: Vec<JoinHandle<Result<usize>>>,
}

/// What they saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// How often the one that looked least had both answers.
    pub(super) looks: usize,
    /// Readings that the one that was told least was told of.
    pub(super) events: usize,
}

impl Browsers {
    /// Opens `count` of them. When this returns all streams are open. `page` is what the browser of a number looks at.
    pub(super) fn open(address: SocketAddr, count: usize, page: fn(usize) -> Vec<String>) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (mut looking, mut watching) = (Vec::new(), Vec::new());
        for number in 0..count {
            let stream = events(address)?;
            let stopped = Arc::clone(&stop);
            watching.push(thread::spawn(move || watch(stream, &stopped)));
            let stopped = Arc::clone(&stop);
            looking.push(thread::spawn(move || look(address, &page(number), &stopped)));
        }
        Ok(Self { stop, looking, watching })
    }

    /// Closes them.
    pub(super) fn close(self) -> Result<Seen> {
        self.stop.store(true, Relaxed);
        Ok(Seen { looks: least(self.looking)?, events: least(self.watching)? })
    }
}

fn least(threads: Vec<JoinHandle<Result<usize>>>) -> Result<usize> {
    let mut least = None;
    for thread in threads {
        let count = thread.join().map_err(|_| anyhow::anyhow!("a browser panicked"))??;
        least = Some(least.unwrap_or(count).min(count));
    }
    Ok(least.unwrap_or(0))
}

fn look(address: SocketAddr, page: &[String], stop: &AtomicBool) -> Result<usize> {
    let mut client = Client::connect(address)?;
    let mut looks = 0;
    while !stop.load(Relaxed) {
        for path in page {
            client.get(path)?;
        }
        looks += 1;
        thread::sleep(PAUSE);
    }
    Ok(looks)
}

/// A stream of events, up to its first words.
fn events(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(address).context("no connection to the cloud")?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with(": watching") {
        line.clear();
        ensure!(stream.read_line(&mut line)? > 0, "the cloud opens no stream of events");
    }
    stream.get_ref().set_read_timeout(Some(BREATH))?;
    Ok(stream)
}

fn watch(mut stream: BufReader<TcpStream>, stop: &AtomicBool) -> Result<usize> {
    let (mut line, mut events) = (Vec::new(), 0);
    while !stop.load(Relaxed) {
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => anyhow::bail!("the cloud ended a stream of events"),
            Ok(_) => {
                events += usize::from(line.starts_with(b"event: readings"));
                line.clear();
            }
            // What came of a line stays in it.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(events)
}
