//! The users and conversations of a run. All ids begin with a name of the run, so that runs against
//! one server never meet.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt, TryStreamExt, stream};
use jsonwebtoken::Header;
use serde::Serialize;
use tidemark_core::conversation::ConversationKind;
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body::{MembersToAdd, NewConversation};
use tidemark_protocol::wire::{Secret, Wire, wrap_all};
use uuid::Uuid;

use super::progress::Progress;
use super::target::{Target, http_failure};
use crate::failure::Failure;

/// How long a token is good; longer than any run.
const TOKEN_SECONDS: u64 = 24 * 60 * 60;
/// The most users that one call may name.
const NAMED_MAX: usize = 1_000;
/// Conversations that are made at the same time.
const CALLS_AT_ONCE: usize = 16;

/// Names the users of one run.
pub(super) struct People {
    run: String,
}

#[derive(Serialize)]
struct Claims<'user> {
    sub: &'user str,
    exp: u64,
}

impl People {
    pub(super) fn of_a_new_run() -> Self {
        let mut run = Uuid::new_v4().simple().to_string();
        run.truncate(8);
        Self { run }
    }

    /// The user of this role with this number.
    pub(super) fn user(&self, role: &str, number: usize) -> UserId {
        UserId::parse(&format!("bench-{}-{role}-{number}", self.run))
            .expect("letters, digits and hyphens")
    }
}

/// A token that stands for `user`, signed as an embedding application would.
pub(super) fn token_of(target: &Target, user: &UserId) -> Result<Secret, Failure> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    let claims = Claims {
        sub: user.as_str(),
        exp: unix.map_or(0, |unix| unix.as_secs()) + TOKEN_SECONDS,
    };
    jsonwebtoken::encode(&Header::default(), &claims, &target.signing)
        .map(Secret::new)
        .map_err(|error| Failure::failed(format!("cannot sign a token: {error}")))
}

/// Begins a conversation of these users, who exist from then on.
pub(super) async fn begin_conversation(
    target: &Target,
    members: &[UserId],
) -> Result<ConversationId, Failure> {
    let mut groups = members.chunks(NAMED_MAX);
    let new = NewConversation {
        kind: Wire(ConversationKind::Group),
        title: Some("Bench".to_owned()),
        members: wrap_all(groups.next().unwrap_or_default().iter().cloned()),
        client_id: None,
        visibility: None,
    };
    let conversation = target
        .http
        .create_conversation(&new)
        .await
        .map_err(|error| http_failure(&error))?;
    let id = conversation.id.0;
    for group in groups {
        let people = MembersToAdd {
            users: wrap_all(group.iter().cloned()),
            role: None,
        };
        target
            .http
            .add_members(id, &people)
            .await
            .map_err(|error| http_failure(&error))?;
    }
    Ok(id)
}

/// Begins a conversation for each of these groups of users.
pub(super) async fn begin_conversations(
    target: &Target,
    groups: Vec<Vec<UserId>>,
    progress: &Progress,
) -> Result<Vec<ConversationId>, Failure> {
    let bar = progress.count("making conversations", groups.len());
    stream::iter(groups)
        .map(async |members| {
            let conversation = begin_conversation(target, &members).await;
            bar.inc(1);
            conversation
        })
        .buffered(CALLS_AT_ONCE)
        .try_collect()
        .await
}
