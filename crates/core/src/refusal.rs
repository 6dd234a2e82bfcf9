//! Why the rules said no.

use std::borrow::Cow;
use std::fmt;

/// What kind of no it is. The gateway adds those that are its own (rates, tokens, a store that is down).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// The command makes no sense as it stands; sending it again will not help.
    Invalid,
    /// The caller may see the conversation but not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// It contradicts something that was accepted before.
    Conflict,
    /// It is over a limit.
    TooLarge,
    /// It is too early; it may be sent again after a while.
    RateLimited,
}

/// A typed no, with words for the person who wrote the client. Nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of no.
    pub code: RefusalCode,
    /// What was wrong, in words; safe to show to the caller.
    pub detail: Cow<'static, str>,
    /// In how many milliseconds the same may be accepted, where time alone is what is missing.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal with a code and words for it.
    pub fn new(code: RefusalCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: None,
        }
    }

    /// The command makes no sense as it stands.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusalCode::Invalid, detail)
    }

    /// The caller may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusalCode::Forbidden, detail)
    }

    /// It contradicts something that was accepted before.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusalCode::Conflict, detail)
    }

    /// It is over a limit.
    pub fn too_large(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusalCode::TooLarge, detail)
    }

    /// It comes too early, and may be sent again in so many milliseconds.
    pub fn too_early(detail: impl Into<Cow<'static, str>>, retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(RefusalCode::RateLimited, detail)
        }
    }

    /// It does not exist.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(RefusalCode::NotFound, detail)
    }

    /// The one answer for a message that does not exist and for one that the caller does not see.
    pub fn no_such_message() -> Self {
        Self::not_found("there is no such message in this conversation")
    }

    /// The one answer for an upload that does not exist and for one that the caller does not see.
    pub fn no_such_upload() -> Self {
        Self::not_found("there is no such upload")
    }

    /// It is for people only, and an API key asks.
    pub fn needs_person() -> Self {
        Self::forbidden("an API key is no member and cannot do this for one")
    }

    /// It takes more than a guest may.
    pub fn guests_only_read() -> Self {
        Self::forbidden("guests read and do nothing else")
    }

    /// The one answer for a conversation that does not exist and for one that the caller may not
    /// see, so that nobody can tell them apart.
    pub fn no_such_conversation() -> Self {
        Self::new(RefusalCode::NotFound, "there is no such conversation")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail)
    }
}

impl std::error::Error for Refusal {}
