//! Noticing that the bytes of an upload have come: nobody tells, where they went to a bucket, and whoever tells may have
//! been killed, where they came here.

use tidemark_blobs::{BlobError, BlobKey};
use tidemark_core::upload::{Upload, UploadChange, UploadState};
use tidemark_core::{Timestamp, UploadId};
use tidemark_store::{CommitError, Directory, ReadError, Store};

use super::{expected, id_in, key_of};
use crate::gateway::Gateway;

impl<S: Store + Directory> Gateway<S> {
    /// The upload, after a look whether its bytes are there.
    ///
    /// # Errors
    ///
    /// When the store cannot answer. Where the bytes cannot be looked for, the upload stays as it is.
    pub(crate) async fn settle_upload(&self, upload: Upload) -> Result<Upload, CommitError> {
        if upload.state != UploadState::Waiting {
            return Ok(upload);
        }
        let key = key_of(upload.id);
        let expected = expected(&upload);
        match self.uploading.blobs.head(&key).await {
            Ok(None) => return Ok(upload),
            Ok(Some(head))
                if head.size == expected.size && head.content_type == expected.content_type => {}
            Ok(Some(head)) => {
                let (size, wanted) = (head.size, expected.size);
                tracing::warn!(upload = %upload.id, size, wanted, "other bytes came than announced");
                self.remove_bytes(&key).await;
                return Ok(upload);
            }
            Err(error) => {
                self.metrics.uploads.blobs_failed();
                tracing::warn!(upload = %upload.id, %error, "cannot look for the bytes of an upload");
                return Ok(upload);
            }
        }
        let unused = i64::try_from(self.config.uploads.unused.as_millis()).unwrap_or(i64::MAX);
        let expires_at = Timestamp(self.clock.now().0.saturating_add(unused));
        let arrived = UploadChange::Arrived { expires_at };
        let changed = self.change_upload(upload.id, arrived).await?;
        if changed.changed {
            self.metrics.uploads.arrived(changed.upload.size);
        }
        self.uploading.note_news();
        Ok(changed.upload)
    }

    /// A blob was stored here.
    pub(crate) async fn blob_arrived(&self, key: &BlobKey) {
        let Some(id) = id_in(key) else {
            return;
        };
        if let Ok(Some(upload)) = self.store.upload(id).await {
            // If it fails, whoever asks for the upload has it settled.
            let _ = self.settle_upload(upload).await;
        }
    }

    /// Looks whether the bytes of these are there, before a message is to show them. Who they are of, the rules look at.
    pub(crate) async fn settle_attachments(&self, uploads: &[UploadId]) -> Result<(), ReadError> {
        // More than that is refused in a moment.
        for id in uploads.iter().take(self.config.uploads.attachments_max) {
            if let Some(upload) = self.store.upload(*id).await? {
                self.settle_upload(upload)
                    .await
                    .map_err(|_| ReadError::Unavailable)?;
            }
        }
        Ok(())
    }

    /// Takes bytes away that nobody is to have. If that does not work now, the sweep finds them.
    pub(super) async fn remove_bytes(&self, key: &BlobKey) {
        if let Err(error) = self.uploading.blobs.delete(key).await {
            self.note_blob_error(&error);
        }
    }

    pub(crate) fn note_blob_error(&self, error: &BlobError) {
        self.metrics.uploads.blobs_failed();
        tracing::warn!(%error, "the blob store fails");
    }
}
