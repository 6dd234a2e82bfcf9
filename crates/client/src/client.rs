//! The handle of a client.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidemark_core::conversation::{ConversationKind, InThread, Message};
use tidemark_core::presence::Status;
use tidemark_core::timeline::{Reaction, Timeline, TimelineMessage};
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::body;
use tidemark_protocol::session::client::{ClientSession, ConversationState, Pending};
use tidemark_protocol::wire::LogEntry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::driver::Driver;
use crate::shared::Shared;
use crate::{
    ClientOptions, Connection, Delivery, EnqueueError, Http, HttpError, OutgoingMessage, Page,
    Receipt, SendError, Snapshot, StopReason, Updates,
};

/// A user's connection to a server, kept by a background task. Clones are handles of the same one; it
/// ends when it is closed or the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    http: Http,
    task: Arc<Task>,
}

#[derive(Debug)]
struct Task {
    stop: watch::Sender<bool>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

/// How a client ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How many messages had no final answer.
    pub unsent: usize,
    /// What the next process needs to go on.
    pub snapshot: Snapshot,
}

impl Client {
    /// Begins to connect, in the background of the present tokio runtime.
    ///
    /// # Errors
    ///
    /// When the snapshot does not fit the bound of the outbox, or no HTTP client can be made.
    pub fn connect(options: ClientOptions) -> Result<Self, ConnectError> {
        Self::connect_with_updates(options).map(|(client, _)| client)
    }

    /// As [`Client::connect`], with the stream of everything that is new from the very first connection
    /// on: [`Client::updates`] may begin after events have come already.
    ///
    /// # Errors
    ///
    /// As [`Client::connect`].
    pub fn connect_with_updates(options: ClientOptions) -> Result<(Self, Updates), ConnectError> {
        let http = Http::new(options.url.clone(), Some(options.token.clone()))?;
        let settings = options.session_settings();
        let session = match options.snapshot.clone() {
            Some(snapshot) => {
                ClientSession::resume(settings, snapshot.into()).map_err(EnqueueError::from)?
            }
            None => ClientSession::new(settings),
        };
        let shared = Arc::new(Shared::new(
            session,
            options.timeline_messages_max,
            options.updates_max,
        ));
        let updates = Updates::new(shared.updates.subscribe());
        let (stop, stopping) = watch::channel(false);
        let driver = Driver {
            shared: Arc::clone(&shared),
            http: http.clone(),
            options,
            stopping,
        };
        let handle = Mutex::new(Some(tokio::spawn(driver.run())));
        let task = Arc::new(Task { stop, handle });
        Ok((Self { shared, http, task }, updates))
    }

    /// Calls of the same user over HTTP.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Sends a message and waits until the server has it for good, over any number of
    /// reconnections. Dropping the future does not take the message back.
    ///
    /// # Errors
    ///
    /// When the outbox is full, the server refuses the message for good, or the client stops.
    pub async fn send(
        &self,
        conversation: ConversationId,
        message: OutgoingMessage,
    ) -> Result<Receipt, SendError> {
        self.enqueue(conversation, message)?.receipt().await
    }

    /// Puts a message into the outbox, online or not.
    ///
    /// # Errors
    ///
    /// When the outbox is full, holds a message of that name already, or the client has stopped.
    pub fn enqueue(
        &self,
        conversation: ConversationId,
        message: OutgoingMessage,
    ) -> Result<Delivery, EnqueueError> {
        let message = message.into_new();
        let client_id = message.client_id;
        let outcome = self.shared.enqueue(conversation, message)?;
        Ok(Delivery {
            conversation,
            client_id,
            outcome,
        })
    }

    /// The messages without a final answer, in the order in which they were written.
    pub fn pending(&self) -> Vec<Pending> {
        self.shared.lock().session.pending().cloned().collect()
    }

    /// What the user keeps of a conversation for themselves, as far as it is known: muting, marks, the draft. Changes
    /// of other devices come by themselves, also those of a time without a connection.
    pub fn personal(&self, conversation: ConversationId) -> Option<body::Personal> {
        self.shared.lock().session.personal(conversation).cloned()
    }

