//! The contract for uploads.

use tidemark_core::access::Caller;
use tidemark_core::upload::{NewUpload, Upload, UploadChange};
use tidemark_core::{Timestamp, UploadId, UserId};

use crate::{CommitError, ReadError, UploadChanged, Uploads, UploadsPage};

use super::{PostgresStore, uploads};

impl Uploads for PostgresStore {
    async fn begin_upload(&self, new: NewUpload) -> Result<Upload, CommitError> {
        Ok(uploads::begin(&self.connections, new, &self.limits)
            .await
            .map_err(ReadError::from)?)
    }

    async fn change_upload(
        &self,
        id: UploadId,
        change: UploadChange,
    ) -> Result<UploadChanged, CommitError> {
        Ok(uploads::change(&self.connections, id, change)
            .await
            .map_err(ReadError::from)?)
    }

    async fn forget_upload(&self, id: UploadId) -> Result<(), CommitError> {
        Ok(uploads::forget(&self.connections, id)
            .await
            .map_err(ReadError::from)?)
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>, ReadError> {
        Ok(uploads::get(&self.connections, id).await?)
    }

    async fn upload_for(&self, caller: &Caller, id: UploadId) -> Result<Upload, ReadError> {
        Ok(uploads::visible(&self.connections, caller, id).await?)
    }

    async fn uploads_of(
        &self,
        owner: &UserId,
        before: Option<UploadId>,
        entries_max: usize,
    ) -> Result<UploadsPage, ReadError> {
        Ok(uploads::of_owner(&self.connections, owner, before, entries_max).await?)
    }

    async fn uploads_due(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        Ok(uploads::due(&self.connections, now, entries_max).await?)
    }

    async fn uploads_expired(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        Ok(uploads::expired(&self.connections, now, entries_max).await?)
    }

    async fn contents_in_use(&self, contents: &[UploadId]) -> Result<Vec<UploadId>, ReadError> {
        Ok(uploads::contents_in_use(&self.connections, contents).await?)
    }
}
