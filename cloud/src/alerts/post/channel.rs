//! A channel's settings: what may be shown of it.

use axum::http::Uri;
use lettre::{Address, message::Mailbox};
use serde::{Deserialize, Serialize};

/// The most channels.
pub(crate) const MAX_CHANNELS: i64 = 50;
/// The longest address of any kind, in bytes.
const MAX_ADDRESS: usize = 2_000;
/// The longest secret, in bytes.
const MAX_SECRET: usize = 1_000;

/// Where messages go, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schema(as = ChannelSettings)]
pub(crate) enum Settings {
    /// A POST of JSON, signed if there is a secret.
    Webhook {
        /// `http://` or `https://`.
        url: String,
    },
    /// A message to a mailbox.
    Email {
        /// Who gets it.
        to: String,
        /// Who sends it.
        from: String,
        /// `smtp://` (plain), `smtp+starttls://` or `smtps://`, host and port.
        server: String,
        /// Its password is the secret.
        username: Option<String>,
    },
    /// A publication.
    Mqtt {
        /// `mqtt://` or `mqtts://`, host and port.
        broker: String,
        /// Under which topic.
        topic: String,
        /// Its password is the secret.
        username: Option<String>,
    },
}

/// A server that is named by an address with a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) scheme: String,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Server {
    /// Reads `scheme://host:port`, and nothing behind it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let uri: Uri = format!("http://{rest}").parse().ok()?;
        let authority = uri.authority()?;
        let plain = uri.path() == "/" && uri.query().is_none() && !authority.as_str().contains('@');
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let has_port = authority.as_str().len() > authority.host().len();
        if !plain || host.is_empty() || (has_port && authority.port_u16().is_none()) {
            return None;
        }
        Some(Self { scheme: scheme.to_owned(), host, port: authority.port_u16() })
    }
}

impl Settings {
    /// The kind's name.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
            Self::Mqtt { .. } => "mqtt",
        }
    }

    /// Who learns the channel's secret, or is sent what it signs: a secret is not carried over to another.
    pub(crate) fn server(&self) -> (&'static str, &str) {
        let server = match self {
            Self::Webhook { url } => url,
            Self::Email { server, .. } => server,
            Self::Mqtt { broker, .. } => broker,
        };
        (self.kind(), server)
    }

    /// Says what is wrong with it.
    ///
    /// # Errors
    /// The first fault, and how to mend it.
    pub(crate) fn check(&self, secret: Option<&str>) -> Result<(), String> {
        if secret.is_some_and(|secret| secret.is_empty() || secret.len() > MAX_SECRET) {
            return Err(format!("a secret has 1 to {MAX_SECRET} bytes"));
        }
        match self {
            Self::Webhook { url } => check_url(url),
            Self::Email { to, from, server, username } => {
                check_server("server", server, &["smtp", "smtp+starttls", "smtps"])?;
                check_username(username.as_deref())?;
                check_mailbox("to", to)?;
                check_mailbox("from", from)
            }
            Self::Mqtt { broker, topic, username } => {
                check_server("broker", broker, &["mqtt", "mqtts"])?;
                check_username(username.as_deref())?;
                check_topic(topic)
            }
        }
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let uri: Option<Uri> = url.parse().ok();
    let good = uri.is_some_and(|uri| {
        let host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        matches!(uri.scheme_str(), Some("http" | "https")) && host
    });
    match good && url.len() <= MAX_ADDRESS {
        true => Ok(()),
        false => Err(format!(
            "url is an address such as https://example.org/alerts, at most {MAX_ADDRESS} bytes, without a user's name in it"
        )),
    }
}

fn check_server(name: &str, text: &str, schemes: &[&str]) -> Result<(), String> {
    let server = Server::parse(text).filter(|server| schemes.contains(&server.scheme.as_str()));
    match server.is_some() && text.len() <= MAX_ADDRESS {
        true => Ok(()),
        false => Err(format!("{name} is SCHEME://HOST:PORT, with one of the schemes {}", schemes.join(", "))),
    }
}

fn check_username(name: Option<&str>) -> Result<(), String> {
    match name.is_some_and(|name| name.is_empty() || name.len() > 256 || name.chars().any(char::is_control)) {
        true => Err("username is null, or has 1 to 256 characters, none of them a control character".into()),
        false => Ok(()),
    }
}

fn check_mailbox(name: &str, text: &str) -> Result<(), String> {
    match text.parse::<Mailbox>().is_ok() && text.len() <= 400 {
        true => Ok(()),
        false => Err(format!("{name} is one mailbox such as grower@example.org")),
    }
}

fn check_topic(topic: &str) -> Result<(), String> {
    let bad = |char: char| matches!(char, '+' | '#') || char.is_control();
    match (1..=500).contains(&topic.len()) && !topic.contains(bad) && !topic.starts_with('$') {
        true => Ok(()),
        false => {
            Err("topic has 1 to 500 bytes, no + or #, no control characters, no $ at its beginning".into())
        }
    }
}

/// The domain of a mailbox, for message ids.
pub(crate) fn domain(mailbox: &Mailbox) -> &str {
    Address::domain(&mailbox.email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_nowhere_are_refused() {
        let webhook = |url: &str| Settings::Webhook { url: url.into() }.check(None);
        assert_eq!(webhook("https://example.org:8443/a?b=c"), Ok(()));
        for bad in
            ["ftp://example.org", "example.org", "http://", "http://user:secret@example.org/", "/alerts", ""]
        {
            assert!(webhook(bad).is_err(), "{bad}");
        }
        let mqtt = |broker: &str, topic: &str| {
            Settings::Mqtt { broker: broker.into(), topic: topic.into(), username: None }.check(None)
        };
        assert_eq!(mqtt("mqtt://127.0.0.1:1883", "farm/alerts"), Ok(()));
        assert_eq!(mqtt("mqtts://[::1]", "farm/alerts"), Ok(()));
        for (broker, topic) in [
            ("mqtt://host/path", "t"),
            ("http://host", "t"),
            ("mqtt://a@host", "t"),
            ("mqtt://host:99999", "t"),
            ("mqtt://host", "a/#"),
            ("mqtt://host", ""),
            ("mqtt://host", "a\nb"),
            ("mqtt://host", "a\u{7f}"),
            ("mqtt://host", "a\u{85}b"),
        ] {
            assert!(mqtt(broker, topic).is_err(), "{broker} {topic}");
        }
        let email = |to: &str, server: &str| {
            let (to, server) = (to.into(), server.into());
            Settings::Email { to, from: "fieldpost@example.org".into(), server, username: None }.check(None)
        };
        assert_eq!(email("Grower <grower@example.org>", "smtp+starttls://mail.example.org:587"), Ok(()));
        assert!(email("grower", "smtp://mail").is_err());
        assert!(email("a@b.org\r\nBcc: c@d.org", "smtp://mail").is_err(), "no headers come in by an address");
    }
}
