//! The timeline of the open conversation.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};
use tidemark_core::UserId;

use super::{blocks, wrap};
use crate::chat::state::{OpenRoom, Scroll, State};

const NOTHING_YET: &str = "No conversation yet.\n\n\
    /direct USER talks to one person.\n\
    /group TITLE USER... begins a group.\n\
    /channel TITLE begins a channel.";

/// Draws what fits, from the lower edge up. Nothing else is laid out, however long the timeline is.
pub(super) fn draw(frame: &mut Frame, state: &State, area: Rect) {
    let palette = state.looks.palette;
    let Some(open) = &state.open else {
        let words = wrap::words(NOTHING_YET, area.width.into());
        let lines: Vec<Line> = words.into_iter().map(Line::from).collect();
        frame.render_widget(Text::from(lines).style(palette.dim()), area);
        return;
    };
    let mut lines = lines_up_to_edge(state, open, area);
    let is_short = lines.len() < usize::from(area.height);
    if is_short && !open.is_view_loaded() {
        lines.push_front(Line::styled("  loading…", palette.dim()));
    }
    let rows = u16::try_from(lines.len())
        .unwrap_or(area.height)
        .min(area.height);
    let filled = Rect {
        y: area.y + area.height - rows,
        height: rows,
        ..area
    };
    frame.render_widget(Text::from(Vec::from(lines)), filled);
}

fn lines_up_to_edge(state: &State, open: &OpenRoom, area: Rect) -> VecDeque<Line<'static>> {
    let height = usize::from(area.height);
    let held = match open.scroll {
        Scroll::Bottom => None,
        Scroll::Held { at, below } => open.index_of(at).map(|index| (index, below)),
    };
    let (mut lines, mut index) = match held {
        None => (
            VecDeque::from(blocks::tail(state, open, area.width)),
            open.entries.len(),
        ),
        Some((index, below)) => {
            let mut lines = blocks::entry(state, open, index, area.width);
            lines.truncate(lines.len().saturating_sub(below));
            (VecDeque::from(lines), index)
        }
    };
    while lines.len() < height && index > 0 {
        index -= 1;
        for line in blocks::entry(state, open, index, area.width)
            .into_iter()
            .rev()
        {
            lines.push_front(line);
        }
    }
    lines.drain(..lines.len().saturating_sub(height));
    lines
}

/// The line between the timeline and what is being written.
pub(super) fn draw_rule(frame: &mut Frame, state: &State, area: Rect) {
    let palette = state.looks.palette;
    let words = match &state.open {
        Some(open) if open.has_new_below() => "── ↓ new messages: End ",
        Some(open) if open.scroll != Scroll::Bottom => "── ↓ newest: End ",
        _ => "",
    };
    let width = usize::from(area.width);
    let words = wrap::cut(words, width);
    let style = if words.is_empty() {
        palette.dim()
    } else {
        palette.unread()
    };
    let left = width.saturating_sub(wrap::columns(&words));
    let writers = writers(state).map_or_else(String::new, |writers| {
        wrap::cut(&format!("── {writers} "), left)
    });
    let rest = "─".repeat(left.saturating_sub(wrap::columns(&writers)));
    let line = Line::from(vec![
        Span::styled(words, style),
        Span::styled(writers, palette.dim()),
        Span::styled(rest, style),
    ]);
    frame.render_widget(line, area);
}

/// Who is writing, if anybody is.
fn writers(state: &State) -> Option<String> {
    let name = |user: &UserId| blocks::name(state, user);
    match *state.writers_here() {
        [] => None,
        [one] => Some(format!("{} is writing…", name(one))),
        [one, other] => Some(format!("{} and {} are writing…", name(one), name(other))),
        ref many => Some(format!("{} people are writing…", many.len())),
    }
}
