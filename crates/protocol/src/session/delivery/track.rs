//! One conversation, as one socket has been given it.

use tidemark_core::{ClientId, ConversationId, Seq};

use super::pieces::{Pieces, Repeats};
use super::{AckOffer, Next, Offer, Written};
use crate::frame::{Ack, Events, ServerFrame};
use crate::wire::LogEntry;

#[derive(Debug)]
pub(super) struct Track {
    pub(super) conversation: ConversationId,
    /// The last place that was written. Everything up to it was.
    delivered: Seq,
    /// The highest place known to exist; at least `delivered`.
    seen: Seq,
    state: State,
    /// Acks of places above `delivered`, while catching up.
    #[expect(
        clippy::box_collection,
        reason = "nearly every track of every idle socket has none, and pays a word for it"
    )]
    held: Option<Box<Vec<Ack>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What comes next is written.
    Live,
    /// A page is on its way.
    CatchingUp,
    /// The next event is a message of this socket's own whose ack has not come; the rest follows it.
    AwaitingAck,
}

impl Track {
    pub(super) fn new(conversation: ConversationId, delivered: Seq) -> Self {
        Self {
            conversation,
            delivered,
            seen: delivered,
            state: State::Live,
            held: None,
        }
    }

    pub(super) fn delivered(&self) -> Seq {
        self.delivered
    }

    pub(super) fn into_held(self) -> Vec<Ack> {
        let mut held = self.held.map(|held| *held).unwrap_or_default();
        held.sort_by_key(|ack| ack.seq);
        held
    }

    pub(super) fn restart(&mut self, delivered: Seq, head: Seq) -> Written {
        let acks = self.take_held_up_to(delivered);
        let waiting = self.held.iter().flat_map(|acks| acks.iter());
        let highest = waiting.map(|ack| ack.seq.0).max();
        self.delivered = delivered;
        self.seen = head.max(delivered).max(highest.unwrap_or(delivered));
        Written {
            frames: acks.into_iter().map(ServerFrame::Ack).collect(),
            next: self.next(),
        }
    }

    pub(super) fn offer_event(&mut self, seq: Seq) -> Offer {
        if self.take_next(seq) {
            return Offer::Write;
        }
        self.offer_head(seq)
    }

    pub(super) fn offer_head(&mut self, head: Seq) -> Offer {
        self.seen = self.seen.max(head);
        if self.state != State::Live || self.seen == self.delivered {
            return Offer::Skip;
        }
        self.state = State::CatchingUp;
        Offer::CatchUp {
            after: self.delivered,
        }
    }

    pub(super) fn offer_ack(&mut self, ack: Ack) -> AckOffer {
        let seq = ack.seq.0;
        if self.state == State::AwaitingAck {
            // Whether it is the one that is awaited or not: the page can be tried again.
            let comes_later = seq > self.delivered.next();
            if comes_later {
                self.hold(ack);
            } else {
                self.delivered = self.delivered.max(seq);
            }
            return match self.resume() {
                Next::CatchUp { after } if comes_later => AckOffer::CatchUp { after },
                Next::CatchUp { after } => AckOffer::WriteAndCatchUp { after },
                Next::Done => AckOffer::Write,
            };
        }
        if seq <= self.delivered || self.take_next(seq) {
            return AckOffer::Write;
        }
        self.hold(ack);
        match self.offer_head(seq) {
            Offer::CatchUp { after } => AckOffer::CatchUp { after },
            Offer::Write | Offer::Skip => AckOffer::Held,
        }
    }

    /// An ack that may have been awaited will not come, or has.
    pub(super) fn resume(&mut self) -> Next {
        match self.state {
            State::AwaitingAck => self.next(),
            State::Live | State::CatchingUp => Next::Done,
        }
    }

    pub(super) fn wants_head(&mut self, head: Seq) -> bool {
        if self.state == State::Live {
            return self.delivered < head;
        }
        self.seen = self.seen.max(head);
        false
    }

    pub(super) fn skip_to(&mut self, seq: Seq) -> Written {
        self.delivered = self.delivered.max(seq);
        self.seen = self.seen.max(seq);
        let acks = self.take_held_up_to(self.delivered);
        Written {
            frames: acks.into_iter().map(ServerFrame::Ack).collect(),
            next: self.next(),
        }
    }

    pub(super) fn page(
        &mut self,
        page: Events,
        repeats: Repeats,
        is_awaited: impl Fn(ClientId) -> bool,
    ) -> Written {
        if repeats == Repeats::LeftOut {
            self.seen = self.seen.max(page.head_seq.0);
        }
        let first = page.events.first().map(LogEntry::seq);
        // There is nothing to be given below where the user's view begins.
        let hidden = page.visible_from.map_or(Seq::ZERO, |seq| seq.0.previous());
        let hidden = hidden.min(page.head_seq.0);
        let passed = self.take_held_up_to(hidden);
        self.delivered = self.delivered.max(hidden);
        let continues = first.is_none_or(|first| first <= self.delivered.next());
        let mut pieces = Pieces::new(&page);
        if !passed.is_empty() {
            pieces.push_acks(passed);
        }
        let mut cut = false;
        for entry in page.events {
            if !continues || entry.seq() <= self.delivered {
                pieces.repeat(entry, repeats);
                continue;
            }
            let seq = entry.seq();
            let acks = self.take_held_up_to(seq);
            if acks.is_empty() && own_name(&entry).is_some_and(&is_awaited) {
                cut = true;
                break;
            }
            self.delivered = seq;
            if acks.is_empty() {
                pieces.push(entry);
            } else {
                pieces.push_acks(acks);
            }
        }
        let next = match repeats {
            // What follows comes as it would have without this page.
            Repeats::Written => Next::Done,
            Repeats::LeftOut if !continues => Next::Done,
            Repeats::LeftOut if cut => {
                self.state = State::AwaitingAck;
                Next::Done
            }
            Repeats::LeftOut => self.next(),
        };
        if cut {
            pieces.cut(repeats, self.delivered);
        }
        Written {
            frames: pieces.into_frames(),
            next,
        }
    }

    pub(super) fn page_as_it_is(&mut self, after: Seq, last: Seq, head: Seq) -> Option<Next> {
        if self.held.is_some() || after != self.delivered {
            return None;
        }
        self.delivered = last.max(after);
        self.seen = self.seen.max(head).max(last);
        Some(self.next())
    }

    pub(super) fn answer_as_it_is(&mut self, after: Seq, last: Seq) -> bool {
        if self.held.is_some() {
            return false;
        }
        if after <= self.delivered {
            self.delivered = self.delivered.max(last);
            self.seen = self.seen.max(last);
        }
        true
    }

    /// Whether what is at `seq` may be written now; then it counts as written.
    fn take_next(&mut self, seq: Seq) -> bool {
        let may = self.state == State::Live && seq == self.delivered.next();
        if may {
            self.delivered = seq;
            self.seen = self.seen.max(seq);
        }
        may
    }

    fn next(&mut self) -> Next {
        if self.delivered < self.seen {
            self.state = State::CatchingUp;
            return Next::CatchUp {
                after: self.delivered,
            };
        }
        self.state = State::Live;
        Next::Done
    }

    fn hold(&mut self, ack: Ack) {
        self.seen = self.seen.max(ack.seq.0);
        self.held.get_or_insert_default().push(ack);
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

/// What the author of an event named it.
fn own_name(entry: &LogEntry) -> Option<ClientId> {
    entry.event()?.body.client_id()
}
