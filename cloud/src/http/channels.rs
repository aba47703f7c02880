//! `/api/v1/channels`: where messages go. Secrets come in, and never go out.

use super::{Api, json::Said, paging, problem::Problem, query::Keys};
use crate::{
    alerts::{
        message,
        post::{
            Letter,
            channel::{MAX_CHANNELS, Settings},
        },
        rule::check_name,
    },
    clock,
    store::{ChannelError, ChannelRow, NewChannel, Secret},
};
use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A channel as it is sent. A secret that is left out stays what it is; null takes it away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChannel)]
pub(super) struct JsonChannel {
    id: Option<i64>,
    #[schema(value_type = super::openapi::ChannelKind)]
    kind: String,
    name: String,
    url: Option<String>,
    to: Option<String>,
    from: Option<String>,
    server: Option<String>,
    broker: Option<String>,
    topic: Option<String>,
    username: Option<String>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    secret: Option<Option<String>>,
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>)]
    password: Option<Option<String>>,
}

/// Tells null from nothing.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::bad_request("bad-channel", detail)
}

fn unknown() -> Problem {
    let detail = "there is no channel with this id; /api/v1/channels lists those that there are";
    Problem::new(StatusCode::NOT_FOUND, "unknown-channel", detail)
}

impl JsonChannel {
    fn channel(mut self, id: Option<i64>) -> Result<NewChannel, Problem> {
        if self.id.is_some() && self.id != id {
            return Err(bad("id is given here, or in the path; leave it out"));
        }
        check_name(&self.name).map_err(bad)?;
        let settings = self.settings()?;
        let secret = match &settings {
            Settings::Webhook { .. } => self.secret.take(),
            Settings::Email { .. } | Settings::Mqtt { .. } => self.password.take(),
        };
        self.nothing_else(&settings)?;
        settings.check(secret.as_ref().and_then(|secret| secret.as_deref())).map_err(bad)?;
        let secret = secret.map_or(Secret::Keep, Secret::Be);
        Ok(NewChannel { name: self.name, settings, secret })
    }

    fn settings(&mut self) -> Result<Settings, Problem> {
        let kind = self.kind.clone();
        let need = |name: &str, value: &mut Option<String>| {
            value.take().ok_or_else(|| bad(format!("a channel of kind {kind} needs {name}")))
        };
        match kind.as_str() {
            "webhook" => Ok(Settings::Webhook { url: need("url", &mut self.url)? }),
            "email" => Ok(Settings::Email {
                to: need("to", &mut self.to)?,
                from: need("from", &mut self.from)?,
                server: need("server", &mut self.server)?,
                username: self.username.take(),
            }),
            "mqtt" => Ok(Settings::Mqtt {
                broker: need("broker", &mut self.broker)?,
                topic: need("topic", &mut self.topic)?,
                username: self.username.take(),
            }),
            _ => Err(bad("kind is one of webhook, email, mqtt")),
        }
    }

    /// What is left belongs to another kind.
    fn nothing_else(&self, settings: &Settings) -> Result<(), Problem> {
        let others =
            [&self.url, &self.to, &self.from, &self.server, &self.broker, &self.topic, &self.username];
        let secrets = [&self.secret, &self.password];
        if others.iter().any(|one| one.is_some()) || secrets.iter().any(|one| one.is_some()) {
            let has = match settings {
                Settings::Webhook { .. } => "url and secret",
                Settings::Email { .. } => "to, from, server, username and password",
                Settings::Mqtt { .. } => "broker, topic, username and password",
            };
            return Err(bad(format!("a channel of kind {} has {has}, and nothing else", self.kind)));
        }
        Ok(())
    }
}

/// A channel as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Channel)]
struct Shown {
    id: i64,
    name: String,
    has_secret: bool,
    /// Why the last message could not be delivered, if it could not.
    failing: Option<String>,
    /// Messages that were given up.
    lost: i64,
    /// Messages that wait for it.
    waiting: i64,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Debug, Serialize, ToSchema)]
struct Channels {
    channels: Vec<Shown>,
}

/// How a delivery went.
#[derive(Debug, Serialize, ToSchema)]
struct Tried {
    delivered: bool,
    /// Why not.
    detail: Option<String>,
}

impl From<ChannelRow> for Shown {
    fn from(row: ChannelRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            has_secret: row.has_secret,
            failing: row.failing,
            lost: row.lost,
            waiting: row.waiting,
            settings: row.settings,
        }
    }
}

