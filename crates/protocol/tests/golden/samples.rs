//! The people, conversations and times that the golden files tell of.

use tidemark_core::conversation::{Event, EventBody, Mentions, Message};
use tidemark_core::upload::{Attachment, MadeFile, MediaFacts, UploadState, Variant};
use tidemark_core::{
    ClientId, ConversationId, InviteId, Seq, SessionId, Timestamp, UploadId, UserId,
};
use uuid::Uuid;

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
        attachments: Vec::new(),
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
        attachments: vec![picture(), recording()],
        ..plain_message()
    }
}

/// A picture of which everything is known.
pub(crate) fn picture() -> Attachment {
    Attachment {
        upload: UploadId(Uuid::from_u128(0x0197_a3c5_0000_7000_8000_0000_0000_0091)),
        name: "Old Quay 🌊.jpg".to_owned(),
        content_type: "image/jpeg".to_owned(),
        size: 2_345_678,
        state: UploadState::Ready,
        facts: MediaFacts {
            width: Some(4_032),
            height: Some(3_024),
            blur: Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".to_owned()),
            files: vec![MadeFile {
                variant: Variant::Thumbnail,
                content_type: "image/jpeg".to_owned(),
                width: Some(640),
                height: Some(480),
            }],
            ..MediaFacts::default()
        },
    }
}

/// A recording that nobody has looked at.
pub(crate) fn recording() -> Attachment {
    Attachment {
        upload: UploadId(Uuid::from_u128(0x0197_a3c5_0000_7000_8000_0000_0000_0092)),
        name: "horn.m4a".to_owned(),
        content_type: "audio/mp4".to_owned(),
        size: 98_765,
        state: UploadState::Scanning,
        facts: MediaFacts::default(),
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
