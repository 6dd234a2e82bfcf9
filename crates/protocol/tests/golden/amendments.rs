//! Events about messages.

use tidemark_core::conversation::{
    Amendment, Change, DeleteReason, Emoji, EventBody, Mentions, Message,
};

use crate::file::Case;
use crate::samples::{client_id, plain_message, seq, user};
use crate::server::live;

fn amendment(by: &str, change: Change) -> EventBody {
    EventBody::Amendment(Amendment {
        target: seq(4),
        by: user(by),
        client_id: None,
        change,
    })
}

fn named(by: &str, change: Change) -> EventBody {
    EventBody::Amendment(Amendment {
        target: seq(4),
        by: user(by),
        client_id: Some(client_id()),
        change,
    })
}

pub(crate) fn cases() -> Vec<Case> {
    let edit = |text: &str, mentions| Change::Edit {
        text: text.to_owned(),
        mentions,
    };
    let reaction = |emoji: &str, on| Change::Reaction {
        emoji: Emoji::parse(emoji).unwrap(),
        on,
    };
    let delete = |reason| Change::Delete {
        reason,
        thread: None,
    };
    let noon = edit("High water at noon.", Mentions::Users(vec![user("ben")]));
    vec![
        live(
            "edit",
            "the message says this now",
            12,
            amendment("ann", noon),
        ),
        live(
            "edit with a name",
            "what its author's client named it",
            13,
            named("ann", edit("High water at one.", Mentions::default())),
        ),
        live(
            "edit of what was deleted since",
            "its text and mentions are gone with those of the message",
            14,
            amendment("ann", edit("", Mentions::default())),
        ),
        live(
            "message that was deleted since",
            "it says nothing; its delete event comes later in the log",
            4,
            EventBody::Message(Message {
                text: String::new(),
                ..plain_message()
            }),
        ),
        live(
            "reaction",
            "ben reacts",
            15,
            amendment("ben", reaction("👍", true)),
        ),
        live(
            "reaction: taken back",
            "it is there no more",
            16,
            amendment("ben", reaction("👍", false)),
        ),
        live(
            "pin",
            "the message is pinned",
            17,
            amendment("ben", Change::Pin { on: true }),
        ),
        live(
            "pin: taken away",
            "it is pinned no more",
            18,
            amendment("ben", Change::Pin { on: false }),
        ),
        live(
            "delete",
            "by its author",
            19,
            amendment("ann", delete(DeleteReason::Author)),
        ),
        live(
            "delete: by somebody who keeps order",
            "an admin, an owner, or an API key",
            20,
            amendment("tidemark:administrator", delete(DeleteReason::Moderator)),
        ),
        live(
            "delete: by age",
            "the conversation keeps messages for so long and no longer",
            21,
            amendment("tidemark:administrator", delete(DeleteReason::Retention)),
        ),
    ]
}
