//! What goes over HTTP.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use tidemark_core::conversation::{
    self, ConversationKind, Emoji, EventBody, History, Mentions, Role, Visibility,
};
use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{Position, Seq};
use tidemark_protocol::body::{
    Accepted, Conversation, ConversationPatch, Cursor, DeliveredTo, Draft, EventsPage, FeedEntry,
    FeedPage, Inbox, Member, Members, MembersToAdd, Mention, MentionsPage, Message,
    MessageAccepted, MessageEdit, MessagesPage, MoveCursor, NewAccount, NewConversation,
    NewMessage, Personal, PersonalChanges, PersonalPatch, ProfilePatch, Reaction, Reader, Readers,
    RolePatch, Session, Sessions, SignIn, SignedIn, SyncRequest, SyncResponse, SyncedConversation,
    User, Users,
};
use tidemark_protocol::wire::{LogEntry, Secret, Wire};

use crate::file::{Case, Golden};
use crate::problems;
use crate::samples::{
    EPOCH, TOKEN, at, client_id, event, full_message, harbour, lighthouse, plain_message, seq,
    session_id, user,
};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("http/accounts.json", accounts()),
        Golden::new("http/users.json", users()),
        Golden::new("http/conversation.json", conversations()),
        Golden::new("http/members.json", members()),
        Golden::new("http/message.json", messages()),
        Golden::new("http/events.json", events()),
        Golden::new("http/read.json", reads()),
        Golden::new("http/mentions.json", mentions()),
        Golden::new("http/personal.json", personal()),
        Golden::new("http/sync.json", sync()),
        Golden::new("http/problem.json", problems::cases()),
    ]
}

pub(crate) fn ann() -> User {
    User {
        id: Wire(user("ann")),
        username: "ann".to_owned(),
        display_name: Some("Ann Calder".to_owned()),
        avatar: Some("https://harbour.example/ann.png".to_owned()),
        bot: false,
        show_last_seen: None,
    }
}

pub(crate) fn new_group() -> Conversation {
    Conversation {
        id: Wire(harbour()),
        kind: Wire(ConversationKind::Group),
        title: Some("Harbour".to_owned()),
        topic: None,
        visibility: Wire(Visibility::Private),
        created_at: Wire(at(10)),
        head_seq: Wire(seq(2)),
        member_count: 2,
        role: Some(Wire(Role::Owner)),
        read_seq: Wire(seq(2)),
        unread: 0,
        mentions: 0,
        muted: false,
        muted_until: None,
        archived: false,
        favourite: false,
        marked_unread_at: None,
        history: Wire(History::All),
        slow_mode_seconds: None,
        announcements_only: false,
        mention_all: Wire(Role::Member),
        visible_from: None,
        last_message: None,
    }
}

fn busy_group() -> Conversation {
    Conversation {
        topic: Some("Tides and boats".to_owned()),
        head_seq: Wire(seq(44)),
        role: Some(Wire(Role::Member)),
        read_seq: Wire(seq(41)),
        unread: 2,
        mentions: 1,
        muted: true,
        muted_until: Some(Wire(at(9_000))),
        favourite: true,
        marked_unread_at: Some(Wire(seq(40))),
        last_message: Some(shown(44, full_message())),
        ..new_group()
    }
}

fn shown(place: u64, message: conversation::Message) -> Message {
    let event = event(place, EventBody::Message(message));
    let held = TimelineMessage::from_event(event).unwrap();
    Message::new(harbour(), held)
}

/// A message that people edited, reacted to and pinned.
fn amended() -> Message {
    Message {
        edited_at: Some(Wire(at(500))),
        reactions: vec![Reaction {
            emoji: Wire(Emoji::parse("👍").unwrap()),
            count: 2,
            mine: true,
        }],
        pinned: true,
        ..shown(43, plain_message())
    }
}

