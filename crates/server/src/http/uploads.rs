//! `/v1/uploads`: announcing files, how to send and to fetch their bytes, and where they are.

use std::num::NonZeroUsize;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use tidemark_blobs::{BlobError, InParts, Shown, Signed};
use tidemark_core::upload::{NewUpload, Upload, UploadChange, UploadState, Variant};
use tidemark_core::{Refusal, Timestamp, UploadId};
use tidemark_protocol::wire::{Wire, WireUploadId};
use tidemark_protocol::{Code, body};
use tidemark_store::{Directory, Store};
use uuid::Uuid;

use super::base::Base;
use super::extract::{Body, Ids, Parameters, SignedIn};
use super::problem::Problem;
use crate::auth::Identity;
use crate::gateway::Gateway;
use crate::uploads;

const UPLOADS_MAX: usize = 200;
const UPLOADS_DEFAULT: usize = 50;
/// Parts that URLs are made for in one answer.
const PARTS_AT_ONCE_MAX: usize = 100;
/// How large a part is at least that the server divides by: a cut costs that much.
const PART_BYTES: u64 = 16 * 1024 * 1024;

/// Announce a file.
///
/// Its bytes go to `url`, with `method` and `headers` and exactly `size` bytes, before `expires_at`. Then a message may
/// show it. Bytes that the caller has uploaded before, and names by their `sha256`, need not be sent: `state` is `ready`.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads", request_body = body::NewUpload,
    responses(
        (status = 201, body = body::UploadBegun),
        (status = 413, description = "the file, or all of the caller's together, are too large", body = body::Problem),
    ),
)]
pub(super) async fn announce<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Base(base): Base,
    Body(new): Body<body::NewUpload>,
) -> Result<(StatusCode, Json<body::UploadBegun>), Problem> {
    check_rate(&gateway, &identity)?;
    let sha256 = match new.sha256 {
        Some(text) => Some(digest(&text)?),
        None => None,
    };
    let at = gateway.clock.now();
    let waiting = i64::try_from(gateway.config.uploads.waiting.as_millis()).unwrap_or(i64::MAX);
    let new = NewUpload {
        id: UploadId(Uuid::now_v7()),
        owner: identity.caller.author(),
        name: new.name,
        content_type: new.content_type,
        size: new.size,
        sha256,
        at,
        expires_at: Timestamp(at.0.saturating_add(waiting)),
    };
    let upload = gateway.store.begin_upload(new).await?;
    let key = uploads::key_of(upload.id);
    let expected = uploads::expected(&upload);
    let valid = gateway.config.uploads.url_valid;
    let blobs = &gateway.uploading.blobs;
    let signed = blobs.sign_upload(&key, &expected, valid, &base).await;
    let comes_in_parts = upload.size > gateway.config.uploads.parts_from_bytes
        && upload.state == UploadState::Waiting;
    Ok((
        StatusCode::CREATED,
        Json(body::UploadBegun {
            upload_id: Wire(upload.id),
            state: upload.state.into(),
            request: request(signed.map_err(|error| blobs_problem(&gateway, &error))?),
            part_size: comes_in_parts.then(|| part_bytes(upload.size)),
        }),
    ))
}

/// The caller's own uploads, the latest first.
#[utoipa::path(
    get, path = "/v1/uploads", tag = "uploads", params(UploadsFrom),
    responses((status = 200, body = body::Uploads)),
)]
pub(super) async fn list<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Parameters(from): Parameters<UploadsFrom>,
) -> Result<Json<body::Uploads>, Problem> {
    let limit = from.limit.map_or(UPLOADS_DEFAULT, NonZeroUsize::get);
    let before = from.before.map(|before| before.0);
    let owner = identity.caller.author();
    let page = gateway
        .store
        .uploads_of(&owner, before, limit.min(UPLOADS_MAX))
        .await?;
    Ok(Json(body::Uploads {
        uploads: page.uploads.into_iter().map(Into::into).collect(),
        more: page.more,
        used_bytes: page.held.bytes,
        quota_bytes: gateway.config.uploads.quota_bytes,
    }))
}

