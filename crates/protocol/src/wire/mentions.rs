//! Whose attention a message asks for: a list of user ids, or `"all"`.

use std::fmt;

use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidemark_core::UserId;
use tidemark_core::conversation::Mentions;

use crate::wire::Wire;

const ALL: &str = "all";

impl Serialize for Wire<&Mentions> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Mentions::All => serializer.serialize_str(ALL),
            Mentions::Users(users) => serializer.collect_seq(users.iter().map(UserId::as_str)),
        }
    }
}

impl Serialize for Wire<Mentions> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Wire<Mentions> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Mentioned;

        impl<'de> Visitor<'de> for Mentioned {
            type Value = Wire<Mentions>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of user ids, or \"all\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                if text == ALL {
                    Ok(Wire(Mentions::All))
                } else {
                    Err(E::invalid_value(Unexpected::Str(text), &self))
                }
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Wire(Mentions::default()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut users = Vec::new();
                while let Some(Wire(user)) = list.next_element::<Wire<UserId>>()? {
                    users.push(user);
                }
                Ok(Wire(Mentions::Users(users)))
            }
        }

        deserializer.deserialize_any(Mentioned)
    }
}

impl Wire<Mentions> {
    /// Whether nobody is mentioned, so that the field can be left out.
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }
}
