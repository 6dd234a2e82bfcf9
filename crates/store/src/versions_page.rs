//! Pages of what a message said over time, as every engine that speaks SQL puts them together.

use tidemark_core::conversation::{Change, EventBody, Version};

use crate::log_page::Entry;
use crate::page_room::PageRoom;
use crate::{PageLimits, VersionsPage};

/// The first of these entries, a message and its edits, that fit.
pub(crate) fn of(entries: Vec<Entry>, limits: PageLimits) -> VersionsPage {
    let mut room = PageRoom::of(limits);
    let fitting = entries
        .into_iter()
        .take_while(|entry| room.take(entry.text_bytes()));
    let versions = fitting.filter_map(version).collect();
    VersionsPage {
        versions,
        more: room.is_full(),
    }
}

fn version(entry: Entry) -> Option<Version> {
    let event = entry.event;
    let by = event.body.author().clone();
    let (text, mentions) = match event.body {
        EventBody::Message(message) => (message.text, message.mentions),
        EventBody::Amendment(amendment) => match amendment.change {
            Change::Edit { text, mentions } => (text, mentions),
            Change::Delete { .. } | Change::Reaction { .. } | Change::Pin { .. } => return None,
        },
        _ => return None,
    };
    Some(Version {
        seq: event.seq,
        at: event.at,
        by,
        text,
        mentions,
    })
}
