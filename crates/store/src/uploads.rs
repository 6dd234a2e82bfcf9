//! The contract for files that people upload.

use std::future::Future;

use tidemark_core::access::Caller;
use tidemark_core::upload::{Held, NewUpload, Upload, UploadChange};
use tidemark_core::{ConversationId, Seq, Timestamp, UploadId, UserId};

use crate::{CommitError, ReadError};

/// What a change of an upload did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadChanged {
    /// The upload after it.
    pub upload: Upload,
    /// Whether anything changed.
    pub changed: bool,
    /// The messages that show the upload. They say from now on what it is.
    pub shown: Vec<(ConversationId, Seq)>,
}

/// The latest of somebody's uploads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadsPage {
    /// The latest first.
    pub uploads: Vec<Upload>,
    /// Whether there are earlier ones.
    pub more: bool,
    /// What they come to, with those of other pages.
    pub held: Held,
}

/// Keeps what there is to know of uploads. Their bytes are somewhere else.
///
/// Which messages show an upload is kept by [`Store::commit`](crate::Store::commit), in the same moment as the message.
/// What is durable is as durable as there.
pub trait Uploads: Send + Sync + 'static {
    /// Lets an upload begin, as [`upload::begin`](tidemark_core::upload::begin) says.
    fn begin_upload(
        &self,
        new: NewUpload,
    ) -> impl Future<Output = Result<Upload, CommitError>> + Send;

    /// Lets something happen to an upload, as [`upload::change`](tidemark_core::upload::change()) says, and has the
    /// messages that show it say so.
    fn change_upload(
        &self,
        id: UploadId,
        change: UploadChange,
    ) -> impl Future<Output = Result<UploadChanged, CommitError>> + Send;

    /// Forgets an upload whose bytes are gone. Nothing happens to one that is not
    /// [at its end](tidemark_core::upload::UploadState::Deleting).
    fn forget_upload(&self, id: UploadId) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// An upload, at its end or not. Asks nobody's permission.
    fn upload(
        &self,
        id: UploadId,
    ) -> impl Future<Output = Result<Option<Upload>, ReadError>> + Send;

    /// An upload, for its owner, for administrators, and for whoever sees a message that shows it; for everybody else there
    /// is none. None that is at its end.
    fn upload_for(
        &self,
        caller: &Caller,
        id: UploadId,
    ) -> impl Future<Output = Result<Upload, ReadError>> + Send;

    /// The uploads of `owner` that are not at their end, the latest first, those that began before `before`.
    fn uploads_of(
        &self,
        owner: &UserId,
        before: Option<UploadId>,
        entries_max: usize,
    ) -> impl Future<Output = Result<UploadsPage, ReadError>> + Send;

    /// Uploads that are to be looked at now, those that have waited longest first.
    fn uploads_due(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> impl Future<Output = Result<Vec<Upload>, ReadError>> + Send;

    /// Uploads that no message shows and whose time is over, and those at their end.
    fn uploads_expired(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> impl Future<Output = Result<Vec<Upload>, ReadError>> + Send;

    /// Those of `contents` that an upload still has, other than those at their end. For whoever takes bytes away.
    fn contents_in_use(
        &self,
        contents: &[UploadId],
    ) -> impl Future<Output = Result<Vec<UploadId>, ReadError>> + Send;
}
