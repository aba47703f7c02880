//! The reference upload: text on a connection of its own, one write, one answer.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::Answer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte sent to the answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
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
        match timeout(ANSWER_TIMEOUT, exchange(&mut stream, text)).await {
            Ok(Ok(answer)) => Answer::Reply(answer),
            Ok(Err(error)) => Answer::Failed(format!("the connection broke: {error}")),
            Err(_) => Answer::Failed("the cloud did not answer in time".to_owned()),
        }
    }
}

/// Sends the text in one write, because a reference cloud reads once; our side stays open, as the reference
/// gateway's does. The answer is what one read brings.
async fn exchange(stream: &mut TcpStream, text: &str) -> std::io::Result<Vec<u8>> {
    stream.set_nodelay(true)?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; MAX_ANSWER];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    Ok(answer)
}
