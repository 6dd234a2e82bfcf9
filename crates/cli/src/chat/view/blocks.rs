//! A timeline as lines of text: how each entry looks at a given width.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tidemark_client::Pending;
use tidemark_core::conversation::{NewMessage, NewReply};
use tidemark_core::timeline::{Replies, TimelineMessage};
use tidemark_core::{Seq, UserId};

use super::{attachments, changes, palette, wrap};
use crate::chat::event::Link;
use crate::chat::harmless;
use crate::chat::state::{Entry, OpenRoom, RefusedMessage, State};

/// Before every line: room for a sign.
const GUTTER: usize = 2;
/// Messages of one person within this time share their first line.
const TOGETHER_MS: i64 = 5 * 60 * 1000;
/// How many people are named in a line that is about many.
const NAMES_MAX: usize = 5;
/// From this width on, ids are shown beside names.
const ROOMY: u16 = 50;

/// The lines of one entry, with what separates it from the one before.
pub(in crate::chat) fn entry(
    state: &State,
    open: &OpenRoom,
    index: usize,
    width: u16,
) -> Vec<Line<'static>> {
    let entry = &open.entries[index];
    let before = index.checked_sub(1).map(|before| &open.entries[before]);
    let looks = &state.looks;
    let mut lines = Vec::new();
    let is_new_day =
        before.is_none_or(|it| looks.clock.day(it.at()) != looks.clock.day(entry.at()));
    if is_new_day {
        let day = looks.clock.day_in_words(entry.at());
        lines.push(separator(&day, width, looks.palette.dim()));
    }
    let is_first_new = open
        .new_after
        .is_some_and(|read| entry.seq() > read && before.is_none_or(|before| before.seq() <= read));
    if is_first_new {
        lines.push(separator("new", width, looks.palette.mention()));
    }
    match entry {
        Entry::Message(message) => {
            let follows =
                !is_new_day && !is_first_new && before.is_some_and(|it| continues(it, message));
            lines.extend(self::message(state, open, message, follows, width));
        }
        Entry::Change(event) => lines.extend(changes::lines(state, event, width)),
    }
    lines
}

/// What comes after the last entry: messages that are not sent yet, or never will be.
pub(in crate::chat) fn tail(state: &State, open: &OpenRoom, width: u16) -> Vec<Line<'static>> {
    let palette = state.looks.palette;
    let mut lines = Vec::new();
    let is_refused_here =
        |it: &&RefusedMessage| it.conversation == open.id && is_shown(open, it.message.thread);
    for refused in state.refused.iter().filter(is_refused_here) {
        let reason = format!("not sent: {}", refused.reason);
        lines.extend(signed("! ", &reason, width, palette.error()));
        lines.extend(unsent(state, &refused.message, width, palette.dim()));
        lines.extend(body(
            "/again sends it once more, Esc drops it",
            width,
            palette.dim(),
        ));
    }
    let waiting = |it: &&Pending| it.conversation == open.id && is_shown(open, it.message.thread);
    let mut waiting = state.pending.iter().filter(waiting).peekable();
    if waiting.peek().is_some() {
        let when = match state.link {
            Link::Online => "sending…",
            Link::Stopped(_) => "not sent",
            Link::Connecting | Link::Waiting(_) => "sending as soon as we are online…",
        };
        lines.push(Line::from(vec![
            Span::raw("  "),
            Span::styled("you", palette.own()),
            Span::styled(format!(" {when}"), palette.waiting()),
        ]));
    }
    for pending in waiting {
        lines.extend(unsent(state, &pending.message, width, palette.waiting()));
    }
    lines
}

/// What a message that is not sent says and shows.
fn unsent(state: &State, message: &NewMessage, width: u16, style: Style) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if !message.text.is_empty() {
        lines.extend(body(&message.text, width, style));
    }
    lines.extend(attachments::unsent(
        state,
        &message.attachments,
        width,
        style,
    ));
    lines
}

/// Whether a message on its way is shown where the person is.
fn is_shown(open: &OpenRoom, reply: Option<NewReply>) -> bool {
    match &open.thread {
        None => reply.is_none_or(|reply| reply.also_in_conversation),
        Some(thread) => reply.is_some_and(|reply| reply.thread == thread.root),
    }
}

