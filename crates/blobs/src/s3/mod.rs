//! A bucket of S3, or of what speaks like it.
//!
//! Clients send bytes to S3 and read them from there; the server only signs, looks and tidies up.

mod answers;
mod config;
mod files;
mod presign;
mod unfinished;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use jiff::Timestamp;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::multipart::MultipartStore;
use object_store::path::Path as Name;
use object_store::{
    Attribute, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
};
use reqwest::Client;
use url::Url;

use self::presign::{Presigner, Request};
use crate::contract::VALID_MAX;
use crate::{
    BlobError, BlobHead, BlobKey, Blobs, ContentType, Expected, Fetched, InParts, Listed, Part,
    PartsId, Shown, Signed,
};

pub use config::{S3Config, S3ConfigError};

/// How many keys to ask for at once: S3 gives no more.
const PAGE_MAX: usize = 1_000;

/// Blobs in a bucket.
pub struct S3Blobs {
    store: AmazonS3,
    presigner: Presigner,
    /// For what `object_store` has no call for: what is not finished.
    http: Client,
    endpoint: Url,
    endpoint_for_clients: Url,
    conditional_writes: bool,
}

impl S3Blobs {
    /// Checks the configuration. Asks nobody.
    ///
    /// # Errors
    ///
    /// When it cannot be meant so.
    pub fn new(config: S3Config) -> Result<Self, S3ConfigError> {
        config.check()?;
        let http = Client::builder()
            .connect_timeout(config::CONNECT_TIMEOUT)
            .timeout(config::READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| S3ConfigError::Client(error.to_string()))?;
        Ok(Self {
            store: config.store()?,
            presigner: Presigner {
                bucket: config.bucket,
                region: config.region,
                access_key: config.access_key,
                secret_key: config.secret_key,
            },
            http,
            endpoint_for_clients: config
                .endpoint_for_clients
                .unwrap_or_else(|| config.endpoint.clone()),
            endpoint: config.endpoint,
            conditional_writes: config.conditional_writes,
        })
    }

    fn sign(
        &self,
        method: &'static str,
        key: &BlobKey,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        valid: Duration,
    ) -> BoxFuture<'static, Result<Signed, BlobError>> {
        if valid > VALID_MAX {
            return Box::pin(ready(Err(BlobError::ValidTooLong)));
        }
        // S3 counts seconds.
        let valid = Duration::from_secs(valid.as_secs().max(1));
        let now = Timestamp::now();
        let request = Request {
            method,
            key: Some(key),
            query,
            headers,
        };
        let url = self
            .presigner
            .sign(&self.endpoint_for_clients, &request, valid, now);
        let expires_at_s = u64::try_from(now.as_second()).unwrap_or_default() + valid.as_secs();
        let headers = headers
            .iter()
            .filter(|header| is_to_be_said(**header))
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Box::pin(ready(Ok(Signed {
            method,
            url,
            headers: headers.collect(),
            expires_at_ms: expires_at_s * 1_000,
        })))
    }

    async fn look(&self, key: &BlobKey) -> Result<Option<BlobHead>, BlobError> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let answer = match self.store.get_opts(&name(key), options).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            answer => answer?,
        };
        let content_type = answer.attributes.get(&Attribute::ContentType);
        let content_type = content_type.and_then(|it| ContentType::parse(it.as_ref()).ok());
        Ok(Some(BlobHead {
            size: answer.meta.size,
            content_type: content_type.unwrap_or_else(ContentType::unknown),
            modified_ms: modified_ms(&answer.meta),
            etag: answer.meta.e_tag.unwrap_or_default(),
        }))
    }

    async fn page(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        max: usize,
    ) -> Result<Vec<Listed>, BlobError> {
        let mut listed = Vec::new();
        let mut token = None;
        while listed.len() < max {
            let options = PaginatedListOptions {
                offset: after.map(BlobKey::to_string).filter(|_| token.is_none()),
                max_keys: Some((max - listed.len()).min(PAGE_MAX)),
                page_token: token,
                ..PaginatedListOptions::default()
            };
            let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
            let page = self.store.list_paginated(prefix, options).await?;
            listed.extend(page.result.objects.iter().filter_map(|object| {
                Some(Listed {
                    key: BlobKey::parse(object.location.as_ref()).ok()?,
                    modified_ms: modified_ms(object),
                })
            }));
            token = page.page_token;
            if token.is_none() {
                break;
            }
        }
        Ok(listed)
    }
}

impl fmt::Debug for S3Blobs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("S3Blobs")
            .field("endpoint", &self.endpoint.as_str())
            .field("bucket", &self.presigner.bucket)
            .finish_non_exhaustive()
    }
}

