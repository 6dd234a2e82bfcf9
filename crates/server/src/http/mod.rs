//! The calls over HTTP: one file for each part of the API, whose handlers say in an attribute how they
//! look from outside. What is common to all of them is put around them here.

mod accepted;
mod accounts;
mod amendments;
mod base;
mod blocks;
mod bots;
mod client_address;
mod commands;
mod conversations;
mod cursors;
mod document;
mod extract;
mod feed;
mod invites;
mod keys;
mod members;
mod messages;
mod moderation;
mod operations;
mod outward;
mod page;
mod personal;
mod pipelines;
mod problem;
mod sync;
mod threads;
mod uploads;
mod users;
mod webhooks;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::HOST;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use tidemark_blobs::BlobKey;
use tidemark_protocol::Code;
use tidemark_store::{Directory, Store};
use url::Url;

pub use document::openapi_json;
pub(crate) use extract::bearer;
pub(crate) use problem::Problem;

use crate::gateway::Gateway;
use crate::socket;

/// The longest body. The longest useful one names 5,000 users.
const BODY_BYTES_MAX: usize = 512 * 1024;

/// All of the server's paths.
pub(crate) fn router<S: Store + Directory>(gateway: &Arc<Gateway<S>>) -> Router {
    Router::new()
        .merge(people())
        .merge(conversations())
        .merge(personal())
        .merge(order())
        .merge(threads())
        .merge(uploads())
        .merge(pipelines())
        .merge(webhooks())
        .merge(bots())
        .route("/v1/sync", post(sync::sync::<S>))
        .route("/v1/feed", get(feed::feed::<S>))
        .route("/v1/socket", get(socket::upgrade::<S>))
        .route("/v1/openapi.json", get(document::openapi))
        .route("/v1/docs", get(document::docs))
        .route("/health", get(operations::health))
        .route("/ready", get(operations::ready::<S>))
        .route("/metrics", get(operations::metrics::<S>))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(
            Arc::clone(gateway),
            observe::<S>,
        ))
        .with_state(Arc::clone(gateway))
        .merge(bytes(gateway))
}

fn people<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route("/v1/accounts", post(accounts::register::<S>))
        .route(
            "/v1/sessions",
            get(accounts::sessions::<S>).post(accounts::sign_in::<S>),
        )
        .route("/v1/sessions/{id}", delete(accounts::sign_out::<S>))
        .route("/v1/users", get(users::search::<S>))
        .route(
            "/v1/users/me",
            get(users::me::<S>).patch(users::change_me::<S>),
        )
        .route("/v1/users/{id}", get(users::user::<S>))
        .route(
            "/v1/users/{id}/block",
            put(blocks::block::<S>).delete(blocks::unblock::<S>),
        )
        .route("/v1/blocks", get(blocks::list::<S>))
}

fn conversations<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route(
            "/v1/conversations",
            get(conversations::inbox::<S>).post(conversations::create::<S>),
        )
        .route(
            "/v1/conversations/{id}",
            get(conversations::conversation::<S>).patch(conversations::change::<S>),
        )
        .route(
            "/v1/conversations/{id}/join",
            post(conversations::join::<S>),
        )
        .route(
            "/v1/conversations/{id}/leave",
            post(conversations::leave::<S>),
        )
        .route(
            "/v1/conversations/{id}/members",
            get(members::members::<S>).post(members::add::<S>),
        )
        .route(
            "/v1/conversations/{id}/members/{user}",
            patch(members::change_role::<S>).delete(members::remove::<S>),
        )
        .route(
            "/v1/conversations/{id}/messages",
            get(messages::timeline::<S>).post(messages::send::<S>),
        )
        .route(
            "/v1/conversations/{id}/messages/{seq}",
            patch(amendments::edit::<S>).delete(amendments::delete::<S>),
        )
        .route(
            "/v1/conversations/{id}/messages/{seq}/reactions/{emoji}",
            put(amendments::react::<S>).delete(amendments::take_back::<S>),
        )
        .route(
            "/v1/conversations/{id}/messages/{seq}/pin",
            put(amendments::pin::<S>).delete(amendments::unpin::<S>),
        )
        .route("/v1/conversations/{id}/events", get(messages::events::<S>))
        .route(
            "/v1/conversations/{id}/read",
            put(cursors::move_cursor::<S>),
        )
        .route("/v1/conversations/{id}/readers", get(cursors::readers::<S>))
}

fn personal<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route(
            "/v1/conversations/{id}/personal",
            put(personal::change::<S>),
        )
        .route("/v1/personal", get(personal::changes::<S>))
        .route("/v1/mentions", get(personal::mentions::<S>))
}

/// Who comes in, who stays out, and who is in charge.
fn order<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route(
            "/v1/conversations/{id}/invites",
            get(invites::invites::<S>).post(invites::make::<S>),
        )
        .route(
            "/v1/conversations/{id}/invites/{invite_id}",
            delete(invites::revoke::<S>),
        )
        .route("/v1/invites/{code}", get(invites::preview::<S>))
        .route("/v1/invites/{code}/join", post(invites::join::<S>))
        .route("/v1/conversations/{id}/bans", get(moderation::bans::<S>))
        .route(
            "/v1/conversations/{id}/bans/{user}",
            put(moderation::ban::<S>).delete(moderation::unban::<S>),
        )
        .route(
            "/v1/conversations/{id}/owner",
            post(moderation::hand_over::<S>),
        )
        .route(
            "/v1/conversations/{id}/messages/{seq}/history",
            get(moderation::history::<S>),
        )
}

