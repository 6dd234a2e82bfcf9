//! Lists of short words without spaces, in one column.

use tidemark_core::ConversationId;
use uuid::Uuid;

/// As they are kept.
pub(crate) fn joined(words: &[String]) -> String {
    words.join(" ")
}

/// As they were before.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// As they are kept.
pub(crate) fn joined_ids(ids: &[ConversationId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

/// As they were before; what is no id is not there.
pub(crate) fn split_ids(text: &str) -> Vec<ConversationId> {
    let words = text.split_ascii_whitespace();
    let ids = words.filter_map(|word| Uuid::parse_str(word).ok());
    ids.map(ConversationId).collect()
}
