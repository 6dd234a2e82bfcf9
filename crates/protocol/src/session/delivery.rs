//! What a socket has been given of each conversation, so that every event reaches it once, in order.
//!
//! Live events reach a socket by a way that may lose them; the store has them all. A [`Delivery`]
//! stands where the two ways meet. An event that continues what was given is written. One that
//! leaves a gap is not: the gap and it are read from the store, page by page, and whatever comes live
//! meanwhile is only remembered as being there.
//!
//! An `ack` takes the place of its event. If its place has not come yet, it waits here and is written
//! instead of the event with its `seq`. If a page is faster than the ack, the page is cut before the
//! message, and goes on once the ack is there; that is why [`Delivery::expect_ack`] is told of every send.
//!
//! It holds for every interleaving that the `seq` written for a conversation are consecutive from
//! where it was started. Two answers stand outside of this order, because the client asked for them: the
//! `ack` of a message that had been accepted before, and what a `sync` brings from before.
//!
//! What waits here are acks of this socket's own requests. Whoever counts a request as under way until
//! its answer is written, and takes no more than so many, bounds them.

mod pieces;
mod track;

use tidemark_core::{ClientId, ConversationId, Seq};

use crate::frame::{Ack, Events, ServerFrame};
use pieces::Repeats;
use track::Track;

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
    /// Write it now; then read a page after this place and hand it to [`Delivery::page`].
    WriteAndCatchUp {
        /// The last place that was written.
        after: Seq,
    },
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Read a page after this place and hand it to [`Delivery::page`].
    CatchUp {
        /// The last place that was written.
        after: Seq,
    },
    /// Nothing: live events follow, or an ack that is awaited.
    Done,
}

/// What became due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Write these, in this order.
    pub frames: Vec<ServerFrame>,
    /// And then do this.
    pub next: Next,
}

impl Written {
    fn nothing() -> Self {
        Self {
            frames: Vec::new(),
            next: Next::Done,
        }
    }
}

/// What one socket has been given of each conversation that it follows.
#[derive(Debug, Default)]
pub struct Delivery {
    // Sorted: a socket follows few conversations, mostly one, and most sockets are idle.
    tracks: Vec<Track>,
    /// Messages that this socket has sent and that were not answered yet.
    awaited: Vec<(ConversationId, ClientId)>,
}