/// What a deletion left of a message.
fn deleted() -> Message {
    let nothing = conversation::Message {
        text: String::new(),
        ..plain_message()
    };
    shown(42, nothing)
}

fn mentions() -> Vec<Case> {
    vec![Case::body(
        "GET /v1/mentions",
        "one message, and older ones on the next page",
        MentionsPage {
            mentions: vec![Mention {
                conversation: Wire(harbour()),
                seq: Wire(seq(43)),
                at: Wire(at(430)),
                sender: Wire(user("ann")),
                text: "Ben, the tide is coming in.".to_owned(),
                position: Wire(Position(5_077)),
            }],
            next: Some(Wire(Position(5_077))),
        },
    )]
}

/// Everything that there can be.
pub(crate) fn kept() -> Personal {
    Personal {
        conversation: Wire(harbour()),
        version: 12,
        muted_until: Some(Wire(at(9_000))),
        archived: false,
        favourite: true,
        marked_unread_at: Some(Wire(seq(40))),
        draft: Some(Draft {
            text: "See you at".to_owned(),
            reply_to: Some(Wire(seq(43))),
        }),
    }
}

fn personal() -> Vec<Case> {
    vec![
        Case::body(
            "PUT /v1/conversations/{id}/personal",
            "changes two fields and takes another one away",
            PersonalPatch {
                muted_until: Some(None),
                archived: Some(Some(true)),
                draft: Some(Some(Draft {
                    text: "See you".to_owned(),
                    reply_to: None,
                })),
                ..PersonalPatch::default()
            },
        ),
        Case::body("personal state", "the answer: all of it", kept()),
        Case::body(
            "GET /v1/personal",
            "what changed since a version",
            PersonalChanges {
                changes: vec![
                    Personal {
                        conversation: Wire(lighthouse()),
                        version: 11,
                        muted_until: None,
                        archived: true,
                        favourite: false,
                        marked_unread_at: None,
                        draft: None,
                    },
                    kept(),
                ],
                version: 12,
                more: false,
            },
        ),
    ]
}

fn accounts() -> Vec<Case> {
    vec![
        Case::body(
            "POST /v1/accounts",
            "registers where that is open; the username is the user id",
            NewAccount {
                username: "ann".to_owned(),
                password: Secret::new("correct horse"),
                display_name: Some("Ann Calder".to_owned()),
            },
        ),
        Case::body(
            "POST /v1/sessions",
            "signs a device in",
            SignIn {
                username: "ann".to_owned(),
                password: Secret::new("correct horse"),
                device_name: Some("Ann's phone".to_owned()),
            },
        ),
        Case::body(
            "signed in",
            "the answer to both, 201; the token is shown only here",
            SignedIn {
                user: ann(),
                token: Secret::new(TOKEN),
                session_id: Wire(session_id()),
            },
        ),
        Case::body(
            "GET /v1/sessions",
            "the caller's sessions",
            Sessions {
                sessions: vec![Session {
                    id: Wire(session_id()),
                    device_name: Some("Ann's phone".to_owned()),
                    created_at: Wire(at(0)),
                    current: true,
                }],
            },
        ),
    ]
}

fn users() -> Vec<Case> {
    vec![
        Case::body("GET /v1/users/me", "a profile", ann()),
        Case::body(
            "GET /v1/users?prefix=a",
            "in the order of their ids",
            Users { users: vec![ann()] },
        ),
        Case::body(
            "PATCH /v1/users/me",
            "an absent field stays, null takes away",
            ProfilePatch {
                display_name: Some(Some("Ann".to_owned())),
                avatar: Some(None),
                show_last_seen: Some(false),
            },
        ),
    ]
}

