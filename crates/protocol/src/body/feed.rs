//! `/v1/feed`.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use crate::wire::{LogEntry, WirePosition, parse_object};

/// An event with its place in the log of everything: the event's fields, and `position`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FeedEntry {
    /// Its place in commit order.
    pub position: WirePosition,
    /// The event.
    #[serde(flatten)]
    pub entry: LogEntry,
}

impl<'de> Deserialize<'de> for FeedEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Place {
            position: WirePosition,
        }

        let json = Box::<RawValue>::deserialize(deserializer)?;
        let place: Place = parse_object(json.get()).map_err(de::Error::custom)?;
        Ok(Self {
            position: place.position,
            entry: parse_object(json.get()).map_err(de::Error::custom)?,
        })
    }
}

/// `GET /v1/feed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FeedPage {
    /// The events, in commit order.
    pub events: Vec<FeedEntry>,
    /// What to pass as `after` once these are dealt with.
    pub next: WirePosition,
}
