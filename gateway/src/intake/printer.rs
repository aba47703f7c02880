//! Datagrams, shown as they come, the way the reference gateway does.

use std::{
    fmt::Write as _,
    io::Write,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

/// Datagrams that wait to be printed. Whoever reads slower sees fewer: printing never holds up intake.
const QUEUE: usize = 256;

/// Where datagrams are shown; its thread ends when the last copy is dropped.
#[derive(Clone)]
pub(crate) struct Printer {
    queue: SyncSender<String>,
    skipped: Arc<AtomicU64>,
}

impl Printer {
    /// Starts to print to `out`.
    pub(crate) fn start(out: Box<dyn Write + Send>) -> (Self, thread::JoinHandle<()>) {
        let (queue, texts) = sync_channel(QUEUE);
        let skipped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&skipped);
        (Self { queue, skipped }, thread::spawn(move || print(&texts, &count, out)))
    }

    /// Shows a datagram: how many bytes came, and their text.
    pub(crate) fn datagram(&self, length: usize, peer: SocketAddr, bytes: &[u8]) {
        let mut text = format!("{length} bytes from {peer}\n");
        for char in String::from_utf8_lossy(bytes).chars() {
            // What comes from the network must not steer a terminal.
            let _ = match char {
                '\n' => text.write_char(char),
                _ if char.is_control() => write!(text, "{}", char.escape_debug()),
                _ => text.write_char(char),
            };
        }
        if self.queue.try_send(text).is_err() {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn print(texts: &Receiver<String>, skipped: &AtomicU64, mut out: Box<dyn Write + Send>) {
    for text in texts {
        let missed = skipped.swap(0, Ordering::Relaxed);
        let note = if missed > 0 { format!("({missed} datagrams are not shown)\n") } else { String::new() };
        let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(note.as_bytes()));
        if written.and_then(|()| out.flush()).is_err() {
            // Nobody reads any more; the gateway goes on without.
            return;
        }
    }
}