/// Which uploads to list.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadsFrom {
    /// Those that were announced before this one.
    #[param(value_type = Option<WireUploadId>)]
    before: Option<WireUploadId>,
    /// The most uploads; 50 if absent, 200 at most.
    #[param(value_type = Option<u32>)]
    limit: Option<NonZeroUsize>,
}

/// An upload, for its owner and whoever sees a message that shows it.
#[utoipa::path(
    get, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = WireUploadId, Path)),
    responses((status = 200, body = body::Upload), (status = 404, body = body::Problem)),
)]
pub(super) async fn upload<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<UploadId>>,
) -> Result<Json<body::Upload>, Problem> {
    let upload = gateway.store.upload_for(&identity.caller, id).await?;
    let upload = gateway.settle_upload(upload).await?;
    Ok(Json(upload.into()))
}

/// Give an upload up, or delete it with its bytes. One that a message shows goes with the message.
#[utoipa::path(
    delete, path = "/v1/uploads/{id}", tag = "uploads", params(("id" = WireUploadId, Path)),
    responses(
        (status = 204),
        (status = 404, body = body::Problem),
        (status = 409, description = "a message shows it", body = body::Problem),
    ),
)]
pub(super) async fn delete<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<UploadId>>,
) -> Result<StatusCode, Problem> {
    own(&gateway, &identity, id).await?;
    gateway
        .store
        .change_upload(id, UploadChange::Deleting)
        .await?;
    // Its bytes go in a moment, by whoever takes away what is over.
    gateway.uploading.note_news();
    Ok(StatusCode::NO_CONTENT)
}

/// Which bytes of an upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum WantedVariant {
    /// What was uploaded, without what it says about its maker.
    #[default]
    Original,
    /// The small picture.
    Thumbnail,
    /// The form that browsers play.
    Rendition,
}

/// Which bytes of an upload to fetch.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WantedBytes {
    /// `original` if absent.
    #[serde(default)]
    #[param(inline)]
    variant: WantedVariant,
    /// Whether a browser is to save it, also where it could show it.
    #[serde(default)]
    download: bool,
}

/// How to fetch the bytes of an upload: a URL that is good for a while, for whoever holds it.
///
/// Until the upload is `ready`, for its owner only.
#[utoipa::path(
    get, path = "/v1/uploads/{id}/url", tag = "uploads",
    params(("id" = WireUploadId, Path), WantedBytes),
    responses(
        (status = 200, body = body::SignedRequest),
        (status = 404, description = "no such upload, or no such variant of it", body = body::Problem),
        (status = 409, description = "it is not ready, or was refused", body = body::Problem),
    ),
)]
pub(super) async fn url<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<UploadId>>,
    Base(base): Base,
    Parameters(wanted): Parameters<WantedBytes>,
) -> Result<Json<body::SignedRequest>, Problem> {
    let upload = gateway.store.upload_for(&identity.caller, id).await?;
    let upload = gateway.settle_upload(upload).await?;
    let is_own = upload.owner == identity.caller.author();
    match upload.state {
        UploadState::Ready => {}
        UploadState::Uploaded | UploadState::Scanning if is_own => {}
        UploadState::Refused => return Err(Refusal::conflict("the upload was refused").into()),
        _ => return Err(Refusal::conflict("the upload is not ready yet").into()),
    }
    let original = || uploads::key_of(upload.content);
    let made = |variant| upload.facts.file(variant);
    let (key, content_type) = match wanted.variant {
        WantedVariant::Original => match made(Variant::Clean) {
            Some(clean) => (
                uploads::variant_key(upload.content, Variant::Clean),
                &clean.content_type,
            ),
            None => (original(), &upload.content_type),
        },
        WantedVariant::Thumbnail | WantedVariant::Rendition => {
            let variant = match wanted.variant {
                WantedVariant::Thumbnail => Variant::Thumbnail,
                _ => Variant::Rendition,
            };
            let made = made(variant).ok_or_else(|| {
                Refusal::not_found(format!("there is no {variant} of this upload"))
            })?;
            (
                uploads::variant_key(upload.content, variant),
                &made.content_type,
            )
        }
    };
    let shown = Shown {
        file_name: upload.name.clone(),
        content_type: uploads::content_type(content_type),
        // What nobody has looked at is shown by no browser.
        inline: !wanted.download && upload.state == UploadState::Ready,
    };
    let valid = gateway.config.uploads.url_valid;
    let blobs = &gateway.uploading.blobs;
    let signed = blobs.sign_download(&key, &shown, valid, &base).await;
    Ok(Json(request(
        signed.map_err(|error| blobs_problem(&gateway, &error))?,
    )))
}