    /// As [`Client::personal`], of all conversations of which something is known.
    pub fn all_personal(&self) -> Vec<body::Personal> {
        self.shared.lock().session.all_personal().cloned().collect()
    }

    /// Changes what the user keeps of a conversation, on all devices. Of two devices that change the same field, the
    /// later one counts; save a draft at pauses, not with every key.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn change_personal(
        &self,
        conversation: ConversationId,
        patch: &body::PersonalPatch,
    ) -> Result<body::Personal, HttpError> {
        let state = self.http.change_personal(conversation, patch).await?;
        self.shared
            .with_session(|session, _| session.learn_personal(state.clone()));
        self.shared.roused.notify_one();
        Ok(state)
    }

    /// What is new from now on.
    pub fn updates(&self) -> Updates {
        Updates::new(self.shared.updates.subscribe())
    }

    /// Whether the client is connected, and every change of that.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.shared.connection.subscribe()
    }

    /// Waits until the server has let us in.
    ///
    /// # Errors
    ///
    /// Why it never will.
    pub async fn online(&self) -> Result<(), StopReason> {
        let mut connection = self.connection();
        let settled =
            |state: &Connection| matches!(state, Connection::Online | Connection::Stopped(_));
        match connection.wait_for(settled).await.as_deref() {
            Ok(Connection::Online) => Ok(()),
            Ok(Connection::Stopped(reason)) => Err(reason.clone()),
            _ => Err(StopReason::Closed),
        }
    }

    /// Who we are, once the server has said so.
    pub fn user(&self) -> Option<UserId> {
        self.shared.lock().session.user().cloned()
    }

    /// The conversations that are known, with their heads, cursors and counts.
    pub fn conversations(&self) -> Vec<(ConversationId, ConversationState)> {
        self.shared.lock().session.conversations().collect()
    }

    /// What is known of one conversation.
    pub fn state(&self, conversation: ConversationId) -> Option<ConversationState> {
        self.shared.lock().session.state(conversation)
    }

    /// What the user has still to see in a conversation, once the server has said so: exact, and counted
    /// on as messages arrive.
    pub fn unread(&self, conversation: ConversationId) -> Option<Counts> {
        self.state(conversation)?.counts
    }

    /// The messages of a followed conversation that are at hand; nothing before its first event or
    /// page.
    pub fn timeline(&self, conversation: ConversationId) -> Option<Timeline> {
        self.shared.lock().timelines.get(&conversation).cloned()
    }

    /// Follows a conversation from after `cursor` on: `Seq::ZERO` for all of it.
    pub fn follow(&self, conversation: ConversationId, cursor: Seq) {
        self.shared.lock().timelines.remove(&conversation);
        self.shared
            .with_session(|session, _| session.follow(conversation, cursor));
        self.shared.roused.notify_one();
    }

    /// Follows a conversation no longer; its unread is counted still.
    pub fn unfollow(&self, conversation: ConversationId) {
        self.shared
            .with_session(|session, _| session.unfollow(conversation));
        self.shared.lock().timelines.remove(&conversation);
    }

    /// Says that a conversation is on screen, so that even a large one is delivered in full.
    pub fn open(&self, conversation: ConversationId) {
        self.shared
            .with_session(|session, now| session.open(now, conversation));
        self.shared.roused.notify_one();
    }

    /// Says that a conversation is on screen no longer.
    pub fn close_conversation(&self, conversation: ConversationId) {
        self.shared
            .with_session(|session, now| session.close(now, conversation));
        self.shared.roused.notify_one();
    }

    /// Moves the user's read cursor up to `seq`, on all devices; if offline, as soon as possible.
    pub fn mark_read(&self, conversation: ConversationId, seq: Seq) {
        self.shared
            .with_session(|session, now| session.mark_read(now, conversation, seq));
        self.shared.roused.notify_one();
    }

    /// Says that the user is writing; call it with every key. It goes to the server every few seconds at most, and
    /// not at all while offline.
    pub fn typing(&self, conversation: ConversationId) {
        self.shared
            .with_session(|session, now| session.typing(now, conversation));
        self.shared.roused.notify_one();
    }

    /// Says whether the user looks at this device: [`Status::Online`] or [`Status::Away`], for as long as the client
    /// lives. Without a word, the user is online.
    pub fn set_status(&self, status: Status) {
        self.shared
            .with_session(|session, now| session.set_status(now, status));
        self.shared.roused.notify_one();
    }

    /// Hears of these users' presence from now on, in place of those named before, by [`Update::Presence`]. Only
    /// those are told of who share a conversation with the user. Whatever is known of others, and of all while
    /// the connection is lost, is of no worth.
    ///
    /// [`Update::Presence`]: crate::Update::Presence
    pub fn watch(&self, users: Vec<UserId>) {
        self.shared
            .with_session(|session, now| session.watch(now, users));
        self.shared.roused.notify_one();
    }

    /// Reads one page of the inbox over HTTP and takes its counts over: for the conversations beyond
    /// those that the server names by itself.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn load_inbox(
        &self,
        before: Option<tidemark_core::Position>,
    ) -> Result<body::Inbox, HttpError> {
        let inbox = self.http.conversations(100, before).await?;
        for conversation in &inbox.conversations {
            self.learn(conversation);
        }
        Ok(inbox)
    }

    /// Takes over what an answer of [`Http`] says about a conversation of the user.
    pub fn learn(&self, conversation: &body::Conversation) {
        let counts = Counts {
            unread: conversation.unread,
            mentions: conversation.mentions,
        };
        let kind: ConversationKind = conversation.kind.0;
        let (head, read) = (conversation.head_seq.0, conversation.read_seq.0);
        self.shared.with_session(|session, _| {
            session.learn_size(conversation.id.0, conversation.member_count, head);
            session.learn(conversation.id.0, kind, head, read, counts);
        });
        self.shared.roused.notify_one();
    }

    /// Reads messages from before those at hand into the timeline of a followed conversation, and what
    /// else happened between them, as long as that is within the last [`CHANGES_WITHIN`] places. Whether there
    /// are still older messages.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn load_older(
        &self,
        conversation: ConversationId,
        messages_max: u32,
    ) -> Result<bool, HttpError> {
        let timeline = self.timeline(conversation);
        let oldest = timeline.and_then(|held| held.messages().next().map(|message| message.seq));
        let wanted = oldest.map_or(Page::Latest, Page::Before);
        let page = self
            .http
            .messages(conversation, wanted, messages_max)
            .await?;
        let changes = match holes(&page, oldest) {
            Some((after, limit)) => self.http.events(conversation, after, limit).await?.events,
            None => Vec::new(),
        };
        let mut state = self.shared.lock();
        let cursor = state
            .session
            .state(conversation)
            .map_or(page.head_seq.0, |it| it.cursor);
        let timeline = state.timeline(conversation, cursor);
        let as_of = page.head_seq.0;
        timeline.prepend(page.messages.into_iter().map(shown), as_of);
        timeline.prepend_changes(changes.iter().filter_map(LogEntry::event).cloned());
        Ok(page.more)
    }

    /// What the next process needs to go on from here. Take it after the updates that are out were dealt
    /// with: an event that was handed out is not fetched again.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.lock().session.resumption().into()
    }

    /// Waits until the outbox is empty, but no longer than `patience`, then disconnects.
    pub async fn close(&self, patience: Duration) -> Closed {
        let mut unsent = self.shared.unsent.subscribe();
        let mut connection = self.connection();
        tokio::select! {
            _ = unsent.wait_for(|count| *count == 0) => {}
            _ = connection.wait_for(|state| matches!(state, Connection::Stopped(_))) => {}
            () = tokio::time::sleep(patience) => {}
        }
        self.task.stop.send_replace(true);
        let handle = self
            .task
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(handle) = handle {
            // It ends by itself now; a panic in it was reported where it happened.
            let _ = handle.await;
        }
        let snapshot = self.snapshot();
        Closed {
            unsent: snapshot.unsent(),
            snapshot,
        }
    }
}

