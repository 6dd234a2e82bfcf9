//! What servers say.

use tidemark_core::conversation::{
    ConversationKind, EventBody, History, Joined, MembersChange, Mentions, Message, Role,
    RulesChange, SettingsChange, Visibility,
};
use tidemark_core::presence::Status;
use tidemark_protocol::body::User;
use tidemark_protocol::frame::{
    Ack, Added, AdvertisedLimits, Bye, Events, Head, InboxEntry, Pong, Presence, Read, Refused,
    Removed, RequestId, ServerFrame, Typing, Welcome, encode_event,
};
use tidemark_protocol::wire::{LogEntry, Wire};
use tidemark_protocol::{ByeCode, Code};

use crate::amendments;
use crate::bodies;
use crate::file::{Case, Golden};
use crate::samples::{
    EPOCH, at, client_id, event, full_message, harbour, invite_id, lighthouse, plain_message, seq,
    session_id, user,
};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("server/welcome.json", welcome()),
        Golden::new("server/ack.json", ack()),
        Golden::new("server/refused.json", refused()),
        Golden::new("server/event.json", events_of_every_kind()),
        Golden::new("server/events.json", events()),
        Golden::new("server/head.json", head()),
        Golden::new("server/read.json", read()),
        Golden::new("server/added.json", added()),
        Golden::new("server/removed.json", removed()),
        Golden::new("server/personal.json", personal()),
        Golden::new("server/typing.json", typing()),
        Golden::new("server/presence.json", presence()),
        Golden::new("server/pong.json", pong()),
        Golden::new("server/bye.json", bye()),
    ]
}

/// A frame that can also be encoded without being put among all others first.
macro_rules! case {
    ($name:expr, $means:expr, $frame:expr) => {{
        let frame = $frame;
        let alone = frame.encode();
        let among_all = ServerFrame::from(frame);
        assert_eq!(
            alone,
            among_all.encode(),
            "both ways to encode are the same"
        );
        Case::server($name, $means, among_all)
    }};
}

fn welcome() -> Vec<Case> {
    let alone = Welcome {
        session_id: Wire(session_id()),
        user: User {
            id: Wire(user("ann")),
            username: "ann".to_owned(),
            display_name: None,
            avatar: None,
            bot: false,
            show_last_seen: Some(true),
        },
        epoch: EPOCH.to_owned(),
        heartbeat_ms: 30_000,
        limits: AdvertisedLimits {
            text_bytes_max: 16_384,
            frame_bytes_max: 65_536,
            page_events_max: 1_000,
            cursors_max: 1_000,
            group_members_max: 5_000,
            sends_per_second: 20,
            sends_burst: 60,
            receipt_members_max: 100,
        },
        conversations: Vec::new(),
        more: false,
        personal_version: 0,
    };
    let entry = |id, kind, head, read, unread, mentions| InboxEntry {
        id: Wire(id),
        kind: Wire(kind),
        head_seq: Wire(seq(head)),
        read_seq: Wire(seq(read)),
        unread,
        mentions,
        member_count: 2,
    };
    let busy = Welcome {
        user: User {
            show_last_seen: Some(true),
            ..bodies::ann()
        },
        conversations: vec![
            entry(harbour(), ConversationKind::Group, 44, 41, 2, 1),
            entry(lighthouse(), ConversationKind::Direct, 7, 7, 0, 0),
        ],
        more: true,
        personal_version: 12,
        ..alone.clone()
    };
    vec![
        case!(
            "nothing yet",
            "the user is in no conversation and has no display name",
            alone
        ),
        case!(
            "two of many",
            "the last active first; GET /v1/conversations has the others",
            busy
        ),
    ]
}

fn personal() -> Vec<Case> {
    vec![case!(
        "all of it",
        "the whole state as it is now, whichever field was changed",
        bodies::kept()
    )]
}

fn ack() -> Vec<Case> {
    let ack = |id, duplicate| Ack {
        id,
        conversation: Wire(harbour()),
        client_id: Some(Wire(client_id())),
        seq: Wire(seq(42)),
        at: Wire(at(420)),
        duplicate,
        first_in_thread: false,
    };
    vec![
        case!(
            "new",
            "the message is durable and has its place",
            ack(Some(RequestId(7)), false)
        ),
        case!(
            "duplicate",
            "it had been accepted before, at this place",
            ack(Some(RequestId(7)), true)
        ),
        case!("without id", "the send had none", ack(None, false)),
    ]
}

