//! Gives bytes to clients.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderName, Response, StatusCode};
use bytes::Bytes;
use futures_util::stream;

use super::LocalBlobs;
use super::problem::Problem;
use super::range::{self, Answer};
use crate::off_runtime::off_runtime;
use crate::{BlobError, BlobHead, BlobKey, ContentType};

/// How much is read at once. Nothing is read before what was read has been taken.
const READ_BYTES: u64 = 128 * 1024;

/// What a signed URL says of a blob.
pub(super) struct Told {
    pub(super) content_type: ContentType,
    pub(super) disposition: String,
    /// For how long the URL is good, in seconds.
    pub(super) valid_s: u64,
}

/// Answers with the blob, a range of it, or that the client has it.
pub(super) async fn serve(
    blobs: &LocalBlobs,
    key: BlobKey,
    told: &Told,
    asked: &HeaderMap,
) -> Result<Response<Body>, Problem> {
    let disk = Arc::clone(&blobs.disk);
    let opened = off_runtime(move || {
        let found = disk.find(&key)?.ok_or(BlobError::NotFound)?;
        match File::open(&found.path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(BlobError::NotFound),
            file => Ok((file?, found.head)),
        }
    });
    let (file, head) = opened.await?;
    let modified = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(head.modified_ms));
    let response = Response::builder()
        .header(ETAG, &head.etag)
        .header(LAST_MODIFIED, &modified)
        .header(CACHE_CONTROL, format!("private, max-age={}", told.valid_s));
    if has_it(asked, &head) {
        let response = response
            .status(StatusCode::NOT_MODIFIED)
            .body(Body::empty());
        return response.map_err(|error| unsayable(&error));
    }
    let response = response
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_TYPE, told.content_type.as_str())
        .header(CONTENT_DISPOSITION, &told.disposition);
    let answer = match text(asked, &RANGE).filter(|_| is_same(asked, &head, &modified)) {
        Some(range) => range::answer(range, head.size),
        None => Answer::Whole,
    };
    let (response, first, length) = match answer {
        Answer::Whole => (response.status(StatusCode::OK), 0, head.size),
        Answer::Range { first, last } => {
            let range = format!("bytes {first}-{last}/{}", head.size);
            let response = response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_RANGE, range);
            (response, first, last - first + 1)
        }
        Answer::Unsatisfiable => return Err(Problem::Unsatisfiable { size: head.size }),
    };
    response
        .header(CONTENT_LENGTH, length)
        .body(read(file, first, length))
        .map_err(|error| unsayable(&error))
}

fn unsayable(error: &axum::http::Error) -> Problem {
    BlobError::Unavailable(error.to_string()).into()
}

/// Whether the client has the blob as it is (RFC 9110, 13.1.2 and 13.1.3).
fn has_it(asked: &HeaderMap, head: &BlobHead) -> bool {
    if asked.contains_key(IF_NONE_MATCH) {
        return asked
            .get_all(IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || tag == head.etag);
    }
    let since =
        text(asked, &IF_MODIFIED_SINCE).and_then(|since| httpdate::parse_http_date(since).ok());
    // The header says seconds.
    since.is_some_and(|since| UNIX_EPOCH + Duration::from_secs(head.modified_ms / 1_000) <= since)
}

/// Whether the range is of the blob of which the client has the rest.
fn is_same(asked: &HeaderMap, head: &BlobHead, modified: &str) -> bool {
    text(asked, &IF_RANGE).is_none_or(|it| it == head.etag || it == modified)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// So many bytes from the first on, read as they are taken.
fn read(file: File, first: u64, length: u64) -> Body {
    let file = Arc::new(file);
    Body::from_stream(stream::try_unfold((first, length), move |(next, left)| {
        let file = Arc::clone(&file);
        async move {
            if left == 0 {
                return Ok(None);
            }
            let count = left.min(READ_BYTES);
            let bytes = off_runtime(move || {
                let mut bytes = vec![0; usize::try_from(count).unwrap_or_default()];
                file.read_exact_at(&mut bytes, next)?;
                Ok(Bytes::from(bytes))
            });
            Ok::<_, BlobError>(Some((bytes.await?, (next + count, left - count))))
        }
    }))
}
