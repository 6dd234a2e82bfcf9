//! Which uploads a message may show.

use std::collections::BTreeSet;

use crate::conversation::Facts;
use crate::upload::{Attachment, Upload, UploadState};
use crate::{Refusal, UploadId, UserId};

/// How many messages may show an upload that somebody still has to look at. What is found is written down with each of
/// them.
const SHOWN_UNREADY_MAX: u64 = 100;

/// What is known of an upload that a command names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadFacts {
    /// The upload.
    pub upload: Upload,
    /// How many messages show it.
    pub shown: u64,
}

/// The uploads that a message of `sender` is to show. Somebody else's is answered as one that does not exist.
pub(super) fn attach(
    facts: &Facts<'_>,
    sender: &UserId,
    uploads: &[UploadId],
) -> Result<Vec<Attachment>, Refusal> {
    let most = facts.limits.attachments_max;
    if uploads.len() > most {
        let detail = format!("a message shows {most} attachments at most");
        return Err(Refusal::too_large(detail));
    }
    let mut named = BTreeSet::new();
    let mut attachments = Vec::with_capacity(uploads.len());
    for id in uploads.iter().filter(|id| named.insert(**id)) {
        let known = facts.uploads.iter().find(|known| known.upload.id == *id);
        let known = known.filter(|known| known.upload.owner == *sender);
        let (upload, shown) = match known {
            Some(known) if known.upload.state != UploadState::Deleting => {
                (&known.upload, known.shown)
            }
            _ => {
                let detail = format!("attachments: there is no upload {id} of yours");
                return Err(Refusal::invalid(detail));
            }
        };
        match upload.state {
            UploadState::Waiting => {
                return Err(Refusal::conflict(format!(
                    "attachments: the bytes of {id} have not come yet"
                )));
            }
            UploadState::Refused => {
                return Err(Refusal::conflict(format!("attachments: {id} was refused")));
            }
            UploadState::Ready => {}
            _ if shown < SHOWN_UNREADY_MAX => {}
            _ => {
                return Err(Refusal::conflict(format!(
                    "attachments: many messages show {id} already; wait until it is ready"
                )));
            }
        }
        attachments.push(upload.attachment());
    }
    Ok(attachments)
}

/// Whether these were the uploads of a message.
pub(super) fn are_same(attachments: &[Attachment], uploads: &[UploadId]) -> bool {
    let mut named = BTreeSet::new();
    let uploads = uploads.iter().filter(|id| named.insert(**id));
    attachments.iter().map(|it| &it.upload).eq(uploads)
}