/// The first line of a message, for a quotation.
pub(super) fn quotation(state: &State, message: &TimelineMessage, width: usize) -> String {
    let text = if message.deleted {
        "(deleted)".to_owned()
    } else {
        harmless::text(&message.message.text)
    };
    let first = text.lines().find(|line| !line.trim().is_empty());
    let files = || attachments::in_a_word(&message.message.attachments);
    let words = first.map(str::to_owned).or_else(files);
    let name = name(state, &message.message.sender);
    wrap::cut(&format!("{name}: {}", words.unwrap_or_default()), width)
}

/// What to call somebody: the name to show, or the id.
pub(super) fn name(state: &State, user: &UserId) -> String {
    if *user == state.me {
        return "you".to_owned();
    }
    state.display_name(user).unwrap_or(user.as_str()).to_owned()
}

fn continues(before: &Entry, message: &TimelineMessage) -> bool {
    let is_same = |it: &TimelineMessage| it.message.sender == message.message.sender;
    let is_soon = message.at.0.saturating_sub(before.at().0) < TOGETHER_MS;
    before.message().is_some_and(is_same) && is_soon
}

fn message(
    state: &State,
    open: &OpenRoom,
    shown: &TimelineMessage,
    follows: bool,
    width: u16,
) -> Vec<Line<'static>> {
    let palette = state.looks.palette;
    let message = &shown.message;
    let is_selected = open.selected == Some(shown.seq);
    let is_for_me = message.mentions.includes(&state.me) && message.sender != state.me;
    let mut lines = Vec::new();
    if !follows {
        lines.push(heading(state, shown, width));
    }
    if let Some(target) = message.reply_to {
        let room = usize::from(width).saturating_sub(GUTTER + 2);
        let quoted = open.message(target).map(|it| quotation(state, it, room));
        let quoted = quoted.unwrap_or_else(|| wrap::cut(&format!("message #{target}"), room));
        lines.push(behind_gutter(format!("┃ {quoted}"), palette.dim()));
    }
    let is_in_conversation = open.thread.is_none();
    if let Some(reply) = message.thread.filter(|_| is_in_conversation) {
        let room = usize::from(width).saturating_sub(GUTTER);
        let first = open.message(reply.root);
        let quoted = first.map(|it| quotation(state, it, room));
        let quoted = quoted.unwrap_or_else(|| format!("#{}", reply.root));
        let words = format!("↳ in thread {quoted}");
        lines.push(behind_gutter(wrap::cut(&words, room), palette.dim()));
    }
    let style = if is_for_me {
        palette::STRONG
    } else {
        Style::new()
    };
    if shown.deleted {
        lines.extend(body("(deleted)", width, palette.dim()));
    } else {
        if !message.text.is_empty() || message.attachments.is_empty() {
            lines.extend(body(&message.text, width, style));
        }
        lines.extend(attachments::lines(state, &message.attachments, width));
    }
    if let Some(words) = aftermath(shown) {
        lines.extend(body(&words, width, palette.dim()));
    }
    let below = shown.replies.as_ref().filter(|below| below.count > 0);
    if let Some(below) = below.filter(|_| is_in_conversation) {
        let unread = open.unread_below(shown, &state.me);
        lines.extend(thread(state, below, unread, width));
    }
    if let Some(words) = receipt(state, shown.seq) {
        lines.extend(signed("  ", &words, width, palette.dim()));
    }
    if let Some(first) = lines.first_mut() {
        number(first, shown.seq, width, palette.dim());
        if is_for_me {
            first.spans[0] = Span::styled("@ ", palette.mention());
        }
    }
    if is_selected {
        for line in &mut lines {
            line.spans[0] = Span::styled("▶ ", palette.mention());
        }
    }
    lines
}

/// What happened to a message since it was sent.
fn aftermath(shown: &TimelineMessage) -> Option<String> {
    let reactions = shown.reactions.iter();
    let reactions = reactions.map(|one| format!("{} {}", one.emoji, one.count));
    let pinned = shown.pinned.then(|| "pinned".to_owned());
    let edited = shown.edited_at.map(|_| "edited".to_owned());
    let words: Vec<String> = reactions.chain(pinned).chain(edited).collect();
    (!words.is_empty()).then(|| words.join(" · "))
}

