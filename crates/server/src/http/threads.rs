//! `/v1/conversations/{id}/messages/{seq}/thread` and `/v1/threads`: replies below one message.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WirePosition, WireSeq};
use tidemark_store::{Directory, Store, Window};

use super::extract::{Body, Ids, Parameters, Person, SignedIn};
use super::messages::page_limits;
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::translate;

const REPLIES_DEFAULT: usize = 50;
const THREADS_DEFAULT: usize = 50;
const THREADS_PAGE_MAX: usize = 100;

/// A thread: its conversation and the place of its first message.
type Place = Ids<(Wire<ConversationId>, Wire<Seq>)>;

/// Which part of the thread: `before` or `after`; the newest replies if neither.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RepliesPage {
    /// The most replies; 50 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// The newest ones below this place.
    #[param(value_type = Option<WireSeq>)]
    before: Option<WireSeq>,
    /// The oldest ones above this place.
    #[param(value_type = Option<WireSeq>)]
    after: Option<WireSeq>,
}

/// A page of the replies below a message, oldest first, with that message and what the caller has still to see.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages/{seq}/thread", tag = "threads",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path), RepliesPage),
    responses(
        (status = 200, body = body::ThreadPage),
        (status = 400, description = "the message is a reply itself", body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn thread<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids((Wire(id), Wire(root))): Place,
    Parameters(page): Parameters<RepliesPage>,
) -> Result<Json<body::ThreadPage>, Problem> {
    let window = match (page.before, page.after) {
        (None, None) => Window::Latest,
        (Some(before), None) => Window::Before(before.0),
        (None, Some(after)) => Window::After(after.0),
        _ => return Err(Problem::invalid("give one of before and after")),
    };
    let limit = page.limit.map_or(REPLIES_DEFAULT, NonZeroUsize::get);
    let limits = page_limits(limit, gateway.config.limits.page_events);
    let page = gateway
        .store
        .thread(&identity.caller, id, root, window, limits)
        .await?;
    Ok(Json(translate::thread_page(id, page)))
}

/// Say how far the caller has read a thread. The cursor never moves back, and is no cursor of the conversation.
#[utoipa::path(
    put, path = "/v1/conversations/{id}/messages/{seq}/thread/read", tag = "threads",
    params(("id" = WireConversationId, Path), ("seq" = WireSeq, Path)),
    request_body = body::MoveCursor,
    responses(
        (status = 200, body = body::ThreadCursor),
        (status = 400, description = "the message is a reply itself", body = body::Problem),
        (status = 404, body = body::Problem),
    ),
)]
pub(super) async fn move_cursor<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Ids((Wire(id), Wire(root))): Place,
    Body(body): Body<body::MoveCursor>,
) -> Result<Json<body::ThreadCursor>, Problem> {
    let seq = body.seq.0;
    let moved = gateway
        .store
        .move_thread_cursor(&person.user, id, root, seq)
        .await?;
    if moved.moved {
        let frame = translate::thread_read(None, id, root, moved);
        gateway.hub.publish_thread_read(&person.user, None, &frame);
    }
    Ok(Json(body::ThreadCursor {
        read_seq: Wire(moved.standing.read),
        unread: moved.standing.unread,
    }))
}

/// Which part of the caller's threads.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ThreadsBefore {
    /// Only those of this conversation.
    #[param(value_type = Option<WireConversationId>)]
    conversation: Option<WireConversationId>,
    /// The most threads; 50 if absent, at most 100.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// `next` of the page before.
    #[param(value_type = Option<WirePosition>)]
    before: Option<WirePosition>,
}

/// The threads that the caller takes part in, last active first: those whose first message or a reply is theirs.
///
/// Of more than 1,000 such threads those are listed in which the caller wrote last.
#[utoipa::path(
    get, path = "/v1/threads", tag = "threads", params(ThreadsBefore),
    responses((status = 200, body = body::Threads), (status = 404, body = body::Problem)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Parameters(of): Parameters<ThreadsBefore>,
) -> Result<Json<body::Threads>, Problem> {
    let limit = of.limit.map_or(THREADS_DEFAULT, NonZeroUsize::get);
    let limits = page_limits(limit, THREADS_PAGE_MAX);
    let (only, before) = (of.conversation.map(|id| id.0), of.before.map(|it| it.0));
    let page = gateway
        .store
        .threads(&person.user, only, before, limits)
        .await?;
    Ok(Json(body::Threads {
        threads: page.threads.into_iter().map(translate::thread).collect(),
        next: page.next.map(Wire),
    }))
}
