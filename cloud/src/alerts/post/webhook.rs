//! A webhook: the message as a POST of JSON, signed.
//!
//! `Fieldpost-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body" with the secret>`. The time is that of the attempt, so
//! that a receiver can refuse what somebody recorded and plays again. `Idempotency-Key` is the message's id: the same at every attempt.
//! No redirect is followed: where messages go, an administrator has said.

use super::{Letter, chain, failure::Failure};
use crate::clock;
use axum::http::{Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use ring::hmac;
use rustls::ClientConfig;
use std::{fmt::Write, time::Duration};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What posts.
pub(super) type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that keeps no connections: messages are rare.
pub(super) fn client(tls: &ClientConfig) -> Client {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
}

/// The signature of `body` at `time`, in seconds since 1970.
fn signature(secret: &str, time: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(format!("{time}.").as_bytes());
    context.update(body.as_bytes());
    let mut text = format!("t={time},v1=");
    for byte in context.sign().as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Posts once.
pub(super) async fn post(
    client: &Client,
    url: &str,
    secret: Option<&str>,
    letter: &Letter,
) -> Result<(), Failure> {
    let mut request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("fieldpost/", env!("CARGO_PKG_VERSION")))
        .header("idempotency-key", &letter.id);
    if let Some(secret) = secret {
        let time = clock::now().as_millis() / 1_000;
        request = request.header("fieldpost-signature", signature(secret, time, &letter.body));
    }
    let body = Full::new(Bytes::from(letter.body.clone()));
    let request = request.body(body).map_err(|error| Failure::refused(error.to_string()))?;
    let response = client.request(request).await.map_err(|error| Failure::passing(chain(&error)))?;
    judge(response.status())
}

/// What an answer means.
fn judge(status: StatusCode) -> Result<(), Failure> {
    match status {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => Err(Failure::passing(format!(
            "answered {status}: redirects are not followed; write the final address"
        ))),
        StatusCode::UNAUTHORIZED => {
            Err(Failure::passing(format!("answered {status}: does it know the secret?")))
        }
        // It does not let us in, or not now.
        StatusCode::FORBIDDEN
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS => Err(Failure::passing(format!("answered {status}"))),
        status => Err(Failure { reason: format!("answered {status}"), refused: status.is_client_error() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_the_documentation_says() {
        // Made with Python: hmac.new(b"secret", b'1751328000.{"id":"1"}', "sha256").hexdigest()
        assert_eq!(
            signature("secret", 1_751_328_000, r#"{"id":"1"}"#),
            "t=1751328000,v1=3486401c69192a6eb900deb1a8ef285fc16f0dedc3a3c8321297f1d002834621"
        );
    }

    #[test]
    fn what_the_receiver_refuses_for_good_is_told_from_what_may_pass() {
        let refused =
            |status: u16| judge(StatusCode::from_u16(status).unwrap()).map_err(|failure| failure.refused);
        assert_eq!([200, 202, 204].map(refused), [Ok(()); 3]);
        assert_eq!([400, 404, 405, 410, 413, 415, 422].map(refused), [Err(true); 7]);
        assert_eq!([301, 307, 401, 403, 408, 425, 429, 500, 502, 503, 504].map(refused), [Err(false); 11]);
    }
}
