//! How the types of the core look in JSON. The core knows no serialisation, so the shapes are here.

mod amendment;
mod cursors;
mod entry;
mod mentions;
mod number;
mod object;
#[cfg(feature = "schema")]
mod schema;
mod secret;
mod text;
mod unsupported;

use std::ops::Deref;

pub use entry::{LogEntry, UnknownEvent, kind_of};
pub use object::{InvalidJson, parse_object};
pub use secret::Secret;
pub use unsupported::{NotSupported, Unsupported};

pub(crate) use cursors::{Cursors, cursors, optional_list};
pub(crate) use entry::serialize_event;
pub(crate) use number::{from_one, optional_from_one};

/// A value of the core in the shape that it has in JSON.
///
/// Identifiers and names are strings, places and times are integers, mentions are a list of user
/// ids or `"all"`. What the core would not accept does not parse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wire<T>(pub T);

macro_rules! shapes {
    ($($alias:ident = $name:path;)+) => {$(
        #[doc = concat!("[`", stringify!($name), "`] in JSON.")]
        pub type $alias = Wire<$name>;
    )+};
}

// The schemas of bodies are derived, and the derivation needs a name for each shape.
shapes! {
    WireClientId = tidemark_core::ClientId;
    WireConversationId = tidemark_core::ConversationId;
    WireConversationKind = tidemark_core::conversation::ConversationKind;
    WireEmoji = tidemark_core::conversation::Emoji;
    WireHistory = tidemark_core::conversation::History;
    WireInviteId = tidemark_core::InviteId;
    WireMentions = tidemark_core::conversation::Mentions;
    WirePosition = tidemark_core::Position;
    WireRole = tidemark_core::conversation::Role;
    WireSeq = tidemark_core::Seq;
    WireSessionId = tidemark_core::SessionId;
    WireTimestamp = tidemark_core::Timestamp;
    WireUploadId = tidemark_core::UploadId;
    WireUserId = tidemark_core::UserId;
    WireVisibility = tidemark_core::conversation::Visibility;
}

impl<T> From<T> for Wire<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Wire<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Takes the shells off a list.
pub fn unwrap_all<T>(values: Vec<Wire<T>>) -> Vec<T> {
    values.into_iter().map(|value| value.0).collect()
}

/// Puts shells on a list.
pub fn wrap_all<T>(values: impl IntoIterator<Item = T>) -> Vec<Wire<T>> {
    values.into_iter().map(Wire).collect()
}

/// Tells `null` from an absent field: for `Option<Option<T>>` beside `#[serde(default)]`.
pub(crate) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Encodes what cannot fail: no map has keys other than strings, no float, no foreign type is in
/// the shapes of this crate.
pub(crate) fn encode(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("the shapes of the protocol are all valid JSON")
}
