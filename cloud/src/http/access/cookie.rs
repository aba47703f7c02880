//! The cookies that keep somebody signed in, and that show a browser in which somebody was.

use crate::store::accounts::SESSION_LIFE;
use axum::http::{HeaderMap, HeaderValue, header};
use std::time::Duration;

/// How long a browser is known.
const DEVICE_LIFE: Duration = Duration::from_hours(366 * 24);

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Cookie {
    /// Whoever has it is signed in.
    Session,
    /// Whoever has it signed in here before; more than fewer limits on further attempts it does not give.
    Device,
}

impl Cookie {
    /// Its name: over TLS one that browsers take from nobody but this very host, and over TLS.
    pub(in crate::http) fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Session, false) => "fieldpost_session",
            (Self::Session, true) => "__Host-fieldpost_session",
            (Self::Device, false) => "fieldpost_device",
            (Self::Device, true) => "__Host-fieldpost_device",
        }
    }

    fn life(self) -> Duration {
        match self {
            Self::Session => SESSION_LIFE,
            Self::Device => DEVICE_LIFE,
        }
    }

    /// Every value that the browser sends under the name: a neighbour on the same host may have set another one.
    pub(in crate::http) fn sent(self, headers: &HeaderMap, secure: bool) -> impl Iterator<Item = &str> {
        let wanted = self.name(secure);
        headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(move |(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }

    /// Sets it. No script can read it, and no other site's page sends it; over TLS it never goes without.
    pub(in crate::http) fn set(self, value: &str, secure: bool) -> Option<HeaderValue> {
        let mut value = HeaderValue::try_from(self.line(value, self.life(), secure)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Removes it.
    pub(in crate::http) fn clear(self, secure: bool) -> Option<HeaderValue> {
        HeaderValue::try_from(self.line("", Duration::ZERO, secure)).ok()
    }

    fn line(self, value: &str, life: Duration, secure: bool) -> String {
        let (name, seconds) = (self.name(secure), life.as_secs());
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; fieldpost_session=1; xfieldpost_session=2; fieldpost_device=4"),
        );
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("fieldpost_session=3;junk;__Host-fieldpost_session=5"),
        );
        let sent = |cookie: Cookie, secure| cookie.sent(&headers, secure).collect::<Vec<_>>();
        assert_eq!(sent(Cookie::Session, false), ["1", "3"]);
        assert_eq!(sent(Cookie::Session, true), ["5"], "over TLS only what nobody else could set");
        assert_eq!(sent(Cookie::Device, false), ["4"]);
    }

    #[test]
    fn it_is_kept_from_scripts_and_other_sites_and_from_plain_connections_where_there_is_tls() {
        let said = |value: Option<HeaderValue>| value.unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            said(Cookie::Session.set("abc", false)),
            "fieldpost_session=abc; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
        );
        assert_eq!(
            said(Cookie::Session.set("abc", true)),
            "__Host-fieldpost_session=abc; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(said(Cookie::Session.clear(false)).starts_with("fieldpost_session=; Path=/; Max-Age=0;"));
    }
}
