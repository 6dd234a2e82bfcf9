//! Refusals over HTTP: RFC 9457, `application/problem+json`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Code;

/// A refusal. Nothing happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Names the kind of problem: `urn:tidemark:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong this time, in words.
    pub detail: Cow<'static, str>,
    /// What kind of no, for programs.
    pub code: Code,
}

impl Problem {
    /// The media type of the body.
    pub const CONTENT_TYPE: &str = "application/problem+json";

    /// A refusal with a code and words for it.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind: format!("urn:tidemark:problem:{code}"),
            title: Cow::Borrowed(title(code)),
            status: code.status(),
            detail: detail.into(),
            code,
        }
    }
}

const fn title(code: Code) -> &'static str {
    match code {
        Code::Invalid => "The request makes no sense",
        Code::Unauthorized => "Not signed in",
        Code::Forbidden => "Not allowed",
        Code::NotFound => "Not found",
        Code::Conflict => "It contradicts what was accepted before",
        Code::TooLarge => "Too large",
        Code::RateLimited => "Too many requests",
        Code::Internal => "The server failed",
        Code::Unavailable => "The server cannot accept now",
    }
}
