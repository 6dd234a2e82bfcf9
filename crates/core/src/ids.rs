//! Identifiers, each a type of its own so that none can stand in for another.

use std::fmt;
use std::str::FromStr;

use smol_str::SmolStr;
use uuid::Uuid;

/// A user: 1 to 64 bytes of `[A-Za-z0-9._@:-]`, chosen by the embedding application.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(SmolStr);

impl UserId {
    /// The longest user id, in bytes.
    pub const BYTES_MAX: usize = 64;
    /// Ids that begin so belong to the server itself and are given to no one.
    pub const RESERVED_PREFIX: &str = "tidemark:";

    /// Reads a user id.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] when the length or a byte is outside what an id may hold.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:-".contains(&byte);
        if (1..=Self::BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(SmolStr::new(text)))
        } else {
            Err(InvalidId(
                "a user id is 1 to 64 bytes of letters, digits and . _ @ : -",
            ))
        }
    }

    /// The author that events show when an administrator acted without being a member.
    pub fn administrator() -> Self {
        Self(SmolStr::new_static("tidemark:administrator"))
    }

    /// Whether the id belongs to the server itself.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(Self::RESERVED_PREFIX)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Text that is not an identifier of the kind asked for; says what one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidId(pub &'static str);

impl fmt::Display for InvalidId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId($expected))
            }
        }
    };
}

uuid_id!(
    /// A conversation; made by the server.
    ConversationId,
    "a conversation id is a UUID"
);
uuid_id!(
    /// What a client names its message with, so that a retry is recognised; made by the client.
    ClientId,
    "a client_id is a UUID"
);
uuid_id!(
    /// One signed-in device of a user; made by the server.
    SessionId,
    "a session id is a UUID"
);

uuid_id!(
    /// Names an invite to a conversation. It is no secret: the code is.
    InviteId,
    "an invite id is a UUID"
);
uuid_id!(
    /// A file that somebody uploads; made by the server. It is no secret: it opens nothing.
    UploadId,
    "an upload id is a UUID"
);

#[cfg(test)]
mod tests {
    use super::{ConversationId, UserId};

    #[test]
    fn a_user_id_is_1_to_64_bytes_of_its_alphabet() {
        for text in ["a", "7", "Ada.L-1@example_org:x", &"x".repeat(64)] {
            assert_eq!(
                UserId::parse(text).map(|id| id.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["", " ", "a b", "a/b", "ä", "a\n", "a\0", &"x".repeat(65)] {
            assert!(UserId::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn user_ids_differ_by_case() {
        assert_ne!(UserId::parse("ada"), UserId::parse("Ada"));
    }

    #[test]
    fn the_ids_of_the_server_itself_are_reserved() {
        assert!(UserId::administrator().is_reserved());
        assert_eq!(
            UserId::parse("tidemark:administrator"),
            Ok(UserId::administrator())
        );
        assert!(!UserId::parse("tidemark").unwrap().is_reserved());
    }

    #[test]
    fn a_pair_of_users_has_one_name_in_either_order() {
        let (ada, ben) = (UserId::parse("ada").unwrap(), UserId::parse("ben").unwrap());
        assert_eq!(
            UserId::pair(ada.clone(), ben.clone()),
            UserId::pair(ben, ada)
        );
    }

    #[test]
    fn a_uuid_id_is_written_with_hyphens_and_in_lower_case() {
        let text = "0190163d-8694-739b-aea5-966c26f8ad91";
        let id: ConversationId = text.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert!("0190163d".parse::<ConversationId>().is_err());
    }
}
