//! Takes away uploads that are over, and bytes that belong to none.

use std::time::Duration;

use tidemark_blobs::{BlobError, BlobKey};
use tidemark_core::UploadId;
use tidemark_core::upload::{Upload, UploadChange, UploadState};
use tidemark_store::{CommitError, Directory, ReadError, Store};

use super::{UPLOADS_PREFIX, VARIANTS, VARIANTS_PREFIX, id_in, in_parts, key_of, variant_key};
use crate::gateway::Gateway;

/// How many uploads end in one go.
const EXPIRED_AT_ONCE: usize = 100;
/// How many blobs are listed at once.
const LISTED_AT_ONCE: usize = 500;
/// How old bytes are at least that are taken for nobody's: an upload is written down before its bytes can come, and what is
/// made of it a moment after.
const ORPHAN_AGE: Duration = Duration::from_hours(1);

/// Something cannot be asked now.
pub(super) struct Unavailable;

impl From<ReadError> for Unavailable {
    fn from(_: ReadError) -> Self {
        Self
    }
}

impl From<CommitError> for Unavailable {
    fn from(_: CommitError) -> Self {
        Self
    }
}

impl<S: Store + Directory> Gateway<S> {
    /// Ends what is over. Whether there may be more of it.
    pub(super) async fn end_expired_uploads(&self) -> Result<bool, Unavailable> {
        let now = self.clock.now();
        let expired = self.store.uploads_expired(now, EXPIRED_AT_ONCE).await?;
        let more = expired.len() == EXPIRED_AT_ONCE;
        for upload in expired {
            self.end_upload(upload).await?;
        }
        Ok(more)
    }

    /// Takes an upload away, its bytes first.
    async fn end_upload(&self, upload: Upload) -> Result<(), Unavailable> {
        if upload.state != UploadState::Deleting {
            match self
                .store
                .change_upload(upload.id, UploadChange::Deleting)
                .await
            {
                Ok(_) => {}
                // A message shows it by now, or it is gone.
                Err(CommitError::Refused(_)) => return Ok(()),
                Err(CommitError::Unavailable) => return Err(Unavailable),
            }
        }
        let blobs = &self.uploading.blobs;
        if let Some(parts) = in_parts(&upload) {
            self.must(blobs.abort_parts(&parts).await)?;
        }
        // Those that came for it while it borrowed other ones.
        let mut contents = vec![upload.id];
        if upload.content != upload.id {
            contents.push(upload.content);
        }
        let used = self.store.contents_in_use(&contents).await?;
        for content in contents.into_iter().filter(|id| !used.contains(id)) {
            self.must(blobs.delete(&key_of(content)).await)?;
            for variant in VARIANTS {
                self.must(blobs.delete(&variant_key(content, variant)).await)?;
            }
        }
        self.store.forget_upload(upload.id).await?;
        self.metrics.uploads.ended();
        Ok(())
    }

    /// Takes away bytes that belong to no upload: what a kill left, or a restored store does not know.
    pub(super) async fn sweep_orphans(&self) -> Result<(), Unavailable> {
        let now_ms = u64::try_from(self.clock.now().0).unwrap_or(0);
        let age = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let older_than_ms = now_ms.saturating_sub(age(ORPHAN_AGE));
        for prefix in [UPLOADS_PREFIX, VARIANTS_PREFIX] {
            let mut after: Option<BlobKey> = None;
            loop {
                let blobs = &self.uploading.blobs;
                let listed = blobs.list(prefix, after.as_ref(), LISTED_AT_ONCE).await;
                let listed = self.must(listed)?;
                let Some(last) = listed.last() else {
                    break;
                };
                after = Some(last.key.clone());
                let old = listed.iter().filter(|it| it.modified_ms < older_than_ms);
                self.remove_orphans(old.map(|it| &it.key)).await?;
            }
        }
        let unfinished_ms = now_ms.saturating_sub(age(self.config.uploads.waiting + ORPHAN_AGE));
        let swept = self.uploading.blobs.sweep_unfinished(unfinished_ms).await;
        let swept = self.must(swept)?;
        self.metrics.uploads.orphans(swept);
        Ok(())
    }

    async fn remove_orphans(
        &self,
        keys: impl Iterator<Item = &BlobKey>,
    ) -> Result<(), Unavailable> {
        let keys: Vec<(&BlobKey, UploadId)> =
            keys.filter_map(|key| Some((key, id_in(key)?))).collect();
        let ids: Vec<UploadId> = keys.iter().map(|(_, id)| *id).collect();
        let used = self.store.contents_in_use(&ids).await?;
        for (key, _) in keys.into_iter().filter(|(_, id)| !used.contains(id)) {
            self.must(self.uploading.blobs.delete(key).await)?;
            self.metrics.uploads.orphans(1);
            tracing::info!(
                key = key.as_str(),
                "bytes that belong to no upload are gone"
            );
        }
        Ok(())
    }

    fn must<T>(&self, result: Result<T, BlobError>) -> Result<T, Unavailable> {
        result.map_err(|error| {
            self.note_blob_error(&error);
            Unavailable
        })
    }
}
