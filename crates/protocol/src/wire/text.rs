//! Values that are strings in JSON.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidemark_core::conversation::{
    ConversationKind, DeleteReason, Emoji, History, Role, Visibility,
};
use tidemark_core::presence::Status;
use tidemark_core::{ClientId, ConversationId, InvalidId, InviteId, SessionId, UploadId, UserId};

use crate::wire::Wire;

/// A value of the core that is written as text.
pub trait Textual: Display + FromStr<Err = InvalidId> {}

impl Textual for ClientId {}
impl Textual for ConversationId {}
impl Textual for ConversationKind {}
impl Textual for DeleteReason {}
impl Textual for Emoji {}
impl Textual for History {}
impl Textual for InviteId {}
impl Textual for Role {}
impl Textual for SessionId {}
impl Textual for Status {}
impl Textual for UploadId {}
impl Textual for UserId {}
impl Textual for Visibility {}

impl<T: Textual> Serialize for Wire<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Textual> Deserialize<'de> for Wire<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);

        impl<T: Textual> Visitor<'_> for Text<T> {
            type Value = Wire<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::from_str(text).map(Wire).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text(PhantomData))
    }
}
