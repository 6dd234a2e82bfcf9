//! `/v1/conversations/{id}/messages` and `…/events`: saying something, reading the timeline, catching up.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemark_core::conversation::{Action, NewMessage};
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WireSeq};
use tidemark_store::{Directory, PageLimits, Store, Window};

use super::accepted::perform_send;
use super::extract::{Body, Ids, Parameters, SignedIn};
use super::problem::Problem;
use crate::gateway::Gateway;

const MESSAGES_DEFAULT: usize = 50;
/// A page of long messages ends here, before its limit.
const PAGE_TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Send a message.
///
/// The same `client_id` again is answered with the place that the message got the first time, after any time.
#[utoipa::path(
    post, path = "/v1/conversations/{id}/messages", tag = "messages",
    params(("id" = WireConversationId, Path)), request_body = body::NewMessage,
    responses(
        (status = 201, body = body::MessageAccepted),
        (status = 200, description = "it was accepted before", body = body::MessageAccepted),
        (status = 404, body = body::Problem),
        (status = 409, description = "the client_id named another message", body = body::Problem),
        (status = 413, body = body::Problem),
        (status = 429, body = body::Problem),
    ),
)]
pub(super) async fn send<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Body(message): Body<body::NewMessage>,
) -> Result<(StatusCode, Json<body::MessageAccepted>), Problem> {
    message.check().map_err(Problem::invalid)?;
    let message: NewMessage = message.into();
    gateway.settle_attachments(&message.attachments).await?;
    let action = Action::Send(message);
    let accepted = perform_send(&gateway, identity, id, action).await?;
    let status = if accepted.duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok((status, Json(accepted)))
}

/// Which part of the timeline: at most one of `before`, `after` and `around`; the newest messages if none.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelinePage {
    /// The most messages; 50 if absent, at most 1,000.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
    /// The newest ones below this place.
    #[param(value_type = Option<WireSeq>)]
    before: Option<WireSeq>,
    /// The oldest ones above this place.
    #[param(value_type = Option<WireSeq>)]
    after: Option<WireSeq>,
    /// About as many on both sides of this place, and the message at it.
    #[param(value_type = Option<WireSeq>)]
    around: Option<WireSeq>,
    /// Whether to leave out replies that only their threads show; `false` if absent.
    #[serde(default)]
    main: bool,
}

impl TimelinePage {
    fn window(&self) -> Result<Window, Problem> {
        match (self.before, self.after, self.around) {
            (None, None, None) => Ok(Window::Latest),
            (Some(before), None, None) => Ok(Window::Before(before.0)),
            (None, Some(after), None) => Ok(Window::After(after.0)),
            (None, None, Some(around)) => Ok(Window::Around(around.0)),
            _ => Err(Problem::invalid("give one of before, after and around")),
        }
    }
}

/// A page of the timeline, oldest first: messages as they stand now.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/messages", tag = "messages",
    params(("id" = WireConversationId, Path), TimelinePage),
    responses((status = 200, body = body::MessagesPage), (status = 404, body = body::Problem)),
)]
pub(super) async fn timeline<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Parameters(page): Parameters<TimelinePage>,
) -> Result<Json<body::MessagesPage>, Problem> {
    let limit = page.limit.map_or(MESSAGES_DEFAULT, NonZeroUsize::get);
    let limits = page_limits(limit, gateway.config.limits.page_events);
    let (window, store) = (page.window()?, &gateway.store);
    let page = if page.main {
        store
            .main_messages(&identity.caller, id, window, limits)
            .await?
    } else {
        store.messages(&identity.caller, id, window, limits).await?
    };
    let messages = page.messages.into_iter();
    Ok(Json(body::MessagesPage {
        messages: messages.map(|it| body::Message::new(id, it)).collect(),
        head_seq: Wire(page.head),
        more: page.more,
    }))
}

/// From where to catch up.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsFrom {
    /// The last place that the caller holds; 0, or absent, for everything.
    #[serde(default)]
    #[param(value_type = Option<WireSeq>)]
    after: WireSeq,
    /// The most events; 1,000 if absent, which is also the most.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
}

/// Catch up: exactly the events after a place, oldest first.
///
/// A page may end before its limit; `more` says whether events follow.
#[utoipa::path(
    get, path = "/v1/conversations/{id}/events", tag = "messages",
    params(("id" = WireConversationId, Path), EventsFrom),
    responses((status = 200, body = body::EventsPage), (status = 404, body = body::Problem)),
)]
pub(super) async fn events<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<ConversationId>>,
    Parameters(from): Parameters<EventsFrom>,
) -> Result<Json<body::EventsPage>, Problem> {
    let most = gateway.config.limits.page_events;
    let limits = page_limits(from.limit.map_or(most, NonZeroUsize::get), most);
    let Wire(after): Wire<Seq> = from.after;
    let tail = gateway.tail(&identity.caller, id, after, limits).await?;
    let page = tail.into_page(after);
    gateway
        .metrics
        .catch_up_events
        .inc_by(page.events.len() as u64);
    Ok(Json(body::EventsPage {
        events: page.events.into_iter().map(Into::into).collect(),
        head_seq: Wire(page.head),
        more: page.more,
        visible_from: page.visible_from.map(Wire),
    }))
}

/// What one page over HTTP may hold.
pub(super) fn page_limits(wished: usize, most: usize) -> PageLimits {
    PageLimits {
        entries_max: wished.min(most),
        text_bytes_max: PAGE_TEXT_BYTES_MAX,
    }
}
