//! `/v1/sync`: everything that a device has missed, in one call.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use tidemark_core::access::Caller;
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::wire::Wire;
use tidemark_protocol::{Code, body};
use tidemark_store::{Directory, MembershipView, PageLimits, ReadError, Store};

use super::extract::{Body, Person};
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::translate;

/// Events and bytes of text in one answer. What finds no room is announced by `more` and read by the next call.
const EVENTS_MAX: usize = 5_000;
const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Conversations that the device does not know, in one answer; further ones are in the inbox.
const ADDED_MAX: usize = 1_000;

/// Everything that changed since a device was last here.
///
/// A device whose epoch is another one is answered as if it held nothing.
#[utoipa::path(
    post, path = "/v1/sync", tag = "messages", request_body = body::SyncRequest,
    responses((status = 200, body = body::SyncResponse), (status = 413, body = body::Problem)),
)]
pub(super) async fn sync<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    person: Person,
    Body(request): Body<body::SyncRequest>,
) -> Result<Json<body::SyncResponse>, Problem> {
    let limits = &gateway.config.limits;
    if request.conversations.len() > limits.hello_cursors {
        return Err(Problem::new(
            Code::TooLarge,
            format!("conversations: at most {} in a sync", limits.hello_cursors),
        ));
    }
    let epoch = gateway.store.epoch().to_string();
    let same_history = request.epoch.is_none_or(|known| known == epoch);
    let cursors = if same_history {
        request.conversations
    } else {
        BTreeMap::default()
    };
    let memberships = gateway.store.memberships(&person.user).await?;
    let mut known: HashMap<ConversationId, MembershipView> = memberships
        .into_iter()
        .map(|it| (it.conversation.id, it))
        .collect();

    let each = request
        .limit
        .map_or(limits.page_events, |limit: NonZeroU32| {
            limits.page_events.min(limit.get() as usize)
        });
    let mut pages = Pages {
        gateway: &gateway,
        caller: &person.identity.caller,
        each,
        events_left: EVENTS_MAX,
        bytes_left: TEXT_BYTES_MAX,
    };
    let mut conversations = Vec::new();
    let mut removed = Vec::new();
    for (Wire(id), Wire(cursor)) in cursors {
        let page = match known.remove(&id) {
            Some(membership) => pages.after(membership, cursor).await?,
            None => None,
        };
        match page {
            Some(page) => conversations.push(page),
            None => removed.push(Wire(id)),
        }
    }
    let added = added(&gateway, &person, &known).await?;
    Ok(Json(body::SyncResponse {
        epoch,
        conversations,
        added,
        removed,
    }))
}

/// Pages of events for one answer, which share what it may hold.
struct Pages<'call, S> {
    gateway: &'call Gateway<S>,
    caller: &'call Caller,
    each: usize,
    events_left: usize,
    bytes_left: usize,
}

impl<S: Store + Directory> Pages<'_, S> {
    /// What happened in a conversation after `cursor`; nothing if the caller has been removed meanwhile.
    async fn after(
        &mut self,
        membership: MembershipView,
        cursor: Seq,
    ) -> Result<Option<body::SyncedConversation>, Problem> {
        let id = membership.conversation.id;
        let mut synced = body::SyncedConversation {
            id: Wire(id),
            head_seq: Wire(membership.conversation.head),
            read_seq: Wire(membership.read),
            unread: membership.counts.unread,
            mentions: membership.counts.mentions,
            events: Vec::new(),
            more: cursor < membership.conversation.head,
            visible_from: None,
        };
        if !synced.more || self.events_left == 0 || self.bytes_left == 0 {
            return Ok(Some(synced));
        }
        let limits = PageLimits {
            entries_max: self.each.min(self.events_left),
            text_bytes_max: self.bytes_left,
        };
        let read = self
            .gateway
            .store
            .events_after(self.caller, id, cursor, limits);
        match read.await {
            Ok(page) => {
                let bytes: usize = page.events.iter().map(|it| it.body.text_bytes()).sum();
                self.bytes_left = self.bytes_left.saturating_sub(bytes);
                self.events_left -= page.events.len();
                self.gateway
                    .metrics
                    .catch_up_events
                    .inc_by(page.events.len() as u64);
                synced.head_seq = Wire(page.head);
                synced.more = page.more;
                synced.visible_from = page.visible_from.map(Wire);
                synced.events = page.events.into_iter().map(Into::into).collect();
                Ok(Some(synced))
            }
            Err(ReadError::Refused(_)) => Ok(None),
            Err(error @ ReadError::Unavailable) => Err(error.into()),
        }
    }
}

/// The conversations that the device did not ask about, last active first.
async fn added<S: Store + Directory>(
    gateway: &Gateway<S>,
    person: &Person,
    unknown: &HashMap<ConversationId, MembershipView>,
) -> Result<Vec<body::Conversation>, Problem> {
    let mut newest: Vec<_> = unknown.values().collect();
    newest.sort_unstable_by_key(|membership| std::cmp::Reverse(membership.active));
    let mut added = Vec::new();
    for membership in newest.into_iter().take(ADDED_MAX) {
        let id = membership.conversation.id;
        match gateway
            .store
            .conversation(&person.identity.caller, id)
            .await
        {
            Ok(view) => added.push(translate::conversation(view, gateway.clock.now())),
            // Removed since the list was read.
            Err(ReadError::Refused(_)) => {}
            Err(error @ ReadError::Unavailable) => return Err(error.into()),
        }
    }
    Ok(added)
}
