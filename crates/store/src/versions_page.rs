//! Pages of what a message said over time, as every engine that speaks SQL puts them together.

use tidemark_core::conversation::{Change, EventBody, Version};

use crate::log_page::Entry;
use crate::{PageLimits, VersionsPage};

/// How many entries to look for: one more than the page holds says whether there are others.
pub(crate) fn wanted(limits: PageLimits) -> usize {
    limits.entries_max.max(1).saturating_add(1)
}

/// The first of these entries, a message and its edits, that fit.
pub(crate) fn of(entries: Vec<Entry>, limits: PageLimits) -> VersionsPage {
    let mut versions = Vec::new();
    let mut text_bytes = 0;
    for entry in entries {
        text_bytes += entry.text_bytes();
        let fits =
            versions.len() < limits.entries_max.max(1) && text_bytes <= limits.text_bytes_max;
        if !fits && !versions.is_empty() {
            return VersionsPage {
                versions,
                more: true,
            };
        }
        versions.extend(version(entry));
    }
    VersionsPage {
        versions,
        more: false,
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
