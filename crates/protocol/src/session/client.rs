//! The client end of a connection.

mod delivered;
mod incoming;
mod liveness;
mod outbox;
mod outgoing;
mod personal;
mod settings;
mod signals;
mod threads;
mod track;
mod update;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use tidemark_core::conversation::{ConversationKind, Mentions, NewMessage};
use tidemark_core::unread::Counts;
use tidemark_core::{ConversationId, Seq, UserId};

use crate::frame::{CloseConversation, Ping, Request, RequestId};
use delivered::Deliveries;
use liveness::{Due, Liveness};
use outbox::Outbox;
pub use outbox::{OutboxError, Pending};
use personal::Affairs;
pub use personal::KeptPersonal;
pub use settings::{ClientSettings, Resumption};
use signals::Signals;
pub use threads::ThreadState;
use threads::Threads;
use track::{Fetch, Track};
pub use update::{Ending, Update};

/// A conversation as a session sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationState {
    /// What kind it is, once the server said so.
    pub kind: Option<ConversationKind>,
    /// Whether the app gets its events.
    pub followed: bool,
    /// The last event that the app has got.
    pub cursor: Seq,
    /// The last event that is known to exist.
    pub head: Seq,
    /// Up to where the user has read.
    pub read: Seq,
    /// What the user has still to see, once the server said so for the first time.
    pub counts: Option<Counts>,
}

/// The client end of a connection as a state machine, over any number of connections.
///
/// It has no socket, no clock and no randomness. The driver opens connections, passes what arrives to
/// [`handle_text`](Self::handle_text), sends what [`poll_transmit`](Self::poll_transmit) gives, and
/// after every call hands all of [`poll_update`](Self::poll_update) to the app; what is queued
/// stays bounded only if both are drained.
///
/// - Events of followed conversations reach the app in the order of `seq`, each once, over any loss,
///   repetition and reconnection. What arrives ahead of a gap is dropped and fetched again in its place.
/// - A message that was [put into the outbox](Self::enqueue) is sent under its one `client_id`, over
///   as many connections as it takes, until the server acknowledges it or refuses it for good.
/// - An ack counts as its event: the app gets the own message in its place like any other.
pub struct ClientSession {
    settings: ClientSettings,
    epoch: Option<String>,
    me: Option<UserId>,
    phase: Phase,
    tracks: BTreeMap<ConversationId, Tracked>,
    /// Those of `tracks` that have a gap.
    behind: BTreeSet<ConversationId>,
    outbox: Outbox,
    signals: Signals,
    affairs: Affairs,
    deliveries: Deliveries,
    threads: Threads,
    /// The largest frame that the server takes, in bytes.
    frame_bytes_max: u64,
    last_request: RequestId,
    control: VecDeque<String>,
    updates: VecDeque<Update>,
}

struct Tracked {
    kind: Option<ConversationKind>,
    track: Track,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Offline,
    /// `hello` is out.
    Greeting(Liveness),
    Online(Liveness),
}

/// How long the server may take to answer `hello`: half of this, before the first ping.
const GREETING_HEARTBEAT: Duration = Duration::from_secs(10);

impl fmt::Debug for ClientSession {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ClientSession")
            .field("epoch", &self.epoch)
            .field("phase", &self.phase)
            .field("conversations", &self.tracks.len())
            .field("outbox", &self.outbox.len())
            .finish_non_exhaustive()
    }
}

impl ClientSession {
    /// A session that knows nothing yet.
    pub fn new(settings: ClientSettings) -> Self {
        Self {
            outbox: Outbox::new(settings.outbox_max, settings.in_flight_max),
            settings,
            epoch: None,
            me: None,
            phase: Phase::Offline,
            tracks: BTreeMap::new(),
            behind: BTreeSet::new(),
            signals: Signals::default(),
            affairs: Affairs::default(),
            deliveries: Deliveries::default(),
            threads: Threads::default(),
            frame_bytes_max: u64::MAX,
            last_request: RequestId(0),
            control: VecDeque::new(),
            updates: VecDeque::new(),
        }
    }

    /// A session that goes on where another ended.
    ///
    /// # Errors
    ///
    /// When the outbox that was left behind does not fit into the bound of this one, or names a
    /// message twice.
    pub fn resume(settings: ClientSettings, left: Resumption) -> Result<Self, OutboxError> {
        let mut session = Self::new(settings);
        session.epoch = left.epoch;
        session.affairs = Affairs::resume(left.personal_version, left.personal);
        for (id, cursor) in left.cursors {
            session.tracks.insert(
                id,
                Tracked {
                    kind: None,
                    track: Track::following(cursor),
                },
            );
        }
        for pending in left.outbox {
            session.outbox.push(pending)?;
        }
        Ok(session)
    }

