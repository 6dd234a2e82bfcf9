//! Files below a directory, by URLs of the server's own signature.

mod disk;
mod disk_parts;
mod grant;
mod lane;
mod problem;
mod range;
mod receive;
mod router;
mod serve;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use futures_util::future::BoxFuture;
use url::Url;

use self::disk::Disk;
use self::grant::{Grant, PartGrant, Secret};
use self::lane::Lane;
use crate::contract::VALID_MAX;
use crate::off_runtime::off_runtime;
use crate::{
    BlobError, BlobHead, BlobKey, Blobs, ContentType, Expected, Fetched, InParts, Listed, Part,
    Shown, Signed,
};

pub use lane::{RightOfWay, UnderWay, Yielding};
pub use router::{Arrived, router};

/// Where files are, and who may ask for them.
pub struct LocalConfig {
    /// Made if it is not there. All of it is on one file system, and nothing else is in it. Several nodes may share it.
    pub directory: PathBuf,
    /// What URLs are signed with: random, and the same on all nodes. With another one all URLs are void.
    pub secret: [u8; 32],
    /// Origins of web pages whose scripts may send and read bytes, such as `https://chat.example.com`; `*` is all of
    /// them, which is safe as long as URLs are secret. Empty: only pages of the server itself.
    pub origins: Vec<String>,
    /// What bytes give way to.
    pub yielding: Yielding,
}

impl fmt::Debug for LocalConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalConfig")
            .field("directory", &self.directory)
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

/// Blobs as files. [`router`] serves them.
pub struct LocalBlobs {
    disk: Arc<Disk>,
    secret: Secret,
    origins: Vec<String>,
}

impl LocalBlobs {
    /// Opens the directory, or makes it. Waits for the disk.
    ///
    /// # Errors
    ///
    /// When it cannot be made or flushed.
    pub fn open(config: LocalConfig) -> std::io::Result<Self> {
        Ok(Self {
            disk: Arc::new(Disk::open(&config.directory, Lane::new(config.yielding))?),
            secret: Secret::new(config.secret),
            origins: config.origins,
        })
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let mut origins = self.origins.iter();
        origins.any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
    }

    fn sign(
        &self,
        key: &BlobKey,
        grant: &Grant,
        valid: Duration,
        base: &Url,
    ) -> Result<Signed, BlobError> {
        if valid > VALID_MAX {
            return Err(BlobError::ValidTooLong);
        }
        let expires_at_ms = now_ms() + u64::try_from(valid.as_millis()).unwrap_or_default();
        let (method, headers) = match grant {
            Grant::Store { content_type, .. } => (
                "PUT",
                vec![("content-type".to_owned(), content_type.to_string())],
            ),
            Grant::StorePart(_) => ("PUT", Vec::new()),
            Grant::Read { .. } => ("GET", Vec::new()),
        };
        Ok(Signed {
            method,
            url: grant.url(&self.secret, key, expires_at_ms, base),
            headers,
            expires_at_ms,
        })
    }

    /// Asks the disk, on a thread that may wait for it.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Disk) -> Result<T, BlobError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BlobError>> {
        let disk = Arc::clone(&self.disk);
        Box::pin(off_runtime(move || question(&disk)))
    }
}

impl fmt::Debug for LocalBlobs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalBlobs")
            .field("disk", &self.disk)
            .finish_non_exhaustive()
    }
}

impl Blobs for LocalBlobs {
    fn sign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        expected: &'a Expected,
        valid: Duration,
        base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>> {
        let grant = Grant::Store {
            size: expected.size,
            content_type: expected.content_type.clone(),
        };
        Box::pin(std::future::ready(self.sign(key, &grant, valid, base)))
    }

    fn sign_download<'a>(
        &'a self,
        key: &'a BlobKey,
        shown: &'a Shown,
        valid: Duration,
        base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>> {
        let grant = Grant::Read {
            content_type: shown.content_type(),
            disposition: shown.disposition(),
        };
        Box::pin(std::future::ready(self.sign(key, &grant, valid, base)))
    }

    fn head<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, Result<Option<BlobHead>, BlobError>> {
        let key = key.clone();
        self.ask(move |disk| Ok(disk.find_durable(&key)?.map(|found| found.head)))
    }

    fn fetch<'a>(
        &'a self,
        key: &'a BlobKey,
        scratch: &'a Path,
    ) -> BoxFuture<'a, Result<Fetched, BlobError>> {
        let (key, scratch) = (key.clone(), scratch.to_owned());
        self.ask(move |disk| disk.fetch(&key, &scratch))
    }

    fn put_file<'a>(
        &'a self,
        key: &'a BlobKey,
        file: &'a Path,
        content_type: &'a ContentType,
    ) -> BoxFuture<'a, Result<(), BlobError>> {
        let (key, file, content_type) = (key.clone(), file.to_owned(), content_type.clone());
        let disk = Arc::clone(&self.disk);
        Box::pin(async move {
            let copied = Arc::clone(&disk);
            let put = move || Ok(copied.put_file(&key, &file, &content_type)?);
            disk.lane.copying(put).await
        })
    }

    fn delete<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, Result<(), BlobError>> {
        let key = key.clone();
        self.ask(move |disk| Ok(disk.delete(&key)?))
    }

    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a BlobKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, BlobError>> {
        let (prefix, after) = (prefix.to_owned(), after.cloned());
        self.ask(move |disk| Ok(disk.list(&prefix, after.as_ref(), max)?))
    }

    fn begin_parts<'a>(
        &'a self,
        key: &'a BlobKey,
        expected: &'a Expected,
        part_bytes: u64,
    ) -> BoxFuture<'a, Result<InParts, BlobError>> {
        let (key, expected) = (key.clone(), expected.clone());
        self.ask(move |disk| {
            InParts::divide(expected.size, part_bytes)?;
            Ok(InParts {
                id: disk.begin_parts(&expected)?,
                key,
                expected,
                part_bytes,
            })
        })
    }

    fn sign_part<'a>(
        &'a self,
        upload: &'a InParts,
        number: u32,
        valid: Duration,
        base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>> {
        let signed = match upload.place_of(number) {
            Some((offset, size)) => {
                let grant = Grant::StorePart(PartGrant {
                    id: upload.id.clone(),
                    number,
                    offset,
                    size,
                });
                self.sign(&upload.key, &grant, valid, base)
            }
            None => Err(BlobError::NoSuchPart { number }),
        };
        Box::pin(std::future::ready(signed))
    }

    fn parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<Vec<Part>, BlobError>> {
        let upload = upload.clone();
        self.ask(move |disk| disk.parts(&upload))
    }

    fn finish_parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<(), BlobError>> {
        let upload = upload.clone();
        self.ask(move |disk| disk.finish_parts(&upload))
    }

    fn abort_parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<(), BlobError>> {
        let id = upload.id.clone();
        self.ask(move |disk| disk.abort_parts(&id))
    }

    fn sweep_unfinished(&self, older_than_ms: u64) -> BoxFuture<'_, Result<u64, BlobError>> {
        self.ask(move |disk| {
            Ok(disk.sweep_parts(older_than_ms)? + disk.sweep_temporary(older_than_ms)?)
        })
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