fn threads<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route(
            "/v1/conversations/{id}/messages/{seq}/thread",
            get(threads::thread::<S>),
        )
        .route(
            "/v1/conversations/{id}/messages/{seq}/thread/read",
            put(threads::move_cursor::<S>),
        )
        .route("/v1/threads", get(threads::list::<S>))
        .route(
            "/v1/conversations/{id}/delivered",
            put(cursors::move_delivered::<S>),
        )
}

fn uploads<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route(
            "/v1/uploads",
            get(uploads::list::<S>).post(uploads::announce::<S>),
        )
        .route(
            "/v1/uploads/{id}",
            get(uploads::upload::<S>).delete(uploads::delete::<S>),
        )
        .route("/v1/uploads/{id}/url", get(uploads::url::<S>))
        .route(
            "/v1/uploads/{id}/parts",
            get(uploads::parts::<S>).post(uploads::sign_parts::<S>),
        )
        .route("/v1/uploads/{id}/complete", post(uploads::complete::<S>))
}

/// Programs, and what lets them in.
fn bots<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route("/v1/bots", get(bots::list::<S>).post(bots::make::<S>))
        .route("/v1/keys", get(keys::list::<S>).post(keys::make::<S>))
        .route("/v1/keys/{name}", delete(keys::revoke::<S>))
        .route("/v1/incoming/{key}", post(bots::incoming::<S>))
        .route(
            "/v1/bots/{id}/commands",
            get(commands::of_bot::<S>)
                .put(commands::set::<S>)
                .delete(commands::remove::<S>),
        )
        .route("/v1/conversations/{id}/commands", get(commands::list::<S>))
        .route(
            "/v1/conversations/{id}/commands/{name}",
            post(commands::give::<S>),
        )
}

/// Addresses of others that are told of events.
fn webhooks<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route(
            "/v1/webhooks",
            get(webhooks::list::<S>).post(webhooks::make::<S>),
        )
        .route(
            "/v1/webhooks/{id}",
            get(webhooks::webhook::<S>)
                .patch(webhooks::change::<S>)
                .delete(webhooks::remove::<S>),
        )
        .route("/v1/webhooks/{id}/secret", post(webhooks::make_secret::<S>))
        .route("/v1/webhooks/{id}/test", post(webhooks::test::<S>))
}

/// Those who follow the feed, for whoever runs the server.
fn pipelines<S: Store + Directory>() -> Router<Arc<Gateway<S>>> {
    Router::new()
        .route("/v1/pipelines", get(pipelines::list::<S>))
        .route(
            "/v1/pipelines/{name}",
            get(pipelines::pipeline::<S>).delete(pipelines::forget::<S>),
        )
        .route("/v1/pipelines/{name}/pause", post(pipelines::pause::<S>))
        .route("/v1/pipelines/{name}/resume", post(pipelines::resume::<S>))
        .route("/v1/pipelines/{name}/rewind", post(pipelines::rewind::<S>))
        .route("/v1/pipelines/{name}/dead", get(pipelines::dead::<S>))
        .route(
            "/v1/pipelines/{name}/dead/replay",
            post(pipelines::replay::<S>),
        )
        .route(
            "/v1/pipelines/{name}/dead/drop",
            post(pipelines::drop_dead::<S>),
        )
}

/// Where this server takes and gives bytes itself. No body is too long here, and none is given up for its time.
fn bytes<S: Store + Directory>(gateway: &Arc<Gateway<S>>) -> Router {
    let Some(local) = &gateway.uploading.local else {
        return Router::new();
    };
    let told = Arc::clone(gateway);
    let arrived = Arc::new(move |key: &BlobKey| {
        let (gateway, key) = (Arc::clone(&told), key.clone());
        // The client has its answer without it.
        tokio::spawn(async move { gateway.blob_arrived(&key).await });
    });
    let router = tidemark_blobs::local::router(Arc::clone(local), arrived);
    match &gateway.uploading.public_url {
        Some(url) => router.layer(middleware::from_fn_with_state(
            Arc::new(url.clone()),
            only_there,
        )),
        None => router,
    }
}

/// Where files have a host of their own, no other one gives them out: a browser is to keep them apart from all else.
async fn only_there(State(url): State<Arc<Url>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok());
    let asked = host.and_then(|host| Url::parse(&format!("{}://{host}", url.scheme())).ok());
    let is_there = asked.is_some_and(|asked| asked.origin() == url.origin());
    if is_there {
        next.run(request).await
    } else {
        no_such_path().await.into_response()
    }
}

async fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "there is no such path; /v1/docs lists them")
}

async fn wrong_method() -> Problem {
    Problem::wrong_method()
}

/// Counts and logs every request. A path is known by its pattern, so that no id gets into a label.
async fn observe<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let (status, took) = (response.status().as_u16(), began.elapsed());
    gateway
        .metrics
        .request(method_label(&method), route, status, took);
    if let Some(problem::RefusedWith(code)) = response.extensions().get() {
        gateway.metrics.refused(code.as_str());
    }
    tracing::debug!(%method, route, status, ?took, "request");
    response
}

/// A label has few values, whatever a client invents.
fn method_label(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
