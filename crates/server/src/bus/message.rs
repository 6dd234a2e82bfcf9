//! What nodes tell each other, and how it looks in bytes.
//!
//! A message is a version, a kind, the node that it comes from, and the fields of its kind in order: ids of 16
//! bytes, numbers of 8 (little endian), users with a byte that says how long they are. A frame, ready to write to
//! sockets, takes the rest. A kind or version that a node does not know, it ignores; so nodes of two versions
//! can serve one store while one replaces the other. Kinds from 32 on are for soft state, which has none of
//! the promises that the others lean on the store for.

use axum::extract::ws::Utf8Bytes;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tidemark_core::presence::{NodeReport, Presence, Status};
use tidemark_core::{ConversationId, Seq, SessionId, Timestamp, UserId};
use uuid::Uuid;

/// Changes only when an old node would misread a new message; a new kind is no reason.
const VERSION: u8 = 1;

const EVENT: u8 = 1;
const RECEIPT: u8 = 2;
const CURSOR: u8 = 3;
const ADDED: u8 = 4;
const REVOKED: u8 = 5;
const PERSONAL: u8 = 9;
const TYPING: u8 = 32;
const PRESENCE: u8 = 33;
const WHO_IS_THERE: u8 = 34;
/// As an event, of which it is one.
const DELETION: u8 = 35;
/// As an event, of which it is one.
const VEILED: u8 = 40;
const ROLES: u8 = 41;
const THREAD_READ: u8 = 36;
const BLOCKS: u8 = 42;
const UPLOAD: u8 = 43;
const OWN_UPLOAD: u8 = 44;
const PRIVACY: u8 = 45;

const OFFLINE: u8 = 0;
const AWAY: u8 = 1;
const ONLINE: u8 = 2;

/// Where a time would be. A node that does not know of it reads no time.
const HIDES_LAST_SEEN: u8 = 1;

/// A node, by a number that it makes up when it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub(crate) Uuid);

/// What one node tells the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// An event became durable. To those who follow the conversation.
    Event {
        conversation: ConversationId,
        seq: Seq,
        /// How many members the conversation has now.
        members: u64,
        joined: Vec<UserId>,
        left: Vec<UserId>,
        /// Whether it deletes a message, so that less may be unread.
        deletes: bool,
        /// Whether people are to read it, each what they may see of it.
        veiled: bool,
        /// The event, as every socket gets it.
        frame: Utf8Bytes,
    },
    /// A member's cursor moved, for the other members to see. To those who follow the conversation.
    Receipt {
        conversation: ConversationId,
        user: UserId,
        frame: Utf8Bytes,
    },
    /// A user's cursor moved, for their own devices. To those who follow the user.
    Cursor {
        user: UserId,
        conversation: ConversationId,
        frame: Utf8Bytes,
    },
    /// A user changed something of their own, for their own devices. To those who follow the user.
    Personal {
        user: UserId,
        conversation: ConversationId,
        version: u64,
        frame: Utf8Bytes,
    },
    /// Who of these are guests, and so do not write, and who are not. To those who follow the conversation.
    Roles {
        conversation: ConversationId,
        guests: Vec<UserId>,
        others: Vec<UserId>,
    },
    /// A user became a member by the event at this place. To those who follow the user: they need not follow the
    /// conversation yet.
    Added {
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
    },
    /// A session was revoked. To those who follow its user.
    Revoked { user: UserId, session: SessionId },
    /// A member is writing, for the other members to see. To those who follow the conversation.
    Typing {
        conversation: ConversationId,
        user: UserId,
        frame: Utf8Bytes,
    },
    /// What a user's devices on the node that says it say together. To those who follow the user's presence.
    Presence { user: UserId, report: NodeReport },
    /// Whether a user is there. To those who follow the user; what they answer is [`Hint::Presence`].
    WhoIsThere {
        user: UserId,
        /// Whether the node that asks knows nothing yet, and so wants an answer even if there was one just now.
        is_new: bool,
    },
    /// A user's cursor in a thread moved, for their own devices. To those who follow the user.
    ThreadRead {
        user: UserId,
        conversation: ConversationId,
        frame: Utf8Bytes,
    },
    /// Where an upload is has changed that a message shows. To those who follow the conversation.
    Upload {
        conversation: ConversationId,
        frame: Utf8Bytes,
    },
    /// The same of a user's own upload, for their own devices. To those who follow the user.
    OwnUpload { user: UserId, frame: Utf8Bytes },
    /// A user blocks another one from now on, or no longer. To those who follow one of the two.
    Blocks {
        user: UserId,
        has_more: bool,
        other: UserId,
    },
    /// What a user lets others see of their presence has changed: the store knows how. To those who follow the user
    /// or their presence.
    Privacy { user: UserId },
}

