//! What a socket has been given of each conversation, so that every event reaches it once, in order.
//!
//! Live events reach a socket by a way that may lose them; the store has them all. A [`Delivery`]
//! stands where the two ways meet. An event that continues what was given is written. One that
//! leaves a gap is not: the gap and it are read from the store, page by page, and whatever comes live
//! meanwhile is only remembered as being there. An `ack` takes the place of its event; if its
//! place has not come yet, it waits here and is written instead of the event with its `seq`.
//!
//! It holds for every interleaving that the `seq` written for a conversation are consecutive from
//! where it was started. One answer stands outside of this order: the `ack` of an event that was
//! written already, because the message had been accepted before or a page was faster.

use tidemark_core::{ConversationId, Seq};

use crate::frame::{Ack, Events, ServerFrame};
use crate::wire::LogEntry;

/// The most acks of one conversation that wait for their place.
pub const HELD_ACKS_MAX: usize = 256;

/// What to do with a live event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Write it now.
    Write,
    /// Do not: it was written, or a page that is awaited will have it, or nobody wants it.
    Skip,
    /// Do not; read a page after this place and hand it to [`Delivery::page`].
    CatchUp {
        /// The last place that was written.
        after: Seq,
    },
}

/// What to do with an `ack`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckOffer {
    /// Write it now.
    Write,
    /// It is kept, and a page that is awaited will put it in its place.
    Held,
    /// It is kept; read a page after this place and hand it to [`Delivery::page`].
    CatchUp {
        /// The last place that was written.
        after: Seq,
    },
    /// Too many are waiting. It is not kept: close the socket, the client will send again.
    Overflow,
}

/// What to do after a page was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read another page after this place.
    CatchUp {
        /// The last place that was written.
        after: Seq,
    },
    /// Nothing: live events follow.
    Done,
}

/// What a page amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Write these, in this order.
    pub frames: Vec<ServerFrame>,
    /// And then do this.
    pub next: Next,
}

/// What one socket has been given of each conversation that it follows.
#[derive(Debug, Default)]
pub struct Delivery {
    // Sorted: a socket follows few conversations, mostly one, and most sockets are idle.
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    conversation: ConversationId,
    /// The last place that was written. Everything up to it was.
    delivered: Seq,
    /// The highest place known to exist; at least `delivered`.
    seen: Seq,
    catching_up: bool,
    /// Acks of places above `delivered`, while catching up.
    #[expect(
        clippy::box_collection,
        reason = "nearly every track of every idle socket has none, and pays a word for it"
    )]
    held: Option<Box<Vec<Ack>>>,
}

impl Delivery {
    /// Follows `conversation` from now on: everything up to `delivered` is there already. Starting
    /// again forgets what was given before, but no ack that waits for its place: somebody waits for that.
    pub fn start(&mut self, conversation: ConversationId, delivered: Seq) {
        let track = Track {
            conversation,
            delivered,
            seen: delivered,
            catching_up: false,
            held: None,
        };
        match self.find(conversation) {
            Ok(index) => {
                let held = self.tracks[index].held.take();
                self.tracks[index] = Track { held, ..track };
            }
            Err(index) => {
                if self.tracks.is_empty() {
                    self.tracks.reserve_exact(1);
                }
                self.tracks.insert(index, track);
            }
        }
    }

    /// Follows all of these from now on; as [`start`](Self::start) for each, but faster.
    pub fn start_all(&mut self, starts: impl IntoIterator<Item = (ConversationId, Seq)>) {
        let starts: Vec<(ConversationId, Seq)> = starts.into_iter().collect();
        self.tracks.reserve_exact(starts.len());
        for (conversation, delivered) in starts {
            // Sorted input, which is what stores and cursors give, is only ever put at the end.
            self.start(conversation, delivered);
        }
    }

    /// Follows `conversation` no more.
    pub fn stop(&mut self, conversation: ConversationId) {
        if let Ok(index) = self.find(conversation) {
            self.tracks.remove(index);
        }
    }

    /// The last place of `conversation` that was written, if it is followed.
    pub fn delivered(&self, conversation: ConversationId) -> Option<Seq> {
        let index = self.find(conversation).ok()?;
        Some(self.tracks[index].delivered)
    }

    /// An event came live.
    pub fn offer_event(&mut self, conversation: ConversationId, seq: Seq) -> Offer {
        let Some(track) = self.track(conversation) else {
            return Offer::Skip;
        };
        if track.take_next(seq) {
            return Offer::Write;
        }
        track.offer_head(seq)
    }

    /// The conversation is known to go up to `head`: it may have events that were not offered.
    pub fn offer_head(&mut self, conversation: ConversationId, head: Seq) -> Offer {
        self.track(conversation)
            .map_or(Offer::Skip, |track| track.offer_head(head))
    }

    /// A request of this socket was accepted.
    pub fn offer_ack(&mut self, ack: Ack) -> AckOffer {
        let seq = ack.seq.0;
        let Some(track) = self.track(ack.conversation.0) else {
            return AckOffer::Write;
        };
        if seq <= track.delivered || track.take_next(seq) {
            return AckOffer::Write;
        }
        let held = track.held.get_or_insert_default();
        if held.len() >= HELD_ACKS_MAX {
            return AckOffer::Overflow;
        }
        held.push(ack);
        match track.offer_head(seq) {
            Offer::CatchUp { after } => AckOffer::CatchUp { after },
            Offer::Write | Offer::Skip => AckOffer::Held,
        }
    }

