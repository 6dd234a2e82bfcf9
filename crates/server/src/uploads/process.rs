//! Looks at the bytes of one upload: what they are, whether they are harmful, what is in them.
//!
//! Each step is written down when it is done, and each may be done again: whoever did it may have been killed.

use std::path::Path;
use std::time::Duration;

use tidemark_blobs::{BlobError, Fetched};
use tidemark_core::Timestamp;
use tidemark_core::upload::{MadeFile, MediaFacts, Upload, UploadChange, UploadState, Variant};
use tidemark_media::scan::Verdict;
use tidemark_media::{Examined, MediaError};
use tidemark_store::{CommitError, Directory, Store};

use super::{VARIANTS, bytes, content_type, key_of, variant_key};
use crate::config::Unscanned;
use crate::gateway::Gateway;

/// What is served as what nobody looked into.
const UNKNOWN_TYPE: &str = "application/octet-stream";
/// How long to wait after the first failure; doubled with each further one.
const RETRY_MIN: Duration = Duration::from_secs(2);
/// How long to wait at most.
const RETRY_MAX: Duration = Duration::from_mins(5);
/// How often a file that takes too long is tried.
const SLOW_TRIES_MAX: u32 = 3;

/// Why nobody can say what is in an upload now.
enum Obstacle {
    /// The store, the blobs or the scanner cannot be asked.
    Later(String),
    /// The upload is at its end.
    Gone,
}

impl From<CommitError> for Obstacle {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Refused(_) => Self::Gone,
            CommitError::Unavailable => Self::Later("the store cannot be used".to_owned()),
        }
    }
}

impl From<BlobError> for Obstacle {
    fn from(error: BlobError) -> Self {
        Self::Later(error.to_string())
    }
}

impl<S: Store + Directory> Gateway<S> {
    /// Looks at an upload that waits for it, and writes down what was found, or when to look again.
    pub(super) async fn look_at_upload(&self, upload: Upload) {
        let (id, attempts) = (upload.id, upload.attempts);
        let began = std::time::Instant::now();
        match self.look_into(upload).await {
            Ok(found) => {
                let took = began.elapsed();
                self.metrics.uploads.finished(found.state, took);
                tracing::debug!(upload = %id, state = %found.state, ?took, "looked at an upload");
            }
            Err(Obstacle::Gone) => self.remove_variants(id).await,
            Err(Obstacle::Later(why)) => {
                self.metrics.uploads.put_off();
                let wait = RETRY_MIN
                    .saturating_mul(1 << attempts.min(10))
                    .min(RETRY_MAX);
                tracing::warn!(upload = %id, %why, ?wait, "an upload is looked at later");
                let until = self.in_a_while(wait);
                // If that is not written down, it is simply due at once.
                let _ = self
                    .store
                    .change_upload(id, UploadChange::PutOff { until })
                    .await;
            }
        }
    }

