//! The paths by which bytes come and go.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    CONTENT_SECURITY_POLICY, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::grant::{Asked, Grant, NotGranted};
use super::problem::Problem;
use super::receive::receive;
use super::serve::{Told, serve};
use super::{LocalBlobs, now_ms};
use crate::BlobKey;

/// Told of each blob that a client has stored whole, when it is on the disk. A hint: the server may end before it is
/// given, and of uploads in parts it is not given, because finishing them is the server's to do.
pub type Arrived = Arc<dyn Fn(&BlobKey) + Send + Sync>;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// What the handlers need.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) blobs: Arc<LocalBlobs>,
    pub(super) arrived: Arrived,
}

/// `PUT`, `GET` and `HEAD` of `/blobs/{key}`, for whoever has a URL that was signed for it. No other credentials are
/// asked for. To be merged into the server's router, outside of whatever bounds the body of a request, or the time
/// that it may take.
pub fn router(blobs: Arc<LocalBlobs>, arrived: Arrived) -> Router {
    let served = Served { blobs, arrived };
    Router::new()
        .route("/blobs/{*key}", get(give).put(take).options(preflight))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&served.blobs),
            with_safe_headers,
        ))
        .with_state(served)
}

type SignedQuery = Result<Query<Asked>, QueryRejection>;

async fn take(
    State(served): State<Served>,
    Path(key): Path<String>,
    query: SignedQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (key, grant, _) = granted(&served.blobs, key, query)?;
    receive(served, key, grant, &headers, body).await
}

async fn give(
    State(served): State<Served>,
    Path(key): Path<String>,
    query: SignedQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (key, grant, valid_s) = granted(&served.blobs, key, query)?;
    let Grant::Read {
        content_type,
        disposition,
    } = grant
    else {
        return Err(NotGranted::Forged.into());
    };
    let told = Told {
        content_type,
        disposition,
        valid_s,
    };
    serve(&served.blobs, key, &told, &headers).await
}

/// What the URL of a request allows, and for how many seconds more.
fn granted(
    blobs: &LocalBlobs,
    key: String,
    query: SignedQuery,
) -> Result<(BlobKey, Grant, u64), Problem> {
    let key = BlobKey::parse(key).map_err(|_| Problem::NotThere)?;
    let Query(asked) = query.map_err(|_| Problem::BadQuery)?;
    let now_ms = now_ms();
    let (grant, expires_at_ms) = asked.verify(&blobs.secret, &key, now_ms)?;
    Ok((key, grant, (expires_at_ms - now_ms) / 1_000))
}

/// What a browser asks before a script of another origin sends or reads bytes.
async fn preflight(headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        let answered = response.headers_mut();
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, PUT"),
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                "content-type, if-none-match, if-range, range",
            ),
            (ACCESS_CONTROL_MAX_AGE, "7200"),
        ] {
            answered.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Whatever a blob pretends to be, a browser runs nothing of it; and scripts of other origins see only what they may.
async fn with_safe_headers(
    State(blobs): State<Arc<LocalBlobs>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let has_others = !blobs.origins.is_empty();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (
            CROSS_ORIGIN_RESOURCE_POLICY,
            if has_others {
                "cross-origin"
            } else {
                "same-origin"
            },
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if has_others {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    match origin.filter(|origin| blobs.allows(origin)) {
        Some(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(
                    "accept-ranges, content-disposition, content-length, content-range, etag",
                ),
            );
        }
        None if is_preflight => {
            headers.remove(ACCESS_CONTROL_ALLOW_METHODS);
            headers.remove(ACCESS_CONTROL_ALLOW_HEADERS);
        }
        None => {}
    }
    response
}
