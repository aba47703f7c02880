//! Where the MQTT broker is, as the command line says it.

use crate::failure::Failure;
use fieldpost_cloud::{Broker, Topics};

/// MQTT's registered ports, plain and encrypted.
const PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;
const PASSWORD: &str = "FIELDPOST_MQTT_PASSWORD";
/// The longest prefix of topics, in bytes.
const MAX_TOPIC: usize = 200;

/// Reads `mqtt://[NAME@]HOST[:PORT]`, or the same with `mqtts`.
pub(super) fn broker(text: &str) -> Result<Broker, String> {
    let wrong = || {
        format!("`{text}` is no broker; write mqtt://HOST:1883, mqtts://HOST:8883 or mqtts://NAME@HOST:8883")
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let (tls, usual_port) = match scheme {
        "mqtt" => (false, PORT),
        "mqtts" => (true, TLS_PORT),
        _ => return Err(wrong()),
    };
    let rest = rest.trim_end_matches('/');
    let (name, place) = rest.rsplit_once('@').map_or((None, rest), |(name, place)| (Some(name), place));
    if name.is_some_and(|name| name.contains(':')) {
        return Err(format!("a password does not belong in a URL, where others can read it; set {PASSWORD}"));
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') || host.starts_with('[') => {
            (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?)
        }
        _ => (place, usual_port),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
        return Err(wrong());
    }
    let credentials = name.map(|name| (name.to_owned(), String::new()));
    let topics = Topics { prefix: String::new(), discovery: String::new() };
    Ok(Broker { host: host.to_owned(), port, tls, credentials, topics })
}

/// A prefix of topics.
pub(super) fn topic(text: &str) -> Result<String, String> {
    let bad = text.is_empty()
        || text.len() > MAX_TOPIC
        || text.starts_with('$')
        || text.split('/').any(str::is_empty)
        || text.contains(|char: char| matches!(char, '+' | '#') || char.is_control());
    match bad {
        true => Err(format!("`{text}` is no topic to begin with; write a word such as fieldpost")),
        false => Ok(text.to_owned()),
    }
}

/// The broker with the password from the environment, if it has a name to go with it.
pub(super) fn with_password(broker: Broker) -> Result<Broker, Failure> {
    let password = std::env::var(PASSWORD).ok();
    let credentials = match (broker.credentials, password) {
        (Some((name, _)), Some(password)) => Some((name, password)),
        (None, None) => None,
        (Some(_), None) => return Err(Failure::usage(format!("--mqtt names a user; set {PASSWORD}, too"))),
        (None, Some(_)) => {
            return Err(Failure::usage(format!("{PASSWORD} is set; name the user, too: mqtt://NAME@HOST")));
        }
    };
    Ok(Broker { credentials, ..broker })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_is_a_host_with_or_without_port_and_name_and_never_a_password() {
        let at = |text: &str| broker(text).map(|broker| (broker.host, broker.port));
        assert_eq!(at("mqtt://broker"), Ok(("broker".into(), 1883)));
        assert_eq!(at("mqtt://10.0.0.2:1884/"), Ok(("10.0.0.2".into(), 1884)));
        assert_eq!(at("mqtt://[::1]:1884"), Ok(("::1".into(), 1884)));
        assert_eq!(broker("mqtt://me@broker").unwrap().credentials.unwrap().0, "me");
        let tls = |text: &str| broker(text).map(|broker| (broker.tls, broker.port));
        assert_eq!(tls("mqtts://broker"), Ok((true, 8883)));
        assert_eq!(tls("mqtts://me@broker:8884"), Ok((true, 8884)));
        assert_eq!(tls("mqtt://broker"), Ok((false, 1883)));
        for bad in [
            "broker",
            "mqtt://",
            "mqtt://b:0",
            "mqtt://b:x",
            "mqttx://b",
            "mqtts://",
            "mqtt://a b",
            "mqtt://b/c",
        ] {
            assert!(broker(bad).is_err(), "{bad}");
        }
        assert!(broker("mqtt://me:secret@broker").unwrap_err().contains(PASSWORD));
        assert!(topic("a\nb").is_err() && topic("a\u{9f}").is_err());
        assert!(
            topic("a/b").is_ok() && topic("a//b").is_err() && topic("#").is_err() && topic("$SYS").is_err()
        );
    }
}
