//! Why something was refused, and why a socket was closed. The only place that knows their numbers.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidemark_core::RefusalCode;

macro_rules! codes {
    (
        $(#[$doc:meta])* $name:ident, else $fallback:ident, $number:ident: $number_doc:literal,
        $($(#[$variant_doc:meta])* $variant:ident => $text:literal, $value:literal;)+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            #[doc = $number_doc]
            pub const fn $number(self) -> u16 {
                match self { $(Self::$variant => $value),+ }
            }

            /// The code with this name. What a newer server may have added is taken for
            #[doc = concat!("[`", stringify!($name), "::", stringify!($fallback), "`].")]
            pub fn named(name: &str) -> Self {
                match name { $($text => Self::$variant,)+ _ => Self::$fallback }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<str>::deserialize(deserializer).map(|name| Self::named(&name))
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($text),+]))
                    .into()
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $name {}
    };
}

codes! {
    /// Why nothing happened: in `refused` frames and in HTTP problems.
    Code, else Internal, status: "The HTTP status that goes with it.",
    /// It makes no sense as it stands; sending it again will not help.
    Invalid => "invalid", 400;
    /// No token, or one that is not or no longer good.
    Unauthorized => "unauthorized", 401;
    /// The caller may see it but not do this.
    Forbidden => "forbidden", 403;
    /// It does not exist, or the caller may not know that it does.
    NotFound => "not_found", 404;
    /// It contradicts something that was accepted before.
    Conflict => "conflict", 409;
    /// It is over a limit.
    TooLarge => "too_large", 413;
    /// Too many in too short a time; waiting helps.
    RateLimited => "rate_limited", 429;
    /// The server's own fault.
    Internal => "internal", 500;
    /// The store cannot accept now; send again, with the same `client_id`.
    Unavailable => "unavailable", 503;
}

codes! {
    /// Why the server closes a socket: in `bye` frames and as the WebSocket's close code.
    ByeCode, else GoingAway, close_number: "The WebSocket close code.",
    /// The server stops or hands its sockets to others; reconnect after a random part of `after_ms`.
    GoingAway => "going_away", 1001;
    /// A frame was larger than the server takes.
    TooLarge => "too_large", 1009;
    /// The token is not good.
    Unauthorized => "unauthorized", 4001;
    /// The session was revoked.
    Revoked => "revoked", 4002;
    /// The client does not keep to the protocol.
    ProtocolError => "protocol_error", 4003;
    /// The client does not read what waits for it.
    SlowReader => "slow_reader", 4008;
    /// The server, or the user's allowance of sockets, is full.
    Overloaded => "overloaded", 4009;
    /// Nothing was heard from the client for too long.
    Idle => "idle", 4010;
}

impl From<RefusalCode> for Code {
    fn from(code: RefusalCode) -> Self {
        match code {
            RefusalCode::Invalid => Self::Invalid,
            RefusalCode::Forbidden => Self::Forbidden,
            RefusalCode::NotFound => Self::NotFound,
            RefusalCode::Conflict => Self::Conflict,
            RefusalCode::TooLarge => Self::TooLarge,
            RefusalCode::RateLimited => Self::RateLimited,
        }
    }
}

impl ByeCode {
    /// The code of a close frame with this number, if it is one of ours.
    pub fn from_close_number(number: u16) -> Option<Self> {
        let all = Self::ALL.iter().copied();
        all.into_iter().find(|code| code.close_number() == number)
    }

    /// Whether a client should connect again by itself: not where it would end the same way.
    pub const fn should_reconnect(self) -> bool {
        matches!(
            self,
            Self::GoingAway | Self::SlowReader | Self::Overloaded | Self::Idle
        )
    }
}
