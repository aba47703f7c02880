//! A bad line between gateway and cloud: a TCP proxy that cuts, swallows and loses on command.

use anyhow::Result;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
};

/// What the line does to whatever passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Connections are closed as soon as they are made.
    Refuse,
    /// Bytes vanish, and the connection stays open until the line is another.
    Swallow,
    /// Half of what the gateway sends gets through, then the connection is cut.
    CutRequest,
    /// The cloud gets everything, and its reply is lost: it has committed, and the gateway does not know.
    LoseReply,
    /// Half of the cloud's reply gets through, then the connection is cut.
    CutReply,
}

impl Fault {
    /// All that harm.
    pub const EVERY: [Self; 5] =
        [Self::Refuse, Self::Swallow, Self::CutRequest, Self::LoseReply, Self::CutReply];
}

/// A proxy at work. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    fault: watch::Sender<Fault>,
    struck: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Proxy {
    /// Listens at `address` and passes connections on to `target`.
    ///
    /// # Errors
    /// The address is taken.
    pub fn start(address: SocketAddr, target: SocketAddr) -> Result<Self> {
        let (fault, line) = watch::channel(Fault::None);
        let (stop, stopped) = oneshot::channel();
        let struck = Arc::new(AtomicU64::new(0));
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let line = Line { fault: line, struck: struck.clone(), target };
        let thread = std::thread::Builder::new().name("proxy".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener)?;
                tokio::select! {
                    ended = serve(&listener, &line) => ended,
                    _ = stopped => Ok(()),
                }
            })
        })?;
        Ok(Self { fault, struck, stop: Some(stop), thread: Some(thread) })
    }

    /// From now on the line does this, to open connections too.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }

    /// How many connections a fault has ended or starved.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.struck.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say that the test would not see by itself.
            let _ = thread.join();
        }
    }
}

#[derive(Debug, Clone)]
struct Line {
    fault: watch::Receiver<Fault>,
    struck: Arc<AtomicU64>,
    target: SocketAddr,
}

async fn serve(listener: &TcpListener, line: &Line) -> Result<()> {
    loop {
        let (gateway, _) = listener.accept().await?;
        let mut line = line.clone();
        tokio::spawn(async move {
            // Either side may break off at any moment; the other side then sees an end, as it should.
            let _ = line.carry(gateway).await;
        });
    }
}

impl Line {
    async fn carry(&mut self, mut gateway: TcpStream) -> Result<()> {
        if *self.fault.borrow_and_update() == Fault::Refuse {
            return self.strike();
        }
        let mut cloud = TcpStream::connect(self.target).await?;
        gateway.set_nodelay(true)?;
        cloud.set_nodelay(true)?;
        let (mut request, mut reply) = (vec![0; 65_536], vec![0; 65_536]);
        let mut starved = false;
        loop {
            tokio::select! {
                length = gateway.read(&mut request) => {
                    let bytes = request.get(..length?).unwrap_or_default();
                    let fault = *self.fault.borrow();
                    match fault {
                        _ if bytes.is_empty() => return Ok(()),
                        Fault::Refuse => return self.strike(),
                        Fault::Swallow => starved = true,
                        Fault::CutRequest => {
                            cloud.write_all(half(bytes)).await?;
                            return self.strike();
                        }
                        Fault::None | Fault::LoseReply | Fault::CutReply => cloud.write_all(bytes).await?,
                    }
                }
                length = cloud.read(&mut reply) => {
                    let bytes = reply.get(..length?).unwrap_or_default();
                    let fault = *self.fault.borrow();
                    match fault {
                        _ if bytes.is_empty() => return Ok(()),
                        Fault::Refuse | Fault::LoseReply => return self.strike(),
                        Fault::Swallow => starved = true,
                        Fault::CutReply => {
                            gateway.write_all(half(bytes)).await?;
                            return self.strike();
                        }
                        Fault::None | Fault::CutRequest => gateway.write_all(bytes).await?,
                    }
                }
                _ = self.fault.changed() => {
                    // What was swallowed is missing in the middle: the connection is of no more use.
                    if starved {
                        return self.strike();
                    }
                }
            }
        }
    }

    fn strike(&self) -> Result<()> {
        self.struck.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn half(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len() / 2).unwrap_or_default()
}
