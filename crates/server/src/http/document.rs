//! The API's description of itself: OpenAPI for programs, a page for people.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::Modify;
use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use super::{
    accounts, amendments, blocks, bots, commands, conversations, cursors, feed, invites, keys,
    members, messages, moderation, operations, page, personal, pipelines, sync, threads, uploads,
    users, webhooks,
};

/// The document. Every handler of the router is in `paths`; a test compares the two.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidemark",
        description = "A chat backend that people trust when the network does not cooperate. \
            The calls over HTTP; live delivery is over the socket at `/v1/socket`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        accounts::register, accounts::sign_in, accounts::sessions, accounts::sign_out,
        users::me, users::change_me, users::user, users::search,
        conversations::inbox, conversations::create, conversations::conversation,
        conversations::change, conversations::join, conversations::leave,
        members::members, members::add, members::remove, members::change_role,
        messages::send, messages::timeline, messages::events,
        amendments::edit, amendments::delete, amendments::react, amendments::take_back,
        amendments::pin, amendments::unpin,
        cursors::move_cursor, cursors::readers, cursors::move_delivered,
        threads::thread, threads::move_cursor, threads::list,
        personal::change, personal::changes, personal::mentions,
        invites::make, invites::invites, invites::revoke, invites::preview, invites::join,
        moderation::bans, moderation::ban, moderation::unban, moderation::hand_over,
        moderation::history,
        sync::sync, feed::feed,
        blocks::block, blocks::unblock, blocks::list,
        uploads::announce, uploads::list, uploads::upload, uploads::delete, uploads::url,
        uploads::sign_parts, uploads::parts, uploads::complete,
        pipelines::list, pipelines::pipeline, pipelines::pause, pipelines::resume,
        pipelines::rewind, pipelines::forget, pipelines::dead, pipelines::replay,
        pipelines::drop_dead,
        webhooks::make, webhooks::list, webhooks::webhook, webhooks::change, webhooks::remove,
        webhooks::make_secret, webhooks::test,
        bots::list, bots::make, bots::incoming,
        commands::set, commands::of_bot, commands::remove, commands::list, commands::give,
        keys::list, keys::make, keys::revoke,
        operations::health, operations::ready, operations::metrics,
    ),
    security(("bearer" = [])),
    modifiers(&Bearer),
    tags(
        (name = "accounts", description = "Accounts and signed-in devices"),
        (name = "users", description = "Profiles"),
        (name = "conversations", description = "The inbox, and conversations as a whole"),
        (name = "members", description = "Who is in a conversation, and as what"),
        (name = "messages", description = "Sending, reading and catching up"),
        (name = "threads", description = "Replies below one message"),
        (name = "uploads", description = "Files: their bytes travel beside, by URLs that are good for a while"),
        (name = "cursors", description = "How far people have read"),
        (name = "personal", description = "What belongs to one user"),
        (name = "feed", description = "The log of everything, for the server side of an application"),
        (name = "bots", description = "Programs that take part, and the keys that let them in"),
        (name = "webhooks", description = "Addresses of others that are told of events, signed and in order"),
        (name = "pipelines", description = "Those who follow the feed: how far they are, and what they could not do"),
        (name = "operations", description = "For probes and dashboards"),
    ),
)]
struct Document;

/// Tokens, whichever kind, come in the same header.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "a session token, a JWT of the embedding application, or an API key",
            ))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

static DOCUMENT: LazyLock<utoipa::openapi::OpenApi> = LazyLock::new(Document::openapi);
static JSON: LazyLock<String> = LazyLock::new(|| {
    DOCUMENT
        .to_pretty_json()
        .expect("a document made of strings is JSON")
});
static PAGE: LazyLock<String> = LazyLock::new(|| page::render(&DOCUMENT));

/// `GET /v1/openapi.json`.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], JSON.as_str())
}

/// `GET /v1/docs`.
pub(super) async fn docs() -> impl IntoResponse {
    (
        [
            (CONTENT_TYPE.as_str(), "text/html; charset=utf-8"),
            (
                "content-security-policy",
                "default-src 'none'; style-src 'unsafe-inline'",
            ),
        ],
        PAGE.as_str(),
    )
}

/// The document as JSON, as it is served.
pub fn openapi_json() -> &'static str {
    &JSON
}
