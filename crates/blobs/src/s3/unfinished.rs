//! Uploads in parts: those that are not finished, and finishing them.
//!
//! `object_store` begins and completes them, but has no calls that say what has arrived and what was left.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use object_store::Error;
use object_store::multipart::{MultipartStore, PartId};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;

use super::answers::{self, ListedPart, ListedParts, ListedUploads};
use super::presign::Request;
use super::{S3Blobs, name};
use crate::{BlobError, BlobKey, InParts, PartsId};

/// How long the server's own signed requests are good.
const OWN_VALID: Duration = Duration::from_mins(1);

impl S3Blobs {
    pub(super) async fn listed_parts(
        &self,
        upload: &InParts,
    ) -> Result<Vec<ListedPart>, BlobError> {
        let mut parts = Vec::new();
        let mut after = 0;
        loop {
            let marker = after.to_string();
            let query = [
                ("part-number-marker", marker.as_str()),
                ("uploadId", upload.id.as_str()),
            ];
            let page: ListedParts = self.ask(Some(&upload.key), &query).await?;
            parts.extend(page.parts);
            match page.next_part_number_marker.filter(|next| *next > after) {
                Some(next) if page.is_truncated => after = next,
                _ => break,
            }
        }
        // A part that was cut or has another size than it should have is as good as none.
        parts.retain(|part| {
            let place = upload.place_of(part.part_number);
            place.is_some_and(|(_, size)| size == part.size)
        });
        // A part that was sent twice may be listed twice: the later one counts.
        parts.sort_by(|one, other| one.last_modified.cmp(&other.last_modified));
        let by_number: BTreeMap<_, _> = parts
            .into_iter()
            .map(|part| (part.part_number, part))
            .collect();
        Ok(by_number.into_values().collect())
    }

    pub(super) async fn finish(&self, upload: &InParts) -> Result<(), BlobError> {
        let count = upload.count()?;
        let parts = match self.listed_parts(upload).await {
            Err(BlobError::NotFound) => {
                let there = self.look(&upload.key).await?;
                return there.map(drop).ok_or(BlobError::NotFound);
            }
            parts => parts?,
        };
        for number in 1..=count {
            let index = usize::try_from(number - 1).unwrap_or(usize::MAX);
            if parts
                .get(index)
                .is_none_or(|part| part.part_number != number)
            {
                return Err(BlobError::PartMissing { first: number });
            }
        }
        if self.look(&upload.key).await?.is_some() {
            return self.abort(&upload.key, &upload.id).await;
        }
        let parts = parts.into_iter().map(|part| PartId {
            content_id: part.etag,
        });
        let id = upload.id.to_string();
        self.store
            .complete_multipart(&name(&upload.key), &id, parts.collect())
            .await?;
        Ok(())
    }

    pub(super) async fn abort(&self, key: &BlobKey, id: &PartsId) -> Result<(), BlobError> {
        match self
            .store
            .abort_multipart(&name(key), &id.to_string())
            .await
        {
            Err(Error::NotFound { .. }) => Ok(()),
            aborted => Ok(aborted?),
        }
    }

    pub(super) async fn sweep(&self, older_than_ms: u64) -> Result<u64, BlobError> {
        let mut swept = 0;
        let mut after = Some((String::new(), String::new()));
        while let Some((key, id)) = after {
            let mut query = vec![("uploads", "")];
            if !key.is_empty() {
                query.extend([
                    ("key-marker", key.as_str()),
                    ("upload-id-marker", id.as_str()),
                ]);
            }
            let page: ListedUploads = self.ask(None, &query).await?;
            for upload in page.uploads {
                let begun: Option<Timestamp> = upload.initiated.parse().ok();
                let begun_ms = begun.and_then(|begun| u64::try_from(begun.as_millisecond()).ok());
                let is_old = begun_ms.is_some_and(|begun_ms| begun_ms < older_than_ms);
                // What has other keys is somebody else's.
                if is_old
                    && let (Ok(key), Ok(id)) =
                        (BlobKey::parse(upload.key), PartsId::parse(upload.upload_id))
                {
                    self.abort(&key, &id).await?;
                    swept += 1;
                }
            }
            let next = page.next_key_marker.zip(page.next_upload_id_marker);
            after = next.filter(|next| page.is_truncated && *next != (key, id));
        }
        Ok(swept)
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        key: Option<&BlobKey>,
        query: &[(&str, &str)],
    ) -> Result<T, BlobError> {
        let request = Request {
            method: "GET",
            key,
            query,
            headers: &[],
        };
        let now = Timestamp::now();
        let url = self
            .presigner
            .sign(&self.endpoint, &request, OWN_VALID, now);
        let answer = self.http.get(url).send().await.map_err(unreachable)?;
        match answer.status() {
            StatusCode::OK => answers::parse(&answer.text().await.map_err(unreachable)?),
            StatusCode::NOT_FOUND => Err(BlobError::NotFound),
            status => Err(BlobError::Unavailable(format!("S3 answered {status}"))),
        }
    }
}

/// Without the URL, which is a secret.
fn unreachable(error: reqwest::Error) -> BlobError {
    BlobError::Unavailable(error.without_url().to_string())
}
