//! What is being written, and the remarks above it.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span, Text};

use super::{attachments, blocks, wrap};
use crate::chat::state::State;

const PROMPT: &str = "› ";
const PROMPT_WIDTH: u16 = 2;

pub(super) fn composer_height(state: &State, width: u16) -> u16 {
    let (lines, (row, _)) = lines(state, width);
    u16::try_from(lines.len().max(row + 1)).unwrap_or(u16::MAX)
}

/// The text with the cursor in it; a cursor behind a full line is on the next one.
fn lines(state: &State, width: u16) -> (Vec<String>, (usize, usize)) {
    let composer = &state.draft.composer;
    let width = usize::from(width.saturating_sub(PROMPT_WIDTH));
    let (lines, (row, column)) = wrap::editable(composer.text(), composer.cursor(), width);
    if column >= width.max(1) {
        (lines, (row + 1, 0))
    } else {
        (lines, (row, column))
    }
}

pub(super) fn draw_composer(frame: &mut Frame, state: &State, area: Rect) {
    let (mut lines, (row, column)) = lines(state, area.width);
    while lines.len() <= row {
        lines.push(String::new());
    }
    let height = usize::from(area.height);
    let first = (row + 1).saturating_sub(height);
    let shown = lines.into_iter().enumerate().skip(first).take(height);
    let shown = shown.map(|(index, text)| {
        let before = if index == 0 { PROMPT } else { "  " };
        Line::from(vec![
            Span::styled(before, state.looks.palette.own()),
            Span::raw(text),
        ])
    });
    frame.render_widget(Text::from(shown.collect::<Vec<_>>()), area);
    if state.dialog.is_none() && height > 0 {
        let x = u16::try_from(column).unwrap_or(0) + PROMPT_WIDTH;
        let y = u16::try_from(row - first).unwrap_or(0);
        let right = area.width.saturating_sub(1);
        frame.set_cursor_position(Position::new(area.x + x.min(right), area.y + y));
    }
}

pub(super) fn remarks_height(state: &State, width: u16) -> u16 {
    u16::try_from(remarks(state, width).len()).unwrap_or(u16::MAX)
}

pub(super) fn draw_remarks(frame: &mut Frame, state: &State, area: Rect) {
    frame.render_widget(Text::from(remarks(state, area.width)), area);
}

/// What went wrong or well, and which message the next one answers, or is edited.
fn remarks(state: &State, width: u16) -> Vec<Line<'static>> {
    let palette = state.looks.palette;
    let width = usize::from(width);
    let mut lines = Vec::new();
    lines.extend(attachments::progress(
        &state.transfers,
        width,
        palette.unread(),
    ));
    if let Some(notice) = &state.notice {
        let style = if notice.is_error {
            palette.error()
        } else {
            palette.unread()
        };
        let words = wrap::words(&notice.text, width);
        lines.extend(words.into_iter().map(|line| Line::styled(line, style)));
    }
    let targets = [("↪", state.draft.reply_to), ("✎", state.draft.editing)];
    for (sign, seq) in targets {
        let Some(seq) = seq else { continue };
        let room = width.saturating_sub(2);
        let target = state.open.as_ref().and_then(|open| open.message(seq));
        let words = match target {
            Some(message) => blocks::quotation(state, message, room.saturating_sub(14)),
            None => format!("#{seq}"),
        };
        let line = wrap::cut(&format!("{sign} {words} (Esc: no)"), width);
        lines.push(Line::styled(line, palette.dim()));
    }
    lines
}
