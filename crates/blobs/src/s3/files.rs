//! Files from and to a bucket, a piece at a time.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use futures_util::StreamExt;
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path as Name;
use object_store::{
    Attribute, Attributes, Error, GetOptions, ObjectStore, PutMode, PutMultipartOptions,
    PutOptions, PutPayload,
};
use tempfile::NamedTempFile;

use crate::off_runtime::off_runtime;
use crate::{BlobError, ContentType, Fetched, InParts};

/// The largest piece that is held in memory, in bytes, unless a file is so large that there would be too many.
const PIECE_BYTES: u64 = 16 * 1024 * 1024;

pub(super) async fn fetch(
    store: &AmazonS3,
    name: &Name,
    scratch: &Path,
) -> Result<Fetched, BlobError> {
    let answer = store.get_opts(name, GetOptions::default()).await?;
    let size = answer.meta.size;
    let scratch = scratch.to_owned();
    let mut file = off_runtime(move || Ok(NamedTempFile::new_in(scratch)?)).await?;
    let mut pieces = answer.into_stream();
    let mut received = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece?;
        received += piece.len() as u64;
        file = off_runtime(move || {
            file.write_all(&piece)?;
            Ok(file)
        })
        .await?;
    }
    if received != size {
        let cut = format!("S3 sent {received} bytes of {size}");
        return Err(BlobError::Unavailable(cut));
    }
    let path = file.into_temp_path();
    Ok(Fetched { path, size })
}

/// What is there already stays, if `exclusively`. In one piece S3 itself looks; of several, the caller has looked.
pub(super) async fn put(
    store: &AmazonS3,
    name: &Name,
    file: &Path,
    content_type: &ContentType,
    exclusively: bool,
) -> Result<(), BlobError> {
    let attributes = attributes(content_type);
    let file = file.to_owned();
    let opened = off_runtime(move || {
        let file = File::open(file)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    let (file, size) = opened.await?;
    if size > PIECE_BYTES {
        return put_in_pieces(store, name, file, size, attributes).await;
    }
    let (_, piece) = read(file, size).await?;
    let mode = if exclusively {
        PutMode::Create
    } else {
        PutMode::Overwrite
    };
    let options = PutOptions {
        mode,
        attributes,
        ..PutOptions::default()
    };
    match store.put_opts(name, piece, options).await {
        Err(Error::AlreadyExists { .. }) => Ok(()),
        put => Ok(put.map(drop)?),
    }
}

async fn put_in_pieces(
    store: &AmazonS3,
    name: &Name,
    mut file: File,
    size: u64,
    attributes: Attributes,
) -> Result<(), BlobError> {
    let piece_bytes = size.div_ceil(InParts::COUNT_MAX.into()).max(PIECE_BYTES);
    let options = PutMultipartOptions {
        attributes,
        ..PutMultipartOptions::default()
    };
    let id = store.create_multipart_opts(name, options).await?;
    let put_all = async {
        let mut parts = Vec::new();
        let mut left = size;
        while left > 0 {
            let piece;
            (file, piece) = read(file, left.min(piece_bytes)).await?;
            left -= piece.content_length() as u64;
            parts.push(store.put_part(name, &id, parts.len(), piece).await?);
        }
        store.complete_multipart(name, &id, parts).await?;
        Ok(())
    };
    let put = put_all.await;
    if put.is_err()
        && let Err(error) = store.abort_multipart(name, &id).await
    {
        tracing::warn!(%error, "an upload in parts that failed is left for the sweep");
    }
    put
}

/// The next so many bytes of a file.
async fn read(mut file: File, count: u64) -> Result<(File, PutPayload), BlobError> {
    off_runtime(move || {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        file.read_exact(&mut bytes)?;
        Ok((file, bytes.into()))
    })
    .await
}

pub(super) fn attributes(content_type: &ContentType) -> Attributes {
    let content_type = content_type.as_str().to_owned();
    Attributes::from_iter([(Attribute::ContentType, content_type)])
}