fn conversations() -> Vec<Case> {
    let new = NewConversation {
        kind: Wire(ConversationKind::Group),
        title: Some("Harbour".to_owned()),
        members: vec![Wire(user("ben"))],
        client_id: Some(Wire(client_id())),
        visibility: None,
    };
    vec![
        Case::body(
            "POST /v1/conversations",
            "a retry with the same client_id finds the same conversation",
            new.clone(),
        ),
        Case::body(
            "POST /v1/conversations: direct",
            "answered 200 where the pair has one already",
            NewConversation {
                kind: Wire(ConversationKind::Direct),
                title: None,
                client_id: None,
                ..new.clone()
            },
        ),
        Case::body(
            "POST /v1/conversations: public channel",
            "anybody may join",
            NewConversation {
                kind: Wire(ConversationKind::Channel),
                members: vec![],
                client_id: None,
                visibility: Some(Wire(Visibility::Public)),
                ..new
            },
        ),
        Case::body("new", "as its owner sees it", new_group()),
        Case::body("busy", "as a member sees it", busy_group()),
        Case::body(
            "public channel",
            "as somebody sees it who is no member",
            Conversation {
                id: Wire(lighthouse()),
                kind: Wire(ConversationKind::Channel),
                visibility: Wire(Visibility::Public),
                role: None,
                read_seq: Wire(Seq::ZERO),
                ..new_group()
            },
        ),
        Case::body(
            "GET /v1/conversations",
            "last active first; next is passed as before",
            Inbox {
                conversations: vec![busy_group()],
                next: Some(Wire(Position(5077))),
            },
        ),
        Case::body(
            "GET /v1/conversations: the last page",
            "next is null",
            Inbox {
                conversations: vec![],
                next: None,
            },
        ),
        Case::body(
            "PATCH /v1/conversations/{id}",
            "an absent field stays, null takes away",
            ConversationPatch {
                title: Some(Some("Old harbour".to_owned())),
                topic: Some(None),
                ..ConversationPatch::default()
            },
        ),
    ]
}

fn members() -> Vec<Case> {
    vec![
        Case::body(
            "GET …/members",
            "in the order of their ids",
            Members {
                members: vec![Member {
                    user: Wire(user("ann")),
                    role: Wire(Role::Owner),
                    joined_seq: Wire(seq(2)),
                    read_seq: Wire(seq(41)),
                }],
                more: true,
            },
        ),
        Case::body(
            "POST …/members",
            "makes them admins; without role, members",
            MembersToAdd {
                users: vec![Wire(user("cleo"))],
                role: Some(Wire(Role::Admin)),
            },
        ),
        Case::body(
            "PATCH …/members/{user}",
            "another role",
            RolePatch {
                role: Wire(Role::Owner),
            },
        ),
        Case::body(
            "accepted",
            "the place of the new event",
            Accepted {
                seq: Wire(seq(6)),
                at: Some(Wire(at(60))),
            },
        ),
        Case::body(
            "accepted: nothing to do",
            "all was as wished; seq is the head",
            Accepted {
                seq: Wire(seq(44)),
                at: None,
            },
        ),
    ]
}

fn messages() -> Vec<Case> {
    let new = NewMessage {
        client_id: Wire(client_id()),
        text: "The tide is coming in.".to_owned(),
        reply_to: None,
        mentions: Wire(Mentions::default()),
        client_at: None,
        thread: None,
        also_in_conversation: false,
        attachments: Vec::new(),
    };
    vec![
        Case::body("POST …/messages", "as the send frame", new.clone()),
        Case::body(
            "POST …/messages with everything",
            "as the send frame",
            NewMessage {
                reply_to: Some(Wire(seq(3))),
                mentions: Wire(Mentions::All),
                client_at: Some(Wire(at(30))),
                thread: Some(Wire(seq(2))),
                also_in_conversation: true,
                ..new
            },
        ),
        Case::body(
            "PATCH …/messages/{seq}",
            "mentions stay as they are",
            MessageEdit {
                text: "High water at noon.".to_owned(),
                mentions: None,
                client_id: None,
            },
        ),
        Case::body(
            "PATCH …/messages/{seq} with everything",
            "mentions nobody any more, and is recognised when it is sent again",
            MessageEdit {
                text: "High water at noon.".to_owned(),
                mentions: Some(Wire(Mentions::default())),
                client_id: Some(Wire(client_id())),
            },
        ),
        Case::body(
            "201",
            "accepted",
            MessageAccepted {
                seq: Wire(seq(42)),
                at: Wire(at(420)),
                duplicate: false,
            },
        ),
        Case::body(
            "200",
            "it had been accepted before",
            MessageAccepted {
                seq: Wire(seq(42)),
                at: Wire(at(420)),
                duplicate: true,
            },
        ),
        Case::body(
            "GET …/messages",
            "a page of the timeline, oldest first",
            MessagesPage {
                messages: vec![shown(3, plain_message()), shown(4, full_message())],
                head_seq: Wire(seq(44)),
                more: true,
            },
        ),
        Case::body(
            "GET …/messages that changed",
            "what is left of a deleted one, and one that was edited, pinned and reacted to",
            MessagesPage {
                messages: vec![deleted(), amended()],
                head_seq: Wire(seq(50)),
                more: false,
            },
        ),
    ]
}

