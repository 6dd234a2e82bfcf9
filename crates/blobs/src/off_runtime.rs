//! Work that waits for the disk.

use crate::BlobError;

/// Does it on a thread where waiting is no harm. It goes on to its end, whoever stops waiting for it.
pub(crate) async fn off_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| BlobError::Unavailable(error.to_string()))?
}
