//! One conversation, as a client keeps up with it.

use std::time::{Duration, Instant};

use tidemark_core::conversation::{Event, EventBody};
use tidemark_core::unread::Counts;
use tidemark_core::{Seq, UserId};

use crate::frame::RequestId;

/// How far the client is in one conversation, what it knows to exist, and what is unread.
///
/// Invariant: `cursor <= head`. What lies between is missing and gets fetched, from `cursor` on;
/// an event from above the gap is never kept.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// Whether the app gets every event; otherwise only the counts are kept.
    pub(crate) followed: bool,
    /// Whether the app has it on screen.
    pub(crate) open: bool,
    /// Whether this connection has said so to the server.
    pub(crate) open_told: bool,
    pub(crate) fetch: Fetch,
    /// Up to where the user is to have read, until the server confirms it.
    pub(crate) read_wanted: Option<Seq>,
    cursor: Seq,
    head: Seq,
    counting: Counting,
}

/// How the events of a gap are being had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// There is no gap, or nobody has asked yet.
    Idle,
    /// The server sends them without being asked; it made the last step at `since`.
    Promised { since: Instant },
    /// Asked for.
    Asked {
        request: RequestId,
        after: Seq,
        since: Instant,
    },
    /// The server could not answer; ask again then.
    PutOff { until: Instant },
}

/// What an event is to a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offered {
    /// The next one: the cursor stands on it now.
    Next,
    /// Seen before.
    Held,
    /// Beyond a gap.
    Ahead,
}

/// Unread messages, counted on from what the server last said.
#[derive(Clone, Copy, Debug, Default)]
struct Counting {
    /// Nothing until the server said for the first time.
    counts: Option<Counts>,
    /// The last event that `counts` takes in.
    counted_to: Seq,
    read: Seq,
}

/// How long a promised step may take before the client asks for it.
const PROMISE_KEPT_WITHIN: Duration = Duration::from_secs(5);
/// The pause before a page is asked for again after one that brought nothing.
const FETCH_PAUSE: Duration = Duration::from_secs(1);

impl Track {
    /// Follows a conversation of which everything up to `cursor` is held.
    pub(crate) fn following(cursor: Seq) -> Self {
        Self {
            followed: true,
            ..Self::known(cursor)
        }
    }

    /// Knows a conversation without following it.
    pub(crate) fn known(head: Seq) -> Self {
        Self {
            followed: false,
            open: false,
            open_told: false,
            fetch: Fetch::Idle,
            read_wanted: None,
            cursor: head,
            head,
            counting: Counting::default(),
        }
    }

    /// A conversation of which nothing is known but that everything up to `cursor` is held.
    pub(crate) fn unseen(cursor: Seq) -> Self {
        let mut track = Self::following(cursor);
        track.suspect_more();
        track
    }

    pub(crate) fn cursor(&self) -> Seq {
        self.cursor
    }

    pub(crate) fn head(&self) -> Seq {
        self.head
    }

    /// What is unread up to the cursor, once the server told.
    pub(crate) fn counts(&self) -> Option<Counts> {
        self.counting.counts
    }

    pub(crate) fn read(&self) -> Seq {
        self.counting.read
    }

    pub(crate) fn has_gap(&self) -> bool {
        self.cursor < self.head
    }

    /// Begins again after `cursor`; whatever was being fetched is of no use any more.
    pub(crate) fn restart(&mut self, cursor: Seq) {
        self.cursor = cursor;
        self.head = self.head.max(cursor);
        self.fetch = Fetch::Idle;
    }

    /// Forgets everything that came from a history that is gone.
    pub(crate) fn history_replaced(&mut self) {
        self.cursor = Seq::ZERO;
        self.head = Seq::ZERO;
        self.fetch = Fetch::Idle;
        self.read_wanted = None;
        self.counting = Counting::default();
    }

    /// There are events up to `head`.
    pub(crate) fn exists_up_to(&mut self, head: Seq) {
        self.head = self.head.max(head);
    }

    /// There may be events that nobody told of: as if there were one, so that a page is asked for.
    pub(crate) fn suspect_more(&mut self) {
        self.exists_up_to(self.cursor.next());
    }

    /// The server has nothing above `head`, whatever was suspected.
    pub(crate) fn nothing_above(&mut self, head: Seq) {
        self.head = self.cursor.max(head);
    }

    /// There is nothing to be had below `first`. Whether the cursor stood further below.
    pub(crate) fn begins_at(&mut self, first: Seq) -> bool {
        let is_below = self.cursor < first.previous();
        if is_below {
            self.cursor = first.previous();
            self.exists_up_to(self.cursor);
        }
        is_below
    }

    /// Lets go of what is missing.
    pub(crate) fn skip_gap(&mut self) {
        self.cursor = self.head;
        self.fetch = Fetch::Idle;
    }

