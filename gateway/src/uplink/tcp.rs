//! The reference upload: text on a connection of its own, one write, one answer.

use std::{io, time::Duration};

use fieldpost_core::reply;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::Answer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte sent to the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the cloud may pause within its answer, and before it closes its side.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest answer that is read; the reference gateway's buffer.
const MAX_ANSWER: usize = 4_096;

/// The way to a cloud that speaks the reference protocol.
pub(crate) struct Tcp {
    host: String,
    port: u16,
}

impl Tcp {
    pub(super) fn new(host: String, port: u16) -> Self {
        Self { host, port }
    }

    /// Sends the lines on a connection of their own.
    pub(super) async fn send(&self, text: &str) -> Answer {
        let mut stream =
            match timeout(CONNECT_TIMEOUT, TcpStream::connect((self.host.as_str(), self.port))).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return Answer::Failed(format!("cannot connect: {error}")),
                Err(_) => return Answer::Failed("no connection in time".to_owned()),
            };
        match exchange(&mut stream, text).await {
            Ok(answer) => Answer::Reply(answer),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Answer::Failed("the cloud did not answer in time".to_owned())
            }
            Err(error) => Answer::Failed(format!("the connection broke: {error}")),
        }
    }
}

/// Sends the text in one write, because a reference cloud reads once; our side stays open, as the reference
/// gateway's does.
async fn exchange(stream: &mut TcpStream, text: &str) -> io::Result<Vec<u8>> {
    let due = Instant::now() + ANSWER_TIMEOUT;
    stream.set_nodelay(true)?;
    timeout_at(due, stream.write_all(text.as_bytes())).await??;
    answer(stream, due).await
}

/// The answer, which begins by `due` and is over when the cloud closes its side, as every cloud does. A part of it would read as another
/// answer: of a refusal for now, as one for good. Without the close only the one exact text counts. One that comes in time is
/// waited for to its end, however late it began.
async fn answer(stream: &mut (impl AsyncRead + Unpin), due: Instant) -> io::Result<Vec<u8>> {
    let mut answer = Vec::with_capacity(MAX_ANSWER);
    loop {
        let patience =
            if answer.is_empty() { due } else { (Instant::now() + CLOSE_TIMEOUT).min(due + CLOSE_TIMEOUT) };
        match timeout_at(patience, stream.read_buf(&mut answer)).await {
            Ok(Ok(0)) => return Ok(answer),
            Ok(Ok(_)) if answer.len() <= MAX_ANSWER => {}
            Ok(Ok(_)) => return Err(io::Error::other("its answer is too long")),
            _ if answer == reply::RECEIVED.as_bytes() => return Ok(answer),
            Ok(Err(error)) => return Err(error),
            Err(late) if answer.is_empty() => return Err(late.into()),
            Err(_) => return Err(io::Error::other("its answer did not end")),
        }
    }
}

#[cfg(test)]
mod tests;
