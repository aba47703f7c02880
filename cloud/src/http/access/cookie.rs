//! The cookie that keeps somebody signed in.

use crate::{secret::Secret, store::accounts::SESSION_LIFE};
use axum::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "fieldpost_session";

/// Every value that the browser sends under the name: a neighbour on the same host may have set another one.
pub(in crate::http) fn sent(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value)
}

/// Sets it. No script can read it, and no other site's page sends it; over TLS it never goes without.
pub(in crate::http) fn set(cookie: &Secret, secure: bool) -> Option<HeaderValue> {
    let value = line(cookie.expose(), SESSION_LIFE.as_secs(), secure);
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Removes it.
pub(in crate::http) fn clear(secure: bool) -> Option<HeaderValue> {
    HeaderValue::try_from(line("", 0, secure)).ok()
}

fn line(value: &str, seconds: u64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=b; fieldpost_session=1; xfieldpost_session=2"),
        );
        headers.append(header::COOKIE, HeaderValue::from_static("fieldpost_session=3;junk"));
        assert_eq!(sent(&headers).collect::<Vec<_>>(), ["1", "3"]);
    }

    #[test]
    fn it_is_kept_from_scripts_and_other_sites_and_from_plain_connections_where_there_is_tls() {
        let secret = Secret::new("").unwrap();
        let plain = set(&secret, false).unwrap();
        let plain = plain.to_str().unwrap();
        assert!(plain.starts_with(&format!("fieldpost_session={}; ", secret.expose())));
        assert!(plain.ends_with("Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"));
        assert!(set(&secret, true).unwrap().to_str().unwrap().ends_with("; Secure"));
        assert!(
            clear(false).unwrap().to_str().unwrap().starts_with("fieldpost_session=; Path=/; Max-Age=0;")
        );
    }
}
