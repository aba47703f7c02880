//! The load generator: a few sockets that stand for many devices, a bounded number of unanswered datagrams on each,
//! and as little work a datagram as can be, because it shares the processors with what it measures.

use super::{
    batch::{self, BATCH, Inbox},
    datagrams::{DATAGRAM, Datagrams},
    procfs,
};
use anyhow::{Result, bail};
use nix::{
    poll::{PollFd, PollFlags, poll},
    sys::socket::{MsgFlags, MultiHeaders},
};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd,
    time::{Duration, Instant},
};

/// A socket that has heard nothing for so long writes off what it waits for.
const LOST_AFTER: Duration = Duration::from_millis(500);
/// Not counted: caches warm up, files grow, and a server that has just bound its socket widens its buffer. Longer
/// than what is lost in it takes to be written off.
const WARM_UP: Duration = Duration::from_millis(1_000);

/// How hard to press.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pressure {
    pub(super) devices: u64,
    /// Sockets; a server may give each its fair share.
    pub(super) sockets: usize,
    /// Unanswered datagrams a socket.
    pub(super) window: usize,
    pub(super) duration: Duration,
}

/// What counts as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// As many bytes as were sent.
    Echo,
    /// The gateway's acknowledgement.
    Arrived,
}

/// What came of it, after the warm-up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) per_second: f64,
    pub(super) lost: u64,
    /// The longest that no socket heard anything.
    pub(super) silence: Duration,
    /// Processor time that the target used for each answer.
    pub(super) cost: Duration,
}

struct Lane {
    socket: UdpSocket,
    unanswered: usize,
    heard: Instant,
}

struct Generator {
    pressure: Pressure,
    answer: Answer,
    datagrams: Datagrams,
    lanes: Vec<Lane>,
    inbox: Inbox,
    headers: MultiHeaders<()>,
    outbox: Vec<[u8; DATAGRAM]>,
    answered: u64,
    lost: u64,
    heard: Instant,
    silence: Duration,
}

/// Presses on `target`, which the process `id` serves.
pub(super) fn press(target: SocketAddr, id: u32, answer: Answer, pressure: Pressure) -> Result<Rate> {
    let lanes = (0..pressure.sockets).map(|_| {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(target)?;
        socket.set_nonblocking(true)?;
        Ok(Lane { socket, unanswered: 0, heard: Instant::now() })
    });
    let mut generator = Generator {
        pressure,
        answer,
        datagrams: Datagrams::new(pressure.devices),
        lanes: lanes.collect::<Result<_>>()?,
        inbox: Inbox::new(),
        headers: MultiHeaders::preallocate(BATCH, None),
        outbox: vec![[0; DATAGRAM]; BATCH],
        answered: 0,
        lost: 0,
        heard: Instant::now(),
        silence: Duration::ZERO,
    };
    generator.work(WARM_UP)?;
    (generator.answered, generator.lost, generator.silence) = (0, 0, Duration::ZERO);
    let (began, before) = (Instant::now(), procfs::processor_time(id)?);
    generator.work(pressure.duration)?;
    let used = procfs::processor_time(id)?.saturating_sub(before);
    let Generator { answered, lost, silence, .. } = generator;
    #[expect(clippy::cast_precision_loss, reason = "a rate to be read by people")]
    let per_second = answered as f64 / began.elapsed().as_secs_f64();
    let cost = used.checked_div(u32::try_from(answered)?).unwrap_or_default();
    Ok(Rate { per_second, lost, silence, cost })
}

impl Generator {
    fn work(&mut self, duration: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < duration {
            let mut lanes = std::mem::take(&mut self.lanes);
            let mut progress = false;
            for lane in &mut lanes {
                progress |= self.serve(lane)?;
            }
            if !progress {
                wait(&lanes)?;
            }
            self.lanes = lanes;
        }
        Ok(())
    }

    /// Takes what was answered on a socket, and sends as much again. Whether there was anything to do.
    fn serve(&mut self, lane: &mut Lane) -> Result<bool> {
        let heard = self.inbox.receive(&lane.socket, MsgFlags::MSG_DONTWAIT)?;
        for (reply, _) in self.inbox.datagrams() {
            let good = match self.answer {
                Answer::Echo => reply.len() == DATAGRAM,
                Answer::Arrived => reply == fieldpost_core::reply::ARRIVED.as_bytes(),
            };
            if !good {
                bail!("answered `{}`", String::from_utf8_lossy(reply));
            }
        }
        self.answered += u64::try_from(heard)?;
        lane.unanswered = lane.unanswered.saturating_sub(heard);
        if heard > 0 {
            let now = Instant::now();
            self.silence = self.silence.max(now - self.heard);
            (self.heard, lane.heard) = (now, now);
        } else if lane.unanswered > 0 && lane.heard.elapsed() > LOST_AFTER {
            self.lost += u64::try_from(lane.unanswered)?;
            lane.unanswered = 0;
        }
        // Not for a few: calls cost more than datagrams.
        let room = self.pressure.window.saturating_sub(lane.unanswered);
        let send = room * 2 >= self.pressure.window;
        if send {
            lane.heard = if lane.unanswered == 0 { Instant::now() } else { lane.heard };
            lane.unanswered += self.send(&lane.socket, room.min(BATCH))?;
        }
        Ok(heard > 0 || send)
    }

    fn send(&mut self, socket: &UdpSocket, count: usize) -> Result<usize> {
        for datagram in self.outbox.iter_mut().take(count) {
            self.datagrams.write(datagram);
        }
        let datagrams = self.outbox.iter().take(count).map(|datagram| datagram.as_slice());
        Ok(batch::send(socket, &mut self.headers, datagrams, &[None::<()>; BATCH])?)
    }
}

/// Leaves the processor to others until there is something to receive.
fn wait(lanes: &[Lane]) -> Result<()> {
    let mut waiting: Vec<_> =
        lanes.iter().map(|lane| PollFd::new(lane.socket.as_fd(), PollFlags::POLLIN)).collect();
    poll(&mut waiting, 10_u16)?;
    Ok(())
}
