//! Moving through the timeline.

use super::open::Scroll;
use super::{Effect, State};
use crate::chat::view::{self, blocks};

/// How the timeline is laid out: where each entry ends, in lines from the top, and what is below.
struct Strip {
    ends: Vec<usize>,
    tail: usize,
    /// Lines on screen.
    height: usize,
}

/// Where to move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    Lines(isize),
    Pages(isize),
    Oldest,
    Newest,
}

impl State {
    pub(super) fn scroll(&mut self, movement: Move) {
        let Some(strip) = self.strip() else { return };
        let edge = self.edge(&strip);
        let page = strip.height.saturating_sub(1).max(1);
        let moved = |by: isize| edge.saturating_add_signed(by);
        let edge = match movement {
            Move::Lines(lines) => moved(lines),
            Move::Pages(pages) => moved(pages.saturating_mul(page.cast_signed())),
            Move::Oldest => 0,
            Move::Newest => usize::MAX,
        };
        self.set_edge(&strip, edge);
        self.load_older_if_near();
    }

    /// Moves as little as it takes to show the selected message.
    pub(super) fn show_selected(&mut self) {
        let (Some(strip), Some(open)) = (self.strip(), &self.open) else {
            return;
        };
        let Some(index) = open.selected.and_then(|seq| open.index_of(seq)) else {
            return;
        };
        let (begin, end) = (strip.begin(index), strip.ends[index]);
        let edge = self.edge(&strip);
        if end > edge {
            self.set_edge(&strip, end);
        } else if begin + strip.height < edge {
            self.set_edge(&strip, begin + strip.height);
        }
        self.load_older_if_near();
    }

    /// Brings what is new to the top of the screen, if it does not fit on it.
    pub(super) fn show_new(&mut self) {
        let (Some(strip), Some(open)) = (self.strip(), &self.open) else {
            return;
        };
        let Some(new_after) = open.new_after else {
            return;
        };
        let first = open.entries.iter().position(|it| it.seq() > new_after);
        if let Some(index) = first {
            self.set_edge(&strip, strip.begin(index) + strip.height);
        }
    }

    /// Asks for older messages as soon as less than a screen of those at hand is left above.
    pub(super) fn load_older_if_near(&mut self) {
        let Some(strip) = self.strip() else { return };
        let edge = self.edge(&strip);
        let Some(open) = &mut self.open else { return };
        let has_older = open.has_older && open.thread.is_none();
        if open.is_loaded && has_older && !open.is_loading && edge < 2 * strip.height {
            open.is_loading = true;
            let id = open.id;
            self.effects.push(Effect::LoadOlder(id));
        }
    }

    fn strip(&self) -> Option<Strip> {
        let open = self.open.as_ref()?;
        let area = view::areas(self).timeline;
        let mut end = 0;
        let ends = (0..open.entries.len()).map(|index| {
            end += blocks::entry(self, open, index, area.width).len();
            end
        });
        Some(Strip {
            ends: ends.collect(),
            tail: blocks::tail(self, open, area.width).len(),
            height: usize::from(area.height),
        })
    }

    /// How many lines are above the lower edge of the screen.
    fn edge(&self, strip: &Strip) -> usize {
        let held = self.open.as_ref().and_then(|open| match open.scroll {
            Scroll::Bottom => None,
            Scroll::Held { at, below } => {
                Some(strip.ends[open.index_of(at)?].saturating_sub(below))
            }
        });
        held.unwrap_or(strip.total())
    }

    fn set_edge(&mut self, strip: &Strip, edge: usize) {
        let before = self.edge(strip);
        let Some(open) = &mut self.open else { return };
        let edge = edge.max(strip.height);
        let is_down = edge >= before;
        // What is not sent yet is a part of the bottom.
        let entries = strip.ends.last().copied().unwrap_or_default();
        if edge >= strip.total() || (is_down && edge > entries) {
            open.scroll = Scroll::Bottom;
            return;
        }
        let edge = edge.min(entries);
        let index = strip.ends.partition_point(|end| *end < edge);
        if let Some(entry) = open.entries.get(index) {
            open.scroll = Scroll::Held {
                at: entry.seq(),
                below: strip.ends[index] - edge,
            };
        }
    }
}

impl Strip {
    fn total(&self) -> usize {
        self.ends.last().copied().unwrap_or_default() + self.tail
    }

    fn begin(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }
}