impl Delivery {
    /// Follows all of these from now on: everything up to each place is there already. For a socket that
    /// has asked for nothing yet; see [`restart`](Self::restart) for one that has.
    pub fn start_all(&mut self, starts: impl IntoIterator<Item = (ConversationId, Seq)>) {
        let starts = starts.into_iter().map(|(id, seq)| Track::new(id, seq));
        // The later ones count, and a stable sort leaves them behind the earlier ones.
        self.tracks.extend(starts);
        self.tracks.sort_by_key(|track| track.conversation);
        self.tracks.dedup_by(|later, earlier| {
            let same = later.conversation == earlier.conversation;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        self.tracks.shrink_to_fit();
    }

    /// Follows `conversation`, which goes up to `head`, from after `delivered` on. What was given before
    /// is forgotten, but no ack that waits: those up to `delivered` come out.
    #[must_use]
    pub fn restart(&mut self, conversation: ConversationId, delivered: Seq, head: Seq) -> Written {
        let index = match self.find(conversation) {
            Ok(index) => index,
            Err(index) => {
                if self.tracks.is_empty() {
                    self.tracks.reserve_exact(1);
                }
                self.tracks
                    .insert(index, Track::new(conversation, delivered));
                index
            }
        };
        self.tracks[index].restart(delivered, head)
    }

    /// Follows `conversation` no more. The acks that waited come out: what they tell of has happened.
    #[must_use]
    pub fn stop(&mut self, conversation: ConversationId) -> Vec<Ack> {
        match self.find(conversation) {
            Ok(index) => self.tracks.remove(index).into_held(),
            Err(_) => Vec::new(),
        }
    }

    /// The last place of `conversation` that was written, if it is followed.
    pub fn delivered(&self, conversation: ConversationId) -> Option<Seq> {
        let index = self.find(conversation).ok()?;
        Some(self.tracks[index].delivered())
    }

    /// An event came live.
    pub fn offer_event(&mut self, conversation: ConversationId, seq: Seq) -> Offer {
        self.track(conversation)
            .map_or(Offer::Skip, |track| track.offer_event(seq))
    }

    /// The conversation is known to go up to `head`: it may have events that were not offered.
    pub fn offer_head(&mut self, conversation: ConversationId, head: Seq) -> Offer {
        self.track(conversation)
            .map_or(Offer::Skip, |track| track.offer_head(head))
    }

    /// This socket has sent a message. It will be followed by [`offer_ack`](Self::offer_ack) or
    /// [`refused`](Self::refused).
    pub fn expect_ack(&mut self, conversation: ConversationId, client_id: ClientId) {
        self.awaited.push((conversation, client_id));
    }

    /// Whether this socket has sent a message with this name, and the answer has not come.
    pub fn awaits_ack(&self, conversation: ConversationId, client_id: ClientId) -> bool {
        self.awaited.contains(&(conversation, client_id))
    }

    /// A message of this socket was accepted.
    pub fn offer_ack(&mut self, ack: Ack) -> AckOffer {
        let conversation = ack.conversation.0;
        if let Some(client_id) = ack.client_id {
            self.no_longer_expected(conversation, client_id.0);
        }
        self.track(conversation)
            .map_or(AckOffer::Write, |track| track.offer_ack(ack))
    }

    /// A message of this socket was refused: there is no ack to wait for.
    #[must_use]
    pub fn refused(&mut self, conversation: ConversationId, client_id: ClientId) -> Next {
        self.no_longer_expected(conversation, client_id);
        self.track(conversation).map_or(Next::Done, Track::resume)
    }

    /// A page of the store came. Its events that were not written yet are, each ack that waited for its
    /// place instead of the event with its `seq`. A page that does not continue what was written is
    /// stale: none of its events are written.
    #[must_use]
    pub fn page(&mut self, page: Events) -> Written {
        self.give(page, Repeats::LeftOut)
    }

    /// A page came that the client asked for, and gets whole. Where it continues what was written, what is
    /// new in it counts as written and does not come again.
    #[must_use]
    pub fn answer(&mut self, page: Events) -> Written {
        if self.delivered(page.conversation.0).is_none() {
            return Written {
                frames: vec![page.into()],
                next: Next::Done,
            };
        }
        self.give(page, Repeats::Written)
    }

    /// A page like that of [`page`](Self::page) may go out as it is: it has everything after `after` up to `last`, of a
    /// conversation that goes up to `head`. Nothing, and nothing happens, if it has to be looked through: because an ack of this socket's
    /// own has its place in it, or because it does not continue what was written.
    pub fn page_as_it_is(
        &mut self,
        conversation: ConversationId,
        after: Seq,
        last: Seq,
        head: Seq,
    ) -> Option<Next> {
        if self.awaits_any_ack(conversation) {
            return None;
        }
        self.track(conversation)?.page_as_it_is(after, last, head)
    }

    /// The same for a page like that of [`answer`](Self::answer). Whether it may go out.
    pub fn answer_as_it_is(&mut self, conversation: ConversationId, after: Seq, last: Seq) -> bool {
        if self.awaits_any_ack(conversation) {
            return false;
        }
        self.track(conversation)
            .is_none_or(|track| track.answer_as_it_is(after, last))
    }

    /// Whether a `head` should tell that the conversation goes up to `head`. Not if that was written, or
    /// if it will be, as pages are on their way.
    pub fn wants_head(&mut self, conversation: ConversationId, head: Seq) -> bool {
        self.track(conversation)
            .is_some_and(|track| track.wants_head(head))
    }

    /// A `head` goes out instead of the events up to `seq`. Acks that waited for their place among
    /// those come out before it.
    #[must_use]
    pub fn skip_to(&mut self, conversation: ConversationId, seq: Seq) -> Written {
        self.track(conversation)
            .map_or_else(Written::nothing, |track| track.skip_to(seq))
    }

    fn give(&mut self, page: Events, repeats: Repeats) -> Written {
        let conversation = page.conversation.0;
        let Ok(index) = self.find(conversation) else {
            return Written::nothing();
        };
        let awaited = &self.awaited;
        let is_awaited = |client_id| awaited.contains(&(conversation, client_id));
        self.tracks[index].page(page, repeats, is_awaited)
    }

    fn awaits_any_ack(&self, conversation: ConversationId) -> bool {
        self.awaited.iter().any(|(id, _)| *id == conversation)
    }

    fn no_longer_expected(&mut self, conversation: ConversationId, client_id: ClientId) {
        let answered = (conversation, client_id);
        // The oldest of several: one answer for each time that it was sent.
        if let Some(index) = self.awaited.iter().position(|sent| *sent == answered) {
            self.awaited.remove(index);
        }
    }

    fn find(&self, conversation: ConversationId) -> Result<usize, usize> {
        self.tracks
            .binary_search_by_key(&conversation, |track| track.conversation)
    }

    fn track(&mut self, conversation: ConversationId) -> Option<&mut Track> {
        let index = self.find(conversation).ok()?;
        self.tracks.get_mut(index)
    }
}
