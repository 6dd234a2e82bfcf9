//! A page that is cut where acks take the place of events.

use tidemark_core::Seq;

use crate::frame::{Ack, Events, ServerFrame};
use crate::wire::{LogEntry, Wire};

/// What becomes of the events in a page that were written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeats {
    /// They are left out.
    LeftOut,
    /// They are written again: that is what was asked for.
    Written,
}

pub(super) struct Pieces {
    empty: Events,
    last: Option<Seq>,
    frames: Vec<ServerFrame>,
    run: Vec<LogEntry>,
}

impl Pieces {
    pub(super) fn new(page: &Events) -> Self {
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

    pub(super) fn push(&mut self, entry: LogEntry) {
        self.run.push(entry);
    }

    pub(super) fn repeat(&mut self, entry: LogEntry, repeats: Repeats) {
        if repeats == Repeats::Written {
            self.push(entry);
        }
    }

    /// The page ends here, before a message whose ack is awaited. What follows comes by itself: so an answer
    /// says how things were up to here, and does not have its client ask again at once.
    pub(super) fn cut(&mut self, repeats: Repeats, delivered: Seq) {
        match repeats {
            Repeats::LeftOut => self.empty.more = true,
            Repeats::Written => {
                self.last = None;
                self.empty.more = false;
                self.empty.head_seq = Wire(delivered);
            }
        }
    }

    pub(super) fn push_acks(&mut self, acks: Vec<Ack>) {
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
            more: self.empty.more || self.last.is_some_and(|end| last < end),
            ..self.empty
        }));
    }

    pub(super) fn into_frames(mut self) -> Vec<ServerFrame> {
        self.end_run();
        // A request is answered also if there was nothing to tell.
        if self.empty.id.is_some() {
            self.frames.push(ServerFrame::Events(self.empty));
        }
        self.frames
    }
}
