//! How the chat looks: a function of the state.

mod attachments;
pub(super) mod blocks;
mod changes;
mod clock;
mod dialog;
mod list;
mod palette;
mod timeline;
mod wrap;
mod writing;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use tidemark_core::conversation::ConversationKind;

use super::event::Link;
use super::state::State;
pub(super) use clock::Clock;
pub(super) use dialog::top_max;
pub(super) use palette::Palette;

/// From this width on, the list of conversations is beside the open one.
const WIDE: u16 = 60;
const LIST_WIDTH_MIN: u16 = 18;
const LIST_WIDTH_MAX: u16 = 32;

/// How everything looks, and where the person is.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    pub(super) palette: Palette,
    pub(super) clock: Clock,
}

/// What is where. Any of these may be empty on a small terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    list: Option<Rect>,
    heading: Rect,
    pub(super) timeline: Rect,
    rule: Rect,
    remarks: Rect,
    composer: Rect,
    status: Rect,
}

/// Divides the terminal.
pub(super) fn areas(state: &State) -> Areas {
    let (width, height) = (state.size.width, state.size.height);
    let mut from_below = Rows {
        x: 0,
        width,
        bottom: height,
    };
    let status = from_below.take(1);
    let list = (width >= WIDE).then(|| {
        let list_width = (width / 4).clamp(LIST_WIDTH_MIN, LIST_WIDTH_MAX);
        from_below.x = list_width + 1;
        from_below.width = width - list_width - 1;
        Rect::new(0, 0, list_width, from_below.bottom)
    });
    let most = (height / 3).max(1);
    let width = from_below.width;
    let composer = from_below.take(writing::composer_height(state, width).min(most));
    let remarks = from_below.take(writing::remarks_height(state, width).min(most));
    let rule = from_below.take(1);
    let top = Rows {
        bottom: from_below.bottom.min(1),
        ..from_below
    };
    let heading = Rect::new(top.x, 0, width, top.bottom);
    let timeline = Rect::new(top.x, top.bottom, width, from_below.bottom - top.bottom);
    Areas {
        list,
        heading,
        timeline,
        rule,
        remarks,
        composer,
        status,
    }
}

/// Rows of the terminal that are still free.
#[derive(Clone, Copy)]
struct Rows {
    x: u16,
    width: u16,
    bottom: u16,
}

impl Rows {
    /// The lowest free ones.
    fn take(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.bottom);
        self.bottom -= rows;
        Rect::new(self.x, self.bottom, self.width, rows)
    }
}

/// Draws everything. What is beyond the edge of a terminal that became smaller meanwhile is left out by the
/// widgets.
pub(super) fn draw(frame: &mut Frame, state: &State) {
    let areas = areas(state);
    if let Some(area) = areas.list {
        list::draw(frame, state, area);
    }
    draw_heading(frame, state, &areas);
    timeline::draw(frame, state, areas.timeline);
    timeline::draw_rule(frame, state, areas.rule);
    writing::draw_remarks(frame, state, areas.remarks);
    writing::draw_composer(frame, state, areas.composer);
    draw_status(frame, state, areas.status);
    if let Some(dialog) = &state.dialog {
        dialog::draw(frame, state, dialog);
    }
}

fn draw_heading(frame: &mut Frame, state: &State, areas: &Areas) {
    let palette = state.looks.palette;
    let area = areas.heading;
    let mut spans = Vec::new();
    if areas.list.is_none() {
        let elsewhere = list::elsewhere(state);
        if !elsewhere.is_empty() {
            spans.push(Span::styled(format!("({elsewhere}) "), palette.unread()));
        }
    }
    if let Some(room) = state.open_room() {
        let width = usize::from(area.width);
        let name = wrap::cut(&state.room_name(room), width);
        spans.push(Span::styled(name, palette::STRONG));
        let mut words = match room.member_count {
            _ if room.kind == Some(ConversationKind::Direct) => String::new(),
            Some(1) => " · 1 member".to_owned(),
            Some(count) => format!(" · {count} members"),
            None => String::new(),
        };
        let thread = state.open.as_ref().and_then(|open| {
            let root = open.thread.as_ref()?.root;
            let words = open.message(root);
            let words = words.map(|it| blocks::quotation(state, it, width));
            Some(words.unwrap_or_else(|| format!("#{root}")))
        });
        if let Some(thread) = thread {
            words = format!(" · thread (Esc: back) · {thread}");
        } else if let Some(topic) = room.topic.as_deref().filter(|topic| !topic.is_empty()) {
            words.push_str(" · ");
            words.push_str(topic);
        }
        let used: usize = spans.iter().map(Span::width).sum();
        let rest = wrap::cut(&words, width.saturating_sub(used));
        spans.push(Span::styled(rest, palette.dim()));
    }
    frame.render_widget(Line::from(spans), area);
}

fn draw_status(frame: &mut Frame, state: &State, area: Rect) {
    let palette = state.looks.palette;
    let again = if state.was_online {
        "reconnecting"
    } else {
        "connecting"
    };
    let (words, style) = match &state.link {
        Link::Online => ("● online".to_owned(), palette.good()),
        Link::Connecting => (format!("○ {again}…"), palette.mention()),
        Link::Waiting(seconds) => (format!("○ {again} in {seconds} s"), palette.mention()),
        Link::Stopped(reason) => (format!("✕ stopped: {reason}"), palette.error()),
    };
    let hint = "F1 help";
    let width = usize::from(area.width);
    let who = format!(" · {}", state.me);
    let room = width.saturating_sub(hint.len() + 1);
    let words = wrap::cut(&words, room);
    let who = wrap::cut(&who, room.saturating_sub(wrap::columns(&words)));
    let used = wrap::columns(&words) + wrap::columns(&who);
    let gap = width.saturating_sub(used + hint.len());
    let line = Line::from(vec![
        Span::styled(words, style),
        Span::styled(who, palette.dim()),
        Span::raw(" ".repeat(gap)),
        Span::styled(hint, palette.dim()),
    ]);
    frame.render_widget(line, area);
}
