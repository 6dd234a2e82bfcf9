//! What clients say.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use tidemark_core::Timestamp;
use tidemark_core::conversation::{Emoji, Mentions, NewAmendment, NewMessage, Wish};
use tidemark_core::presence::Status;
use tidemark_protocol::frame::{
    AmendMessage, ClientFrame, CloseConversation, DeclarePresence, Hello, OpenConversation, Ping,
    ReadCursor, Request, RequestId, SendMessage, StartTyping, SyncConversation, WatchUsers,
};
use tidemark_protocol::wire::Secret;

use crate::file::{Case, Golden};
use crate::samples::{
    EPOCH, TOKEN, at, client_id, harbour, lighthouse, picture, recording, seq, user,
};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("client/hello.json", hello()),
        Golden::new("client/send.json", send()),
        Golden::new("client/edit.json", edit()),
        Golden::new("client/delete.json", delete()),
        Golden::new("client/react.json", react()),
        Golden::new("client/pin.json", pin()),
        Golden::new("client/read.json", read()),
        Golden::new("client/sync.json", sync()),
        Golden::new("client/open.json", open()),
        Golden::new("client/close.json", close()),
        Golden::new("client/typing.json", typing()),
        Golden::new("client/presence.json", presence()),
        Golden::new("client/watch.json", watch()),
        Golden::new("client/ping.json", ping()),
    ]
}

fn case(name: &str, means: &str, request: Request) -> Case {
    Case::client(name, means, ClientFrame::Request(request))
}

fn hello() -> Vec<Case> {
    let hello = |name, means, hello| Case::client(name, means, ClientFrame::Hello(hello));
    let first = Hello {
        token: Some(Secret::new(TOKEN)),
        ..Hello::default()
    };
    vec![
        hello(
            "the first time",
            "holds nothing yet: only live events follow the welcome",
            first.clone(),
        ),
        hello(
            "coming back",
            "continues each conversation after the event that is held; 0 asks for all of it",
            Hello {
                cursors: BTreeMap::from([(harbour(), seq(41)), (lighthouse(), seq(0))]),
                epoch: Some(EPOCH.to_owned()),
                device: Some("Ann's phone".to_owned()),
                ..first
            },
        ),
        hello(
            "token in the header",
            "the Authorization header of the upgrade request said who it is",
            Hello::default(),
        ),
    ]
}

fn send() -> Vec<Case> {
    let send = |name, means, id, message| {
        let conversation = harbour();
        let request = Request::Send(SendMessage {
            id,
            conversation,
            message,
        });
        case(name, means, request)
    };
    let plain = NewMessage {
        client_id: client_id(),
        text: "The tide is coming in.".to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    };
    vec![
        send(
            "plain",
            "the least that a message has; the ack carries id 7",
            Some(RequestId(7)),
            plain.clone(),
        ),
        send(
            "with everything",
            "answers the message at 3 and asks for the attention of two people",
            Some(RequestId(8)),
            NewMessage {
                text: "High water at \"Old Quay\" 🌊\nBring boots.".to_owned(),
                reply_to: Some(seq(3)),
                mentions: Mentions::Users(vec![user("ben"), user("cleo@harbour.example")]),
                client_at: Some(Timestamp(at(40).0 - 250)),
                thread: None,
                attachments: vec![picture().upload, recording().upload],
                ..plain.clone()
            },
        ),
        send(
            "to everybody",
            "mentions all members",
            Some(RequestId(9)),
            NewMessage {
                text: "Storm warning.".to_owned(),
                mentions: Mentions::All,
                ..plain.clone()
            },
        ),
        send(
            "without id",
            "the ack is recognised by its client_id",
            None,
            plain,
        ),
    ]
}

fn amend(name: &str, means: &str, is_named: bool, wish: Wish) -> Case {
    let request = Request::Amend(AmendMessage {
        id: Some(RequestId(15)),
        conversation: harbour(),
        amendment: NewAmendment {
            target: seq(4),
            client_id: is_named.then(client_id),
            wish,
        },
    });
    case(name, means, request)
}

fn edit() -> Vec<Case> {
    let edit = |mentions| Wish::Edit {
        text: "High water at noon.".to_owned(),
        mentions,
    };
    vec![
        amend("the text", "mentions stay as they are", false, edit(None)),
        amend(
            "with everything",
            "mentions nobody any more; a retry with this client_id is recognised whatever happened since",
            true,
            edit(Some(Mentions::default())),
        ),
    ]
}