impl Blobs for S3Blobs {
    fn sign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        expected: &'a Expected,
        valid: Duration,
        _base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>> {
        let size = expected.size.to_string();
        let mut headers = vec![
            ("content-length", size.as_str()),
            ("content-type", expected.content_type.as_str()),
        ];
        if self.conditional_writes {
            headers.push(("if-none-match", "*"));
        }
        self.sign("PUT", key, &[], &headers, valid)
    }

    fn sign_download<'a>(
        &'a self,
        key: &'a BlobKey,
        shown: &'a Shown,
        valid: Duration,
        _base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>> {
        let (content_type, disposition) = (shown.content_type(), shown.disposition());
        let caching = format!("private, max-age={}", valid.as_secs());
        let query = [
            ("response-cache-control", caching.as_str()),
            ("response-content-disposition", &disposition),
            ("response-content-type", content_type.as_str()),
        ];
        self.sign("GET", key, &query, &[], valid)
    }

    fn head<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, Result<Option<BlobHead>, BlobError>> {
        Box::pin(self.look(key))
    }

    fn fetch<'a>(
        &'a self,
        key: &'a BlobKey,
        scratch: &'a Path,
    ) -> BoxFuture<'a, Result<Fetched, BlobError>> {
        Box::pin(async move { files::fetch(&self.store, &name(key), scratch).await })
    }

    fn put_file<'a>(
        &'a self,
        key: &'a BlobKey,
        file: &'a Path,
        content_type: &'a ContentType,
    ) -> BoxFuture<'a, Result<(), BlobError>> {
        Box::pin(async move {
            if self.look(key).await?.is_some() {
                return Ok(());
            }
            let exclusively = self.conditional_writes;
            files::put(&self.store, &name(key), file, content_type, exclusively).await
        })
    }

    fn delete<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, Result<(), BlobError>> {
        Box::pin(async move {
            match self.store.delete(&name(key)).await {
                Err(Error::NotFound { .. }) => Ok(()),
                deleted => Ok(deleted?),
            }
        })
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a BlobKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, BlobError>> {
        Box::pin(self.page(prefix, after, max))
    }

    fn begin_parts<'a>(
        &'a self,
        key: &'a BlobKey,
        expected: &'a Expected,
        part_bytes: u64,
    ) -> BoxFuture<'a, Result<InParts, BlobError>> {
        Box::pin(async move {
            InParts::divide(expected.size, part_bytes)?;
            let options = PutMultipartOptions {
                attributes: files::attributes(&expected.content_type),
                ..PutMultipartOptions::default()
            };
            let id = self
                .store
                .create_multipart_opts(&name(key), options)
                .await?;
            let nonsense = |_| BlobError::Unavailable("S3 gave no id for an upload".to_owned());
            Ok(InParts {
                key: key.clone(),
                id: PartsId::parse(id).map_err(nonsense)?,
                expected: expected.clone(),
                part_bytes,
            })
        })
    }

    fn sign_part<'a>(
        &'a self,
        upload: &'a InParts,
        number: u32,
        valid: Duration,
        _base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>> {
        let Some((_, size)) = upload.place_of(number) else {
            return Box::pin(ready(Err(BlobError::NoSuchPart { number })));
        };
        let (number, size) = (number.to_string(), size.to_string());
        let query = [
            ("partNumber", number.as_str()),
            ("uploadId", upload.id.as_str()),
        ];
        self.sign(
            "PUT",
            &upload.key,
            &query,
            &[("content-length", &size)],
            valid,
        )
    }

    fn parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<Vec<Part>, BlobError>> {
        Box::pin(async move {
            let listed = self.listed_parts(upload).await?;
            let parts = listed.into_iter().map(|part| Part {
                number: part.part_number,
                size: part.size,
            });
            Ok(parts.collect())
        })
    }

    fn finish_parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<(), BlobError>> {
        Box::pin(self.finish(upload))
    }

    fn abort_parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<(), BlobError>> {
        Box::pin(self.abort(&upload.key, &upload.id))
    }

    fn sweep_unfinished(&self, older_than_ms: u64) -> BoxFuture<'_, Result<u64, BlobError>> {
        Box::pin(self.sweep(older_than_ms))
    }
}

impl From<Error> for BlobError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::NotFound,
            error => Self::Unavailable(error.to_string()),
        }
    }
}

/// Clients say the length of a body by themselves, and browsers let nobody else say it; but where there is none, many
/// say nothing.
fn is_to_be_said((name, value): (&str, &str)) -> bool {
    name != "content-length" || value == "0"
}

fn name(key: &BlobKey) -> Name {
    Name::from(key.as_str())
}

fn modified_ms(object: &ObjectMeta) -> u64 {
    u64::try_from(object.last_modified.timestamp_millis()).unwrap_or_default()
}
