//! What the chat knows and how that changes. No terminal, no network, no clock: events go in, effects come
//! out.

mod command;
mod composer;
mod deeds;
mod keys;
mod lines;
mod mentions;
mod open;
mod receipts;
mod rooms;
mod scroll;
mod threads;
mod transfers;
mod writers;

use std::collections::{BTreeMap, VecDeque};

use crossterm::event::KeyEvent;
use ratatui::layout::Size;
use tidemark_client::Pending;
use tidemark_core::conversation::{ConversationKind, EventBody, NewMessage};
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::body;

use super::event::{Effect, Event, Link, MembersAnswer, Sight};
use super::harmless;
use super::view::{self, Looks};
pub(super) use command::COMMANDS;
pub(super) use composer::Composer;
pub(super) use keys::KEYS;
use mentions::KnownMembers;
pub(super) use open::{Entry, OpenRoom, Scroll};
pub(super) use rooms::{Room, Rooms};
pub(super) use transfers::Transfers;
use writers::Writers;

/// How many timelines are kept at hand beside the one on screen.
const RECENT_MAX: usize = 8;
/// How far down the list the other people of direct conversations are asked for.
const PEERS_WITHIN: usize = 60;
/// How far back the names of those who wrote are asked for.
const NAMES_WITHIN: usize = 300;
/// How many names are asked for at a time.
const NAMES_ASKED_MAX: usize = 50;

#[derive(Debug)]
pub(super) struct State {
    pub(super) me: UserId,
    pub(super) link: Link,
    /// Whether the server has let us in before.
    pub(super) was_online: bool,
    pub(super) size: Size,
    pub(super) looks: Looks,
    pub(super) rooms: Rooms,
    pub(super) open: Option<OpenRoom>,
    pub(super) draft: Draft,
    /// The messages without a final answer.
    pub(super) pending: Vec<Pending>,
    pub(super) refused: Vec<RefusedMessage>,
    /// Names to show; nothing for those without one, and those that were only asked for yet.
    names: BTreeMap<UserId, Option<String>>,
    pub(super) dialog: Option<Dialog>,
    pub(super) notice: Option<Notice>,
    pub(super) transfers: Transfers,
    writers: Writers,
    /// What is being written elsewhere.
    drafts: BTreeMap<Desk, Draft>,
    /// Whose timelines are at hand, last one on screen first.
    recent: VecDeque<ConversationId>,
    /// Whether the conversation on screen has to be followed anew, because the history is another one.
    is_to_reopen: bool,
    effects: Vec<Effect>,
}

/// Where something is written: in a conversation, or in the thread below a message of it.
type Desk = (ConversationId, Option<Seq>);

/// What is being written.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) composer: Composer,
    pub(super) reply_to: Option<Seq>,
    /// The message that says this once it is saved.
    pub(super) editing: Option<Seq>,
}

/// A message of ours that will never be sent.
#[derive(Clone, Debug)]
pub(super) struct RefusedMessage {
    pub(super) conversation: ConversationId,
    pub(super) message: NewMessage,
    pub(super) reason: String,
}

/// Something in front of everything else.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub(super) content: DialogContent,
    /// The first line that is shown.
    pub(super) top: u16,
}

#[derive(Clone, Debug)]
pub(super) enum DialogContent {
    Help,
    Members {
        conversation: ConversationId,
        members: Vec<body::Member>,
        is_complete: bool,
    },
}

/// A remark above the composer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) is_error: bool,
}

impl State {
    pub(super) fn new(me: &body::User, size: Size, looks: Looks) -> Self {
        let mut state = Self {
            me: me.id.0.clone(),
            link: Link::Connecting,
            was_online: false,
            size,
            looks,
            rooms: Rooms::default(),
            open: None,
            draft: Draft::default(),
            pending: Vec::new(),
            refused: Vec::new(),
            names: BTreeMap::new(),
            dialog: None,
            notice: None,
            transfers: Transfers::default(),
            writers: Writers::default(),
            drafts: BTreeMap::new(),
            recent: VecDeque::new(),
            is_to_reopen: false,
            effects: Vec::new(),
        };
        state.learn_person(me);
        state
    }

