//! One upload connection, from its first byte to its last.

use super::{
    Ingest,
    answer::text_answer,
    receive::{self, Received},
};
use crate::{
    Origin, SubmitError,
    budget::Share,
    clock,
    connections::Stop,
    store::Stored,
    submission::{Format, Upload},
    watched::Watched,
};
use bytes::Bytes;
use fieldpost_core::{Refusal, reply};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout},
};

/// Serves a connection until it ends or the cloud stops. What was not answered then is still with its sender.
pub(super) async fn serve(mut stream: Stream, peer: SocketAddr, ingest: Arc<Ingest>, mut stop: Stop) {
    tracing::info!(%peer, "a gateway connected");
    let connection =
        Connection { peer, ingest: &ingest, deadline: Instant::now() + ingest.limits.upload_deadline };
    let accepted = connection.serve(&mut stream, &mut stop).await;
    drop(stream);
    if let Some(accepted) = accepted {
        ingest.once.answered(accepted);
    }
}

type Stream = Watched<TcpStream>;

struct Connection<'a> {
    peer: SocketAddr,
    ingest: &'a Ingest,
    /// When it has to have said everything.
    deadline: Instant,
}

/// What the sender is told.
struct Answer {
    accepted: bool,
    text: String,
}

impl Answer {
    fn of(result: &Result<Stored, SubmitError>) -> Self {
        Self { accepted: result.is_ok(), text: text_answer(result) }
    }

    /// To a message without surveys.
    fn received() -> Self {
        Self { accepted: true, text: reply::RECEIVED.to_owned() }
    }

    fn no_room() -> Self {
        Self { accepted: false, text: reply::try_again("the cloud has too many uploads at once") }
    }
}

impl Connection<'_> {
    /// Says whether its upload was accepted; None if there was none.
    async fn serve(&self, stream: &mut Stream, stop: &mut Stop) -> Option<bool> {
        let mut share = self.ingest.budget.share();
        let limits = &self.ingest.limits;
        let first = limits.upload_deadline;
        let received = tokio::select! {
            received = receive::message(stream, &mut share, limits, first, self.deadline) => received,
            () = stop.wait() => return None,
        };
        stream.seat().engage().await;
        let (answer, closed) = match received {
            Received::Nothing => return None,
            // The reference cloud answers a mere connection, too; but it is no upload.
            Received::Message(bytes, _) if bytes.is_empty() => {
                self.say(stream, &Answer::received()).await;
                return None;
            }
            Received::Message(bytes, closed) => (self.take(bytes, share).await, closed),
            Received::Cut(bytes, refusal) => (self.refuse(bytes, share, refusal).await, false),
            Received::NoRoom => {
                drop(share);
                (Answer::no_room(), false)
            }
        };
        self.say(stream, &answer).await;
        match answer.accepted {
            _ if closed => {}
            true => self.linger(stream, stop).await,
            false => self.discard(stream).await,
        }
        Some(answer.accepted)
    }

    fn upload(&self, bytes: Bytes, share: Share) -> Upload {
        let gateway = format!("tcp:{}", self.peer.ip().to_canonical());
        let origin = Origin { gateway, time_zone: None, custody: None };
        let format = Format::Text(self.ingest.zone.clone());
        Upload::new(format, bytes, origin, clock::now()).within(share)
    }

    async fn take(&self, bytes: Bytes, share: Share) -> Answer {
        let result = self.ingest.intake.take(self.upload(bytes, share)).await;
        if let Err(error @ (SubmitError::Busy | SubmitError::Store(_) | SubmitError::Closed)) = &result {
            tracing::warn!(peer = %self.peer, %error, "an upload was not stored; its sender keeps it");
        }
        Answer::of(&result)
    }

    async fn refuse(&self, bytes: Bytes, share: Share, refusal: Refusal) -> Answer {
        self.ingest.intake.refuse(&self.upload(bytes, share), &refusal).await;
        Answer::of(&Err(SubmitError::Refused(refusal)))
    }

    /// Answers, and closes our side. A sender that has gone needs no answer: it will come again.
    async fn say(&self, stream: &mut Stream, answer: &Answer) {
        let said = async {
            stream.write_all(answer.text.as_bytes()).await?;
            stream.shutdown().await
        };
        if !matches!(timeout(self.ingest.limits.answer_stall, said).await, Ok(Ok(()))) {
            tracing::debug!(peer = %self.peer, "the sender did not wait for its answer");
        }
        stream.seat().answered();
    }

    /// Takes what still comes after the answer, as messages of their own.
    async fn linger(&self, stream: &mut Stream, stop: &mut Stop) {
        loop {
            let mut share = self.ingest.budget.share();
            let limits = &self.ingest.limits;
            let received = tokio::select! {
                received = receive::message(stream, &mut share, limits, limits.upload_linger, self.deadline) => received,
                () = stop.wait() => return,
            };
            stream.seat().engage().await;
            let (answer, closed) = match received {
                Received::Message(bytes, true) if bytes.is_empty() => return,
                Received::Message(bytes, closed) if bytes.iter().all(u8::is_ascii_whitespace) => {
                    (Answer::received(), closed)
                }
                Received::Message(bytes, closed) => (self.take(bytes, share).await, closed),
                Received::Cut(bytes, refusal) => (self.refuse(bytes, share, refusal).await, true),
                Received::NoRoom | Received::Nothing => return,
            };
            stream.seat().answered();
            if closed || !answer.accepted {
                return;
            }
        }
    }

    /// Reads on for a moment after a refusal: closing with bytes unread would take the answer back.
    async fn discard(&self, stream: &mut Stream) {
        let deadline = Instant::now() + self.ingest.limits.upload_linger;
        let mut waste = [0; 8 * 1024];
        loop {
            let left: Duration = deadline.saturating_duration_since(Instant::now());
            match timeout(left, stream.read(&mut waste)).await {
                Ok(Ok(read)) if read > 0 => {}
                _ => return,
            }
        }
    }
}
