//! The bytes of a file, in pieces of bounded size.

use std::fmt::Write;
use std::io::SeekFrom;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use reqwest::Body;
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::TransferError;

/// How much is in memory at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How large a file is, and the SHA-256 of its bytes in hexadecimal digits.
pub(super) async fn measure(path: &Path) -> Result<(u64, String), TransferError> {
    let mut file = File::open(path).await.map_err(TransferError::file(path))?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    loop {
        chunk.clear();
        let read = file.read_buf(&mut chunk).await;
        let read = read.map_err(TransferError::file(path))?;
        if read == 0 {
            break;
        }
        hash.update(&chunk);
        size += read as u64;
    }
    let digits = hash
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}");
            digits
        });
    Ok((size, digits))
}

/// So many bytes of a file, from `begins` on; `sent` counts those that were taken. Bytes that are missing at the end break the
/// request.
pub(super) async fn stream(
    path: &Path,
    begins: u64,
    size: u64,
    sent: Arc<AtomicU64>,
) -> Result<Body, TransferError> {
    let mut file = File::open(path).await.map_err(TransferError::file(path))?;
    file.seek(SeekFrom::Start(begins))
        .await
        .map_err(TransferError::file(path))?;
    let pieces = stream::try_unfold((file.take(size), sent), |(mut file, sent)| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let read = file.read_buf(&mut chunk).await?;
        sent.fetch_add(read as u64, Ordering::Relaxed);
        let chunk: Bytes = chunk.freeze();
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, (file, sent))))
    });
    Ok(Body::wrap_stream(pieces))
}