    /// Takes in what happened. What is to happen now.
    pub(super) fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => self.write(|state| state.press(key)),
            Event::Paste(text) => self.write(|state| state.draft.composer.insert(&text)),
            Event::Resize(size) => {
                self.size = size;
                self.keep_dialog_on_screen();
                self.load_older_if_near();
            }
            Event::Link(Link::Stopped(reason)) => {
                self.link = Link::Stopped(harmless::line(&reason));
            }
            Event::Link(link) => self.link = link,
            Event::Online => self.came_online(),
            Event::Sight(sight) => self.see(*sight),
            Event::Added(told) | Event::Conversation(told) => self.rooms.learn(&told, &self.me),
            Event::Removed(id) => self.removed(id),
            Event::Refused {
                conversation,
                client_id,
                code,
                detail,
            } => {
                let is_it = |it: &&Pending| {
                    it.conversation == conversation && it.message.client_id == client_id
                };
                if let Some(pending) = self.pending.iter().find(is_it) {
                    self.refused.push(RefusedMessage {
                        conversation,
                        message: pending.message.clone(),
                        reason: harmless::line(&format!("{detail} ({code})")),
                    });
                }
            }
            Event::NotTaken {
                conversation,
                message,
                reason,
            } => self.not_taken(conversation, message, &reason),
            Event::Typing(id, user) => self.writers.begin(id, user),
            Event::TypingOver(id, user) => self.writers.end(id, &user),
            Event::HistoryReplaced => self.history_replaced(),
            Event::Inbox(inbox) => self.take_inbox(&inbox),
            Event::Older(id, outcome) => self.older(id, outcome),
            Event::Members(answer) => self.members(answer),
            Event::Person(user) => self.learn_person(&user),
            Event::Begun(told) => {
                self.rooms.learn(&told, &self.me);
                self.enter(told.id.0);
            }
            Event::Done(text) => self.say(&text),
            Event::Progress(progress) => self.transfers.progress(progress),
            Event::TransferOver(id, outcome) => self.transfer_over(id, outcome),
            Event::FileRefused { name, reason } => self.file_refused(&name, reason.as_deref()),
            Event::Threads(id, cursors) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.id == id) {
                    open.threads.learn(&cursors, open.head);
                }
            }
            Event::ThreadRead(id, root, seq) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.id == id) {
                    open.threads.read(root, seq);
                }
            }
            Event::Thread(id, root, outcome) => self.thread_loaded(id, root, outcome),
            Event::Readers(answer) => self.take_readers(answer),
            Event::ReadBy(id, user, seq) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.id == id) {
                    open.receipts.read_by(user, seq);
                }
            }
            Event::DeliveredTo(id, user, seq) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.id == id) {
                    open.receipts.delivered_to(user, seq);
                }
            }
            Event::Failed { sentence, line } => self.failed(&sentence, line),
        }
        if self.open.is_none()
            && let Some(first) = self.rooms.first()
        {
            self.enter(first);
        }
        self.ask_who_is_who();
        self.ask_for_receipts();
        self.tell_read();
        std::mem::take(&mut self.effects)
    }

    /// The name to show for somebody, if it is another one than their id.
    pub(super) fn display_name(&self, user: &UserId) -> Option<&str> {
        let name = self.names.get(user)?.as_deref();
        name.filter(|name| !name.is_empty() && *name != user.as_str())
    }

    pub(super) fn open_room(&self) -> Option<&Room> {
        self.rooms.get(self.open.as_ref()?.id)
    }

    /// Does what may change the text, and tells of it if it is something to say.
    fn write(&mut self, change: impl FnOnce(&mut Self)) {
        let desk = |state: &Self| (state.open.as_ref().map(|open| open.id), state.thread_here());
        let here = desk(self);
        let before = self.draft.composer.text().to_owned();
        change(self);
        let text = self.draft.composer.text();
        let is_command = text.starts_with('/') && !text.starts_with("//");
        let is_writing = text != before && !text.trim().is_empty() && !is_command;
        // Another conversation or thread has another draft.
        if let Some(open) = self.open.as_ref().filter(|_| desk(self) == here)
            && is_writing
        {
            self.effects.push(Effect::TellTyping(open.id));
        }
    }

    fn press(&mut self, key: KeyEvent) {
        if keys::is_quit(key) {
            self.effects.push(Effect::Quit);
        } else if self.dialog.is_some() {
            self.press_in_dialog(key);
        } else {
            self.press_in_chat(key);
        }
    }

    fn failed(&mut self, sentence: &str, line: Option<String>) {
        self.complain(sentence);
        if let Some(line) = line.filter(|_| self.draft.composer.is_empty()) {
            self.draft.composer = Composer::holding(&line);
        }
    }

    /// There is no scrolling beyond the end of a sheet.
    fn keep_dialog_on_screen(&mut self) {
        if let Some(mut dialog) = self.dialog.take() {
            dialog.top = dialog.top.min(view::top_max(self, &dialog));
            self.dialog = Some(dialog);
        }
    }

    fn say(&mut self, text: &str) {
        self.notice = Some(Notice {
            text: harmless::line(text),
            is_error: false,
        });
    }

    fn complain(&mut self, text: &str) {
        self.notice = Some(Notice {
            text: harmless::line(text),
            is_error: true,
        });
    }

    fn came_online(&mut self) {
        self.link = Link::Online;
        self.was_online = true;
        self.effects.push(Effect::LoadInbox);
        if let Some(open) = &mut self.open
            && !open.is_loaded
            && !open.is_loading
        {
            open.is_loading = true;
            self.effects.push(Effect::LoadOlder(open.id));
        }
        if let Some(open) = &mut self.open {
            open.receipts.doubt();
            self.effects.extend(open.ask_about_files());
            self.effects.push(Effect::LoadThreads(open.id));
            if let Some(thread) = open.thread.as_ref().filter(|it| !it.is_loaded) {
                self.effects.push(Effect::LoadThread(open.id, thread.root));
            }
        }
    }

    /// Puts a conversation on screen.
    fn enter(&mut self, id: ConversationId) {
        if self.open.as_ref().is_some_and(|open| open.id == id) {
            return;
        }
        self.leave_screen();
        let has_new = |room: &&Room| room.counts.unread > 0;
        let new_after = self.rooms.get(id).filter(has_new).map(|room| room.read);
        self.open = Some(OpenRoom::new(id, new_after));
        self.draft = self.drafts.remove(&(id, None)).unwrap_or_default();
        self.recent.retain(|recent| *recent != id);
        self.recent.push_front(id);
        self.effects.push(Effect::Open(id));
        if self.recent.len() > RECENT_MAX
            && let Some(old) = self.recent.pop_back()
        {
            self.effects.push(Effect::Unfollow(old));
        }
    }

    fn leave_screen(&mut self) {
        let thread = self.thread_here();
        let Some(left) = self.open.take() else { return };
        let draft = std::mem::take(&mut self.draft);
        self.keep_draft((left.id, thread), draft);
        self.effects.push(Effect::Close(left.id));
    }

    fn keep_draft(&mut self, desk: Desk, draft: Draft) {
        if !draft.composer.is_empty() || draft.reply_to.is_some() {
            self.drafts.insert(desk, draft);
        }
    }

    fn removed(&mut self, id: ConversationId) {
        let next = self.rooms.neighbour(id, 1).filter(|next| *next != id);
        let name = self.rooms.get(id).map(|room| self.room_name(room));
        if self.open.as_ref().is_some_and(|open| open.id == id) {
            self.leave_screen();
            self.say(&format!(
                "you are no longer in {}",
                name.unwrap_or_default()
            ));
            if let Some(next) = next {
                self.enter(next);
            }
        }
        self.rooms.remove(id);
        self.recent.retain(|recent| *recent != id);
        self.drafts.retain(|(place, _), _| *place != id);
        self.drop_transfers_to(id);
        self.refused.retain(|refused| refused.conversation != id);
    }

    fn history_replaced(&mut self) {
        self.effects
            .extend(self.recent.drain(..).map(Effect::Unfollow));
        self.leave_thread();
        if let Some(open) = &mut self.open {
            *open = OpenRoom::new(open.id, None);
            self.is_to_reopen = true;
        }
        self.effects.push(Effect::LoadInbox);
    }

    fn take_inbox(&mut self, inbox: &[body::Conversation]) {
        self.rooms.arrange(inbox, &self.me);
        if std::mem::take(&mut self.is_to_reopen)
            && let Some(open) = &self.open
        {
            self.recent.push_front(open.id);
            self.effects.push(Effect::Open(open.id));
        }
    }

    fn see(&mut self, sight: Sight) {
        self.rooms.see(&sight.conversations);
        self.rooms.keep(&sight.kept);
        self.pending = sight.pending;
        let Some((id, timeline)) = sight.timeline else {
            return;
        };
        let Some(open) = self.open.as_mut().filter(|open| open.id == id) else {
            return;
        };
        let changes = open.see(&timeline);
        open.find_last_own(&self.me);
        for change in changes {
            match change.body {
                EventBody::Settings { change, .. } => {
                    if let Some(room) = self.rooms.get_mut(id) {
                        room.change(&change);
                    }
                }
                _ => self.effects.push(Effect::LoadMembers {
                    conversation: id,
                    show: false,
                }),
            }
        }
        self.effects.dedup();
    }

    fn older(&mut self, id: ConversationId, outcome: Result<bool, String>) {
        let Some(open) = self.open.as_mut().filter(|open| open.id == id) else {
            return;
        };
        open.is_loading = false;
        match outcome {
            Ok(has_older) => {
                open.has_older = has_older;
                let was_loaded = std::mem::replace(&mut open.is_loaded, true);
                if !was_loaded {
                    self.effects.extend(open.ask_about_files());
                    self.show_new();
                }
                self.load_older_if_near();
            }
            Err(sentence) => self.complain(&sentence),
        }
    }

    fn members(&mut self, answer: MembersAnswer) {
        let MembersAnswer {
            conversation,
            members,
            is_complete,
            show,
        } = answer;
        let others = members.iter().map(|member| &member.user.0);
        let mut others = others.filter(|user| **user != self.me);
        if let Some(room) = self.rooms.get_mut(conversation)
            && room.kind == Some(ConversationKind::Direct)
        {
            room.peer = others.next().cloned().or(room.peer.take());
        }
        let open = self.open.as_mut();
        if let Some(open) = open.filter(|open| open.id == conversation) {
            let users = members.iter().map(|member| member.user.0.clone());
            open.members = KnownMembers {
                users: users.collect(),
                is_complete,
            };
            if is_complete && let Some(room) = self.rooms.get_mut(conversation) {
                room.member_count = Some(members.len() as u64);
            }
        }
        if show {
            self.dialog = Some(Dialog {
                content: DialogContent::Members {
                    conversation,
                    members,
                    is_complete,
                },
                top: 0,
            });
        }
    }

    fn learn_person(&mut self, user: &body::User) {
        let name = user.display_name.as_deref().map(harmless::line);
        self.names.insert(user.id.0.clone(), name);
    }

    /// Asks for the other people of direct conversations, and for names that are on screen.
    fn ask_who_is_who(&mut self) {
        let mut people: Vec<UserId> = Vec::new();
        for at in 0..PEERS_WITHIN {
            let Some(room) = self.rooms.at_mut(at) else {
                break;
            };
            people.extend(room.peer.clone());
            let is_direct = room.kind == Some(ConversationKind::Direct);
            if is_direct && room.peer.is_none() && !std::mem::replace(&mut room.is_peer_asked, true)
            {
                self.effects.push(Effect::LoadMembers {
                    conversation: room.id,
                    show: false,
                });
            }
        }
        if let Some(open) = &self.open {
            let newest = open.entries.iter().rev().take(NAMES_WITHIN);
            let newest = newest.filter_map(Entry::message);
            for it in newest {
                people.push(it.message.sender.clone());
                people.extend(
                    it.replies
                        .iter()
                        .flat_map(|below| below.participants.clone()),
                );
            }
        }
        let last_own = self.open.as_ref().and_then(|open| open.last_own);
        if let Some(reached) = last_own.and_then(|seq| self.reached(seq)) {
            people.extend(reached.read.into_iter().chain(reached.delivered).cloned());
        }
        if let Some(Dialog {
            content: DialogContent::Members { members, .. },
            ..
        }) = &self.dialog
        {
            people.extend(members.iter().map(|member| member.user.0.clone()));
        }
        let mut asked = 0;
        for user in people {
            if asked < NAMES_ASKED_MAX && !self.names.contains_key(&user) {
                self.names.insert(user.clone(), None);
                self.effects.push(Effect::LoadPerson(user));
                asked += 1;
            }
        }
    }

    /// What is on screen, with nothing below it and nothing before it, is read.
    fn tell_read(&mut self) {
        let at_bottom = |open: &OpenRoom| open.scroll == Scroll::Bottom;
        let is_seen = self.open.as_ref().is_some_and(at_bottom) && self.dialog.is_none();
        if self.tell_thread_read(is_seen) {
            return;
        }
        let read = self.open_room().map(|room| room.read);
        let Some(open) = &mut self.open else { return };
        open.told_read = open.told_read.max(read.unwrap_or_default());
        if open.is_loaded && is_seen && open.head > open.told_read {
            open.told_read = open.head;
            self.effects.push(Effect::MarkRead(open.id, open.head));
        }
    }
}