fn delete() -> Vec<Case> {
    vec![amend(
        "delete",
        "takes the words out, everywhere",
        false,
        Wish::Delete,
    )]
}

fn react() -> Vec<Case> {
    let react = |emoji: &str, on| Wish::React {
        emoji: Emoji::parse(emoji).unwrap(),
        on,
    };
    vec![
        amend("react", "one character", false, react("👍", true)),
        amend(
            "by name",
            "what the application draws",
            false,
            react(":boat:", true),
        ),
        amend(
            "taken back",
            "the reaction is there no more",
            false,
            react("👍", false),
        ),
    ]
}

fn pin() -> Vec<Case> {
    vec![
        amend("pin", "pins the message", false, Wish::Pin { on: true }),
        amend(
            "no longer",
            "takes the pin away",
            true,
            Wish::Pin { on: false },
        ),
    ]
}

fn read() -> Vec<Case> {
    let read = |id| {
        let (conversation, seq) = (harbour(), seq(42));
        Request::Read(ReadCursor {
            id,
            conversation,
            seq,
        })
    };
    vec![
        case(
            "plain",
            "everything up to 42 was read; the answer is a read frame",
            read(None),
        ),
        case(
            "with id",
            "the answer carries the same id",
            read(Some(RequestId(10))),
        ),
    ]
}

fn sync() -> Vec<Case> {
    let sync = |after, limit| {
        Request::Sync(SyncConversation {
            id: Some(RequestId(11)),
            conversation: harbour(),
            after: seq(after),
            limit,
        })
    };
    vec![
        case(
            "all that follows",
            "as many events after 41 as fit in a page",
            sync(41, None),
        ),
        case(
            "a few from the beginning",
            "the first two events",
            sync(0, NonZeroU32::new(2)),
        ),
    ]
}

fn open() -> Vec<Case> {
    let open = |after| {
        Request::Open(OpenConversation {
            id: Some(RequestId(12)),
            conversation: harbour(),
            after,
        })
    };
    vec![
        case(
            "from now on",
            "full events follow, also of a large channel",
            open(None),
        ),
        case(
            "after what is held",
            "first what follows 41, then live",
            open(Some(seq(41))),
        ),
    ]
}

fn close() -> Vec<Case> {
    let conversation = harbour();
    let close = |id| Request::Close(CloseConversation { id, conversation });
    vec![
        case(
            "plain",
            "no longer on screen; nothing answers it",
            close(None),
        ),
        case("with id", "the same", close(Some(RequestId(13)))),
    ]
}

fn typing() -> Vec<Case> {
    let conversation = harbour();
    let typing = |id| Request::Typing(StartTyping { id, conversation });
    vec![
        case(
            "plain",
            "the user is writing; nothing answers it",
            typing(None),
        ),
        case(
            "with id",
            "a refusal would carry it",
            typing(Some(RequestId(15))),
        ),
    ]
}

fn presence() -> Vec<Case> {
    let presence = |id, status| Request::Presence(DeclarePresence { id, status });
    vec![
        case(
            "away",
            "the user does not look at this device; nothing answers it",
            presence(None, Status::Away),
        ),
        case(
            "back",
            "the user does again",
            presence(None, Status::Online),
        ),
        case(
            "with id",
            "a refusal would carry it",
            presence(Some(RequestId(16)), Status::Away),
        ),
    ]
}

fn watch() -> Vec<Case> {
    let watch = |id, users: &[&str]| {
        let users = users.iter().map(|id| user(id)).collect();
        Request::Watch(WatchUsers { id, users })
    };
    vec![
        case(
            "two people",
            "a presence for each with whom the user shares a conversation, now and when it changes",
            watch(None, &["ben", "cleo@harbour.example"]),
        ),
        case(
            "nobody",
            "hears of nobody's presence any more",
            watch(None, &[]),
        ),
        case(
            "with id",
            "a refusal would carry it",
            watch(Some(RequestId(17)), &["ben"]),
        ),
    ]
}

fn ping() -> Vec<Case> {
    let ping = |id| Request::Ping(Ping { id });
    vec![
        case("plain", "answered by a pong", ping(None)),
        case("with id", "the pong carries it", ping(Some(RequestId(14)))),
        case(
            "with a negative id",
            "an id is any integer of 64 bits",
            ping(Some(RequestId(i64::MIN))),
        ),
    ]
}
