//! What a person sees and causes, event by event, without a terminal and without a server.

mod deeds;
mod files;
mod reading;
mod receipts;
mod screens;
mod thread_view;
mod threads;
mod writing;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, CellWidth};
use ratatui::layout::Size;
use tidemark_client::{ConversationState, Pending};
use tidemark_core::conversation::{
    ConversationKind, Event as LogEvent, EventBody, Mentions, Message, NewMessage, Visibility,
};
use tidemark_core::timeline::Timeline;
use tidemark_core::unread::Counts;
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UserId};
use tidemark_protocol::body;
use tidemark_protocol::wire::Wire;
use uuid::Uuid;

use super::event::{Effect, Event, Kept, Link, Sight};
use super::state::State;
use super::view::{self, Clock, Looks, Palette};

/// 25 November 2025, 16:55 in UTC.
const BEGIN_MS: i64 = 1_764_089_700_000;

/// The chat of `ann`, and a stand-in for what the SDK holds. Everything happens a minute after what was before.
struct World {
    state: State,
    rooms: BTreeMap<ConversationId, Held>,
    inbox: Vec<body::Conversation>,
    pending: Vec<Pending>,
    kept: Vec<(ConversationId, Kept)>,
    now: Timestamp,
}

struct Held {
    timeline: Timeline,
    state: ConversationState,
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn room(number: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(number))
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn profile(name: &str, display_name: Option<&str>) -> body::User {
    body::User {
        id: Wire(user(name)),
        username: name.to_owned(),
        display_name: display_name.map(str::to_owned),
        avatar: None,
        bot: false,
        show_last_seen: None,
    }
}

fn message(sender: &str, text: &str) -> Message {
    Message {
        sender: user(sender),
        client_id: ClientId(Uuid::nil()),
        text: text.to_owned(),
        reply_to: None,
        mentions: Mentions::default(),
        client_at: None,
        thread: None,
        attachments: Vec::new(),
    }
}

fn pending(to: ConversationId, number: u128, text: &str) -> Pending {
    Pending {
        conversation: to,
        message: NewMessage {
            client_id: ClientId(Uuid::from_u128(number)),
            text: text.to_owned(),
            reply_to: None,
            mentions: Mentions::default(),
            client_at: None,
            thread: None,
            attachments: Vec::new(),
        },
    }
}

impl World {
    /// Nothing has happened yet.
    fn new(width: u16, height: u16) -> Self {
        Self::looking(width, height, true)
    }

    fn looking(width: u16, height: u16, has_colours: bool) -> Self {
        let looks = Looks {
            palette: Palette::new(has_colours),
            clock: Clock::utc(),
        };
        let me = profile("ann", None);
        let mut world = Self {
            state: State::new(&me, Size { width, height }, looks),
            rooms: BTreeMap::new(),
            inbox: Vec::new(),
            pending: Vec::new(),
            kept: Vec::new(),
            now: Timestamp(BEGIN_MS),
        };
        assert_eq!(world.hear(Event::Online), [Effect::LoadInbox]);
        world
    }

    /// A conversation in which nothing has happened; the last in the list.
    fn add(&mut self, id: ConversationId, kind: ConversationKind, title: Option<&str>) {
        self.inbox.push(body::Conversation {
            id: Wire(id),
            kind: Wire(kind),
            title: title.map(str::to_owned),
            topic: None,
            visibility: Wire(Visibility::Private),
            created_at: Wire(self.now),
            head_seq: Wire(Seq::ZERO),
            member_count: 3,
            role: None,
            read_seq: Wire(Seq::ZERO),
            unread: 0,
            mentions: 0,
            muted: false,
            muted_until: None,
            archived: false,
            favourite: false,
            marked_unread_at: None,
            history: Wire::default(),
            slow_mode_seconds: None,
            announcements_only: false,
            mention_all: Wire(tidemark_core::conversation::Role::Member),
            visible_from: None,
            last_message: None,
        });
        let state = ConversationState {
            kind: Some(kind),
            followed: true,
            cursor: Seq::ZERO,
            head: Seq::ZERO,
            read: Seq::ZERO,
            counts: Some(Counts::default()),
        };
        let timeline = Timeline::default();
        self.rooms.insert(id, Held { timeline, state });
        self.hear(Event::Inbox(self.inbox.clone()));
    }

    fn hear(&mut self, event: Event) -> Vec<Effect> {
        self.state.update(event)
    }

    /// Something happens in a conversation; the chat has not looked yet.
    fn happens(&mut self, id: ConversationId, body: EventBody) {
        let held = self.rooms.get_mut(&id).unwrap();
        let seq = held.timeline.head().next();
        if let EventBody::Message(message) = &body
            && message.sender != user("ann")
        {
            let counts = held.state.counts.get_or_insert_default();
            counts.unread += 1;
            counts.mentions += u64::from(message.mentions.includes(&user("ann")));
        }
        held.timeline.apply(&LogEvent {
            conversation: id,
            seq,
            at: self.now,
            body,
        });
        held.state.head = seq;
        held.state.cursor = seq;
        self.now.0 += 60_000;
    }

    fn says(&mut self, id: ConversationId, sender: &str, text: &str) {
        self.happens(id, EventBody::Message(message(sender, text)));
    }

    /// The chat looks.
    fn look(&mut self) -> Vec<Effect> {
        let open = self.state.open.as_ref().map(|open| open.id);
        let timeline = open.map(|id| (id, self.rooms[&id].timeline.clone()));
        let states = self.rooms.iter().map(|(id, held)| (*id, held.state));
        let sight = Sight {
            conversations: states.collect(),
            pending: self.pending.clone(),
            kept: self.kept.clone(),
            timeline,
        };
        self.hear(Event::Sight(Box::new(sight)))
    }

    /// The newest page of the open conversation is there.
    fn load(&mut self, has_older: bool) -> Vec<Effect> {
        let mut effects = self.look();
        let id = self.state.open.as_ref().unwrap().id;
        effects.extend(self.hear(Event::Older(id, Ok(has_older))));
        effects
    }

    fn press(&mut self, code: KeyCode) -> Vec<Effect> {
        self.press_with(KeyModifiers::NONE, code)
    }

    fn press_with(&mut self, modifiers: KeyModifiers, code: KeyCode) -> Vec<Effect> {
        self.hear(Event::Key(KeyEvent::new(code, modifiers)))
    }

    fn types(&mut self, text: &str) {
        for character in text.chars() {
            self.press(KeyCode::Char(character));
        }
    }

    /// Types a line and sends it off.
    fn enters(&mut self, line: &str) -> Vec<Effect> {
        self.types(line);
        self.press(KeyCode::Enter)
    }

    fn draw(&self) -> Buffer {
        let Size { width, height } = self.state.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let drawn = terminal
            .draw(|frame| view::draw(frame, &self.state))
            .unwrap();
        drawn.buffer.clone()
    }

    /// The screen as text, without the space at the ends of lines.
    fn screen(&self) -> String {
        let buffer = self.draw();
        let mut screen = String::new();
        for y in 0..buffer.area.height {
            let mut line = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                line.push_str(symbol);
                x += symbol.cell_width().max(1);
            }
            screen.push_str(line.trim_end());
            screen.push('\n');
        }
        screen
    }
}
