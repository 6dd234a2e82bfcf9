//! What a server may ask of the place where bytes are.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tempfile::TempPath;
use url::Url;

use crate::{BlobError, BlobKey, ContentType, InParts, Part, Shown};

/// How long a URL may be valid: S3 takes no longer times.
pub(crate) const VALID_MAX: Duration = Duration::from_hours(7 * 24);

/// Keeps blobs.
///
/// A blob is there whole or not at all, and **never changes**: the bytes under a key are those that came first, until it
/// is deleted. So what was looked at once (for a virus, say) is what is served. Whatever says that a blob is there says
/// so after it is on the disk: a power cut does not take it back.
///
/// Nothing here waits for a client. Signing asks nobody; the rest asks the place and is bounded in time by it.
/// Whoever drops a future may have had done what it asked for, or not.
///
/// Everything may be done by several nodes at the same time, on the same directory or bucket.
pub trait Blobs: fmt::Debug + Send + Sync + 'static {
    /// A URL by which a client can store this blob: exactly `expected.size` bytes of exactly this type, in one
    /// request, until `valid` is over. `base` is where clients reach this server, without a path; only local
    /// files are there.
    ///
    /// > Ann sends the bytes and the connection breaks before the answer. She sends them again by the same URL, and is
    /// > answered 200 (local files) or 412 (S3): they are there. By the same URL nobody can put others in their place.
    ///
    /// Size and type are in the signature: another body is refused. Compare [`head`](Self::head) with what was expected
    /// all the same: what speaks like S3 does not always do as S3 does.
    ///
    /// # Errors
    ///
    /// [`BlobError::ValidTooLong`].
    fn sign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        expected: &'a Expected,
        valid: Duration,
        base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>>;

    /// A URL by which a client can read this blob, whole or in ranges, until `valid` is over. Nobody looks whether
    /// the blob is there. Browsers are told `shown`.
    ///
    /// # Errors
    ///
    /// [`BlobError::ValidTooLong`].
    fn sign_download<'a>(
        &'a self,
        key: &'a BlobKey,
        shown: &'a Shown,
        valid: Duration,
        base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>>;

    /// What is known of a blob; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`].
    fn head<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, Result<Option<BlobHead>, BlobError>>;

    /// The blob as a file in the directory `scratch`, to be read only: it may be the very file that is stored.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotFound`], [`BlobError::Full`] when there is no room in `scratch`, [`BlobError::Unavailable`].
    fn fetch<'a>(
        &'a self,
        key: &'a BlobKey,
        scratch: &'a Path,
    ) -> BoxFuture<'a, Result<Fetched, BlobError>>;

    /// Stores a copy of a file that nobody writes to meanwhile. If there is such a blob already, it stays as it is, and
    /// that is no error: to replace one, delete it first.
    ///
    /// # Errors
    ///
    /// [`BlobError::Full`], [`BlobError::Unavailable`], also when the file cannot be read.
    fn put_file<'a>(
        &'a self,
        key: &'a BlobKey,
        file: &'a Path,
        content_type: &'a ContentType,
    ) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Removes a blob; no error if there is none. Whoever reads it now may get the rest of it.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`].
    fn delete<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Up to `max` blobs whose keys begin with `prefix`, from the first one after `after` on, in an order that is the
    /// place's own and stays. A blob that is there all the time is listed once by whoever goes on after the last one
    /// until nothing comes; for one that comes or goes meanwhile nobody can say. `after` need not be there any more.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`].
    fn list<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a BlobKey>,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Listed>, BlobError>>;

    /// Begins an upload in parts of `part_bytes`. Its blob is there when it is finished.
    ///
    /// # Errors
    ///
    /// [`BlobError::Division`] for sizes that [`InParts::divide`] does not take, [`BlobError::Full`], [`BlobError::Unavailable`].
    fn begin_parts<'a>(
        &'a self,
        key: &'a BlobKey,
        expected: &'a Expected,
        part_bytes: u64,
    ) -> BoxFuture<'a, Result<InParts, BlobError>>;

    /// A URL by which a client can send one part, in any order and beside others, with exactly the size that
    /// [`InParts::place_of`] says. Nobody looks whether the upload is there.
    ///
    /// > The connection breaks in the middle of part 7. The client asks for a new URL of part 7 and sends it from its
    /// > beginning. What came of it before counts for nothing.
    ///
    /// # Errors
    ///
    /// [`BlobError::NoSuchPart`], [`BlobError::ValidTooLong`].
    fn sign_part<'a>(
        &'a self,
        upload: &'a InParts,
        number: u32,
        valid: Duration,
        base: &'a Url,
    ) -> BoxFuture<'a, Result<Signed, BlobError>>;

    /// The parts that have arrived whole, by number.
    ///
    /// # Errors
    ///
    /// [`BlobError::NotFound`], [`BlobError::Unavailable`].
    fn parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<Vec<Part>, BlobError>>;

    /// Makes the blob of all parts. Finishing what is finished is no error while the blob is there. If there is
    /// already another blob under the key, that one stays and the parts go.
    ///
    /// # Errors
    ///
    /// [`BlobError::PartMissing`] and nothing is lost: send it and try again. [`BlobError::NotFound`],
    /// [`BlobError::Full`], [`BlobError::Unavailable`].
    fn finish_parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Gives an upload in parts up; no error if there is none. Its blob stays if it was finished.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`].
    fn abort_parts<'a>(&'a self, upload: &'a InParts) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Removes what was begun and left alone since before `older_than_ms` (Unix time): uploads in parts, and what a
    /// kill left behind. Answers how many of them there were. What is removed is lost to whoever would go on with it,
    /// so leave them a day; S3 knows only when they were begun.
    ///
    /// # Errors
    ///
    /// [`BlobError::Unavailable`]; some may be gone then.
    fn sweep_unfinished(&self, older_than_ms: u64) -> BoxFuture<'_, Result<u64, BlobError>>;
}

/// What a client said it will send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// In bytes.
    pub size: u64,
    /// Of the whole; what a browser is told later is in [`Shown`].
    pub content_type: ContentType,
}

/// A request that a client may make, once or more often, without being known.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// `PUT` or `GET`. Local files give answers to `HEAD`, too, where it is `GET`.
    pub method: &'static str,
    /// Whoever has it can do what it allows: it belongs into no log.
    pub url: Url,
    /// Headers that the request must have, with exactly these values. Beside them a `PUT` says its `Content-Length`,
    /// as clients do by themselves.
    pub headers: Vec<(String, String)>,
    /// Until when, in Unix time.
    pub expires_at_ms: u64,
}

impl fmt::Debug for Signed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Signed")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .field("expires_at_ms", &self.expires_at_ms)
            .finish_non_exhaustive()
    }
}

/// What is known of a blob without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobHead {
    /// In bytes.
    pub size: u64,
    /// As it was given when the blob was stored.
    pub content_type: ContentType,
    /// Differs for other bytes under the same key: as in the header `ETag`, with its quotes.
    pub etag: String,
    /// When it was stored, in Unix time; S3 says so to the second.
    pub modified_ms: u64,
}

/// A blob that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: BlobKey,
    /// When it was stored, in Unix time.
    pub modified_ms: u64,
}

/// A file with the bytes of a blob, to be read only. Its name goes away when this is dropped.
#[derive(Debug)]
pub struct Fetched {
    pub(crate) path: TempPath,
    pub(crate) size: u64,
}

impl Fetched {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        self.size
    }
}