fn events() -> Vec<Case> {
    let said = LogEntry::Known(event(43, EventBody::Message(plain_message())));
    vec![
        Case::body(
            "GET …/events?after=42&limit=1",
            "as the events frame",
            EventsPage {
                events: vec![said.clone()],
                head_seq: Wire(seq(44)),
                more: true,
                visible_from: None,
            },
        ),
        Case::body(
            "GET /v1/feed?after=5076&limit=1",
            "events of all conversations, each with its position; next is passed as after",
            FeedPage {
                events: vec![FeedEntry {
                    position: Wire(Position(5077)),
                    entry: said,
                }],
                next: Wire(Position(5077)),
            },
        ),
    ]
}

fn reads() -> Vec<Case> {
    vec![
        Case::body(
            "PUT …/read",
            "everything up to here was read",
            MoveCursor { seq: Wire(seq(42)) },
        ),
        Case::body(
            "cursor",
            "the answer; a cursor never moves back",
            Cursor {
                read_seq: Wire(seq(42)),
                unread: 2,
                mentions: 1,
            },
        ),
        Case::body(
            "GET …/readers?seq=42",
            "who has read up to there",
            Readers {
                readers: vec![Reader {
                    user: Wire(user("ben")),
                    read_seq: Wire(seq(44)),
                }],
                delivered: vec![DeliveredTo {
                    user: Wire(ann().id.0),
                    delivered_seq: Wire(seq(43)),
                }],
            },
        ),
    ]
}

fn sync() -> Vec<Case> {
    vec![
        Case::body(
            "POST /v1/sync",
            "what the device holds",
            SyncRequest {
                epoch: Some(EPOCH.to_owned()),
                conversations: BTreeMap::from([(Wire(harbour()), Wire(seq(42)))]),
                limit: NonZeroU32::new(100),
            },
        ),
        Case::body(
            "POST /v1/sync of a new device",
            "holds nothing: every conversation is in added",
            SyncRequest::default(),
        ),
        Case::body(
            "what changed",
            "events of what was asked about, conversations that were not, and those that are no more",
            SyncResponse {
                epoch: EPOCH.to_owned(),
                conversations: vec![SyncedConversation {
                    id: Wire(harbour()),
                    head_seq: Wire(seq(43)),
                    read_seq: Wire(seq(41)),
                    unread: 2,
                    mentions: 1,
                    events: vec![LogEntry::Known(event(
                        43,
                        EventBody::Message(plain_message()),
                    ))],
                    more: false,
                    visible_from: None,
                }],
                added: vec![new_group()],
                removed: vec![Wire(lighthouse())],
            },
        ),
        Case::body(
            "nothing changed",
            "all lists are empty",
            SyncResponse {
                epoch: EPOCH.to_owned(),
                conversations: vec![],
                added: vec![],
                removed: vec![],
            },
        ),
    ]
}
