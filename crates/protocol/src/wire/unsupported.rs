//! Fields of the protocol that this version does not act upon. A value in one is refused, because what
//! is silently dropped is lost without anybody knowing.

use std::fmt;

use serde::de::{self, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A field that may be absent, `null` or an empty list, and nothing else yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NotSupported;

/// What parsing says about a value in such a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported;

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("not supported by this server yet")
    }
}

impl<'de> Deserialize<'de> for NotSupported {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nothing;

        impl<'de> Visitor<'de> for Nothing {
            type Value = NotSupported;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "nothing, as this is {Unsupported}")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(NotSupported)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                match list.next_element::<IgnoredAny>()? {
                    None => Ok(NotSupported),
                    Some(_) => Err(de::Error::custom(Unsupported)),
                }
            }
        }

        deserializer.deserialize_any(Nothing)
    }
}
