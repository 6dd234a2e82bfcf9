//! What there is to know of uploads. Durable at once, like changes of the directory; which messages show them is as
//! durable as these.

use std::collections::BTreeSet;

use tidemark_core::access::{Caller, Horizon, Operation};
use tidemark_core::conversation::UploadFacts;
use tidemark_core::upload::{
    self, Attachment, Held, NewUpload, Sha256, Upload, UploadChange, UploadState, UploadUse,
};
use tidemark_core::{ConversationId, Refusal, Seq, Timestamp, UploadId, UserId};

use super::state::{Log, State};
use super::{Inner, MemoryStore};
use crate::{CommitError, Health, ReadError, UploadChanged, Uploads, UploadsPage};

/// An upload and the messages that show it.
#[derive(Clone)]
pub(crate) struct KeptUpload {
    upload: Upload,
    shown: BTreeSet<(ConversationId, Seq)>,
}

impl KeptUpload {
    /// What the contract shows: while messages show it, it has no end.
    fn seen(&self) -> Upload {
        let mut upload = self.upload.clone();
        upload.expires_at.take_if(|_| !self.shown.is_empty());
        upload
    }

    /// Whether it counts as one that its owner has uploaded.
    fn is_held_by(&self, owner: &UserId) -> bool {
        let is_over = matches!(
            self.upload.state,
            UploadState::Refused | UploadState::Deleting
        );
        self.upload.owner == *owner && !is_over
    }
}

impl State {
    pub(crate) fn upload_facts(&self, ids: &[UploadId]) -> Vec<UploadFacts> {
        let known = ids.iter().filter_map(|id| self.uploads.get(id));
        let facts = |kept: &KeptUpload| UploadFacts {
            upload: kept.seen(),
            shown: kept.shown.len() as u64,
        };
        known.map(facts).collect()
    }

    /// A message shows these from now on, as they are by now.
    pub(super) fn show(
        &mut self,
        conversation: ConversationId,
        seq: Seq,
        at: Timestamp,
        attachments: &mut [Attachment],
    ) {
        for attachment in attachments {
            if let Some(kept) = self.uploads.get_mut(&attachment.upload) {
                *attachment = kept.upload.attachment();
                kept.shown.insert((conversation, seq));
                let end = kept.upload.expires_at.map_or(at, |end| end.min(at));
                kept.upload.expires_at = Some(end);
            }
        }
    }

    /// A message was deleted and shows nothing any more.
    pub(super) fn hide(&mut self, conversation: ConversationId, seq: Seq) {
        for kept in self.uploads.values_mut() {
            kept.shown.remove(&(conversation, seq));
        }
    }

    fn held(&self, owner: &UserId) -> Held {
        let mut held = Held::default();
        for kept in self.uploads.values().filter(|kept| kept.is_held_by(owner)) {
            held.count += 1;
            held.bytes += kept.upload.size;
        }
        held
    }

    fn twin(&self, owner: &UserId, sha256: &Sha256, size: u64) -> Option<&Upload> {
        let mut all = self.uploads.values().map(|kept| &kept.upload);
        all.find(|upload| upload.can_lend(owner, sha256, size))
    }

    fn set_upload(&mut self, next: &Upload) {
        let Some(kept) = self.uploads.get_mut(&next.id) else {
            return;
        };
        let expires_at = next.expires_at.or(kept.upload.expires_at);
        kept.upload = next.clone();
        kept.upload.expires_at = expires_at;
        for (conversation, seq) in &kept.shown {
            let log = self.logs.get_mut(conversation);
            if let Some(log) = log {
                log.note(*seq, &next.attachment());
            }
        }
    }

    /// Whether `caller` sees a message that shows the upload.
    fn is_seen(&self, caller: &Caller, kept: &KeptUpload) -> bool {
        kept.shown.iter().any(|(conversation, seq)| {
            let log = self.permitted(Operation::Read, caller, *conversation);
            log.is_ok_and(|log| {
                let membership = log.membership(caller);
                Horizon::of(caller, &log.conversation, membership).includes(*seq)
            })
        })
    }

    fn uploads_where(&self, wanted: impl Fn(&KeptUpload) -> bool) -> Vec<Upload> {
        let wanted = self.uploads.values().filter(|kept| wanted(kept));
        wanted.map(KeptUpload::seen).collect()
    }
}

impl Log {
    /// Has a message say what an upload is that it shows.
    fn note(&mut self, seq: Seq, attachment: &Attachment) {
        if let Some(message) = self.message_mut(seq) {
            for known in &mut message.attachments {
                if known.upload == attachment.upload {
                    known.clone_from(attachment);
                }
            }
        }
    }
}

impl Inner {
    fn writable(&self) -> Result<(), CommitError> {
        match self.health {
            Health::Accepting => Ok(()),
            Health::Recovering | Health::Closed => Err(CommitError::Unavailable),
        }
    }

