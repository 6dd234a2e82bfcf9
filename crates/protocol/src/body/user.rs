//! `/v1/users`.

use serde::{Deserialize, Serialize};

use crate::wire::{WireUserId, present};

/// A user's profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct User {
    /// The id.
    pub id: WireUserId,
    /// The name to sign in with.
    pub username: String,
    /// The name to show.
    pub display_name: Option<String>,
    /// A URL of a picture.
    pub avatar: Option<String>,
    /// Whether it is a program; absent for people.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// Whether others are shown when the user was last there. Only in the user's own profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_last_seen: Option<bool>,
}

/// `GET /v1/users?prefix=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Users {
    /// The users, in the order of their ids.
    pub users: Vec<User>,
}

/// `PATCH /v1/users/me`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ProfilePatch {
    /// The name to show; `null` takes it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub display_name: Option<Option<String>>,
    /// A URL of a picture; `null` takes it away.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub avatar: Option<Option<String>>,
    /// Whether others are shown when the user was last there.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schema(value_type = bool))]
    pub show_last_seen: Option<bool>,
}