/// How to send some parts of a file that comes in parts: in any order, again after a cut.
#[utoipa::path(
    post, path = "/v1/uploads/{id}/parts", tag = "uploads",
    params(("id" = WireUploadId, Path)), request_body = body::PartsWanted,
    responses(
        (status = 200, body = body::SignedParts),
        (status = 404, body = body::Problem),
        (status = 409, description = "its bytes have come, or it does not come in parts", body = body::Problem),
    ),
)]
pub(super) async fn sign_parts<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<UploadId>>,
    Base(base): Base,
    Body(wanted): Body<body::PartsWanted>,
) -> Result<Json<body::SignedParts>, Problem> {
    if wanted.numbers.is_empty() || wanted.numbers.len() > PARTS_AT_ONCE_MAX {
        let detail = format!("numbers has 1 to {PARTS_AT_ONCE_MAX} of them");
        return Err(Problem::invalid(detail));
    }
    let upload = own(&gateway, &identity, id).await?;
    let in_parts = begun_parts(&gateway, upload).await?;
    let mut parts = Vec::with_capacity(wanted.numbers.len());
    for number in wanted.numbers {
        let blobs = &gateway.uploading.blobs;
        let valid = gateway.config.uploads.url_valid;
        let signed = blobs.sign_part(&in_parts, number, valid, &base).await;
        let signed = signed.map_err(|error| blobs_problem(&gateway, &error))?;
        let size = in_parts.place_of(number).map_or(0, |(_, size)| size);
        parts.push(body::SignedPart {
            number,
            size,
            request: request(signed),
        });
    }
    Ok(Json(body::SignedParts { parts }))
}

/// Which parts of a file have arrived whole.
#[utoipa::path(
    get, path = "/v1/uploads/{id}/parts", tag = "uploads", params(("id" = WireUploadId, Path)),
    responses(
        (status = 200, body = body::ArrivedParts),
        (status = 404, body = body::Problem),
        (status = 409, description = "its bytes have come, or it does not come in parts", body = body::Problem),
    ),
)]
pub(super) async fn parts<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<UploadId>>,
) -> Result<Json<body::ArrivedParts>, Problem> {
    let upload = own(&gateway, &identity, id).await?;
    let in_parts = begun_parts(&gateway, upload).await?;
    let arrived = gateway.uploading.blobs.parts(&in_parts).await;
    let arrived = arrived.map_err(|error| blobs_problem(&gateway, &error))?;
    Ok(Json(body::ArrivedParts {
        part_size: in_parts.part_bytes,
        count: in_parts.count().unwrap_or(0),
        arrived: arrived.into_iter().map(|part| part.number).collect(),
    }))
}

/// Say that all parts were sent, or the file as a whole. Saying so twice is no mistake.
#[utoipa::path(
    post, path = "/v1/uploads/{id}/complete", tag = "uploads", params(("id" = WireUploadId, Path)),
    responses(
        (status = 200, body = body::Upload),
        (status = 404, body = body::Problem),
        (status = 409, description = "bytes are missing", body = body::Problem),
    ),
)]
pub(super) async fn complete<S: Store + Directory>(
    State(gateway): State<Arc<Gateway<S>>>,
    SignedIn(identity): SignedIn,
    Ids(Wire(id)): Ids<Wire<UploadId>>,
) -> Result<Json<body::Upload>, Problem> {
    let upload = own(&gateway, &identity, id).await?;
    if let Some(in_parts) = uploads::in_parts(&upload) {
        match gateway.uploading.blobs.finish_parts(&in_parts).await {
            // Whether it was finished before, or nobody knows it any more: the bytes say which.
            Ok(()) | Err(BlobError::NotFound) => {}
            Err(error) => return Err(blobs_problem(&gateway, &error)),
        }
    }
    let upload = gateway.settle_upload(upload).await?;
    if upload.state == UploadState::Waiting {
        return Err(Refusal::conflict("the bytes have not come").into());
    }
    Ok(Json(upload.into()))
}

