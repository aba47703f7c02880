//! One-time links: whoever opens one in a browser becomes an administrator there.

use super::Accounts;
use crate::{
    Error, clock,
    secret::{Digest, Purpose, Secret},
    store::accounts::{issue_code, issue_code_at},
};
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

/// Somebody who is to be told a one-time link, and who must not write it into a log that others read.
#[derive(Clone)]
pub struct Announce(Arc<dyn Fn(&str) + Send + Sync>);

impl Announce {
    /// `tell` is given the link.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Announce(…)")
    }
}

/// Makes a new one-time link into the store at `path`, which a cloud may have open meanwhile; earlier ones are no good any
/// more. `http` is where that cloud serves, `HOST:PORT`.
///
/// # Errors
/// If there is no store of the present version, or it cannot be written.
pub fn setup_link(path: &Path, http: &str) -> Result<String, Error> {
    let code = Secret::new("").map_err(|error| Error::Randomness(error.to_string()))?;
    issue_code_at(path, Digest::of(Purpose::Setup, code.expose()), clock::now())?;
    Ok(link(http, &code))
}

impl Accounts {
    /// While nobody has an account: makes a link for the first one, and tells it. Earlier ones are no good any more.
    pub(crate) async fn announce(&self, announce: &Announce) {
        if !self.book().has_no_users() {
            return;
        }
        let code = match Secret::new("") {
            Ok(code) => code,
            Err(error) => return tracing::error!(%error, "no link for the first account could be made"),
        };
        let (digest, now) = (Digest::of(Purpose::Setup, code.expose()), clock::now());
        if let Err(error) = self.change(move |transaction| issue_code(transaction, digest, now).map(Ok)).await
        {
            return tracing::error!(%error, "no link for the first account could be made");
        }
        tracing::info!(
            "nobody has an account yet; a one-time link for the first one was made, good for a day"
        );
        let Announce(tell) = announce;
        tell(&link(&reachable(self.bound()).to_string(), &code));
    }
}

/// The code stands behind the `#`: browsers do not send that anywhere.
fn link(http: &str, code: &Secret) -> String {
    format!("http://{http}/setup#code={}", code.expose())
}

/// An address that a browser can go to.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let local = match bound {
        SocketAddr::V4(at) if at.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(at) if at.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => return other,
    };
    SocketAddr::new(local, bound.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_an_address_that_there_is() {
        let reachable = |at: &str| reachable(at.parse().unwrap()).to_string();
        assert_eq!(reachable("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(reachable("[::]:8080"), "[::1]:8080");
        assert_eq!(reachable("10.10.10.2:8080"), "10.10.10.2:8080");
    }
}
