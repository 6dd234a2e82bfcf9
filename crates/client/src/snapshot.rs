//! What outlives the process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::body;
use tidemark_protocol::session::client::{KeptPersonal, Pending, Resumption};
use tidemark_protocol::wire::Wire;

/// What an app keeps so that its next process goes on where this one ended: the history, how far each
/// followed conversation was read from it, the messages without a final answer, and what the user keeps for themselves.
///
/// It holds the texts of unsent messages and of drafts, but no token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    epoch: Option<String>,
    cursors: BTreeMap<Wire<ConversationId>, Wire<Seq>>,
    outbox: Vec<Unsent>,
    #[serde(default)]
    personal: OwnChanges,
}

/// What the user keeps for themselves, and up to which version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OwnChanges {
    version: u64,
    kept: Vec<Kept>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    state: body::Personal,
    read: Option<Wire<Seq>>,
    head: Option<Wire<Seq>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unsent {
    conversation: Wire<ConversationId>,
    message: body::NewMessage,
}

impl Snapshot {
    /// For an app that keeps cursors of its own: the last event that it has of each conversation that it
    /// follows, and the name of the history that they are about, if it has heard it.
    pub fn of_cursors(
        epoch: Option<String>,
        cursors: impl IntoIterator<Item = (ConversationId, Seq)>,
    ) -> Self {
        Self {
            epoch,
            cursors: cursors
                .into_iter()
                .map(|(id, seq)| (Wire(id), Wire(seq)))
                .collect(),
            outbox: Vec::new(),
            personal: OwnChanges::default(),
        }
    }

    /// The name of the history that the cursors are about, if the server has said it.
    pub fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// The followed conversations, each with the last event that the app was handed.
    pub fn cursors(&self) -> impl Iterator<Item = (ConversationId, Seq)> {
        self.cursors.iter().map(|(id, seq)| (id.0, seq.0))
    }

    /// Nothing but messages to send, in this order: for an app that keeps no history, and looks at the
    /// newest page instead of catching up.
    pub fn of_messages(messages: impl IntoIterator<Item = Pending>) -> Self {
        Resumption {
            outbox: messages.into_iter().collect(),
            ..Resumption::default()
        }
        .into()
    }

    /// The messages without a final answer, in the order in which they were written.
    pub fn into_messages(self) -> Vec<Pending> {
        Resumption::from(self).outbox
    }

    /// How many messages had no final answer.
    pub fn unsent(&self) -> usize {
        self.outbox.len()
    }

    /// The last event that the app was handed of a followed conversation.
    pub fn cursor(&self, conversation: ConversationId) -> Option<Seq> {
        self.cursors.get(&Wire(conversation)).map(|seq| seq.0)
    }
}

impl From<Resumption> for Snapshot {
    fn from(left: Resumption) -> Self {
        let unsent = |pending: Pending| Unsent {
            conversation: Wire(pending.conversation),
            message: pending.message.into(),
        };
        let kept = |kept: KeptPersonal| Kept {
            state: kept.state,
            read: kept.read.map(Wire),
            head: kept.head.map(Wire),
        };
        Self {
            personal: OwnChanges {
                version: left.personal_version,
                kept: left.personal.into_iter().map(kept).collect(),
            },
            epoch: left.epoch,
            cursors: left
                .cursors
                .into_iter()
                .map(|(id, seq)| (Wire(id), Wire(seq)))
                .collect(),
            outbox: left.outbox.into_iter().map(unsent).collect(),
        }
    }
}

impl From<Snapshot> for Resumption {
    fn from(snapshot: Snapshot) -> Self {
        let pending = |unsent: Unsent| Pending {
            conversation: unsent.conversation.0,
            message: unsent.message.into(),
        };
        let kept = |kept: Kept| KeptPersonal {
            state: kept.state,
            read: kept.read.map(|seq| seq.0),
            head: kept.head.map(|seq| seq.0),
        };
        Self {
            personal_version: snapshot.personal.version,
            personal: snapshot.personal.kept.into_iter().map(kept).collect(),
            epoch: snapshot.epoch,
            cursors: snapshot
                .cursors
                .into_iter()
                .map(|(id, seq)| (id.0, seq.0))
                .collect(),
            outbox: snapshot.outbox.into_iter().map(pending).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemark_core::conversation::{Mentions, NewMessage};
    use tidemark_core::{ClientId, UploadId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_app_may_bring_cursors_of_its_own() {
        let cursors = [(ConversationId(Uuid::from_u128(1)), Seq::new(7).unwrap())];
        let snapshot = Snapshot::of_cursors(Some("history".to_owned()), cursors);
        assert_eq!(snapshot.epoch(), Some("history"));
        assert!(snapshot.cursors().eq(cursors));
        assert_eq!(Resumption::from(snapshot).cursors, BTreeMap::from(cursors));
    }

    fn left() -> Resumption {
        let conversation = ConversationId(Uuid::from_u128(1));
        Resumption {
            epoch: Some("history".to_owned()),
            cursors: BTreeMap::from([(conversation, Seq::new(7).unwrap())]),
            outbox: vec![Pending {
                conversation,
                message: NewMessage {
                    client_id: ClientId(Uuid::from_u128(2)),
                    text: "unsent".to_owned(),
                    reply_to: Seq::new(3),
                    mentions: Mentions::All,
                    client_at: None,
                    thread: None,
                    attachments: vec![UploadId(Uuid::from_u128(3))],
                },
            }],
            personal_version: 9,
            personal: vec![KeptPersonal {
                state: body::Personal {
                    conversation: Wire(conversation),
                    version: 9,
                    muted_until: None,
                    archived: true,
                    favourite: false,
                    marked_unread_at: Seq::new(2).map(Wire),
                    draft: Some(body::Draft {
                        text: "begun".to_owned(),
                        reply_to: None,
                    }),
                },
                read: Seq::new(3),
                head: None,
            }],
        }
    }

    #[test]
    fn messages_alone_bring_no_history_along() {
        let left = left();
        let messages = Snapshot::from(left.clone()).into_messages();
        let only = Resumption::from(Snapshot::of_messages(messages));
        assert_eq!(only.outbox, left.outbox);
        assert_eq!((only.epoch, only.cursors), (None, BTreeMap::new()));
    }

    #[test]
    fn a_snapshot_from_before_there_were_drafts_is_read() {
        let read: Snapshot =
            serde_json::from_str(r#"{"epoch": null, "cursors": {}, "outbox": []}"#).unwrap();
        assert_eq!(read, Snapshot::default());
    }

    #[test]
    fn nothing_is_lost_on_disk() {
        let left = left();
        let text = serde_json::to_string(&Snapshot::from(left.clone())).unwrap();
        let read: Snapshot = serde_json::from_str(&text).unwrap();
        assert_eq!(read.unsent(), 1);
        assert_eq!(Resumption::from(read), left);
    }
}