    /// The server names its head, with the counts up to there. Whether the counts changed. Without
    /// following, that is all there is to know, and nothing has to be fetched.
    pub(crate) fn told(&mut self, head: Seq, counts: Counts) -> bool {
        self.exists_up_to(head);
        if !self.followed {
            // What was passed before anything could be counted has to be fetched for counting.
            let is_first = self.counting.counts.is_none();
            self.cursor = if is_first { head } else { self.head };
            self.fetch = Fetch::Idle;
        }
        self.counted(head, counts)
    }

    /// What an event at `seq` is to this conversation; steps onto the next one.
    pub(crate) fn step(&mut self, seq: Seq) -> Offered {
        self.head = self.head.max(seq);
        if seq <= self.cursor {
            Offered::Held
        } else if seq == self.cursor.next() {
            self.cursor = seq;
            Offered::Next
        } else {
            Offered::Ahead
        }
    }

    /// Counts an event that [`Track::step`] took. Whether the counts changed.
    pub(crate) fn count(&mut self, event: &Event, me: &UserId) -> bool {
        let counting = &mut self.counting;
        let Some(counts) = &mut counting.counts else {
            return false;
        };
        if event.seq <= counting.counted_to {
            return false;
        }
        counting.counted_to = event.seq;
        let EventBody::Message(message) = &event.body else {
            return false;
        };
        if event.seq <= counting.read || message.sender == *me {
            return false;
        }
        counts.unread += 1;
        if message.mentions.includes(me) {
            counts.mentions += 1;
        }
        true
    }

    /// The server counted up to its `head`. Whether the counts changed; one that is older than what
    /// was counted since is left aside.
    fn counted(&mut self, head: Seq, counts: Counts) -> bool {
        let counting = &mut self.counting;
        if head < counting.counted_to {
            return false;
        }
        counting.counted_to = head;
        counting.counts.replace(counts) != Some(counts)
    }

    /// The user has read up to `read`. Whether that is news.
    pub(crate) fn read_moved(&mut self, read: Seq) -> bool {
        if self.read_wanted.is_some_and(|wanted| wanted <= read) {
            self.read_wanted = None;
        }
        let moved = read > self.counting.read;
        self.counting.read = self.counting.read.max(read);
        moved
    }

    /// The server counted what is left above `read`, when its head was `head`. Whether the counts changed;
    /// nothing if that is older than what was counted since, so that it does not say what is left now.
    pub(crate) fn read_counted(
        &mut self,
        read: Seq,
        head: Option<Seq>,
        counts: Counts,
    ) -> Option<bool> {
        if read < self.counting.read {
            // About a cursor that has moved on; the answer to that one is on its way.
            return Some(false);
        }
        let counted_to = self.counting.counted_to;
        let head = head.unwrap_or(self.head.max(counted_to));
        (counted_to <= head).then(|| self.counted(head, counts))
    }

    /// The user reads up to `seq` now. Nothing is left if that is all there is; otherwise the
    /// server's answer brings the new counts. Whether the server has to be told.
    pub(crate) fn mark_read(&mut self, seq: Seq) -> bool {
        let seq = seq.min(self.head);
        let known = self.counting.read.max(self.read_wanted.unwrap_or_default());
        if seq <= known {
            return false;
        }
        self.read_wanted = Some(seq);
        if seq == self.head && self.counting.counted_to <= seq {
            self.counting.read = seq;
            self.counting.counts = Some(Counts::default());
        }
        true
    }

    /// The connection is gone, and with it every answer that was awaited.
    pub(crate) fn disconnected(&mut self) {
        self.fetch = Fetch::Idle;
        self.open_told = false;
    }

    /// Whether a page has to be asked for now.
    pub(crate) fn fetch_is_due(&self, now: Instant) -> bool {
        self.has_gap()
            && match self.fetch {
                Fetch::Idle => true,
                Fetch::Promised { since } => since + PROMISE_KEPT_WITHIN <= now,
                Fetch::PutOff { until } => until <= now,
                Fetch::Asked { .. } => false,
            }
    }

    /// When a page will have to be asked for, if not now.
    pub(crate) fn next_fetch(&self) -> Option<Instant> {
        match self.fetch {
            Fetch::Promised { since } if self.has_gap() => Some(since + PROMISE_KEPT_WITHIN),
            Fetch::PutOff { until } if self.has_gap() => Some(until),
            _ => None,
        }
    }

    /// A page of which more is to come had nothing new.
    pub(crate) fn brought_nothing(&mut self, now: Instant) {
        if self.fetch == Fetch::Idle {
            self.put_off(now, None);
        }
    }

    /// The server could not send the page.
    pub(crate) fn put_off(&mut self, now: Instant, pause: Option<Duration>) {
        self.fetch = Fetch::PutOff {
            until: now + pause.unwrap_or(FETCH_PAUSE),
        };
    }
}