fn problem(error: ChannelError) -> Problem {
    match error {
        ChannelError::Unknown => unknown(),
        ChannelError::SecretElsewhere => {
            bad("the channel leads to another server now: give its secret again, or null for none")
        }
        ChannelError::TooMany => {
            let detail = format!("there are {MAX_CHANNELS} channels, and cannot be more; remove one");
            Problem::new(StatusCode::CONFLICT, "too-many-channels", detail)
        }
    }
}

/// All channels.
#[utoipa::path(
    get,
    path = "/api/v1/channels",
    operation_id = "list_channels",
    tag = "Alerts",
    summary = "Where messages go",
    responses(
        (status = 200, body = Channels, description = "Channels, without their secrets"),
    ),
)]
pub(super) async fn list(State(api): State<Arc<Api>>, uri: Uri) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let channels = api.intake.store.channels().await?.into_iter().map(Shown::from).collect();
    Ok(paging::json(&Channels { channels }, None))
}

/// Makes a channel.
#[utoipa::path(
    post,
    path = "/api/v1/channels",
    operation_id = "add_channel",
    tag = "Alerts",
    summary = "Make a channel",
    request_body = JsonChannel,
    responses(
        (status = 201, body = Shown, description = "The channel"),
        (status = 409, body = crate::http::problem::JsonProblem, content_type = "application/problem+json", description = "There are as many as there may be"),
    ),
)]
pub(super) async fn post(
    State(api): State<Arc<Api>>,
    uri: Uri,
    Said(channel): Said<JsonChannel>,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let new = channel.channel(None)?;
    let row = api.intake.store.add_channel(new).await.map_err(|error| Problem::from(&error))?;
    Ok((StatusCode::CREATED, paging::json(&Shown::from(row.map_err(problem)?), None)).into_response())
}

/// Changes a channel; what waits for it is tried again soon.
#[utoipa::path(
    put,
    path = "/api/v1/channels/{id}",
    operation_id = "put_channel",
    tag = "Alerts",
    summary = "Change a channel",
    description = "A secret that is left out stays what it is; null takes it away.",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    request_body = JsonChannel,
    responses(
        (status = 200, body = Shown, description = "The channel"),
    ),
)]
pub(super) async fn put(
    State(api): State<Arc<Api>>,
    path: Result<Path<i64>, PathRejection>,
    uri: Uri,
    Said(channel): Said<JsonChannel>,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.map_err(|_| unknown())?.0;
    let new = channel.channel(Some(id))?;
    let row = api.intake.store.put_channel(id, new).await.map_err(|error| Problem::from(&error))?;
    api.intake.store.stir();
    Ok(paging::json(&Shown::from(row.map_err(problem)?), None))
}

/// Removes a channel and what waits for it.
#[utoipa::path(
    delete,
    path = "/api/v1/channels/{id}",
    operation_id = "remove_channel",
    tag = "Alerts",
    summary = "Remove a channel",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    responses(
        (status = 204, description = "Done"),
    ),
)]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    path: Result<Path<i64>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.map_err(|_| unknown())?.0;
    let removed = api.intake.store.remove_channel(id).await.map_err(|error| Problem::from(&error))?;
    if removed { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(unknown()) }
}

/// Delivers one message at once, past the outbox, and says how that went.
#[utoipa::path(
    post,
    path = "/api/v1/channels/{id}/test",
    operation_id = "test_channel",
    tag = "Alerts",
    summary = "Deliver one message at once",
    params(
        ("id" = i64, Path, description = "Its number"),
    ),
    responses(
        (status = 200, body = Tried, description = "How that went"),
    ),
)]
pub(super) async fn test(
    State(api): State<Arc<Api>>,
    path: Result<Path<i64>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    Keys::of(&uri, &[])?;
    let id = path.map_err(|_| unknown())?.0;
    let (settings, secret) = api.intake.store.channel_for_delivery(id).await?.ok_or_else(unknown)?;
    let now = clock::now();
    let message = format!("test-{id}-{}", now.as_millis());
    let letter = Letter { body: message::test(&message, now).to_string(), id: message };
    let failure = api.post.deliver(&settings, secret.as_deref(), &letter).await.err();
    let tried = Tried { delivered: failure.is_none(), detail: failure.map(|failure| failure.reason) };
    Ok(paging::json(&tried, None))
}
