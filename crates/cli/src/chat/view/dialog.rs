//! Sheets in front of everything else.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Clear, Paragraph};
use tidemark_protocol::body::Member;

use super::{palette, wrap};
use crate::chat::state::{COMMANDS, Dialog, DialogContent, KEYS, State};

/// The widest a sheet gets, with its border.
const WIDTH_MAX: u16 = 76;

pub(super) fn draw(frame: &mut Frame, state: &State, dialog: &Dialog) {
    let palette = state.looks.palette;
    let lines = lines(state, dialog);
    let area = area(state, lines.len());
    let title = match dialog.content {
        DialogContent::Help => " Help ",
        DialogContent::Members { .. } => " Members ",
    };
    let is_longer = lines.len() > usize::from(area.height.saturating_sub(2));
    let hint = if is_longer {
        " ↑ ↓ scroll · Esc closes "
    } else {
        " Esc closes "
    };
    let block = Block::bordered()
        .title(Span::styled(title, palette::STRONG))
        .title_bottom(Span::styled(hint, palette.dim()));
    frame.render_widget(Clear, area);
    frame.render_widget(
        Paragraph::new(Text::from(lines))
            .block(block)
            .scroll((dialog.top, 0)),
        area,
    );
}

/// How far a sheet can be scrolled.
pub(in crate::chat) fn top_max(state: &State, dialog: &Dialog) -> u16 {
    let lines = lines(state, dialog).len();
    let visible = usize::from(area(state, lines).height.saturating_sub(2));
    u16::try_from(lines.saturating_sub(visible)).unwrap_or(u16::MAX)
}

fn area(state: &State, lines: usize) -> Rect {
    let size = state.size;
    let width = size.width.min(WIDTH_MAX);
    let wanted = u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.min(size.height.saturating_sub(1));
    Rect {
        x: (size.width - width) / 2,
        y: size.height.saturating_sub(1 + height) / 2,
        width,
        height,
    }
}

fn lines(state: &State, dialog: &Dialog) -> Vec<Line<'static>> {
    let width = usize::from(state.size.width.min(WIDTH_MAX)).saturating_sub(2);
    match &dialog.content {
        DialogContent::Help => {
            let strong = palette::STRONG;
            let mut lines = vec![Line::styled("Keys", strong)];
            lines.extend(table(KEYS, width));
            lines.push(Line::raw(""));
            lines.push(Line::styled("Commands", strong));
            lines.extend(table(COMMANDS, width));
            lines.push(Line::raw(""));
            let words = "A place names another message: /pin #12. \
                @name mentions a member, @all everybody. // begins a message with a slash.";
            lines.extend(wrap::words(words, width).into_iter().map(Line::raw));
            lines
        }
        DialogContent::Members {
            conversation,
            members,
            is_complete,
        } => {
            let mut lines = vec![Line::raw(conversation.to_string())];
            lines.extend(
                members
                    .iter()
                    .map(|member| self::member(state, member, width)),
            );
            if !is_complete {
                lines.push(Line::styled("… and others", state.looks.palette.dim()));
            }
            lines
        }
    }
}

/// Two columns; one below the other where there is no room.
fn table(rows: &[(&'static str, &'static str)], width: usize) -> Vec<Line<'static>> {
    let left = rows.iter().map(|(what, _)| what.len()).max().unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for (what, does) in rows {
        if left + 20 <= width {
            let mut does = wrap::words(does, width - left).into_iter();
            let first = does.next().unwrap_or_default();
            lines.push(Line::raw(format!("{what:<left$}{first}")));
            lines.extend(does.map(|rest| Line::raw(format!("{:left$}{rest}", ""))));
        } else {
            lines.push(Line::raw(*what));
            let does = wrap::words(does, width.saturating_sub(3)).into_iter();
            lines.extend(does.map(|line| Line::raw(format!("   {line}"))));
        }
    }
    lines
}

fn member(state: &State, member: &Member, width: usize) -> Line<'static> {
    let user = &member.user.0;
    let mut words = match state.display_name(user) {
        Some(name) => format!("{name} @{user}"),
        None => user.to_string(),
    };
    if *user == state.me {
        words.push_str(" (you)");
    }
    let role = member.role.0;
    Line::raw(wrap::cut(&format!("{words} · {role}"), width))
}