    /// What another session needs to go on from here. The app must have kept every event that it was
    /// handed.
    pub fn resumption(&self) -> Resumption {
        let followed = self.tracks.iter().filter(|(_, it)| it.track.followed);
        Resumption {
            epoch: self.epoch.clone(),
            cursors: followed.map(|(id, it)| (*id, it.track.cursor())).collect(),
            outbox: self.outbox.pending().cloned().collect(),
            personal_version: self.affairs.held(),
            personal: self.affairs.all().cloned().collect(),
        }
    }

    /// Who we are, once the server said so.
    pub fn user(&self) -> Option<&UserId> {
        self.me.as_ref()
    }

    /// Whether the server let us in on the present connection.
    pub fn is_online(&self) -> bool {
        matches!(self.phase, Phase::Online(_))
    }

    /// The conversations that are known, with what is known of them.
    pub fn conversations(&self) -> impl Iterator<Item = (ConversationId, ConversationState)> {
        self.tracks.iter().map(|(id, it)| (*id, it.state()))
    }

    /// What is known of one conversation.
    pub fn state(&self, conversation: ConversationId) -> Option<ConversationState> {
        self.tracks.get(&conversation).map(Tracked::state)
    }

    /// The messages without a final answer, in the order in which they were written.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.outbox.pending()
    }

    /// Hands every event of `conversation` after `cursor` to the app, from now on and over every
    /// reconnection.
    pub fn follow(&mut self, conversation: ConversationId, cursor: Seq) {
        let known = self.tracks.entry(conversation).or_insert_with(|| Tracked {
            kind: None,
            track: Track::unseen(cursor),
        });
        known.track.followed = true;
        known.track.restart(cursor);
        self.settle(conversation);
    }

    /// Hands over only what follows what is known to exist now. Whether the conversation is known.
    pub fn follow_from_here(&mut self, conversation: ConversationId) -> bool {
        let Some(known) = self.tracks.get_mut(&conversation) else {
            return false;
        };
        known.track.followed = true;
        true
    }

    /// Hands over no more events of `conversation`; its counts are kept.
    pub fn unfollow(&mut self, conversation: ConversationId) {
        if let Some(known) = self.tracks.get_mut(&conversation) {
            known.track.followed = false;
            known.track.skip_gap();
            self.settle(conversation);
        }
    }

    /// Says that the conversation is on screen, so that even a large one is delivered in full.
    pub fn open(&mut self, now: Instant, conversation: ConversationId) {
        if let Some(known) = self.tracks.get_mut(&conversation) {
            known.track.open = true;
            self.tell_open(now, conversation);
        }
    }

    /// Says that the conversation is on screen no longer.
    pub fn close(&mut self, now: Instant, conversation: ConversationId) {
        let Some(known) = self.tracks.get_mut(&conversation) else {
            return;
        };
        known.track.open = false;
        if std::mem::take(&mut known.track.open_told) {
            self.ask(
                now,
                Request::Close(CloseConversation {
                    id: None,
                    conversation,
                }),
            );
        }
    }

    /// Moves the user's read cursor up to `seq`; told again after a reconnection if need be.
    pub fn mark_read(&mut self, now: Instant, conversation: ConversationId, seq: Seq) {
        let Some(known) = self.tracks.get_mut(&conversation) else {
            return;
        };
        if known.track.mark_read(seq) {
            self.has_read(conversation, seq);
            self.updates.push_back(Update::Changed(conversation));
            self.tell_read(now, conversation);
        }
    }

    /// Takes counts that came another way, such as over HTTP, and were right when `head` was the head.
    pub fn learn(
        &mut self,
        conversation: ConversationId,
        kind: ConversationKind,
        head: Seq,
        read: Seq,
        counts: Counts,
    ) {
        let known = self.meet(conversation, head);
        known.kind = Some(kind);
        if known.track.told(head, counts) | known.track.read_moved(read) {
            self.updates.push_back(Update::Changed(conversation));
        }
        self.has_read(conversation, read);
        self.settle(conversation);
    }

    /// Takes a message that is to be sent.
    ///
    /// # Errors
    ///
    /// When too many wait already, or one with this `client_id` does.
    pub fn enqueue(
        &mut self,
        conversation: ConversationId,
        mut message: NewMessage,
    ) -> Result<(), OutboxError> {
        // As the server will log it: the event is made from this when the ack comes.
        if let Mentions::Users(users) = &mut message.mentions {
            let mut seen = BTreeSet::new();
            users.retain(|user| seen.insert(user.clone()));
        }
        self.signals.sent(conversation);
        self.outbox.push(Pending {
            conversation,
            message,
        })
    }

    /// A connection is open: greets the server.
    pub fn connected(&mut self, now: Instant) {
        self.disconnected();
        let answer_within = self.settings.answer_within;
        self.phase = Phase::Greeting(Liveness::new(now, GREETING_HEARTBEAT, answer_within));
        let mut cursors = BTreeMap::new();
        for (id, known) in &mut self.tracks {
            if !known.track.followed {
                continue;
            }
            if cursors.len() < self.settings.cursors_max {
                cursors.insert(*id, known.track.cursor());
                known.track.fetch = Fetch::Promised { since: now };
            } else {
                known.track.suspect_more();
                self.behind.insert(*id);
            }
        }
        self.greet(now, cursors);
    }

    /// The connection is gone. What waited for an answer is sent again on the next one.
    pub fn disconnected(&mut self) {
        self.phase = Phase::Offline;
        self.control.clear();
        self.outbox.disconnected();
        self.signals.disconnected();
        self.deliveries.disconnected();
        for known in self.tracks.values_mut() {
            known.track.disconnected();
        }
    }

    /// The next thing that the app is to know.
    pub fn poll_update(&mut self) -> Option<Update> {
        self.updates.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has to be called, if nothing happens before.
    pub fn next_timeout(&self) -> Option<Instant> {
        let liveness = self.liveness()?;
        let silence = liveness.next(self.oldest_request());
        if !self.is_online() {
            return Some(silence);
        }
        let fetches = self.behind.iter().filter_map(|id| {
            let known = self.tracks.get(id)?;
            known.track.next_fetch()
        });
        fetches
            .chain(self.outbox.next_retry())
            .chain(self.signals.next_timeout())
            .chain(self.deliveries.next_timeout())
            .chain([silence])
            .min()
    }

    /// Time has passed: pings, gives up a dead connection, and lets waiting requests go.
    pub fn handle_timeout(&mut self, now: Instant) {
        let oldest_request = self.oldest_request();
        match self.liveness().map(|it| it.due(now, oldest_request)) {
            Some(Due::GiveUp) => self.end(Ending::Silent),
            Some(Due::Ping) => {
                self.ask(now, Request::Ping(Ping { id: None }));
                if let Some(liveness) = self.liveness_mut() {
                    liveness.pinged();
                }
            }
            Some(Due::Nothing) | None => {}
        }
        self.watch_again(now);
    }

    /// What is known of `conversation`; if that is nothing yet, it now stands at `head`.
    fn meet(&mut self, conversation: ConversationId, head: Seq) -> &mut Tracked {
        let followed = self.settings.follow_all;
        self.tracks.entry(conversation).or_insert_with(|| {
            let mut track = Track::known(head);
            track.followed = followed;
            Tracked { kind: None, track }
        })
    }

    fn end(&mut self, ending: Ending) {
        self.disconnected();
        self.updates.push_back(Update::Ended(ending));
    }

    /// Since when the oldest question waits for its answer.
    fn oldest_request(&self) -> Option<Instant> {
        let fetches = self.behind.iter().filter_map(|id| self.tracks.get(id));
        let asked = fetches.filter_map(|known| match known.track.fetch {
            Fetch::Asked { since, .. } => Some(since),
            _ => None,
        });
        asked.chain(self.outbox.oldest_in_flight()).min()
    }

    /// Keeps `behind` in step with the track that was just touched.
    fn settle(&mut self, conversation: ConversationId) {
        let known = self.tracks.get(&conversation);
        if known.is_some_and(|known| known.track.has_gap()) {
            self.behind.insert(conversation);
        } else {
            self.behind.remove(&conversation);
        }
    }

    fn liveness(&self) -> Option<&Liveness> {
        match &self.phase {
            Phase::Offline => None,
            Phase::Greeting(liveness) | Phase::Online(liveness) => Some(liveness),
        }
    }

    fn liveness_mut(&mut self) -> Option<&mut Liveness> {
        match &mut self.phase {
            Phase::Offline => None,
            Phase::Greeting(liveness) | Phase::Online(liveness) => Some(liveness),
        }
    }
}

impl Tracked {
    fn state(&self) -> ConversationState {
        ConversationState {
            kind: self.kind,
            followed: self.track.followed,
            cursor: self.track.cursor(),
            head: self.track.head(),
            read: self.track.read(),
            counts: self.track.counts(),
        }
    }
}
