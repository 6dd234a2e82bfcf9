//! Media types as they are kept and said.

use std::fmt;

/// The longest, in bytes. Those that are registered are shorter.
const BYTES_MAX: usize = 200;

/// A media type: `type/subtype`, perhaps with parameters whose values are plain words, such as
/// `text/plain; charset=utf-8`.
///
/// It is kept as it was given, because a signature is about its bytes. It is what somebody said of a blob, never what
/// the blob is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ContentType(String);

/// What was given is no media type, or not one of the plain ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content type is type/subtype, of at most {BYTES_MAX} bytes")]
pub struct InvalidContentType;

impl ContentType {
    /// A media type of this text.
    ///
    /// # Errors
    ///
    /// When the text is not as [`ContentType`] says.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidContentType> {
        let text = text.into();
        let mut parts = text.split(';');
        let names_a_type = parts
            .next()
            .and_then(|essence| essence.split_once('/'))
            .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype));
        let has_plain_parameters = parts.all(|parameter| {
            let parameter = parameter.trim_start_matches(' ').split_once('=');
            parameter.is_some_and(|(name, value)| is_word(name) && is_word(value))
        });
        if text.len() > BYTES_MAX || !names_a_type || !has_plain_parameters {
            return Err(InvalidContentType);
        }
        Ok(Self(text))
    }

    /// What is said of bytes of which nothing is known: `application/octet-stream`.
    pub fn unknown() -> Self {
        Self("application/octet-stream".to_owned())
    }

    /// The media type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without parameters, in small letters: what to compare.
    pub fn essence(&self) -> String {
        let (essence, _) = self.0.split_once(';').unwrap_or((&self.0, ""));
        essence.to_ascii_lowercase()
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A name that can be registered (RFC 6838, 4.2).
fn is_name(text: &str) -> bool {
    is_word(text) && text.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// A token of HTTP (RFC 9110, 5.6.2).
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::ContentType;

    #[test]
    fn media_types_are_kept_as_given_and_compared_without_parameters() {
        let given = ContentType::parse("Text/Plain; charset=UTF-8").unwrap();
        assert_eq!(given.as_str(), "Text/Plain; charset=UTF-8");
        assert_eq!(given.essence(), "text/plain");
    }

    #[test]
    fn what_could_end_a_header_or_a_name_is_refused() {
        let long = format!("a/{}", "b".repeat(200));
        for text in [
            "",
            "text",
            "/plain",
            "text/",
            "text/plain/x",
            "text/plain\r\nx: y",
            "text/pl\0ain",
            "a/b;",
            "a/b; c",
            "a/b; c=\"d\"",
            "../x",
            "a b/c",
            "ä/b",
            &long,
        ] {
            assert!(ContentType::parse(text).is_err(), "{text:?}");
        }
    }
}