pub(crate) fn encode(node: NodeId, hint: &Hint) -> Bytes {
    let mut out = BytesMut::with_capacity(128 + hint.frame().map_or(0, str::len));
    out.put_u8(VERSION);
    out.put_u8(hint.kind());
    put_uuid(&mut out, node.0);
    match hint {
        Hint::Event {
            conversation,
            seq,
            members,
            joined,
            left,
            ..
        } => {
            put_uuid(&mut out, conversation.0);
            out.put_u64_le(seq.get());
            out.put_u64_le(*members);
            put_users(&mut out, joined);
            put_users(&mut out, left);
        }
        Hint::Receipt {
            conversation, user, ..
        }
        | Hint::Typing {
            conversation, user, ..
        } => {
            put_uuid(&mut out, conversation.0);
            put_user(&mut out, user);
        }
        Hint::Cursor {
            user, conversation, ..
        }
        | Hint::ThreadRead {
            user, conversation, ..
        } => {
            put_user(&mut out, user);
            put_uuid(&mut out, conversation.0);
        }
        Hint::Personal {
            user,
            conversation,
            version,
            ..
        } => {
            put_user(&mut out, user);
            put_uuid(&mut out, conversation.0);
            out.put_u64_le(*version);
        }
        Hint::Added {
            user,
            conversation,
            seq,
        } => {
            put_user(&mut out, user);
            put_uuid(&mut out, conversation.0);
            out.put_u64_le(seq.get());
        }
        Hint::Roles {
            conversation,
            guests,
            others,
        } => {
            put_uuid(&mut out, conversation.0);
            put_users(&mut out, guests);
            put_users(&mut out, others);
        }
        Hint::Revoked { user, session } => {
            put_user(&mut out, user);
            put_uuid(&mut out, session.0);
        }
        Hint::Presence { user, report } => {
            put_user(&mut out, user);
            put_report(&mut out, *report);
        }
        Hint::WhoIsThere { user, is_new } => {
            put_user(&mut out, user);
            out.put_u8((*is_new).into());
        }
        Hint::Blocks {
            user,
            has_more,
            other,
        } => {
            put_user(&mut out, user);
            out.put_u8((*has_more).into());
            put_user(&mut out, other);
        }
        Hint::Upload { conversation, .. } => put_uuid(&mut out, conversation.0),
        Hint::OwnUpload { user, .. } | Hint::Privacy { user } => put_user(&mut out, user),
    }
    out.put_slice(hint.frame().unwrap_or("").as_bytes());
    out.freeze()
}

/// What `message` says and which node says it; nothing for one that this version cannot read.
pub(crate) fn decode(mut message: Bytes) -> Option<(NodeId, Hint)> {
    let rest = &mut message;
    if rest.try_get_u8().ok()? != VERSION {
        return None;
    }
    let kind = rest.try_get_u8().ok()?;
    let node = NodeId(take_uuid(rest)?);
    let hint = match kind {
        EVENT | DELETION | VEILED => Hint::Event {
            conversation: ConversationId(take_uuid(rest)?),
            seq: take_seq(rest)?,
            members: rest.try_get_u64_le().ok()?,
            joined: take_users(rest)?,
            left: take_users(rest)?,
            deletes: kind == DELETION,
            veiled: kind == VEILED,
            frame: take_frame(rest)?,
        },
        RECEIPT => Hint::Receipt {
            conversation: ConversationId(take_uuid(rest)?),
            user: take_user(rest)?,
            frame: take_frame(rest)?,
        },
        CURSOR => Hint::Cursor {
            user: take_user(rest)?,
            conversation: ConversationId(take_uuid(rest)?),
            frame: take_frame(rest)?,
        },
        PERSONAL => Hint::Personal {
            user: take_user(rest)?,
            conversation: ConversationId(take_uuid(rest)?),
            version: rest.try_get_u64_le().ok()?,
            frame: take_frame(rest)?,
        },
        ADDED => Hint::Added {
            user: take_user(rest)?,
            conversation: ConversationId(take_uuid(rest)?),
            seq: take_seq(rest)?,
        },
        ROLES => Hint::Roles {
            conversation: ConversationId(take_uuid(rest)?),
            guests: take_users(rest)?,
            others: take_users(rest)?,
        },
        REVOKED => Hint::Revoked {
            user: take_user(rest)?,
            session: SessionId(take_uuid(rest)?),
        },
        TYPING => Hint::Typing {
            conversation: ConversationId(take_uuid(rest)?),
            user: take_user(rest)?,
            frame: take_frame(rest)?,
        },
        PRESENCE => Hint::Presence {
            user: take_user(rest)?,
            report: take_report(rest)?,
        },
        WHO_IS_THERE => Hint::WhoIsThere {
            user: take_user(rest)?,
            is_new: rest.try_get_u8().ok()? != 0,
        },
        THREAD_READ => Hint::ThreadRead {
            user: take_user(rest)?,
            conversation: ConversationId(take_uuid(rest)?),
            frame: take_frame(rest)?,
        },
        BLOCKS => Hint::Blocks {
            user: take_user(rest)?,
            has_more: rest.try_get_u8().ok()? != 0,
            other: take_user(rest)?,
        },
        UPLOAD => Hint::Upload {
            conversation: ConversationId(take_uuid(rest)?),
            frame: take_frame(rest)?,
        },
        OWN_UPLOAD => Hint::OwnUpload {
            user: take_user(rest)?,
            frame: take_frame(rest)?,
        },
        PRIVACY => Hint::Privacy {
            user: take_user(rest)?,
        },
        _ => return None,
    };
    Some((node, hint))
}

