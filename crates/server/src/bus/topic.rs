//! What a message is about, and so who is to hear it.

use std::fmt::Write as _;

use tidemark_core::{ConversationId, UserId};
use uuid::Uuid;

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// A conversation: followed by every node that has a socket in it.
    Conversation(ConversationId),
    /// A user: followed by every node that has a socket of theirs.
    User(UserId),
    /// Whether a user is there: followed by every node that has a socket which watches them.
    Presence(UserId),
}

impl Topic {
    /// The name of the topic on a server that others use, too: letters, digits, `_`, `-`, `=`, and dots between
    /// the parts. Nodes of different stores never share a name, because `epoch` is in it.
    pub(super) fn subject(&self, epoch: Uuid) -> String {
        let epoch = epoch.simple();
        match self {
            Self::Conversation(id) => format!("tidemark.{epoch}.c.{}", id.0.simple()),
            Self::User(id) => format!("tidemark.{epoch}.u.{}", escape(id.as_str())),
            Self::Presence(id) => format!("tidemark.{epoch}.p.{}", escape(id.as_str())),
        }
    }
}

/// A user id as one part of a subject: what separates parts or may be a wildcard is written as `=` and two
/// hexadecimal digits, as is `=` itself, which no id has.
fn escape(id: &str) -> String {
    let mut part = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' {
            part.push(char::from(byte));
        } else {
            write!(part, "={byte:02X}").expect("writing to a string does not fail");
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject_of(user: &str) -> String {
        Topic::User(UserId::parse(user).unwrap()).subject(Uuid::from_u128(7))
    }

    #[test]
    fn a_user_id_is_one_part_of_a_subject() {
        let subject = subject_of("Ann.Lee-1@example_org:x");
        assert_eq!(
            subject,
            "tidemark.00000000000000000000000000000007.u.Ann=2ELee-1=40example_org=3Ax"
        );
        assert_eq!(subject.split('.').count(), 4);
    }

    #[test]
    fn different_users_have_different_subjects() {
        let users = ["a.b", "a@b", "a:b", "a-b", "a_b", "a2Eb", "A.b"];
        for one in users {
            for other in users {
                assert_eq!(subject_of(one) == subject_of(other), one == other);
            }
        }
    }

    #[test]
    fn stores_share_no_subject() {
        let topic = Topic::Conversation(ConversationId(Uuid::from_u128(1)));
        let subjects = [1, 2].map(|epoch| topic.subject(Uuid::from_u128(epoch)));
        assert_ne!(subjects[0], subjects[1]);
    }
}
