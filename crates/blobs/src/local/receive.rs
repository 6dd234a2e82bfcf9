//! Takes bytes from clients.
//!
//! They are never held: what came is written before more is read, so a client that is faster than the disk waits.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::LocalBlobs;
use super::grant::{Grant, PartGrant};
use super::lane::{CHUNK_BYTES, Lane};
use super::problem::Problem;
use super::router::Served;
use crate::off_runtime::off_runtime;
use crate::{BlobError, BlobKey, ContentType};

/// How long nothing of a body may come.
const STALL_MAX: Duration = Duration::from_secs(30);

/// Stores what the grant allows.
pub(super) async fn receive(
    served: Served,
    key: BlobKey,
    grant: Grant,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    match grant {
        Grant::Store { size, content_type } => {
            let sent = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
            if sent != Some(content_type.as_str().as_bytes()) {
                return Err(Problem::WrongType);
            }
            check_length(headers, size)?;
            store(served, key, size, content_type, body).await
        }
        Grant::StorePart(part) => {
            check_length(headers, part.size)?;
            store_part(served.blobs, part, body).await
        }
        Grant::Read { .. } => Err(super::grant::NotGranted::Forged.into()),
    }
}

fn check_length(headers: &HeaderMap, size: u64) -> Result<(), Problem> {
    let length = match headers.get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok().and_then(|length| length.parse().ok()),
        None if headers.contains_key(TRANSFER_ENCODING) => None,
        // A request without either has no body.
        None => Some(0),
    };
    let length: u64 = length.ok_or(Problem::NoLength)?;
    match length.cmp(&size) {
        std::cmp::Ordering::Less => Err(Problem::TooShort),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(Problem::TooLong),
    }
}

async fn store(
    served: Served,
    key: BlobKey,
    size: u64,
    content_type: ContentType,
    body: Body,
) -> Result<Response, Problem> {
    let Served { blobs, arrived } = served;
    let disk = Arc::clone(&blobs.disk);
    let staged = {
        let key = key.clone();
        off_runtime(move || match disk.find(&key)? {
            Some(_) => Ok(None),
            None => Ok(Some(disk.stage(&content_type)?)),
        })
        .await?
    };
    let Some(staged) = staged else {
        drain(body, size).await?;
        return stored(&blobs, key).await;
    };
    let file = staged.file.try_clone().map_err(BlobError::from)?;
    let disk = Arc::clone(&blobs.disk);
    write_all(body, size, &file, Some(&disk.lane)).await?;
    // Whoever sent it may be gone, and what is whole is kept all the same, and told.
    let kept = tokio::spawn({
        let key = key.clone();
        async move {
            let renamed = key.clone();
            off_runtime(move || Ok(disk.keep(&staged, &renamed)?)).await?;
            arrived(&key);
            Ok::<_, BlobError>(())
        }
    });
    finished(kept).await?;
    stored(&blobs, key).await
}

async fn store_part(
    blobs: Arc<LocalBlobs>,
    part: PartGrant,
    body: Body,
) -> Result<Response, Problem> {
    let disk = Arc::clone(&blobs.disk);
    let staged = {
        let part = part.clone();
        off_runtime(move || {
            let is_there = disk.has_part(&part.id, part.number)?;
            let stage = || disk.stage(&ContentType::unknown());
            Ok((!is_there).then(stage).transpose()?)
        })
        .await?
    };
    let Some(staged) = staged else {
        drain(body, part.size).await?;
        return Ok(StatusCode::OK.into_response());
    };
    // Read again when it is copied, from its beginning.
    let mut received = File::options()
        .read(true)
        .open(staged.path().map_err(BlobError::from)?)
        .map_err(BlobError::from)?;
    let file = staged.file.try_clone().map_err(BlobError::from)?;
    // Not on the disk before it is copied: mostly it never comes to that.
    write_all(body, part.size, &file, None).await?;
    let disk = Arc::clone(&blobs.disk);
    let kept = tokio::spawn(async move {
        let copied = Arc::clone(&disk);
        let keep = move || {
            let kept = copied.keep_part(&part, &mut received);
            drop(staged);
            kept
        };
        disk.lane.copying(keep).await
    });
    finished(kept).await?;
    Ok(StatusCode::OK.into_response())
}

/// A task whose end matters, whoever waits for it.
async fn finished(task: tokio::task::JoinHandle<Result<(), BlobError>>) -> Result<(), Problem> {
    let ended = task.await;
    Ok(ended.map_err(|error| BlobError::Unavailable(error.to_string()))??)
}

async fn stored(blobs: &LocalBlobs, key: BlobKey) -> Result<Response, Problem> {
    let disk = Arc::clone(&blobs.disk);
    let found = off_runtime(move || Ok(disk.find_durable(&key)?)).await?;
    // It may have been deleted in the meantime.
    let found = found.ok_or(Problem::NotThere)?;
    let mut response = StatusCode::OK.into_response();
    if let Ok(etag) = HeaderValue::from_str(&found.head.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    Ok(response)
}

/// Writes a body that is exactly so long, a chunk after the other. With a lane, it is on the disk afterwards.
async fn write_all(body: Body, size: u64, file: &File, lane: Option<&Lane>) -> Result<(), Problem> {
    let mut body = body.into_data_stream();
    let mut left = size;
    let mut waiting = BytesMut::new();
    while let Some(bytes) = next(&mut body).await? {
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or(Problem::TooLong)?;
        waiting.extend_from_slice(&bytes);
        if waiting.len() >= CHUNK_BYTES {
            write(file, waiting.split().freeze(), lane).await?;
        }
    }
    if left > 0 {
        return Err(Problem::TooShort);
    }
    if !waiting.is_empty() {
        write(file, waiting.freeze(), lane).await?;
    }
    Ok(())
}

async fn write(file: &File, bytes: Bytes, lane: Option<&Lane>) -> Result<(), BlobError> {
    if let Some(lane) = lane {
        return lane.write(file, bytes).await;
    }
    let mut file = file.try_clone()?;
    off_runtime(move || Ok(file.write_all(&bytes)?)).await
}

/// Reads a body that is not needed, so that whoever sends it gets to the answer.
async fn drain(body: Body, size: u64) -> Result<(), Problem> {
    let mut body = body.into_data_stream();
    let mut left = size;
    while let Some(bytes) = next(&mut body).await? {
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or(Problem::TooLong)?;
    }
    if left > 0 {
        return Err(Problem::TooShort);
    }
    Ok(())
}

/// What comes next of a body.
async fn next(body: &mut axum::body::BodyDataStream) -> Result<Option<Bytes>, Problem> {
    match tokio::time::timeout(STALL_MAX, body.next()).await {
        Err(_) => Err(Problem::TooSlow),
        Ok(None) => Ok(None),
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(_))) => Err(Problem::CutOff),
    }
}