impl Hint {
    fn kind(&self) -> u8 {
        match self {
            Self::Event { deletes: true, .. } => DELETION,
            Self::Event { veiled: true, .. } => VEILED,
            Self::Event { .. } => EVENT,
            Self::Receipt { .. } => RECEIPT,
            Self::Cursor { .. } => CURSOR,
            Self::Personal { .. } => PERSONAL,
            Self::Added { .. } => ADDED,
            Self::Revoked { .. } => REVOKED,
            Self::Roles { .. } => ROLES,
            Self::Typing { .. } => TYPING,
            Self::Presence { .. } => PRESENCE,
            Self::WhoIsThere { .. } => WHO_IS_THERE,
            Self::ThreadRead { .. } => THREAD_READ,
            Self::Blocks { .. } => BLOCKS,
            Self::Upload { .. } => UPLOAD,
            Self::OwnUpload { .. } => OWN_UPLOAD,
            Self::Privacy { .. } => PRIVACY,
        }
    }

    fn frame(&self) -> Option<&str> {
        match self {
            Self::Event { frame, .. }
            | Self::Receipt { frame, .. }
            | Self::Cursor { frame, .. }
            | Self::Personal { frame, .. }
            | Self::Typing { frame, .. }
            | Self::ThreadRead { frame, .. }
            | Self::Upload { frame, .. }
            | Self::OwnUpload { frame, .. } => Some(frame.as_str()),
            Self::Added { .. }
            | Self::Revoked { .. }
            | Self::Roles { .. }
            | Self::Presence { .. }
            | Self::WhoIsThere { .. }
            | Self::Blocks { .. }
            | Self::Privacy { .. } => None,
        }
    }
}

fn put_uuid(out: &mut BytesMut, id: Uuid) {
    out.put_slice(id.as_bytes());
}

fn put_user(out: &mut BytesMut, user: &UserId) {
    let id = user.as_str();
    out.put_u8(u8::try_from(id.len()).expect("a user id has at most 64 bytes"));
    out.put_slice(id.as_bytes());
}

fn put_users(out: &mut BytesMut, users: &[UserId]) {
    out.put_u32_le(u32::try_from(users.len()).expect("one command names few users"));
    for user in users {
        put_user(out, user);
    }
}

/// A time is there where there is one: only of somebody who is gone.
fn put_report(out: &mut BytesMut, report: NodeReport) {
    let NodeReport {
        presence,
        hides_last_seen,
    } = report;
    out.put_u8(match presence.status {
        Status::Offline => OFFLINE,
        Status::Away => AWAY,
        Status::Online => ONLINE,
    });
    if hides_last_seen {
        out.put_u8(HIDES_LAST_SEEN);
    } else if let Some(at) = presence.last_seen {
        out.put_i64_le(at.0);
    }
}

fn take_report(rest: &mut Bytes) -> Option<NodeReport> {
    let status = match rest.try_get_u8().ok()? {
        OFFLINE => Status::Offline,
        AWAY => Status::Away,
        ONLINE => Status::Online,
        _ => return None,
    };
    let hides_last_seen = rest.as_ref() == [HIDES_LAST_SEEN];
    let last_seen = rest.try_get_i64_le().ok().map(Timestamp);
    let presence = Presence {
        last_seen: last_seen.filter(|_| status == Status::Offline),
        status,
    };
    Some(NodeReport::new(presence, hides_last_seen))
}

fn take(rest: &mut Bytes, length: usize) -> Option<Bytes> {
    (rest.len() >= length).then(|| rest.split_to(length))
}

fn take_uuid(rest: &mut Bytes) -> Option<Uuid> {
    Uuid::from_slice(&take(rest, 16)?).ok()
}

fn take_seq(rest: &mut Bytes) -> Option<Seq> {
    Seq::new(rest.try_get_u64_le().ok()?)
}

fn take_user(rest: &mut Bytes) -> Option<UserId> {
    let length = rest.try_get_u8().ok()?;
    let id = take(rest, usize::from(length))?;
    UserId::parse(str::from_utf8(&id).ok()?).ok()
}

fn take_users(rest: &mut Bytes) -> Option<Vec<UserId>> {
    let users = rest.try_get_u32_le().ok()?;
    // Not reserved: the number is only believed as far as there are bytes for it.
    (0..users).map(|_| take_user(rest)).collect()
}

/// Shares the message's memory.
fn take_frame(rest: &mut Bytes) -> Option<Utf8Bytes> {
    Utf8Bytes::try_from(std::mem::take(rest)).ok()
}

#[cfg(test)]
mod tests;
