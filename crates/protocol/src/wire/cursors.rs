//! How far somebody holds each of several conversations.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tidemark_core::{ConversationId, Seq};

use crate::wire::Wire;

/// Cursors by conversation.
pub(crate) type Cursors = BTreeMap<Wire<ConversationId>, Wire<Seq>>;

/// Reads cursors; `null` is none. A conversation that is named twice is refused: whichever cursor were
/// taken, the other one may have been meant.
pub(crate) fn cursors<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cursors, D::Error> {
    struct EachOnce;

    impl<'de> Visitor<'de> for EachOnce {
        type Value = Cursors;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object with a seq for each conversation")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Cursors::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut cursors = Cursors::new();
            while let Some((conversation, seq)) = map.next_entry::<Wire<ConversationId>, _>()? {
                if cursors.insert(conversation, seq).is_some() {
                    let id = conversation.0;
                    return Err(de::Error::custom(format_args!("{id} is there twice")));
                }
            }
            Ok(cursors)
        }
    }

    deserializer.deserialize_any(EachOnce)
}

/// Reads a list that may be left out; `null` is an empty one.
pub(crate) fn optional_list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
