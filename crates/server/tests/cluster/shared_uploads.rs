//! Uploads of the shared store: handed on as they are.

use tidemark_core::access::Caller;
use tidemark_core::upload::{NewUpload, Upload, UploadChange};
use tidemark_core::{Timestamp, UploadId, UserId};
use tidemark_store::{CommitError, ReadError, Store, UploadChanged, Uploads, UploadsPage};

use crate::shared_store::SharedStore;

impl<S: Store> Uploads for SharedStore<S> {
    async fn begin_upload(&self, new: NewUpload) -> Result<Upload, CommitError> {
        self.store.begin_upload(new).await
    }

    async fn change_upload(
        &self,
        id: UploadId,
        change: UploadChange,
    ) -> Result<UploadChanged, CommitError> {
        self.store.change_upload(id, change).await
    }

    async fn forget_upload(&self, id: UploadId) -> Result<(), CommitError> {
        self.store.forget_upload(id).await
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>, ReadError> {
        self.store.upload(id).await
    }

    async fn upload_for(&self, caller: &Caller, id: UploadId) -> Result<Upload, ReadError> {
        self.store.upload_for(caller, id).await
    }

    async fn uploads_of(
        &self,
        owner: &UserId,
        before: Option<UploadId>,
        entries_max: usize,
    ) -> Result<UploadsPage, ReadError> {
        self.store.uploads_of(owner, before, entries_max).await
    }

    async fn uploads_due(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        self.store.uploads_due(now, entries_max).await
    }

    async fn uploads_expired(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        self.store.uploads_expired(now, entries_max).await
    }

    async fn contents_in_use(&self, contents: &[UploadId]) -> Result<Vec<UploadId>, ReadError> {
        self.store.contents_in_use(contents).await
    }
}
