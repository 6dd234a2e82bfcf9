//! What may happen to an upload, and when.

use super::{MediaFacts, Sha256, Upload, UploadState};
use crate::{Refusal, Timestamp};

/// Something that happened to an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UploadChange {
    /// Its bytes come in parts, which the blob storage calls so.
    PartsBegan(String),
    /// Its bytes are there; it ends at this time if no message shows it.
    Arrived {
        /// When.
        expires_at: Timestamp,
    },
    /// Somebody looks at its bytes.
    ScanBegan,
    /// Its bytes have this digest.
    Identified(Sha256),
    /// It is harmless, and this is what is in it.
    Ready {
        /// What kind of file it is.
        content_type: String,
        /// What is in it.
        facts: MediaFacts,
    },
    /// It may not be shown, for this reason.
    Refused {
        /// In words, for its owner and moderators.
        reason: String,
    },
    /// Nobody could look at its bytes now; somebody is to try again.
    PutOff {
        /// When.
        until: Timestamp,
    },
    /// Its end.
    Deleting,
}

/// What else the change of an upload depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct UploadUse<'a> {
    /// Whether a message shows it.
    pub is_shown: bool,
    /// A ready upload of the same owner, with the digest of [`UploadChange::Identified`].
    pub twin: Option<&'a Upload>,
}

/// What `upload` is after `change`; nothing if that changes nothing.
///
/// # Errors
///
/// `conflict` where it makes no sense, and `not_found` for an upload that is at its end.
pub fn change(
    upload: &Upload,
    change: UploadChange,
    used: UploadUse<'_>,
) -> Result<Option<Upload>, Refusal> {
    use UploadState::{Deleting, Ready, Refused, Scanning, Uploaded, Waiting};

    let mut next = upload.clone();
    match (upload.state, change) {
        (Deleting, UploadChange::Deleting) => return Ok(None),
        (Deleting, _) => return Err(Refusal::no_such_upload()),
        (_, UploadChange::Deleting) => {
            if used.is_shown {
                return Err(Refusal::conflict(
                    "a message shows this upload; delete the message",
                ));
            }
            next.state = Deleting;
            // Whoever takes the bytes away looks for what is over.
            next.expires_at = Some(Timestamp(0));
        }
        (Waiting, UploadChange::PartsBegan(parts)) => {
            if upload.parts.is_some() {
                return Ok(None);
            }
            next.parts = Some(parts);
        }
        (Waiting, UploadChange::Arrived { expires_at }) => {
            next.state = Uploaded;
            next.parts = None;
            next.expires_at = Some(expires_at);
        }
        // It came by several ways, or somebody asked once more.
        (_, UploadChange::PartsBegan(_) | UploadChange::Arrived { .. }) | (Ready | Refused, _) => {
            return Ok(None);
        }
        (Uploaded | Scanning, UploadChange::ScanBegan) => {
            // Whoever looked at it before may have been killed.
            next.state = Scanning;
            next.retry_at = None;
        }
        (Scanning, UploadChange::Identified(sha256)) => {
            if upload.sha256.is_some_and(|told| told != sha256) {
                next.state = Refused;
                next.reason = Some("its bytes are not those that its sha256 names".to_owned());
            } else if let Some(twin) = used
                .twin
                .filter(|twin| twin.can_lend(&upload.owner, &sha256, upload.size))
            {
                next.borrow(twin);
            } else {
                next.sha256 = Some(sha256);
            }
        }
        (
            Scanning,
            UploadChange::Ready {
                content_type,
                facts,
            },
        ) => {
            next.state = Ready;
            next.content_type = content_type;
            next.facts = facts;
        }
        (Scanning, UploadChange::Refused { reason }) => {
            next.state = Refused;
            next.reason = Some(reason);
        }
        (Uploaded | Scanning, UploadChange::PutOff { until }) => {
            next.attempts += 1;
            next.retry_at = Some(until);
        }
        (Waiting | Uploaded, _) => {
            return Err(Refusal::conflict("the upload has not come so far"));
        }
    }
    Ok(Some(next))
}
