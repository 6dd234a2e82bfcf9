//! A message as somebody wrote it.

use std::num::NonZeroU64;

use serde::Deserialize;
use tidemark_client::OutgoingMessage;
use tidemark_core::Seq;
use tidemark_protocol::Code;
use tidemark_protocol::wire::{WireClientId, WireMentions, WireTimestamp, parse_object};

use super::lines::{Line, Unreadable};

/// What to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The line that it came from, counted from 1.
    pub(super) line: Option<u64>,
    pub(super) message: OutgoingMessage,
}

/// A line that is no message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoMessage {
    pub(super) line: u64,
    pub(super) code: Code,
    pub(super) detail: String,
}

/// The fields of a line of JSON. One that is not known is likely misspelt, so it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    client_id: Option<WireClientId>,
    text: String,
    reply_to: Option<NonZeroU64>,
    #[serde(default)]
    mentions: WireMentions,
    client_at: Option<WireTimestamp>,
}

impl Written {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            line: None,
            message: OutgoingMessage::text(text),
        }
    }

    /// The message of a line; nothing for an empty one.
    pub(super) fn from_line(line: Line, is_json: bool) -> Result<Option<Self>, NoMessage> {
        let number = line.number;
        let no = |code, detail: String| NoMessage {
            line: number,
            code,
            detail,
        };
        let content = line.content.map_err(|unreadable| match unreadable {
            Unreadable::TooLong => no(Code::TooLarge, "the line is longer than 1 MiB".to_owned()),
            Unreadable::NotUtf8 => no(Code::Invalid, "the line is not UTF-8".to_owned()),
        })?;
        if content.is_empty() {
            return Ok(None);
        }
        let message = if is_json {
            parse(&content).map_err(|detail| no(Code::Invalid, detail))?
        } else {
            OutgoingMessage::text(content)
        };
        Ok(Some(Self {
            line: Some(number),
            message,
        }))
    }
}

fn parse(text: &str) -> Result<OutgoingMessage, String> {
    let fields: Fields = parse_object(text).map_err(|error| error.to_string())?;
    let reply_to = match fields.reply_to.map(NonZeroU64::get) {
        Some(place) => Some(Seq::new(place).ok_or("reply_to: there is no such place")?),
        None => None,
    };
    Ok(OutgoingMessage {
        client_id: fields.client_id.map(|id| id.0),
        reply_to,
        mentions: fields.mentions.0,
        client_at: fields.client_at.map(|at| at.0),
        ..OutgoingMessage::text(fields.text)
    })
}

#[cfg(test)]
mod tests {
    use tidemark_core::conversation::Mentions;

    use super::*;

    fn line(content: &str) -> Line {
        Line {
            number: 7,
            content: Ok(content.to_owned()),
        }
    }

    fn detail(content: &str) -> String {
        let no_message = Written::from_line(line(content), true).unwrap_err();
        assert_eq!((no_message.line, no_message.code), (7, Code::Invalid));
        no_message.detail
    }

    #[test]
    fn plain_lines_are_text_whatever_they_look_like() {
        let written = Written::from_line(line(r#"{"text":1}"#), false).unwrap();
        assert_eq!(written.unwrap().message.text, r#"{"text":1}"#);
        assert_eq!(Written::from_line(line(""), false), Ok(None));
    }

    #[test]
    fn lines_of_json_say_all_that_a_message_can() {
        let id = "00000000-0000-0000-0000-000000000001";
        let text = format!(
            r#"{{"client_id":"{id}","text":"hi","reply_to":3,"mentions":"all","client_at":5}}"#
        );
        let written = Written::from_line(line(&text), true).unwrap().unwrap();
        assert_eq!(written.message.client_id, Some(id.parse().unwrap()));
        assert_eq!(written.message.reply_to, Seq::new(3));
        assert_eq!(written.message.mentions, Mentions::All);
        assert_eq!(written.line, Some(7));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        assert!(detail("hello").contains("expected a JSON object"));
        assert!(detail("{}").contains("text"));
        assert!(detail(r#"{"text":"a","reply_to":0}"#).contains("reply_to"));
        assert!(detail(r#"{"text":"a","replyto":1}"#).contains("replyto"));
        assert!(detail(r#"{"text":"a","client_id":"x"}"#).contains("client_id"));
    }
}
