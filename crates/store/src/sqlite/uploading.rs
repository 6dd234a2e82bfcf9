//! The contract for uploads, handed on to the writer and the readers.

use tidemark_core::access::Caller;
use tidemark_core::upload::{NewUpload, Upload, UploadChange};
use tidemark_core::{Timestamp, UploadId, UserId};

use crate::{CommitError, ReadError, UploadChanged, Uploads, UploadsPage};

use super::{SqliteStore, uploads};

impl Uploads for SqliteStore {
    async fn begin_upload(&self, new: NewUpload) -> Result<Upload, CommitError> {
        let begun = self
            .writer
            .change_remembered(move |ledger| ledger.begin_upload(new));
        Ok(begun.await?)
    }

    async fn change_upload(
        &self,
        id: UploadId,
        change: UploadChange,
    ) -> Result<UploadChanged, CommitError> {
        let changed = self
            .writer
            .change(move |connection| uploads::change(connection, id, change));
        Ok(changed.await?)
    }

    async fn forget_upload(&self, id: UploadId) -> Result<(), CommitError> {
        let forgotten = self
            .writer
            .change(move |connection| uploads::forget(connection, id));
        Ok(forgotten.await?)
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>, ReadError> {
        self.readers
            .read(move |connection| uploads::get(connection, id))
            .await
    }

    async fn upload_for(&self, caller: &Caller, id: UploadId) -> Result<Upload, ReadError> {
        let caller = caller.clone();
        self.readers
            .read(move |connection| uploads::visible(connection, &caller, id))
            .await
    }

    async fn uploads_of(
        &self,
        owner: &UserId,
        before: Option<UploadId>,
        entries_max: usize,
    ) -> Result<UploadsPage, ReadError> {
        let owner = owner.clone();
        self.readers
            .read(move |connection| uploads::of_owner(connection, &owner, before, entries_max))
            .await
    }

    async fn uploads_due(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        self.readers
            .read(move |connection| uploads::due(connection, now, entries_max))
            .await
    }

    async fn uploads_expired(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        self.readers
            .read(move |connection| uploads::expired(connection, now, entries_max))
            .await
    }

    async fn contents_in_use(&self, contents: &[UploadId]) -> Result<Vec<UploadId>, ReadError> {
        let contents = contents.to_vec();
        self.readers
            .read(move |connection| uploads::contents_in_use(connection, &contents))
            .await
    }
}
