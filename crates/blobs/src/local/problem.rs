//! Refusals, as the rest of the API says them.

use axum::Json;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::grant::NotGranted;
use crate::BlobError;

/// How soon to try again what could not be done, in seconds.
const RETRY_AFTER_S: u64 = 2;

/// What is answered when nothing happened. None of it says anything about files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    BadQuery,
    NotGranted(NotGranted),
    WrongType,
    NoLength,
    TooLong,
    TooShort,
    CutOff,
    TooSlow,
    NotThere,
    Unsatisfiable { size: u64 },
    Full,
    Unavailable,
}

impl Problem {
    fn parts(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        let invalid = |status, detail| (status, "invalid", "The request makes no sense", detail);
        let bad = |detail| invalid(StatusCode::BAD_REQUEST, detail);
        let forbidden = |detail| (StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail);
        let unavailable = |status, detail| {
            let title = "The server cannot accept now";
            (status, "unavailable", title, detail)
        };
        match self {
            Self::BadQuery => bad("this URL is not as it was given out"),
            Self::NotGranted(NotGranted::Forged) => {
                forbidden("this URL was not given out for this request, or was changed")
            }
            Self::NotGranted(NotGranted::Expired) => {
                forbidden("this URL has expired; ask for a new one")
            }
            Self::WrongType => bad("Content-Type is not the one that the URL was given out for"),
            Self::NoLength => invalid(StatusCode::LENGTH_REQUIRED, "Content-Length is missing"),
            Self::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too_large",
                "Too large",
                "the body is longer than was declared",
            ),
            Self::TooShort => bad("the body is shorter than was declared"),
            Self::CutOff => bad("the body did not arrive whole"),
            Self::TooSlow => invalid(
                StatusCode::REQUEST_TIMEOUT,
                "nothing more of the body arrived for too long",
            ),
            Self::NotThere => (
                StatusCode::NOT_FOUND,
                "not_found",
                "Not found",
                "there is nothing here",
            ),
            Self::Unsatisfiable { .. } => invalid(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "the range begins after the end",
            ),
            Self::Full => unavailable(
                StatusCode::INSUFFICIENT_STORAGE,
                "there is no room for more; nothing was kept",
            ),
            Self::Unavailable => unavailable(
                StatusCode::SERVICE_UNAVAILABLE,
                "the file cannot be read or written now",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, title, detail) = self.parts();
        let body = json!({
            "type": format!("urn:tidemark:problem:{code}"),
            "title": title,
            "status": status.as_u16(),
            "detail": detail,
            "code": code,
        });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        match self {
            Self::Unsatisfiable { size } => {
                if let Ok(value) = HeaderValue::from_str(&format!("bytes */{size}")) {
                    headers.insert(CONTENT_RANGE, value);
                }
            }
            Self::Full | Self::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
            _ => {}
        }
        response
    }
}

impl From<NotGranted> for Problem {
    fn from(reason: NotGranted) -> Self {
        Self::NotGranted(reason)
    }
}

impl From<BlobError> for Problem {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Full => Self::Full,
            BlobError::NotFound => Self::NotThere,
            error => {
                tracing::error!(%error, "a blob cannot be read or written");
                Self::Unavailable
            }
        }
    }
}
