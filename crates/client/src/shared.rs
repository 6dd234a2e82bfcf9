//! What the handle and the background task share: the session and what is drawn from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidemark_core::conversation::NewMessage;
use tidemark_core::timeline::Timeline;
use tidemark_core::{ClientId, ConversationId, Seq};
use tidemark_protocol::body;
use tidemark_protocol::session::client::{ClientSession, Ending, Update};
use tidemark_protocol::wire::LogEntry;
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio::time::Instant;

use crate::{Connection, EnqueueError, Receipt, SendError, StopReason};

type Outcome = oneshot::Sender<Result<Receipt, SendError>>;

/// Shared by every handle of a client and its background task.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Rouses the background task: there is something to send.
    pub(crate) roused: Notify,
    /// Something that the user changed elsewhere is missing.
    pub(crate) personal_missing: Notify,
    pub(crate) connection: watch::Sender<Connection>,
    /// How many messages wait for their ack.
    pub(crate) unsent: watch::Sender<usize>,
    pub(crate) updates: broadcast::Sender<Update>,
}

/// Under the lock; nothing waits while it is held.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) session: ClientSession,
    pub(crate) timelines: BTreeMap<ConversationId, Timeline>,
    timeline_messages_max: usize,
    waiting: HashMap<(ConversationId, ClientId), Outcome>,
    ending: Option<Ending>,
}

impl Shared {
    pub(crate) fn new(
        session: ClientSession,
        timeline_messages_max: usize,
        updates_max: usize,
    ) -> Self {
        Self {
            unsent: watch::Sender::new(session.pending().count()),
            state: Mutex::new(State {
                session,
                timelines: BTreeMap::new(),
                timeline_messages_max,
                waiting: HashMap::new(),
                ending: None,
            }),
            roused: Notify::new(),
            personal_missing: Notify::new(),
            connection: watch::Sender::new(Connection::Connecting),
            updates: broadcast::Sender::new(updates_max.max(1)),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock is left half done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the session and passes on what is new.
    pub(crate) fn with_session<R>(
        &self,
        work: impl FnOnce(&mut ClientSession, std::time::Instant) -> R,
    ) -> R {
        let mut state = self.lock();
        let result = work(&mut state.session, Instant::now().into_std());
        while let Some(update) = state.session.poll_update() {
            state.take(&update);
            match update {
                Update::Ended(ending) => state.ending = Some(ending),
                update => {
                    if let Update::Online { .. } = update {
                        self.connection.send_replace(Connection::Online);
                    }
                    // Nobody listening is fine.
                    let _ = self.updates.send(update);
                }
            }
        }
        let unsent = state.session.pending().count();
        let is_personal_missing = state.session.missing_personal().is_some();
        drop(state);
        if is_personal_missing {
            self.personal_missing.notify_one();
        }
        self.unsent
            .send_if_modified(|known| std::mem::replace(known, unsent) != unsent);
        result
    }

    /// The server said where an upload is that a message shows.
    pub(crate) fn learn_upload(&self, conversation: ConversationId, seq: Seq, told: body::Upload) {
        let update = Update::UploadChanged {
            shown: Some((conversation, seq)),
            attachment: told.attachment.into(),
            reason: told.reason,
        };
        self.lock().take(&update);
        // Nobody listening is fine.
        let _ = self.updates.send(update);
    }

    /// Puts a message into the outbox; what becomes of it will be told to the receiver.
    pub(crate) fn enqueue(
        &self,
        conversation: ConversationId,
        message: NewMessage,
    ) -> Result<oneshot::Receiver<Result<Receipt, SendError>>, EnqueueError> {
        if let Connection::Stopped(reason) = &*self.connection.borrow() {
            return Err(EnqueueError::Stopped(reason.clone()));
        }
        let (sender, receiver) = oneshot::channel();
        let name = (conversation, message.client_id);
        let mut state = self.lock();
        state.session.enqueue(conversation, message)?;
        state.waiting.insert(name, sender);
        let unsent = state.session.pending().count();
        drop(state);
        self.unsent.send_replace(unsent);
        self.roused.notify_one();
        Ok(receiver)
    }

    pub(crate) fn take_ending(&self) -> Option<Ending> {
        self.lock().ending.take()
    }

    /// There will be no further try: whoever waits for an ack is told so.
    pub(crate) fn stop(&self, reason: &StopReason) {
        self.connection
            .send_replace(Connection::Stopped(reason.clone()));
        let waiting = std::mem::take(&mut self.lock().waiting);
        for outcome in waiting.into_values() {
            let _ = outcome.send(Err(SendError::Stopped(reason.clone())));
        }
    }
}

impl State {
    fn take(&mut self, update: &Update) {
        match update {
            Update::Event(entry) => self.fold(entry),
            Update::Sent {
                conversation,
                client_id,
                seq,
                at,
                duplicate,
            } => {
                let receipt = Receipt {
                    client_id: *client_id,
                    seq: *seq,
                    at: *at,
                    duplicate: *duplicate,
                };
                self.answer(*conversation, *client_id, Ok(receipt));
            }
            Update::Refused {
                conversation,
                client_id,
                code,
                detail,
            } => {
                let refused = SendError::Refused {
                    code: *code,
                    detail: detail.clone(),
                };
                self.answer(*conversation, *client_id, Err(refused));
            }
            // What is seen from somewhere else on begins another one with the next event.
            Update::Removed(conversation) | Update::VisibleFrom { conversation, .. } => {
                self.timelines.remove(conversation);
            }
            Update::HistoryReplaced => self.timelines.clear(),
            Update::UploadChanged {
                shown: Some((conversation, seq)),
                attachment,
                ..
            } => {
                if let Some(timeline) = self.timelines.get_mut(conversation) {
                    timeline.learn_attachment(*seq, attachment);
                }
            }
            Update::Online { .. }
            | Update::Changed(_)
            | Update::ReadBy { .. }
            | Update::Typing { .. }
            | Update::Presence { .. }
            | Update::WatchRefused { .. }
            | Update::Personal(_)
            | Update::Thread { .. }
            | Update::DeliveredTo { .. }
            | Update::UploadChanged { .. }
            | Update::Added(_)
            | Update::Ended(_) => {}
        }
    }

    fn fold(&mut self, entry: &LogEntry) {
        let messages_max = self.timeline_messages_max;
        let timeline = self.timeline(entry.conversation(), entry.seq().previous());
        match entry.event() {
            Some(event) => timeline.apply(event),
            None => timeline.pass(entry.seq()),
        };
        timeline.keep_newest(messages_max);
    }

    /// The timeline of a conversation; if there is none yet, it begins after `cursor`.
    pub(crate) fn timeline(&mut self, id: ConversationId, cursor: Seq) -> &mut Timeline {
        let viewer = self.session.user();
        self.timelines.entry(id).or_insert_with(|| {
            let timeline = Timeline::starting_after(cursor);
            match viewer {
                Some(viewer) => timeline.viewed_by(viewer.clone()),
                None => timeline,
            }
        })
    }

    fn answer(
        &mut self,
        conversation: ConversationId,
        client_id: ClientId,
        outcome: Result<Receipt, SendError>,
    ) {
        if let Some(waiting) = self.waiting.remove(&(conversation, client_id)) {
            // Whoever enqueued it may not have waited.
            let _ = waiting.send(outcome);
        }
    }
}