fn refused() -> Vec<Case> {
    let no = |code, detail: &'static str, retry_after_ms| Refused {
        id: Some(RequestId(7)),
        code,
        detail: detail.into(),
        retry_after_ms,
    };
    vec![
        case!(
            "invalid",
            "it makes no sense as it stands",
            no(Code::Invalid, "text is empty", None)
        ),
        case!(
            "invalid without id",
            "not even the id could be read",
            Refused {
                id: None,
                ..no(
                    Code::Invalid,
                    "not JSON: EOF while parsing an object at line 1 column 1",
                    None
                )
            }
        ),
        case!(
            "unauthorized",
            "no frame of this version is refused so; a bad token closes the socket",
            no(Code::Unauthorized, "sign in first", None)
        ),
        case!(
            "forbidden",
            "the caller sees the conversation and may not do this",
            no(Code::Forbidden, "join the channel first", None)
        ),
        case!(
            "not found",
            "it does not exist, or the caller may not know that it does",
            no(Code::NotFound, "there is no such conversation", None)
        ),
        case!(
            "conflict",
            "the client_id named another message before",
            no(
                Code::Conflict,
                "this client_id named a message with another content before",
                None
            )
        ),
        case!(
            "too large",
            "over a limit",
            no(Code::TooLarge, "text is longer than 16384 bytes", None)
        ),
        case!(
            "rate limited",
            "wait so long before the next send",
            no(
                Code::RateLimited,
                "too many messages in too short a time",
                Some(150)
            )
        ),
        case!(
            "internal",
            "the server's own fault",
            no(Code::Internal, "the server failed", None)
        ),
        case!(
            "unavailable",
            "send again with the same client_id: it may or may not have happened",
            no(
                Code::Unavailable,
                "the store cannot accept now; send again with the same client_id",
                Some(500)
            )
        ),
    ]
}

/// An event frame, which a server also encodes without putting it among all others.
pub(crate) fn live(name: &str, means: &str, place: u64, body: EventBody) -> Case {
    let event = event(place, body);
    let shared = encode_event(&event);
    let among_all = ServerFrame::Event(LogEntry::Known(event));
    assert_eq!(
        shared,
        among_all.encode(),
        "both ways to encode are the same"
    );
    Case::server(name, means, among_all)
}

