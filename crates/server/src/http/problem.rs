//! Refusals over HTTP, and the only file that chooses a status.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use tidemark_core::Refusal;
use tidemark_protocol::{Code, body};
use tidemark_store::{CommitError, DirectoryError, ReadError};

use crate::auth::{AccountError, AuthError};
use crate::translate::{UNAVAILABLE_DETAIL, UNAVAILABLE_RETRY_MS};

/// What a handler answers when nothing happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    retry_after_ms: Option<u64>,
    /// Where the code's own status is not precise enough.
    status: Option<StatusCode>,
}

/// The refusal's code, for the layer that counts them.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefusedWith(pub(super) Code);

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after_ms: None,
            status: None,
        }
    }

    pub(super) fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    pub(super) fn rate_limited(detail: &'static str, retry_after_ms: u64) -> Self {
        Self {
            retry_after_ms: Some(retry_after_ms),
            ..Self::new(Code::RateLimited, detail)
        }
    }

    pub(super) fn unavailable() -> Self {
        Self {
            retry_after_ms: Some(UNAVAILABLE_RETRY_MS),
            ..Self::new(Code::Unavailable, UNAVAILABLE_DETAIL)
        }
    }

    /// The request did not arrive in time.
    pub(super) fn too_slow() -> Self {
        Self {
            status: Some(StatusCode::REQUEST_TIMEOUT),
            ..Self::invalid("the body did not arrive in time")
        }
    }

    /// There is such a path, but not with this method.
    pub(super) fn wrong_method() -> Self {
        Self {
            status: Some(StatusCode::METHOD_NOT_ALLOWED),
            ..Self::invalid("this path does not take this method")
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut problem = body::Problem::new(self.code, self.detail);
        if let Some(status) = self.status {
            problem.status = status.as_u16();
        }
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(body::Problem::CONTENT_TYPE),
        );
        if let Some(wait_ms) = self.retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1000)));
        }
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(RefusedWith(self.code));
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            retry_after_ms: refusal.retry_after_ms,
            ..Self::new(refusal.code.into(), refusal.detail)
        }
    }
}

impl From<CommitError> for Problem {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(refusal) => refusal.into(),
            CommitError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Refused(refusal) => refusal.into(),
            ReadError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Taken => Self::new(Code::Conflict, "the name is taken"),
            DirectoryError::NotFound => Self::new(Code::NotFound, "there is no such user"),
            DirectoryError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Refused(detail) => Self::new(Code::Unauthorized, detail),
            AuthError::Unavailable => Self::unavailable(),
        }
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let code = match error {
            AccountError::Invalid(detail) => return Self::invalid(detail),
            AccountError::Taken => Code::Conflict,
            AccountError::Closed => Code::Forbidden,
            AccountError::Wrong => Code::Unauthorized,
            AccountError::Unavailable => return Self::unavailable(),
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_told_in_whole_seconds_rounded_up() {
        let response = Problem::rate_limited("too many", 1_001).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }

    #[test]
    fn whoever_is_not_signed_in_hears_how() {
        let response = Problem::from(AuthError::Refused("no")).into_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