/// What is below a message: how many replies, whose, and how many of them are new.
fn thread(state: &State, below: &Replies, unread: usize, width: u16) -> Vec<Line<'static>> {
    let palette = state.looks.palette;
    let count = match below.count {
        1 => "1 reply".to_owned(),
        count => format!("{count} replies"),
    };
    let known = below.participants.iter().collect();
    let people = people(state, known, below.participant_count);
    let (new, style) = match unread {
        0 => (String::new(), palette.dim()),
        unread => (format!(" · {unread} new"), palette.unread()),
    };
    let words = format!("↳ {count} · {people}{new}");
    signed("  ", &words, width, style)
}

/// Whom the message has reached, if it is the one at which that is shown and it has reached anybody.
fn receipt(state: &State, seq: Seq) -> Option<String> {
    let reached = state.reached(seq)?;
    let words = [
        ("read by", reached.read),
        ("delivered to", reached.delivered),
    ];
    let words = words.into_iter().filter(|(_, users)| !users.is_empty());
    let words = words.map(|(what, users)| {
        let count = users.len() as u64;
        format!("{what} {}", people(state, users, count))
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| words.join(" · "))
}

/// The first of some people by name, and how many others there are.
fn people(state: &State, known: Vec<&UserId>, all: u64) -> String {
    let mut names: Vec<String> = known
        .into_iter()
        .take(NAMES_MAX)
        .map(|user| name(state, user))
        .collect();
    match all.saturating_sub(names.len() as u64) {
        0 => {}
        1 => names.push("1 other".to_owned()),
        others => names.push(format!("{others} others")),
    }
    names.join(", ")
}

/// Who, and when.
fn heading(state: &State, shown: &TimelineMessage, width: u16) -> Line<'static> {
    let palette = state.looks.palette;
    let sender = &shown.message.sender;
    let hour = state.looks.clock.hour(shown.at);
    let room = usize::from(width).saturating_sub(GUTTER + hour.len() + 1);
    let style = if *sender == state.me {
        palette.own()
    } else {
        palette.person(sender)
    };
    let name = wrap::cut(&name(state, sender), room);
    let mut room = room.saturating_sub(wrap::columns(&name));
    let mut spans = vec![Span::raw("  "), Span::styled(name, style)];
    let has_other_name = *sender != state.me && state.display_name(sender).is_some();
    if has_other_name && width >= ROOMY && room > sender.as_str().len() + 2 {
        // Anybody may choose any name to show; the id is theirs alone.
        spans.push(Span::styled(format!(" @{sender}"), palette.dim()));
        room -= sender.as_str().len() + 2;
    }
    if room > 0 {
        spans.push(Span::styled(format!(" {hour}"), palette.dim()));
    }
    Line::from(spans)
}

/// Puts the place of a message at the right end of a line, if there is room.
fn number(line: &mut Line<'static>, seq: Seq, width: u16, style: Style) {
    let number = format!("#{seq}");
    let used = line.width() + number.len();
    if let Some(gap) = usize::from(width).checked_sub(used).filter(|gap| *gap > 0) {
        line.push_span(Span::raw(" ".repeat(gap)));
        line.push_span(Span::styled(number, style));
    }
}

/// One line of harmless text that fits.
fn behind_gutter(text: String, style: Style) -> Line<'static> {
    Line::from(vec![Span::raw("  "), Span::styled(text, style)])
}

/// Text behind the gutter.
fn body(text: &str, width: u16, style: Style) -> Vec<Line<'static>> {
    signed("  ", &harmless::text(text), width, style)
}

/// Harmless text behind a sign.
pub(super) fn signed(
    sign: &'static str,
    text: &str,
    width: u16,
    style: Style,
) -> Vec<Line<'static>> {
    let lines = wrap::words(text, usize::from(width).saturating_sub(GUTTER));
    let line = |(index, line)| {
        let before = if index == 0 { sign } else { "  " };
        Line::from(vec![Span::styled(before, style), Span::styled(line, style)])
    };
    lines.into_iter().enumerate().map(line).collect()
}

fn separator(words: &str, width: u16, style: Style) -> Line<'static> {
    let words = wrap::cut(&format!("── {words} "), width.into());
    let rest = usize::from(width).saturating_sub(wrap::columns(&words));
    Line::styled(format!("{words}{}", "─".repeat(rest)), style)
}
