//! Who may: every request passes here before its route.
//!
//! ```text
//! open on loopback, and asked for under a strange name?  refused (a page elsewhere may have bound its name to us)
//! open on loopback, and through a proxy?                 refused (who asks is not on this machine)
//! changes something, sent by another site's page?        refused
//! needs nothing (needs.rs)?                              goes on
//! Authorization: Bearer?                                 by the token's scope
//! cookie?                                                by the person's role; changes need the page's X-CSRF-Token, too
//! ```
//!
//! Routes find the [`Caller`] in the request's extensions. An answer ends when its caller may not have it any more ([`outlived`]).

pub(super) mod cookie;
pub(super) mod needs;
pub(super) mod origin;
mod outlived;

use super::{Api, body, problem::Problem, server::Peer};
use crate::{
    accounts::{Accounts, Book, Caller},
    rights::Need,
    secret::{Digest, is_same},
};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use cookie::Cookie;
use outlived::Asked;
use std::{net::IpAddr, sync::Arc};

/// What the page sends along with a change.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// Lets a request through to its route, or not.
pub(super) async fn check(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    // Every connection has one; without it we know nothing of the request, and so it may nothing.
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return unauthenticated(&Caller::Nobody, Need::Read).into_response();
    };
    match admit(&api.accounts, peer.ip(), request.method(), request.uri().path(), request.headers()) {
        Ok(caller) => {
            let asked = Asked::of(&request, peer.ip());
            request.extensions_mut().insert(caller);
            let answer = next.run(request).await;
            match asked {
                Some(asked) => asked.watch(&api, answer),
                None => answer,
            }
        }
        Err(problem) => refuse(&api, problem, request).await,
    }
}

/// Tells a sender why not. What it is still sending is taken and thrown away first: it would see a broken connection instead
/// of the answer.
async fn refuse(api: &Api, problem: Problem, request: Request) -> Response {
    tracing::debug!(method = %request.method(), path = request.uri().path(), ?problem, "not let in");
    if request.method() == Method::POST && request.uri().path() == "/api/v1/surveys" {
        api.intake.counters.refused(problem.reason());
    }
    if !request.headers().contains_key(header::EXPECT) {
        body::throw_away(request.into_body(), api).await;
    }
    let mut response = problem.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn admit(
    accounts: &Accounts,
    peer: IpAddr,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<Caller, Problem> {
    if headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(Problem::bad_request("bad-header", "Host stands twice; send it once"));
    }
    let book = accounts.book();
    let open = accounts.is_open(&book);
    let needed = needs::needed(method, path);
    if open && needed.is_some() && accounts.is_local() && !origin::is_for_loopback(headers, accounts.bound())
    {
        return Err(forbidden("wrong-host", WRONG_HOST));
    }
    if open && needed.is_some() && accounts.is_local() && origin::is_proxied(headers) {
        return Err(forbidden("proxied", PROXIED));
    }
    let token = bearer(headers);
    let changes = !needs::is_safe(method);
    if changes && token.is_none() && !origin::is_ours(headers, peer, accounts.proxies()) {
        return Err(forbidden("wrong-origin", "another site's page has sent this; use the cloud's own page"));
    }
    let secure = origin::is_secure(headers, peer, accounts.proxies());
    let caller = caller(accounts, &book, token, headers, secure);
    if let (Caller::User { csrf, .. }, true) = (&caller, changes && !begins_session(method, path))
        && !knows(headers, *csrf)
    {
        return Err(forbidden(
            "csrf",
            "the header X-CSRF-Token is missing or old; send the csrf that GET /api/v1/me says",
        ));
    }
    match needed {
        Some(need) if caller.may(need) => Ok(caller),
        None if matches!(caller, Caller::User { .. }) => Ok(caller),
        Some(Need::Administer) if open && changes && !accounts.is_local() => {
            // Else whoever came first could leave a door for later: an account, or a token.
            Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated", FIRST_ACCOUNT))
        }
        _ if open => Ok(Caller::Anyone),
        None => Ok(caller),
        Some(need) => Err(unauthenticated(&caller, need)),
    }
}

/// Whoever signs in is not the one who was signed in before, if anybody was.
fn begins_session(method: &Method, path: &str) -> bool {
    *method == Method::POST && matches!(path, "/api/v1/session" | "/api/v1/setup")
}

fn caller(
    accounts: &Accounts,
    book: &Book,
    token: Option<&str>,
    headers: &HeaderMap,
    secure: bool,
) -> Caller {
    if let Some(token) = token {
        return accounts.token_holder(book, token);
    }
    let mut callers = Cookie::Session.sent(headers, secure).filter_map(|sent| accounts.signed_in(book, sent));
    let Some(first) = callers.next() else { return Caller::Nobody };
    // A neighbour may have planted a session of its own beside: the page says which one it means.
    let meant = |caller: &Caller| matches!(caller, Caller::User { csrf, .. } if knows(headers, *csrf));
    if meant(&first) { first } else { callers.find(meant).unwrap_or(first) }
}

/// All sessions that the browser has, also those that somebody else put there.
pub(super) fn sessions(accounts: &Accounts, peer: IpAddr, headers: &HeaderMap) -> Vec<Digest> {
    let (book, secure) = (accounts.book(), origin::is_secure(headers, peer, accounts.proxies()));
    let session = |sent| match accounts.signed_in(&book, sent)? {
        Caller::User { session, .. } => Some(session),
        _ => None,
    };
    Cookie::Session.sent(headers, secure).filter_map(session).collect()
}

/// Whether the page has sent along what belongs to its session.
fn knows(headers: &HeaderMap, csrf: Digest) -> bool {
    let sent = headers.get(CSRF).and_then(|value| value.to_str().ok());
    sent.is_some_and(|sent| is_same(sent, &csrf.to_hex()))
}

/// The token of `Authorization: Bearer`. Another scheme there is a proxy's business.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

const WRONG_HOST: &str = "while nobody has an account, this cloud answers only to names of this machine (localhost, \
                          127.0.0.1); make an account to reach it by other names";

const PROXIED: &str = "this came through a proxy, and while nobody has an account, this cloud answers only to who is on its machine; \
                       make the first account by the one-time link that the cloud printed when it started (`fieldpost cloud \
                       setup-link` makes another), then it can be reached through a proxy";

const FIRST_ACCOUNT: &str = "this is for an administrator, and there is none yet; the cloud printed a one-time link for the \
                             first account when it started, and `fieldpost cloud setup-link` makes another";

fn forbidden(reason: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, reason, detail)
}

fn unauthenticated(caller: &Caller, need: Need) -> Problem {
    let who = need.who();
    match caller {
        Caller::Anyone | Caller::Nobody => Problem::new(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            format!("this is for {who}; sign in, or send a token in Authorization: Bearer"),
        ),
        Caller::BadToken => Problem::new(
            StatusCode::UNAUTHORIZED,
            "bad-token",
            "there is no such token, or it was revoked; an administrator can make another under Settings",
        ),
        Caller::User { role, .. } => {
            forbidden("not-allowed", &format!("this is for {who}; you are {}", role.name()))
        }
        Caller::Token { scope, .. } => {
            forbidden("not-allowed", &format!("this is for {who}; this token's scope is {}", scope.name()))
        }
    }
}
