//! Values that are integers in JSON.

use std::fmt;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidemark_core::{Position, Seq, Timestamp};

use crate::wire::Wire;

/// The furthest time from 1970 in either direction: what every JSON reader keeps exactly, because
/// whatever one client says is given to all others.
const MILLIS_MAX: i64 = (1 << 53) - 1;

impl Serialize for Wire<Seq> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.get())
    }
}

impl<'de> Deserialize<'de> for Wire<Seq> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl Visitor<'_> for Place {
            type Value = Wire<Seq>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "an integer from 0 to {}", Seq::MAX)
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Seq::new(number)
                    .map(Wire)
                    .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }

        deserializer.deserialize_u64(Place)
    }
}

impl Serialize for Wire<Timestamp> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.0)
    }
}

impl<'de> Deserialize<'de> for Wire<Timestamp> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Time;

        impl Visitor<'_> for Time {
            type Value = Wire<Timestamp>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    formatter,
                    "milliseconds since 1970, an integer of at most {MILLIS_MAX}"
                )
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                if (-MILLIS_MAX..=MILLIS_MAX).contains(&number) {
                    Ok(Wire(Timestamp(number)))
                } else {
                    Err(E::invalid_value(Unexpected::Signed(number), &self))
                }
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                i64::try_from(number)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
                    .and_then(|number| self.visit_i64(number))
            }
        }

        deserializer.deserialize_i64(Time)
    }
}

impl Serialize for Wire<Position> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.0)
    }
}

impl<'de> Deserialize<'de> for Wire<Position> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(|place| Wire(Position(place)))
    }
}

/// The place of an event that is meant to exist: zero is refused.
pub(crate) fn from_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Wire<Seq>, D::Error> {
    let Wire(seq) = Wire::<Seq>::deserialize(deserializer)?;
    if seq == Seq::ZERO {
        return Err(de::Error::custom(format_args!(
            "expected an integer from 1 to {}",
            Seq::MAX
        )));
    }
    Ok(Wire(seq))
}

/// The place of an event that may be named, and then exists; `null` names none.
pub(crate) fn optional_from_one<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Wire<Seq>>, D::Error> {
    #[derive(Deserialize)]
    struct FromOne(#[serde(deserialize_with = "from_one")] Wire<Seq>);

    Ok(Option::<FromOne>::deserialize(deserializer)?.map(|FromOne(seq)| seq))
}