    fn in_a_while(&self, wait: Duration) -> Timestamp {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.clock.now().0.saturating_add(wait))
    }

    async fn look_into(&self, upload: Upload) -> Result<Upload, Obstacle> {
        let id = upload.id;
        let upload = self
            .change_upload(id, UploadChange::ScanBegan)
            .await?
            .upload;
        if upload.state != UploadState::Scanning {
            return Ok(upload);
        }
        let uploading = &self.uploading;
        let fetched = match uploading
            .blobs
            .fetch(&key_of(id), uploading.scratch.path())
            .await
        {
            Err(BlobError::NotFound) => {
                return self.refuse_upload(&upload, "its bytes are gone").await;
            }
            fetched => fetched?,
        };
        let digest = bytes::digest(fetched.path())
            .await
            .map_err(|error| Obstacle::Later(error.to_string()))?;
        let identified = UploadChange::Identified(digest);
        let upload = self.change_upload(id, identified).await?.upload;
        if upload.state != UploadState::Scanning {
            // It has other bytes, or is to have none.
            self.remove_bytes(&key_of(id)).await;
            return Ok(upload);
        }
        if let Some(reason) = self.scan(&upload, &fetched).await? {
            return self.refuse_upload(&upload, &reason).await;
        }
        self.examine(&upload, &fetched).await
    }

    async fn refuse_upload(&self, upload: &Upload, reason: &str) -> Result<Upload, Obstacle> {
        let reason = reason.to_owned();
        let refused = UploadChange::Refused { reason };
        let changed = self.change_upload(upload.id, refused).await?;
        self.remove_bytes(&key_of(upload.id)).await;
        Ok(changed.upload)
    }

    /// Why nobody is to have the upload, if a scanner says so.
    async fn scan(&self, upload: &Upload, fetched: &Fetched) -> Result<Option<String>, Obstacle> {
        let Some(scanner) = &self.uploading.scanner else {
            return Ok(None);
        };
        let passes = self.config.uploads.unscanned == Unscanned::Pass;
        match scanner.scan(fetched.path()).await {
            Ok(Verdict::Clean) => Ok(None),
            Ok(Verdict::Infected { name }) => {
                tracing::warn!(upload = %upload.id, owner = %upload.owner, name, "a harmful upload");
                Ok(Some(format!("a scanner found: {name}")))
            }
            Ok(Verdict::TooLarge) if passes => Ok(None),
            Ok(Verdict::TooLarge) => Ok(Some("it is larger than what is scanned here".to_owned())),
            Err(error) => {
                self.metrics.uploads.scanner_failed();
                tracing::warn!(upload = %upload.id, %error, "cannot scan an upload");
                if passes {
                    return Ok(None);
                }
                Err(Obstacle::Later(error.to_string()))
            }
        }
    }

    async fn examine(&self, upload: &Upload, fetched: &Fetched) -> Result<Upload, Obstacle> {
        let Some(workshop) = &self.uploading.workshop else {
            let content_type = upload.content_type.clone();
            return self
                .ready(upload, content_type, MediaFacts::default())
                .await;
        };
        let out = tempfile::Builder::new()
            .prefix("made-")
            .tempdir_in(self.uploading.scratch.path())
            .map_err(|error| Obstacle::Later(error.to_string()))?;
        let examined = workshop.examine(fetched.path(), &upload.content_type, out.path());
        match examined.await {
            Ok(examined) => self.keep_variants(upload, examined).await,
            Err(error @ MediaError::Unavailable(_)) => {
                self.metrics.uploads.media_failed("unavailable");
                Err(Obstacle::Later(error.to_string()))
            }
            Err(error @ MediaError::TimedOut) if upload.attempts + 1 < SLOW_TRIES_MAX => {
                self.metrics.uploads.media_failed("slow");
                Err(Obstacle::Later(error.to_string()))
            }
            Err(error) => {
                let why = match &error {
                    MediaError::TooMuch(_) => "too_much",
                    _ => "broken",
                };
                self.metrics.uploads.media_failed(why);
                tracing::info!(upload = %upload.id, %error, "an upload cannot be looked into");
                // It is a file like any other: to be saved, not to be shown.
                let unknown = UNKNOWN_TYPE.to_owned();
                self.ready(upload, unknown, MediaFacts::default()).await
            }
        }
    }

    async fn keep_variants(&self, upload: &Upload, examined: Examined) -> Result<Upload, Obstacle> {
        let mut facts = MediaFacts {
            width: examined.facts.width,
            height: examined.facts.height,
            duration_ms: examined.facts.duration_ms,
            blur: examined.facts.blur,
            waveform: examined.facts.waveform,
            files: Vec::new(),
        };
        for made in examined.files {
            let variant = match made.variant {
                tidemark_media::Variant::Clean => Variant::Clean,
                tidemark_media::Variant::Thumbnail => Variant::Thumbnail,
                tidemark_media::Variant::Rendition => Variant::Rendition,
            };
            self.keep_file(upload, variant, &made.path, &made.content_type)
                .await?;
            facts.files.push(MadeFile {
                variant,
                content_type: made.content_type,
                width: made.width,
                height: made.height,
            });
        }
        self.ready(upload, examined.content_type, facts).await
    }

    async fn keep_file(
        &self,
        upload: &Upload,
        variant: Variant,
        file: &Path,
        kind: &str,
    ) -> Result<(), Obstacle> {
        let key = variant_key(upload.id, variant);
        let blobs = &self.uploading.blobs;
        // Of an earlier try, perhaps of a node that was killed.
        blobs.delete(&key).await?;
        blobs.put_file(&key, file, &content_type(kind)).await?;
        Ok(())
    }

    async fn ready(
        &self,
        upload: &Upload,
        content_type: String,
        facts: MediaFacts,
    ) -> Result<Upload, Obstacle> {
        let ready = UploadChange::Ready {
            content_type,
            facts,
        };
        Ok(self.change_upload(upload.id, ready).await?.upload)
    }

    /// Takes away what was made of an upload that ended meanwhile.
    async fn remove_variants(&self, id: tidemark_core::UploadId) {
        for variant in VARIANTS {
            self.remove_bytes(&variant_key(id, variant)).await;
        }
    }
}
