//! The smallest HTTP client that can post to the cloud, ask it, and keep its connection.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

/// A connection to a cloud.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    pub(super) fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).context("no connection to the cloud")?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Posts a pack; an error unless it was committed.
    pub(super) fn post(&mut self, body: &[u8]) -> Result<()> {
        let length = body.len();
        let stream = self.0.get_mut();
        write!(
            stream,
            "POST /api/v1/surveys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/senml+cbor\r\n\
             Fieldpost-Gateway: bench\r\nContent-Length: {length}\r\n\r\n"
        )?;
        stream.write_all(body)?;
        let (status, answer) = self.answer()?;
        if !status.starts_with("HTTP/1.1 200 ") {
            bail!("the cloud answered {}: {}", status.trim_end(), String::from_utf8_lossy(&answer));
        }
        Ok(())
    }

    /// Asks for `path`; the answer's body.
    pub(super) fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        self.get_with(path, "")
    }

    /// Asks for `path` with further lines of the head.
    pub(super) fn get_with(&mut self, path: &str, head: &str) -> Result<Vec<u8>> {
        write!(self.0.get_mut(), "GET {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n")?;
        let (status, answer) = self.answer()?;
        if !status.starts_with("HTTP/1.1 200 ") {
            bail!("{path}: the cloud answered {}: {}", status.trim_end(), String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }

    /// The status line and the body of an answer.
    fn answer(&mut self) -> Result<(String, Vec<u8>)> {
        let (mut status, mut length, mut chunked) = (String::new(), 0, false);
        self.0.read_line(&mut status)?;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            chunked |= line == "transfer-encoding: chunked";
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        self.0.read_exact(&mut answer)?;
        if chunked {
            self.chunks(&mut answer)?;
        }
        Ok((status, answer))
    }

    /// The chunks of a body (RFC 9112, 7.1), without trailers.
    fn chunks(&mut self, answer: &mut Vec<u8>) -> Result<()> {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line)?;
            let length = u64::from_str_radix(line.trim_end(), 16).context("a chunk without a length")?;
            (&mut self.0).take(length).read_to_end(answer)?;
            self.0.read_line(&mut line)?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}