    /// A page of the store came. Its events that were not written yet are, each ack that waited
    /// for its place instead of the event with its `seq`. A page that does not continue what was
    /// written is stale: none of its
    /// events are written.
    pub fn page(&mut self, page: Events) -> Written {
        let Some(track) = self.track(page.conversation.0) else {
            return Written {
                frames: Vec::new(),
                next: Next::Done,
            };
        };
        track.page(page)
    }

    /// A `head` goes out instead of the events up to `seq`. Acks that waited for their place among
    /// those come out before it.
    pub fn skip_to(&mut self, conversation: ConversationId, seq: Seq) -> Written {
        let Some(track) = self.track(conversation) else {
            return Written {
                frames: Vec::new(),
                next: Next::Done,
            };
        };
        track.delivered = track.delivered.max(seq);
        track.seen = track.seen.max(seq);
        let frames = track.take_held_up_to(seq);
        Written {
            frames: frames.into_iter().map(ServerFrame::Ack).collect(),
            next: track.next(),
        }
    }

    fn find(&self, conversation: ConversationId) -> Result<usize, usize> {
        match self.tracks.last() {
            Some(last) if last.conversation < conversation => Err(self.tracks.len()),
            _ => self
                .tracks
                .binary_search_by_key(&conversation, |track| track.conversation),
        }
    }

    fn track(&mut self, conversation: ConversationId) -> Option<&mut Track> {
        let index = self.find(conversation).ok()?;
        self.tracks.get_mut(index)
    }
}

impl Track {
    /// Whether what is at `seq` may be written now; then it counts as written.
    fn take_next(&mut self, seq: Seq) -> bool {
        let may = !self.catching_up && seq == self.delivered.next();
        if may {
            self.delivered = seq;
            self.seen = self.seen.max(seq);
        }
        may
    }

    fn offer_head(&mut self, head: Seq) -> Offer {
        self.seen = self.seen.max(head);
        if self.catching_up || self.seen == self.delivered {
            return Offer::Skip;
        }
        self.catching_up = true;
        Offer::CatchUp {
            after: self.delivered,
        }
    }

    fn page(&mut self, page: Events) -> Written {
        self.seen = self.seen.max(page.head_seq.0);
        let continues = page
            .events
            .first()
            .is_none_or(|first| first.seq() <= self.delivered.next());
        let mut pieces = Pieces::new(&page);
        if !continues {
            return Written {
                frames: pieces.into_frames(),
                next: Next::Done,
            };
        }
        for entry in page.events {
            let seq = entry.seq();
            if seq != self.delivered.next() {
                continue;
            }
            self.delivered = seq;
            let acks = self.take_held_up_to(seq);
            if acks.is_empty() {
                pieces.push(entry);
            } else {
                pieces.push_acks(acks);
            }
        }
        Written {
            frames: pieces.into_frames(),
            next: self.next(),
        }
    }

    fn next(&mut self) -> Next {
        self.catching_up = self.delivered < self.seen;
        if self.catching_up {
            Next::CatchUp {
                after: self.delivered,
            }
        } else {
            Next::Done
        }
    }

    fn take_held_up_to(&mut self, seq: Seq) -> Vec<Ack> {
        let Some(held) = &mut self.held else {
            return Vec::new();
        };
        let mut due: Vec<Ack> = held.extract_if(.., |ack| ack.seq.0 <= seq).collect();
        due.sort_by_key(|ack| ack.seq);
        if held.is_empty() {
            self.held = None;
        }
        due
    }
}

/// A page that is cut where acks take the place of events.
struct Pieces {
    empty: Events,
    last: Option<Seq>,
    frames: Vec<ServerFrame>,
    run: Vec<LogEntry>,
}

impl Pieces {
    fn new(page: &Events) -> Self {
        Self {
            empty: Events {
                events: Vec::new(),
                ..*page
            },
            last: page.events.last().map(LogEntry::seq),
            frames: Vec::new(),
            run: Vec::new(),
        }
    }

    fn push(&mut self, entry: LogEntry) {
        self.run.push(entry);
    }

    fn push_acks(&mut self, acks: Vec<Ack>) {
        self.end_run();
        self.frames.extend(acks.into_iter().map(ServerFrame::Ack));
    }

    fn end_run(&mut self) {
        let Some(last) = self.run.last().map(LogEntry::seq) else {
            return;
        };
        self.frames.push(ServerFrame::Events(Events {
            id: self.empty.id.take(),
            events: std::mem::take(&mut self.run),
            more: self.empty.more || Some(last) < self.last,
            ..self.empty
        }));
    }

    fn into_frames(mut self) -> Vec<ServerFrame> {
        self.end_run();
        // A request is answered also if there was nothing to tell.
        if self.empty.id.is_some() {
            self.frames.push(ServerFrame::Events(self.empty));
        }
        self.frames
    }
}
