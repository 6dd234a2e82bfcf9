//! Uploads: where their bytes are, what is done with them, who is told.
//!
//! [`settle`] notices that bytes have come, [`process`] looks at them, [`sweep`] takes away what is over; the last two run
//! on one of all nodes ([`job`]). Nothing of it is on the way of a message, but for a look into the store where a message
//! shows uploads.

mod bytes;
mod job;
mod open;
mod process;
mod settle;
mod sweep;

use std::fmt;
use std::sync::Arc;

use tempfile::TempDir;
use tidemark_blobs::{BlobKey, Blobs, Expected, InParts, LocalBlobs, PartsId};
use tidemark_core::UploadId;
use tidemark_core::upload::{Upload, Variant};
use tidemark_media::Workshop;
use tidemark_media::scan::Scanner;
use tidemark_store::{CommitError, Directory, Store, UploadChanged};
use tokio::sync::Notify;
use url::Url;

use crate::gateway::Gateway;

pub(crate) use job::look_after_uploads;
pub use open::UploadsSetupError;

/// What the server needs for uploads.
pub(crate) struct Uploading {
    pub(crate) blobs: Arc<dyn Blobs>,
    /// The same, where this server serves them itself.
    pub(crate) local: Option<Arc<LocalBlobs>>,
    /// Where clients reach this server for bytes, if that was configured.
    pub(crate) public_url: Option<Url>,
    workshop: Option<Workshop>,
    scanner: Option<Arc<dyn Scanner>>,
    /// A directory for files that are looked at, which is this server's alone. Goes with it.
    scratch: TempDir,
    /// Something is to be looked at or to be taken away.
    news: Notify,
}

impl fmt::Debug for Uploading {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Uploading")
            .field("blobs", &self.blobs)
            .field("scanner", &self.scanner)
            .finish_non_exhaustive()
    }
}

/// The variants of an upload that have bytes of their own.
const VARIANTS: [Variant; 3] = [Variant::Clean, Variant::Thumbnail, Variant::Rendition];

/// Where the keys of uploads begin.
const UPLOADS_PREFIX: &str = "uploads/";
/// Where the keys of what was made from them begin.
const VARIANTS_PREFIX: &str = "variants/";

/// Where the bytes of an upload are.
pub(crate) fn key_of(content: UploadId) -> BlobKey {
    key(format!("{UPLOADS_PREFIX}{content}"))
}

/// Where those of what was made from them are.
pub(crate) fn variant_key(content: UploadId, variant: Variant) -> BlobKey {
    key(format!("{VARIANTS_PREFIX}{content}/{variant}"))
}

fn key(text: String) -> BlobKey {
    BlobKey::parse(text).expect("words and UUIDs are keys")
}

/// The upload that a key is about.
fn id_in(key: &BlobKey) -> Option<UploadId> {
    let rest = key.as_str();
    let rest = rest
        .strip_prefix(UPLOADS_PREFIX)
        .or_else(|| rest.strip_prefix(VARIANTS_PREFIX))?;
    rest.split('/').next()?.parse().ok()
}

/// What the bytes of an upload are to be.
pub(crate) fn expected(upload: &Upload) -> Expected {
    Expected {
        size: upload.size,
        content_type: content_type(&upload.content_type),
    }
}

pub(crate) fn content_type(text: &str) -> tidemark_blobs::ContentType {
    tidemark_blobs::ContentType::parse(text)
        .unwrap_or_else(|_| tidemark_blobs::ContentType::unknown())
}

/// How the parts of an upload are written down with it.
pub(crate) fn parts_text(parts: &InParts) -> String {
    format!("{}:{}", parts.part_bytes, parts.id)
}

/// The parts of an upload that comes in parts.
pub(crate) fn in_parts(upload: &Upload) -> Option<InParts> {
    let (part_bytes, id) = upload.parts.as_deref()?.split_once(':')?;
    Some(InParts {
        key: key_of(upload.id),
        id: PartsId::parse(id).ok()?,
        expected: expected(upload),
        part_bytes: part_bytes.parse().ok()?,
    })
}

impl Uploading {
    /// Has whoever looks after uploads look again.
    pub(crate) fn note_news(&self) {
        self.news.notify_one();
    }
}

impl<S: Store + Directory> Gateway<S> {
    /// Lets something happen to an upload, and tells whoever sees it where it is now.
    ///
    /// # Errors
    ///
    /// As [`Uploads::change_upload`](tidemark_store::Uploads::change_upload).
    pub(crate) async fn change_upload(
        &self,
        id: UploadId,
        change: tidemark_core::upload::UploadChange,
    ) -> Result<UploadChanged, CommitError> {
        let before = self.store.upload(id).await.ok().flatten();
        let changed = self.store.change_upload(id, change).await?;
        let shows_something_new = before.is_none_or(|before| {
            let stage = |upload: &Upload| tidemark_protocol::body::UploadStage::from(upload.state);
            stage(&before) != stage(&changed.upload)
        });
        if changed.changed && shows_something_new {
            self.hub.publish_upload(&changed.upload, &changed.shown);
        }
        Ok(changed)
    }
}