    fn begin_upload(&mut self, new: NewUpload) -> Result<Upload, Refusal> {
        let twin = new
            .sha256
            .and_then(|sha256| self.applied.twin(&new.owner, &sha256, new.size));
        let held = self.applied.held(&new.owner);
        let upload = upload::begin(new, held, twin, &self.limits)?;
        for state in [&mut self.applied, &mut self.durable] {
            let kept = KeptUpload {
                upload: upload.clone(),
                shown: BTreeSet::new(),
            };
            state.uploads.insert(upload.id, kept);
        }
        Ok(upload)
    }

    fn change_upload(
        &mut self,
        id: UploadId,
        change: UploadChange,
    ) -> Result<UploadChanged, Refusal> {
        let state = &self.applied;
        let kept = state.uploads.get(&id).ok_or_else(Refusal::no_such_upload)?;
        let upload = kept.seen();
        let twin = match &change {
            UploadChange::Identified(sha256) => state.twin(&upload.owner, sha256, upload.size),
            _ => None,
        };
        let used = UploadUse {
            is_shown: !kept.shown.is_empty(),
            twin,
        };
        let shown = kept.shown.iter().copied().collect();
        let Some(next) = upload::change(&upload, change, used)? else {
            return Ok(UploadChanged {
                upload,
                changed: false,
                shown,
            });
        };
        for state in [&mut self.applied, &mut self.durable] {
            state.set_upload(&next);
        }
        Ok(UploadChanged {
            upload: next,
            changed: true,
            shown,
        })
    }
}

impl Uploads for MemoryStore {
    async fn begin_upload(&self, new: NewUpload) -> Result<Upload, CommitError> {
        let mut inner = self.lock();
        inner.writable()?;
        Ok(inner.begin_upload(new)?)
    }

    async fn change_upload(
        &self,
        id: UploadId,
        change: UploadChange,
    ) -> Result<UploadChanged, CommitError> {
        let mut inner = self.lock();
        inner.writable()?;
        Ok(inner.change_upload(id, change)?)
    }

    async fn forget_upload(&self, id: UploadId) -> Result<(), CommitError> {
        let mut inner = self.lock();
        inner.writable()?;
        let is_over = |kept: &mut KeptUpload| kept.upload.state == UploadState::Deleting;
        let Inner {
            applied, durable, ..
        } = &mut *inner;
        for state in [applied, durable] {
            if state.uploads.get_mut(&id).is_some_and(is_over) {
                state.uploads.remove(&id);
            }
        }
        Ok(())
    }

    async fn upload(&self, id: UploadId) -> Result<Option<Upload>, ReadError> {
        let inner = self.lock();
        let kept = inner.readable()?.uploads.get(&id);
        Ok(kept.map(KeptUpload::seen))
    }

    async fn upload_for(&self, caller: &Caller, id: UploadId) -> Result<Upload, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let kept = state.uploads.get(&id);
        let kept = kept.filter(|kept| {
            kept.upload.state != UploadState::Deleting
                && (kept.upload.owner == caller.author()
                    || *caller == Caller::Administrator
                    || state.is_seen(caller, kept))
        });
        Ok(kept.ok_or_else(Refusal::no_such_upload)?.seen())
    }

    async fn uploads_of(
        &self,
        owner: &UserId,
        before: Option<UploadId>,
        entries_max: usize,
    ) -> Result<UploadsPage, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let mut uploads = state.uploads_where(|kept| {
            let upload = &kept.upload;
            upload.owner == *owner
                && upload.state != UploadState::Deleting
                && before.is_none_or(|before| upload.id < before)
        });
        uploads.reverse();
        let more = uploads.len() > entries_max.max(1);
        uploads.truncate(entries_max.max(1));
        Ok(UploadsPage {
            uploads,
            more,
            held: state.held(owner),
        })
    }

    async fn uploads_due(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        let inner = self.lock();
        let mut due = inner.readable()?.uploads_where(|kept| {
            let upload = &kept.upload;
            let is_open = matches!(upload.state, UploadState::Uploaded | UploadState::Scanning);
            is_open && upload.retry_at.is_none_or(|at| at <= now)
        });
        due.sort_by_key(|upload| (upload.retry_at, upload.id));
        due.truncate(entries_max);
        Ok(due)
    }

    async fn uploads_expired(
        &self,
        now: Timestamp,
        entries_max: usize,
    ) -> Result<Vec<Upload>, ReadError> {
        let inner = self.lock();
        let mut expired = inner.readable()?.uploads_where(|kept| {
            kept.shown.is_empty() && kept.upload.expires_at.is_some_and(|at| at <= now)
        });
        expired.sort_by_key(|upload| (upload.expires_at, upload.id));
        expired.truncate(entries_max);
        Ok(expired)
    }

    async fn contents_in_use(&self, contents: &[UploadId]) -> Result<Vec<UploadId>, ReadError> {
        let inner = self.lock();
        let state = inner.readable()?;
        let is_used = |content: &UploadId| {
            state.uploads.values().any(|kept| {
                kept.upload.content == *content && kept.upload.state != UploadState::Deleting
            })
        };
        Ok(contents.iter().copied().filter(is_used).collect())
    }
}
