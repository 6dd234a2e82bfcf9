//! The list of conversations.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use tidemark_core::unread::Counts;

use super::{palette, wrap};
use crate::chat::state::{Room, State};

/// Numbers above this are not told exactly.
const UNREAD_SHOWN_MAX: u64 = 999;

pub(super) fn draw(frame: &mut Frame, state: &State, area: Rect) {
    let palette = state.looks.palette;
    let height = usize::from(area.height);
    let here = state.open.as_ref().map(|open| open.id);
    let selected = here.and_then(|id| state.rooms.position(id)).unwrap_or(0);
    // The selected one stays on screen.
    let first = (selected + 1).saturating_sub(height);
    let shown = state.rooms.iter().skip(first).take(height);
    let lines: Vec<Line> = shown
        .map(|room| row(state, room, here == Some(room.id), area.width.into()))
        .collect();
    frame.render_widget(Text::from(lines), area);
    let edge = Rect {
        x: area.x + area.width,
        width: 1,
        ..area
    };
    let bars = vec![Line::styled("│", palette.dim()); height];
    frame.render_widget(Text::from(bars), edge);
}

fn row(state: &State, room: &Room, is_selected: bool, width: usize) -> Line<'static> {
    let palette = state.looks.palette;
    let kept = room.kept;
    let is_unread = room.counts.unread > 0 && !kept.is_muted;
    let sign = match (is_selected, kept.is_favourite) {
        (true, false) => "› ",
        (true, true) => "›★",
        (false, true) => " ★",
        (false, false) => "  ",
    };
    let counts = counts(room_counts(room));
    let used = sign.chars().count() + counts.chars().count() + 1;
    let room_for_name = width.saturating_sub(used);
    let name = wrap::cut(&state.room_name(room), room_for_name);
    let gap = " ".repeat(room_for_name.saturating_sub(wrap::columns(&name)));
    let name_style = if kept.is_muted || kept.is_archived {
        palette.dim()
    } else if is_unread {
        palette::STRONG
    } else {
        Style::new()
    };
    let counts_style = if room.counts.mentions > 0 {
        palette.mention()
    } else {
        palette.unread()
    };
    let line = Line::from(vec![
        Span::raw(sign),
        Span::styled(name, name_style),
        Span::raw(gap),
        Span::styled(counts, counts_style),
        Span::raw(" "),
    ]);
    if is_selected {
        line.style(palette::SELECTED)
    } else {
        line
    }
}

/// What is unread in all the others, for where there is no room for the list.
pub(super) fn elsewhere(state: &State) -> String {
    let here = state.open.as_ref().map(|open| open.id);
    let others = state.rooms.iter().filter(|room| Some(room.id) != here);
    let others = others.map(room_counts);
    counts(others.fold(Counts::default(), |sum, room| Counts {
        unread: sum.unread + room.unread,
        mentions: sum.mentions + room.mentions,
    }))
}

/// What is shown of them: nothing of a muted conversation.
fn room_counts(room: &Room) -> Counts {
    if room.kept.is_muted {
        Counts::default()
    } else {
        room.counts
    }
}

fn counts(counts: Counts) -> String {
    let shown = |count: u64| match count {
        0..=UNREAD_SHOWN_MAX => count.to_string(),
        _ => format!("{UNREAD_SHOWN_MAX}+"),
    };
    match (counts.mentions, counts.unread) {
        (0, 0) => String::new(),
        (0, unread) => shown(unread),
        (mentions, unread) => format!("@{} {}", shown(mentions), shown(unread)),
    }
}
