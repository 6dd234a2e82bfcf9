//! The people, conversations and times that the golden files tell of.

use tidemark_core::conversation::{Event, EventBody, Mentions, Message};
use tidemark_core::{ClientId, ConversationId, InviteId, Seq, SessionId, Timestamp, UserId};

/// Stands for a token that is good; whoever plays the files puts one in its place.
pub(crate) const TOKEN: &str = "TOKEN";
pub(crate) const EPOCH: &str = "0197a3c4-0000-7000-8000-00000000e9c4";
pub(crate) const HARBOUR: &str = "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
pub(crate) const LIGHTHOUSE: &str = "0197a3c4-5d6e-7f80-9a1b-2c3d4e5f6072";
pub(crate) const CLIENT_ID: &str = "0197a3c5-0001-7abc-8def-0123456789ab";

pub(crate) fn harbour() -> ConversationId {
    HARBOUR.parse().unwrap()
}

pub(crate) fn lighthouse() -> ConversationId {
    LIGHTHOUSE.parse().unwrap()
}

pub(crate) fn client_id() -> ClientId {
    CLIENT_ID.parse().unwrap()
}

pub(crate) fn session_id() -> SessionId {
    "0197a3c4-1111-7222-8333-444455556666".parse().unwrap()
}

pub(crate) fn invite_id() -> InviteId {
    "0197a3c4-2222-7333-8444-555566667777".parse().unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

pub(crate) fn seq(place: u64) -> Seq {
    Seq::new(place).unwrap()
}

/// A time some seconds into the story.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp(1_750_000_000_000 + seconds * 1_000)
}

/// A message with nothing but what it must have.
pub(crate) fn plain_message() -> Message {
    Message {
        sender: user("ann"),
        client_id: client_id(),
        text: "The tide is coming in.".to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
    }
}

/// A message with everything that it can have.
pub(crate) fn full_message() -> Message {
    Message {
        text: "High water at \"Old Quay\" 🌊\nBring boots.".to_owned(),
        reply_to: Some(seq(3)),
        mentions: Mentions::Users(vec![user("ben"), user("cleo@harbour.example")]),
        client_at: Some(Timestamp(at(40).0 - 250)),
        thread: None,
        ..plain_message()
    }
}

pub(crate) fn event(place: u64, body: EventBody) -> Event {
    Event {
        conversation: harbour(),
        seq: seq(place),
        at: at(i64::try_from(place).unwrap() * 10),
        body,
    }
}
