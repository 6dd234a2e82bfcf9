//! Makes the frames that senders send, and names every message so that it can be followed.

use std::fmt::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tidemark_core::ConversationId;
use uuid::{Builder, Uuid};

/// Which message it is: the sender and its how manyth. It is in the last twelve digits of the `client_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct MessageName {
    pub(super) sender: u16,
    pub(super) number: u32,
}

/// Digits of a UUID before the last twelve, with their hyphens.
const OTHER_DIGITS: usize = 24;

impl MessageName {
    pub(super) fn of_client_id(text: &str) -> Option<Self> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return None;
        }
        let digits = text.get(OTHER_DIGITS..)?;
        let (sender, number) = digits.split_at(4);
        Some(Self {
            sender: u16::from_str_radix(sender, 16).ok()?,
            number: u32::from_str_radix(number, 16).ok()?,
        })
    }

    fn bytes(self) -> [u8; 6] {
        let ([s0, s1], [n0, n1, n2, n3]) = (self.sender.to_be_bytes(), self.number.to_be_bytes());
        [s0, s1, n0, n1, n2, n3]
    }
}

/// Composes the messages of one sender to one conversation.
pub(super) struct Composer {
    sender: u16,
    next_number: u32,
    /// What all its client ids have beside time and name, so that no two runs share one.
    salt: [u8; 4],
    began: Instant,
    began_unix_ms: u64,
    middle: String,
    end: String,
}

impl Composer {
    pub(super) fn new(sender: u16, conversation: ConversationId, text: &str) -> Self {
        let [s0, s1, s2, s3, ..] = *Uuid::new_v4().as_bytes();
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            sender,
            next_number: 0,
            salt: [s0, s1, s2, s3],
            began: Instant::now(),
            began_unix_ms: unix.map_or(0, |unix| milliseconds(unix.as_millis())),
            middle: format!(r#","conversation":"{conversation}","client_id":""#),
            end: format!(r#"","text":"{text}"}}"#),
        }
    }

    /// The next `send` frame. Its request id is the message's number; its `client_id` is of version 7, as
    /// the SDK makes them, because the order of ids is what an index over them costs.
    pub(super) fn compose(&mut self, now: Instant) -> String {
        let name = MessageName {
            sender: self.sender,
            number: self.next_number,
        };
        self.next_number += 1;
        self.frame(name, now)
    }

    fn frame(&self, name: MessageName, now: Instant) -> String {
        const BEGIN: &str = r#"{"type":"send","id":"#;
        let client_id = self.client_id(name, now);
        let mut digits = [0; uuid::fmt::Hyphenated::LENGTH];
        let client_id = client_id.hyphenated().encode_lower(&mut digits);
        let length = BEGIN.len() + self.middle.len() + self.end.len();
        let mut frame = String::with_capacity(length + client_id.len() + 10);
        frame.push_str(BEGIN);
        let _ = write!(frame, "{}", name.number);
        frame.push_str(&self.middle);
        frame.push_str(client_id);
        frame.push_str(&self.end);
        frame
    }

    fn client_id(&self, name: MessageName, now: Instant) -> Uuid {
        let elapsed = now.saturating_duration_since(self.began).as_millis();
        let at = self.began_unix_ms + milliseconds(elapsed);
        let mut random = [0; 10];
        random[..4].copy_from_slice(&self.salt);
        random[4..].copy_from_slice(&name.bytes());
        Builder::from_unix_timestamp_millis(at, &random).into_uuid()
    }
}

fn milliseconds(duration: u128) -> u64 {
    u64::try_from(duration).unwrap_or(u64::MAX)
}

/// A text of so many bytes that JSON writes as it is.
pub(super) fn text_of(bytes: usize) -> String {
    "The tide is coming in. "
        .chars()
        .cycle()
        .take(bytes)
        .collect()
}

#[cfg(test)]
mod tests {
    use tidemark_protocol::frame::{ClientFrame, ParseLimits, Request, RequestId};

    use super::*;

    #[test]
    fn the_server_reads_what_is_composed() {
        let conversation = ConversationId(Uuid::new_v4());
        let mut composer = Composer::new(9, conversation, &text_of(200));
        for number in 0..3 {
            let frame = composer.compose(Instant::now());
            let Ok(ClientFrame::Request(Request::Send(send))) =
                ClientFrame::parse(&frame, &ParseLimits::default())
            else {
                panic!("{frame}");
            };
            assert_eq!(send.conversation, conversation);
            assert_eq!(send.id, Some(RequestId(number)));
            assert_eq!(send.message.text, text_of(200));
            let client_id = send.message.client_id.0;
            assert_eq!(client_id.get_version_num(), 7);
            assert_eq!(
                MessageName::of_client_id(&client_id.to_string()),
                Some(MessageName {
                    sender: 9,
                    number: u32::try_from(number).unwrap(),
                })
            );
        }
    }

    #[test]
    fn a_text_has_the_length_that_was_asked_for() {
        for bytes in [0, 1, 200, 16_384] {
            assert_eq!(text_of(bytes).len(), bytes);
        }
    }

    #[test]
    fn other_ids_name_no_message() {
        for text in ["", "0190163d", "0190163d-8694-739b-aea5-00030000000g"] {
            assert_eq!(MessageName::of_client_id(text), None, "{text}");
        }
    }
}
