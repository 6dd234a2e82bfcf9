//! Reads of a frame only what a load generator has to know.
//!
//! The generator shares the machine with the server that it measures, so it does not build the types of the
//! protocol for each of a hundred thousand frames a second. It walks over the fields of the object
//! once, whatever their order, and keeps those that it verifies.

use super::composer::MessageName;

/// A frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame<'text> {
    /// A message of this socket is durable.
    Ack {
        /// The number of the request.
        id: u64,
        seq: u64,
        message: MessageName,
        duplicate: bool,
    },
    /// An event, live.
    Event(Event<'text>),
    /// There is more than was sent.
    Head { head: u64 },
    /// What a `sync` asked for.
    Page(Page<'text>),
    /// The answer to a `ping` with this number.
    Pong { id: Option<u64> },
    /// Nothing happened.
    Refused {
        code: &'text str,
        detail: &'text str,
    },
    /// The server closes the socket.
    Bye { code: &'text str },
    /// Something that the generator did not ask for and may ignore.
    Other,
}

/// An event of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event<'text> {
    pub(super) seq: u64,
    /// What the sender named it with and what it says, if it is a message of a load generator.
    pub(super) message: Option<(MessageName, &'text str)>,
}

/// A page of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page<'text> {
    events: &'text str,
    pub(super) more: bool,
}

/// What came is no frame of the protocol, or lacks a field that it must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The fields that any frame may have, as they are written.
#[derive(Default)]
struct Raw<'text> {
    name: Option<&'text str>,
    id: Option<&'text str>,
    seq: Option<&'text str>,
    client_id: Option<&'text str>,
    duplicate: Option<&'text str>,
    text: Option<&'text str>,
    head: Option<&'text str>,
    events: Option<&'text str>,
    more: Option<&'text str>,
    code: Option<&'text str>,
    detail: Option<&'text str>,
}

impl<'text> Frame<'text> {
    pub(super) fn read(json: &'text str) -> Result<Self, Malformed> {
        let raw = Raw::read(json)?;
        match raw.name.map(unquote) {
            Some("ack") => Ok(Self::Ack {
                id: number(raw.id)?,
                seq: number(raw.seq)?,
                message: raw.message_name().ok_or(Malformed)?,
                duplicate: raw.duplicate == Some("true"),
            }),
            Some("event") => raw.event().map(Self::Event),
            Some("head") => Ok(Self::Head {
                head: number(raw.head)?,
            }),
            Some("events") => Ok(Self::Page(Page {
                events: raw.events.ok_or(Malformed)?,
                more: raw.more == Some("true"),
            })),
            Some("pong") => Ok(Self::Pong {
                id: raw.id.and_then(|id| id.parse().ok()),
            }),
            Some("refused") => Ok(Self::Refused {
                code: raw.code.map_or("", unquote),
                detail: raw.detail.map_or("", unquote),
            }),
            Some("bye") => Ok(Self::Bye {
                code: raw.code.map_or("", unquote),
            }),
            Some(_) => Ok(Self::Other),
            None => Err(Malformed),
        }
    }
}

impl<'text> Raw<'text> {
    fn read(json: &'text str) -> Result<Self, Malformed> {
        Self::read_first(json).map(|(raw, _)| raw)
    }

    /// Reads the object at the start of `json`, and gives back what follows it.
    fn read_first(json: &'text str) -> Result<(Self, &'text str), Malformed> {
        let mut raw = Self::default();
        let mut fields = Fields::of(json)?;
        for field in &mut fields {
            let (key, value) = field?;
            let place = match key {
                "type" => &mut raw.name,
                "id" => &mut raw.id,
                "seq" => &mut raw.seq,
                "client_id" => &mut raw.client_id,
                "duplicate" => &mut raw.duplicate,
                "text" => &mut raw.text,
                "head_seq" => &mut raw.head,
                "events" => &mut raw.events,
                "more" => &mut raw.more,
                "code" => &mut raw.code,
                "detail" => &mut raw.detail,
                _ => continue,
            };
            *place = Some(value);
        }
        let after = fields.rest.strip_prefix('}').ok_or(Malformed)?;
        Ok((raw, after))
    }

    fn message_name(&self) -> Option<MessageName> {
        MessageName::of_client_id(unquote(self.client_id?))
    }

    fn event(&self) -> Result<Event<'text>, Malformed> {
        let text = self.text.map(unquote);
        Ok(Event {
            seq: number(self.seq)?,
            message: self.message_name().zip(text),
        })
    }
}

impl<'text> Page<'text> {
    /// Its events, oldest first.
    pub(super) fn events(&self) -> impl Iterator<Item = Result<Event<'text>, Malformed>> {
        let mut rest = self.events.strip_prefix('[').unwrap_or("");
        std::iter::from_fn(move || {
            rest = rest.trim_start_matches([',', ' ']);
            if rest.is_empty() || rest.starts_with(']') {
                return None;
            }
            let read = Raw::read_first(rest);
            rest = read.as_ref().map_or("", |(_, after)| after);
            Some(read.and_then(|(raw, _)| raw.event()))
        })
    }
}

/// The fields of a JSON object in the order in which they are written: each key, and the text of its value.
pub(super) struct Fields<'text> {
    rest: &'text str,
}