/// The caller's own upload.
async fn own<S: Store + Directory>(
    gateway: &Gateway<S>,
    identity: &Identity,
    id: UploadId,
) -> Result<Upload, Problem> {
    let upload = gateway.store.upload(id).await?;
    let owner = identity.caller.author();
    let upload = upload.filter(|it| it.owner == owner && it.state != UploadState::Deleting);
    Ok(upload.ok_or_else(Refusal::no_such_upload)?)
}

/// The parts of an upload; they begin here.
async fn begun_parts<S: Store + Directory>(
    gateway: &Gateway<S>,
    upload: Upload,
) -> Result<InParts, Problem> {
    if upload.state != UploadState::Waiting {
        return Err(Refusal::conflict("the bytes of this upload have come").into());
    }
    if let Some(known) = uploads::in_parts(&upload) {
        return Ok(known);
    }
    if upload.size <= gateway.config.uploads.parts_from_bytes {
        let least = gateway.config.uploads.parts_from_bytes;
        let detail = format!("a file of {least} bytes or less comes whole, to its url");
        return Err(Refusal::conflict(detail).into());
    }
    let key = uploads::key_of(upload.id);
    let expected = uploads::expected(&upload);
    let blobs = &gateway.uploading.blobs;
    let begun = blobs
        .begin_parts(&key, &expected, part_bytes(upload.size))
        .await;
    let begun = begun.map_err(|error| blobs_problem(gateway, &error))?;
    let change = UploadChange::PartsBegan(uploads::parts_text(&begun));
    let changed = gateway.store.change_upload(upload.id, change).await?;
    if !changed.changed {
        // Another request was faster; there are no parts in these yet.
        if let Err(error) = blobs.abort_parts(&begun).await {
            gateway.note_blob_error(&error);
        }
    }
    uploads::in_parts(&changed.upload)
        .ok_or_else(|| Refusal::conflict("the bytes of this upload have come").into())
}

/// How large the parts of a file are: at least so large that there are not too many.
fn part_bytes(size: u64) -> u64 {
    let least = size.div_ceil(u64::from(InParts::COUNT_MAX));
    PART_BYTES.max(least)
}

/// A person announces files as often as they may send.
fn check_rate<S: Store + Directory>(
    gateway: &Gateway<S>,
    identity: &Identity,
) -> Result<(), Problem> {
    gateway.allow_send(&identity.caller).map_err(|wait_ms| {
        Problem::rate_limited("too many uploads and messages; wait a little", wait_ms)
    })
}

fn digest(text: &str) -> Result<[u8; 32], Problem> {
    let invalid = || Problem::invalid("sha256 is 64 hexadecimal digits");
    if text.len() != 64 || !text.is_ascii() {
        return Err(invalid());
    }
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| invalid())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| invalid())?;
    }
    Ok(digest)
}

fn request(signed: Signed) -> body::SignedRequest {
    let at = i64::try_from(signed.expires_at_ms).unwrap_or(i64::MAX);
    body::SignedRequest {
        method: signed.method.to_owned(),
        url: signed.url.into(),
        headers: signed.headers.into_iter().collect(),
        expires_at: Wire(Timestamp(at)),
    }
}

fn blobs_problem<S: Store + Directory>(gateway: &Gateway<S>, error: &BlobError) -> Problem {
    match error {
        BlobError::PartMissing { first } => Problem::new(
            Code::Conflict,
            format!("part {first} has not arrived whole"),
        ),
        BlobError::NoSuchPart { number } => {
            Problem::invalid(format!("the upload has no part {number}"))
        }
        BlobError::NotFound => Refusal::no_such_upload().into(),
        BlobError::Unavailable(_)
        | BlobError::Full
        | BlobError::Division(_)
        | BlobError::ValidTooLong => {
            gateway.note_blob_error(error);
            Problem::unavailable()
        }
    }
}
