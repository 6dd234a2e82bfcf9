//! What happened between the messages, in short lines: people came or went, settings changed.

use ratatui::text::Line;
use tidemark_core::UserId;
use tidemark_core::conversation::{
    Event, EventBody, History, Joined, MembersChange, Role, RulesChange, SettingsChange,
};

use super::blocks::{name, signed};
use crate::chat::harmless;
use crate::chat::state::State;

/// The lines of one such event.
pub(super) fn lines(state: &State, event: &Event, width: u16) -> Vec<Line<'static>> {
    let by = name(state, event.body.author());
    let words = match &event.body {
        EventBody::Created { title: None, .. } => vec![format!("{by} began the conversation")],
        EventBody::Created {
            title: Some(title), ..
        } => vec![format!("{by} began {}", harmless::line(title))],
        EventBody::Members(change) => members(state, &by, change),
        EventBody::Settings { change, .. } => settings(&by, change),
        EventBody::Message(_) | EventBody::Amendment(_) => Vec::new(),
    };
    let hour = state.looks.clock.hour(event.at);
    let line = format!("{hour} {}", words.join("; "));
    signed("· ", &line, width, state.looks.palette.dim())
}

fn members(state: &State, by: &str, change: &MembersChange) -> Vec<String> {
    let list = |users: Vec<&UserId>| -> String {
        let names: Vec<String> = users.into_iter().map(|user| name(state, user)).collect();
        names.join(", ")
    };
    let mut words = Vec::new();
    let joined = change.joined.iter().map(|it| &it.user);
    let others: Vec<&UserId> = joined.filter(|user| **user != change.by).collect();
    if !others.is_empty() {
        // Whoever begins a conversation is among those who join it.
        words.push(format!("{by} added {}", list(others)));
    } else if !change.joined.is_empty() {
        let how = change.invite.map_or("", |_| " by an invite");
        words.push(format!("{by} joined{how}"));
    }
    let is_banned = |user: &&UserId| change.banned.contains(user);
    let removed: Vec<&UserId> = change.left.iter().filter(|user| !is_banned(user)).collect();
    if removed == [&change.by] {
        words.push(format!("{by} left"));
    } else if !removed.is_empty() {
        words.push(format!("{by} removed {}", list(removed)));
    }
    if !change.banned.is_empty() {
        let reason = change.reason.as_deref().map(harmless::line);
        let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        let banned = list(change.banned.iter().collect());
        words.push(format!("{by} banned {banned}{reason}"));
    }
    if !change.unbanned.is_empty() {
        let unbanned = list(change.unbanned.iter().collect());
        words.push(format!("{by} lets {unbanned} in again"));
    }
    for Joined { user, role } in &change.roles {
        words.push(format!("{by} made {} {role}", name(state, user)));
    }
    words
}

fn settings(by: &str, change: &SettingsChange) -> Vec<String> {
    let mut words = Vec::new();
    let texts = [("title", &change.title), ("topic", &change.topic)];
    for (what, text) in texts {
        match text {
            Some(Some(text)) => {
                words.push(format!("{by} set the {what}: {}", harmless::line(text)));
            }
            Some(None) => words.push(format!("{by} took the {what} away")),
            None => {}
        }
    }
    if let Some(visibility) = change.visibility {
        words.push(format!("{by} made this {visibility}"));
    }
    match change.retention_days {
        Some(Some(days)) => words.push(format!("{by} keeps messages for {days} days")),
        Some(None) => words.push(format!("{by} keeps messages for ever")),
        None => {}
    }
    words.extend(rules(by, &change.rules));
    words
}

fn rules(by: &str, change: &RulesChange) -> Vec<String> {
    let mut words = Vec::new();
    match change.history {
        Some(History::All) => words.push(format!("{by} lets newcomers see what was before them")),
        Some(History::SinceJoined) => {
            words.push(format!("{by} hides from newcomers what was before them"));
        }
        None => {}
    }
    match change.slow_mode_seconds {
        Some(0) => words.push(format!("{by} ended slow mode")),
        Some(seconds) => words.push(format!("{by} set slow mode to {seconds} s")),
        None => {}
    }
    match change.announcements_only {
        Some(true) => words.push(format!("{by} lets only moderators write")),
        Some(false) => words.push(format!("{by} lets all members write")),
        None => {}
    }
    match change.mention_all {
        Some(Role::Member) => words.push(format!("{by} lets all members mention everybody")),
        Some(role) => words.push(format!(
            "{by} asks for the role {role} to mention everybody"
        )),
        None => {}
    }
    words
}
