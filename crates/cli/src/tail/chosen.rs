//! Which conversations are printed.

use std::collections::{BTreeMap, BTreeSet};

use tidemark_client::{Http, HttpError};
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::Code;

use crate::failure::{Failure, FailureKind};

const INBOX_PAGE: u32 = 100;

/// The conversations on the command line; all of the user's if there are none.
pub(super) struct Chosen(BTreeSet<ConversationId>);

impl Chosen {
    pub(super) fn new(conversations: impl IntoIterator<Item = ConversationId>) -> Self {
        Self(conversations.into_iter().collect())
    }

    pub(super) fn has(&self, conversation: ConversationId) -> bool {
        self.is_all() || self.0.contains(&conversation)
    }

    pub(super) fn is_all(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn named(&self) -> impl Iterator<Item = ConversationId> {
        self.0.iter().copied()
    }

    /// The conversations with their last events, as the server has them now.
    pub(super) async fn heads(
        &self,
        http: &Http,
    ) -> Result<BTreeMap<ConversationId, Seq>, Failure> {
        let mut heads = BTreeMap::new();
        for id in &self.0 {
            heads.insert(*id, head_of(http, *id).await?);
        }
        if !self.is_all() {
            return Ok(heads);
        }
        let mut before = None;
        loop {
            let page = http.conversations(INBOX_PAGE, before).await?;
            let listed = page.conversations.iter();
            heads.extend(listed.map(|it| (it.id.0, it.head_seq.0)));
            match page.next {
                Some(next) => before = Some(next.0),
                None => return Ok(heads),
            }
        }
    }
}

async fn head_of(http: &Http, id: ConversationId) -> Result<Seq, Failure> {
    let refused = |sentence| Failure::new(FailureKind::Refused, sentence);
    match http.conversation(id).await {
        Ok(conversation) if conversation.role.is_none() => Err(refused(format!(
            "you are not a member of the conversation {id}; join it first"
        ))),
        Ok(conversation) => Ok(conversation.head_seq.0),
        Err(HttpError::Refused {
            code: Code::NotFound,
            ..
        }) => Err(refused(format!(
            "there is no conversation {id}, or you are not in it"
        ))),
        Err(error) => Err(error.into()),
    }
}