fn events_of_every_kind() -> Vec<Case> {
    [
        beginnings(),
        messages(),
        amendments::cases(),
        memberships(),
        settings(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn beginnings() -> Vec<Case> {
    let created = |by, title: Option<&str>| EventBody::Created {
        by,
        title: title.map(str::to_owned),
    };
    vec![
        live(
            "created",
            "the first event of a conversation",
            1,
            created(user("ann"), Some("Harbour")),
        ),
        live(
            "created without title",
            "by an API key, which is nobody's",
            1,
            created(user("tidemark:administrator"), None),
        ),
    ]
}

fn messages() -> Vec<Case> {
    vec![
        live(
            "message",
            "the least that a message has",
            3,
            EventBody::Message(plain_message()),
        ),
        live(
            "message with everything",
            "answers the message at 3, mentions two people",
            4,
            EventBody::Message(full_message()),
        ),
        live(
            "message to everybody",
            "mentions all members",
            5,
            EventBody::Message(Message {
                text: "Storm warning.".to_owned(),
                mentions: Mentions::All,
                ..plain_message()
            }),
        ),
    ]
}

fn memberships() -> Vec<Case> {
    let members = |joined, left, roles| {
        EventBody::Members(MembersChange {
            joined,
            left,
            roles,
            ..MembersChange::by(user("ann"))
        })
    };
    let one = |name, role| Joined {
        user: user(name),
        role,
    };
    let founders = vec![one("ann", Role::Owner), one("ben", Role::Member)];
    vec![
        live(
            "members at the beginning",
            "who is in it from the start",
            2,
            members(founders, vec![], vec![]),
        ),
        live(
            "members: somebody comes",
            "cleo is a member from here on",
            6,
            members(vec![one("cleo", Role::Member)], vec![], vec![]),
        ),
        live(
            "members: another role",
            "ben is an admin from here on",
            7,
            members(vec![], vec![], vec![one("ben", Role::Admin)]),
        ),
        live(
            "members: somebody goes",
            "cleo is no member any more",
            8,
            members(vec![], vec![user("cleo")], vec![]),
        ),
        live(
            "members: somebody joins by an invite",
            "cleo came by herself, and as a guest",
            20,
            EventBody::Members(MembersChange {
                joined: vec![one("cleo", Role::Guest)],
                invite: Some(invite_id()),
                ..MembersChange::by(user("cleo"))
            }),
        ),
        live(
            "members: somebody is banned",
            "cleo is no member any more, and is kept out",
            21,
            EventBody::Members(MembersChange {
                left: vec![user("cleo")],
                banned: vec![user("cleo")],
                reason: Some("spam".to_owned()),
                ..MembersChange::by(user("ann"))
            }),
        ),
        live(
            "members: a ban is lifted",
            "cleo may join again, and is no member yet",
            22,
            EventBody::Members(MembersChange {
                unbanned: vec![user("cleo")],
                ..MembersChange::by(user("ann"))
            }),
        ),
    ]
}

fn settings() -> Vec<Case> {
    let settings = |change| EventBody::Settings {
        by: user("ann"),
        change,
    };
    vec![
        live(
            "settings: a title",
            "only what changed is there",
            9,
            settings(SettingsChange {
                title: Some(Some("Old harbour".to_owned())),
                ..SettingsChange::default()
            }),
        ),
        live(
            "settings: taken away",
            "null takes a value away",
            10,
            settings(SettingsChange {
                title: Some(None),
                topic: Some(None),
                retention_days: Some(None),
                ..SettingsChange::default()
            }),
        ),
        live(
            "settings: everything",
            "all that an event of this kind can change",
            11,
            settings(SettingsChange {
                title: Some(Some("Harbour".to_owned())),
                topic: Some(Some("Tides and boats".to_owned())),
                visibility: Some(Visibility::Public),
                retention_days: Some(Some(30)),
                rules: RulesChange {
                    history: Some(History::SinceJoined),
                    slow_mode_seconds: Some(30),
                    announcements_only: Some(true),
                    mention_all: Some(Role::Moderator),
                },
            }),
        ),
    ]
}

fn events() -> Vec<Case> {
    let page = |id, events: Vec<_>, head, more| Events {
        visible_from: None,
        id,
        conversation: Wire(harbour()),
        events: events.into_iter().map(LogEntry::Known).collect(),
        head_seq: Wire(seq(head)),
        more,
    };
    let say = |place| event(place, EventBody::Message(plain_message()));
    vec![
        case!(
            "a page of several",
            "more is true: another page follows without being asked for after a hello or open, or by another sync",
            page(None, vec![say(42), say(43)], 44, true)
        ),
        case!(
            "the last page",
            "the answer to a sync; with it the client holds everything up to head_seq",
            page(Some(RequestId(11)), vec![say(44)], 44, false)
        ),
        case!(
            "nothing is missing",
            "the answer to a sync or open of whoever holds everything",
            page(Some(RequestId(12)), vec![], 44, false)
        ),
    ]
}

fn head() -> Vec<Case> {
    vec![case!(
        "plain",
        "the conversation goes up to 1200; ask for what is not held",
        Head {
            conversation: Wire(harbour()),
            head_seq: Wire(seq(1200)),
            unread: 312,
            mentions: 2,
        }
    )]
}

fn read() -> Vec<Case> {
    let moved = |id, name, counts: Option<(u64, u64)>| Read {
        id,
        conversation: Wire(harbour()),
        user: Wire(user(name)),
        read_seq: Wire(seq(42)),
        head_seq: counts.map(|_| Wire(seq(44))),
        unread: counts.map(|(unread, _)| unread),
        mentions: counts.map(|(_, mentions)| mentions),
    };
    vec![
        case!(
            "the answer",
            "to a read with this id; counts are what is left to read up to head_seq",
            moved(Some(RequestId(10)), "ann", Some((2, 1)))
        ),
        case!(
            "on another of the user's devices",
            "the cursor is one for all of them",
            moved(None, "ann", Some((2, 1)))
        ),
        case!(
            "of another member",
            "how far ben has read; his counts are his own affair",
            moved(None, "ben", None)
        ),
    ]
}

fn added() -> Vec<Case> {
    vec![case!(
        "plain",
        "live events follow from head_seq on",
        Added {
            conversation: bodies::new_group(),
        }
    )]
}

fn removed() -> Vec<Case> {
    vec![case!(
        "plain",
        "nothing more of it will come",
        Removed {
            conversation: Wire(harbour()),
        }
    )]
}

fn typing() -> Vec<Case> {
    let typing = Typing {
        conversation: Wire(harbour()),
        user: Wire(user("ben")),
        until: Wire(at(466)),
    };
    vec![case!(
        "plain",
        "ben is writing, until then or until a message of his comes",
        typing
    )]
}

fn presence() -> Vec<Case> {
    let presence = |status, last_seen: Option<i64>| Presence {
        user: Wire(user("ben")),
        status: Wire(status),
        last_seen: last_seen.map(|it| Wire(at(it))),
    };
    vec![
        case!(
            "there",
            "ben is there on some device",
            presence(Status::Online, None)
        ),
        case!(
            "away",
            "connected, and looking elsewhere on every device",
            presence(Status::Away, None)
        ),
        case!(
            "gone",
            "on no device since then",
            presence(Status::Offline, Some(440))
        ),
        case!(
            "unknown",
            "on no device; nobody knows since when",
            presence(Status::Offline, None)
        ),
    ]
}

fn pong() -> Vec<Case> {
    vec![
        case!("plain", "the answer to a ping", Pong { id: None }),
        case!(
            "with id",
            "the ping had one",
            Pong {
                id: Some(RequestId(14))
            }
        ),
    ]
}

fn bye() -> Vec<Case> {
    ByeCode::ALL
        .iter()
        .map(|code| {
            let means = format!("the WebSocket close code is {}", code.close_number());
            case!(code.as_str(), &means, Bye::new(*code, 10_000))
        })
        .collect()
}
