//! `/v1/accounts` and `/v1/sessions`.

use serde::{Deserialize, Serialize};

use crate::body::User;
use crate::wire::{Secret, WireSessionId, WireTimestamp};

/// `POST /v1/accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewAccount {
    /// The name to sign in with, which is also the user id.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// `POST /v1/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// The name to sign in with.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// What the user calls the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
}

/// The answer to both: a session of the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// What proves the session from now on; shown only here.
    pub token: Secret,
    /// The session.
    pub session_id: WireSessionId,
}

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Session {
    /// Its id.
    pub id: WireSessionId,
    /// What the user calls it.
    pub device_name: Option<String>,
    /// When it signed in.
    pub created_at: WireTimestamp,
    /// Whether this very request came from it.
    pub current: bool,
}

/// `GET /v1/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// The caller's sessions, oldest first.
    pub sessions: Vec<Session>,
}
