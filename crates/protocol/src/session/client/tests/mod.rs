mod catching_up;
mod faults;
mod liveness;
mod model;
mod personal;
mod sending;
mod signals;
mod threads;
mod unread;

use std::time::{Duration, Instant};

use tidemark_core::conversation::{
    ConversationKind, Event, EventBody, Mentions, Message, NewMessage,
};
use tidemark_core::{ClientId, ConversationId, Seq, SessionId, Timestamp, UserId};
use uuid::Uuid;

use super::{ClientSession, ClientSettings, Ending, Update};
use crate::body::User;
use crate::frame::{
    Ack, AdvertisedLimits, ClientFrame, Events, InboxEntry, ParseLimits, Refused, Request,
    RequestId, SendMessage, ServerFrame, SyncConversation, Welcome, encode_event,
};
use crate::wire::{LogEntry, Secret, Wire};
use crate::{ByeCode, Code};

const EPOCH: &str = "the first history";
const HEARTBEAT_MS: u64 = 1_000;

pub(super) fn room(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

pub(super) fn me() -> UserId {
    UserId::parse("me").unwrap()
}

pub(super) fn other() -> UserId {
    UserId::parse("other").unwrap()
}

pub(super) fn client_id(number: u128) -> ClientId {
    ClientId(Uuid::from_u128(number))
}

pub(super) fn note(number: u128, text: &str) -> NewMessage {
    NewMessage {
        client_id: client_id(number),
        text: text.to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    }
}

pub(super) fn message(conversation: ConversationId, place: u64, sender: UserId) -> Event {
    Event {
        conversation,
        seq: seq(place),
        at: Timestamp(1_000),
        body: EventBody::Message(Message {
            sender,
            client_id: client_id(u128::from(place) | 1 << 100),
            text: format!("message {place}"),
            reply_to: None,
            mentions: Mentions::default(),
            client_at: None,
            thread: None,
            attachments: Vec::new(),
        }),
    }
}

pub(super) fn entry(conversation: ConversationId, head: u64, unread: u64) -> InboxEntry {
    InboxEntry {
        id: Wire(conversation),
        kind: Wire(ConversationKind::Group),
        head_seq: Wire(seq(head)),
        read_seq: Wire(Seq::ZERO),
        unread,
        mentions: 0,
        member_count: 0,
    }
}

pub(super) fn welcome(epoch: &str, conversations: Vec<InboxEntry>) -> String {
    let welcome = Welcome {
        session_id: Wire(SessionId(Uuid::from_u128(7))),
        user: User {
            id: Wire(me()),
            username: "me".to_owned(),
            display_name: None,
            avatar: None,
            bot: false,
            show_last_seen: None,
        },
        epoch: epoch.to_owned(),
        heartbeat_ms: HEARTBEAT_MS,
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
        conversations,
        more: false,
        personal_version: 0,
    };
    ServerFrame::Welcome(Box::new(welcome)).encode()
}

pub(super) fn page(
    id: Option<RequestId>,
    conversation: ConversationId,
    places: impl IntoIterator<Item = u64>,
    head: u64,
    more: bool,
) -> String {
    let events = places
        .into_iter()
        .map(|place| message(conversation, place, other()));
    let page = Events {
        id,
        conversation: Wire(conversation),
        events: events.map(LogEntry::Known).collect(),
        head_seq: Wire(seq(head)),
        more,
        visible_from: None,
    };
    page.encode()
}

/// A session with a clock that only moves when told to.
pub(super) struct Driven {
    pub(super) session: ClientSession,
    pub(super) now: Instant,
}

impl Driven {
    pub(super) fn new(settings: ClientSettings) -> Self {
        Self::from(ClientSession::new(settings))
    }

    /// Online, and knowing these conversations.
    pub(super) fn online(conversations: Vec<InboxEntry>) -> Self {
        let mut driven = Self::new(settings());
        driven.connect(EPOCH, conversations);
        driven
    }

    pub(super) fn connect(&mut self, epoch: &str, conversations: Vec<InboxEntry>) {
        self.session.connected(self.now);
        self.sent();
        self.hear(&welcome(epoch, conversations));
        self.updates();
    }

    pub(super) fn hear(&mut self, text: &str) {
        self.session.handle_text(self.now, text);
    }

    pub(super) fn hear_event(&mut self, event: &Event) {
        self.hear(&encode_event(event));
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
    }

    /// The frames that the client sends now.
    pub(super) fn sent(&mut self) -> Vec<ClientFrame> {
        let frames = std::iter::from_fn(|| self.session.poll_transmit(self.now));
        let parse = |text: String| ClientFrame::parse(&text, &ParseLimits::default()).unwrap();
        frames.map(parse).collect()
    }

    pub(super) fn sends(&mut self) -> Vec<SendMessage> {
        let pick = |frame| match frame {
            ClientFrame::Request(Request::Send(send)) => Some(send),
            _ => None,
        };
        self.sent().into_iter().filter_map(pick).collect()
    }

    pub(super) fn syncs(&mut self) -> Vec<SyncConversation> {
        let pick = |frame| match frame {
            ClientFrame::Request(Request::Sync(sync)) => Some(sync),
            _ => None,
        };
        self.sent().into_iter().filter_map(pick).collect()
    }

    pub(super) fn updates(&mut self) -> Vec<Update> {
        std::iter::from_fn(|| self.session.poll_update()).collect()
    }

    /// The places of the events that the app gets now.
    pub(super) fn events(&mut self) -> Vec<u64> {
        let pick = |update| match update {
            Update::Event(entry) => Some(entry.seq().get()),
            _ => None,
        };
        self.updates().into_iter().filter_map(pick).collect()
    }
}

impl From<ClientSession> for Driven {
    #[expect(
        clippy::disallowed_methods,
        reason = "time has to begin somewhere; only differences count"
    )]
    fn from(session: ClientSession) -> Self {
        Self {
            session,
            now: Instant::now(),
        }
    }
}

pub(super) fn settings() -> ClientSettings {
    ClientSettings::new(Secret::new("token"))
}
