//! A mailbox: the message as plain text that people read, with the alert's own sentence as its subject.

use super::{
    Letter, chain,
    channel::{self, Server},
    failure::Failure,
};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        self,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use serde::Deserialize;
use std::{fmt::Write, time::Duration};

/// How long the server may take for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);
/// What a server answers to who has not, or not rightly, said who it is.
const NOT_LET_IN: [u16; 4] = [530, 534, 535, 538];
/// The longest subject, in characters: the text has all of it.
const MAX_SUBJECT: usize = 200;
/// Devices that are named in a mail.
const MAX_NAMED: usize = 200;

/// The way to a mailbox.
pub(super) struct Route<'a> {
    pub(super) to: &'a str,
    pub(super) from: &'a str,
    pub(super) server: &'a str,
    pub(super) account: Option<(&'a str, &'a str)>,
}

/// What a mail says of a message's JSON.
#[derive(Debug, Deserialize)]
struct Body {
    event: String,
    at: String,
    alert: Option<BodyAlert>,
}

#[derive(Debug, Deserialize)]
struct BodyAlert {
    id: i64,
    name: String,
    kind: String,
    subject: String,
    devices: Vec<String>,
    text: String,
    began: String,
    resolved: Option<String>,
}

/// Sends once; well when the server has taken it.
pub(super) async fn send(route: &Route<'_>, letter: &Letter) -> Result<(), Failure> {
    let message = message(route, letter).map_err(Failure::refused)?;
    let transport = transport(route).map_err(Failure::refused)?;
    transport.send(message).await.map(|_| ()).map_err(|error| failure(&error))
}

/// What the server said for good concerns the message, unless it did not let us in.
fn failure(error: &smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    let refused = error.is_permanent() && !code.is_some_and(|code| NOT_LET_IN.contains(&code));
    Failure { reason: chain(error), refused }
}

fn transport(route: &Route<'_>) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let server = Server::parse(route.server).ok_or("the server's address cannot be read")?;
    let parameters = || TlsParameters::new_rustls(server.host.clone()).map_err(|error| chain(&error));
    let (tls, usual_port) = match server.scheme.as_str() {
        "smtps" => (Tls::Wrapper(parameters()?), 465),
        "smtp+starttls" => (Tls::Required(parameters()?), 587),
        _ => (Tls::None, 25),
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone());
    let builder = builder.port(server.port.unwrap_or(usual_port)).tls(tls).timeout(Some(ANSWER_TIMEOUT));
    Ok(match route.account {
        Some((name, password)) => builder.credentials(Credentials::new(name.into(), password.into())).build(),
        None => builder.build(),
    })
}

fn message(route: &Route<'_>, letter: &Letter) -> Result<Message, String> {
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| error.to_string());
    let (to, from) = (mailbox(route.to)?, mailbox(route.from)?);
    let body: Body = serde_json::from_str(&letter.body).map_err(|error| error.to_string())?;
    let id = format!("<{}@{}>", letter.id, channel::domain(&from));
    let (subject, text) = (subject(&body), text(&body));
    let builder = Message::builder().from(from).to(to).subject(subject).message_id(Some(id));
    builder.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| chain(&error))
}

fn subject(body: &Body) -> String {
    let what = match (body.event.as_str(), &body.alert) {
        ("resolved", Some(alert)) => format!("Solved: {} ({})", alert.name, alert.subject),
        ("repeated", Some(alert)) => format!("Still: {} ({})", alert.name, alert.subject),
        (_, Some(alert)) => format!("{} ({})", alert.name, alert.subject),
        (_, None) => "A test: messages arrive here".to_owned(),
    };
    format!("[Fieldpost] {what}").chars().take(MAX_SUBJECT).collect()
}

fn text(body: &Body) -> String {
    let Some(alert) = &body.alert else {
        return format!("This channel works. Sent at {}.\n", body.at);
    };
    let resolved = alert.resolved.as_deref().unwrap_or("not yet");
    let mut text = format!(
        "{}\n\nRule: {} ({})\nBegan: {}\nSolved: {resolved}\nAlert: {}\n",
        alert.text, alert.name, alert.kind, alert.began, alert.id
    );
    if alert.devices.len() > 1 {
        // Writing to a string does not fail.
        let _ = write!(text, "\nDevices:\n");
        for device in alert.devices.iter().take(MAX_NAMED) {
            let _ = writeln!(text, "  {device}");
        }
        if alert.devices.len() > MAX_NAMED {
            let _ = writeln!(text, "  and more");
        }
    }
    text
}