/// How far before the messages at hand [`Client::load_older`] looks for events that are no messages, in
/// places of the log.
pub const CHANGES_WITHIN: u32 = 1_000;

/// Where events that are no messages lie within a page of messages that ends before `oldest`: after which
/// place, and how many places from there on. As `seq` has no gaps, they are the places that the page leaves
/// out.
fn holes(page: &body::MessagesPage, oldest: Option<Seq>) -> Option<(Seq, u32)> {
    let end = oldest.map_or(page.head_seq.0.get() + 1, Seq::get);
    let is_first = !page.more;
    let first = page.messages.first().map(|message| message.seq.0.get());
    let begin = if is_first { 1 } else { first? };
    let begin = begin.max(end.saturating_sub(u64::from(CHANGES_WITHIN)));
    let held: BTreeSet<u64> = page.messages.iter().map(|it| it.seq.0.get()).collect();
    let is_hole = |place: &u64| !held.contains(place);
    let from = (begin..end).find(is_hole)?;
    let to = (from..end).rev().find(is_hole)?;
    let limit = u32::try_from(to - from + 1).ok()?;
    Some((Seq::new(from)?.previous(), limit))
}

/// A message of a page as the timeline holds it.
fn shown(message: body::Message) -> TimelineMessage {
    TimelineMessage {
        replies: message.thread_below(),
        seq: message.seq.0,
        at: message.at.0,
        message: Message {
            sender: message.sender.0,
            client_id: message.client_id.0,
            text: message.text,
            reply_to: message.reply_to.map(|seq| seq.0),
            mentions: message.mentions.0,
            client_at: message.client_at.map(|at| at.0),
            thread: message.thread.map(|root| InThread {
                root: root.0,
                also_in_conversation: message.also_in_conversation,
                first: message.first_in_thread,
            }),
            attachments: message.attachments.into_iter().map(Into::into).collect(),
        },
        edited_at: message.edited_at.map(|at| at.0),
        deleted: message.deleted,
        reactions: message.reactions.into_iter().map(Reaction::from).collect(),
        pinned: message.pinned,
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Why a client could not even begin to connect.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The snapshot's outbox cannot be taken over.
    #[error("the snapshot cannot be taken over: {0}")]
    Snapshot(#[from] EnqueueError),
    /// No HTTP client could be made.
    #[error(transparent)]
    Http(#[from] HttpError),
}

#[cfg(test)]
mod tests {
    use tidemark_core::conversation::Mentions;
    use tidemark_core::{ClientId, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    fn page(places: &[u64], head: u64, more: bool) -> body::MessagesPage {
        let id = Uuid::from_u128(1);
        let message = |place: &u64| {
            let said = Message {
                sender: UserId::parse("ann").unwrap(),
                client_id: ClientId(id),
                text: String::new(),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
                thread: None,
                attachments: Vec::new(),
            };
            TimelineMessage::new(Seq::new(*place).unwrap(), Timestamp(0), said)
        };
        let of_page = |held| body::Message::new(ConversationId(id), held);
        body::MessagesPage {
            messages: places.iter().map(message).map(of_page).collect(),
            head_seq: Seq::new(head).unwrap().into(),
            more,
        }
    }

    fn holes_of(places: &[u64], oldest: Option<u64>, more: bool) -> Option<(u64, u32)> {
        let page = page(places, 20, more);
        let found = holes(&page, oldest.and_then(Seq::new));
        found.map(|(after, limit)| (after.get(), limit))
    }

    #[test]
    fn places_that_a_page_leaves_out_are_found() {
        assert_eq!(holes_of(&[18, 19, 20], None, true), None);
        assert_eq!(holes_of(&[15, 17, 18], None, true), Some((15, 5)));
        assert_eq!(holes_of(&[15, 17, 18], Some(19), true), Some((15, 1)));
    }

    #[test]
    fn the_first_page_begins_with_how_it_all_began() {
        assert_eq!(holes_of(&[2, 3], Some(4), false), Some((0, 1)));
        assert_eq!(holes_of(&[], None, false), Some((0, 20)));
    }

    #[test]
    fn the_search_for_them_is_bounded() {
        let page = page(&[1, 9_000], 9_000, false);
        assert_eq!(holes(&page, None), Some((Seq::new(8_000).unwrap(), 999)));
    }
}