impl<'text> Fields<'text> {
    pub(super) fn of(json: &'text str) -> Result<Self, Malformed> {
        let rest = json.trim_ascii().strip_prefix('{').ok_or(Malformed)?;
        Ok(Self { rest })
    }

    fn field(&mut self) -> Option<(&'text str, &'text str)> {
        let key_end = value_end(self.rest)?;
        let key = self.rest[..key_end].strip_prefix('"')?.strip_suffix('"')?;
        let value = self.rest[key_end..]
            .trim_ascii_start()
            .strip_prefix(':')?
            .trim_ascii_start();
        let (value, rest) = value.split_at(value_end(value)?);
        self.rest = rest;
        Some((key, value))
    }
}

impl<'text> Iterator for Fields<'text> {
    type Item = Result<(&'text str, &'text str), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self.rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
        if self.rest.is_empty() || self.rest.starts_with('}') {
            return None;
        }
        let field = self.field().ok_or(Malformed);
        if field.is_err() {
            self.rest = "";
        }
        Some(field)
    }
}

/// Where the JSON value at the start of `json` ends.
fn value_end(json: &str) -> Option<usize> {
    match json.as_bytes().first()? {
        b'"' => string_end(json, 0),
        b'{' | b'[' => nested_end(json),
        _ => Some(
            json.bytes()
                .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
                .unwrap_or(json.len()),
        ),
    }
}

/// Where the string that begins at `begin` ends. Looks for quotes alone, because that is what the standard
/// library does many bytes at a time, and texts are most of what comes.
fn string_end(json: &str, begin: usize) -> Option<usize> {
    let first = begin + 1;
    let mut from = first;
    loop {
        let quote = from + json.get(from..)?.find('"')?;
        let inside = json.as_bytes()[first..quote].iter().rev();
        let backslashes = inside.take_while(|byte| **byte == b'\\').count();
        if backslashes % 2 == 0 {
            return Some(quote + 1);
        }
        from = quote + 1;
    }
}

fn nested_end(json: &str) -> Option<usize> {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(json, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// The text between the quotes, with its escapes left as they are: what is compared here has none.
pub(super) fn unquote(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

fn number(value: Option<&str>) -> Result<u64, Malformed> {
    value.and_then(|text| text.parse().ok()).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_ID: &str = "0190163d-8694-739b-aea5-000300000007";
    const NAME: MessageName = MessageName {
        sender: 3,
        number: 7,
    };

    #[test]
    fn fields_are_found_in_any_order() {
        let ack = Frame::Ack {
            id: 5,
            seq: 9,
            message: NAME,
            duplicate: false,
        };
        for json in [
            format!(
                r#"{{"type":"ack","id":5,"conversation":"c","client_id":"{CLIENT_ID}","seq":9,"at":1,"duplicate":false}}"#
            ),
            format!(
                r#"{{ "seq" : 9 , "new":{{"seq":1,"s":"}}\""}}, "duplicate":false,"client_id":"{CLIENT_ID}","id":5,"type":"ack" }}"#
            ),
        ] {
            assert_eq!(Frame::read(&json), Ok(ack), "{json}");
        }
    }

    #[test]
    fn an_event_is_told_by_its_own_fields_and_not_by_its_text() {
        let json = format!(
            r#"{{"type":"event","conversation":"c","seq":4,"at":1,"kind":"message","sender":"s","client_id":"{CLIENT_ID}","text":"\"seq\":99,{{["}}"#
        );
        let Ok(Frame::Event(event)) = Frame::read(&json) else {
            panic!("{json}");
        };
        assert_eq!(event.seq, 4);
        assert_eq!(event.message, Some((NAME, r#"\"seq\":99,{["#)));
    }

    #[test]
    fn a_page_gives_its_events_one_by_one() {
        let json = format!(
            r#"{{"type":"events","id":1,"conversation":"c","events":[{{"seq":1,"kind":"created","by":"x","title":null}},{{"seq":2,"client_id":"{CLIENT_ID}","text":"]"}}],"head_seq":2,"more":true}}"#
        );
        let Ok(Frame::Page(page)) = Frame::read(&json) else {
            panic!("{json}");
        };
        let events: Result<Vec<_>, _> = page.events().collect();
        assert!(page.more);
        assert_eq!(
            events.unwrap(),
            [
                Event {
                    seq: 1,
                    message: None
                },
                Event {
                    seq: 2,
                    message: Some((NAME, "]"))
                },
            ]
        );
    }

    #[test]
    fn a_string_ends_at_the_first_quote_that_is_not_escaped() {
        for (json, end) in [
            (r#""""#, 2),
            (r#""a","b""#, 3),
            (r#""\"" "#, 4),
            (r#""\\" "#, 4),
            (r#""\\\"x" "#, 7),
        ] {
            assert_eq!(string_end(json, 0), Some(end), "{json}");
        }
        for json in [r#"""#, r#""a\""#] {
            assert_eq!(string_end(json, 0), None, "{json}");
        }
    }

    #[test]
    fn what_is_cut_off_or_lacks_a_field_is_malformed() {
        for json in [
            "",
            "[]",
            r#"{"type":"ack","#,
            r#"{"type":"ack","id":1,"seq":2"#,
            r#"{"type":"event","seq":"four"}"#,
            r#"{"seq":1}"#,
        ] {
            assert_eq!(Frame::read(json), Err(Malformed), "{json}");
        }
    }
}
