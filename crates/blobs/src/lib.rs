//! Where the bytes of attachments are, and nothing about what is in them or whose they are.
//!
//! [`Blobs`] is what a server may ask: for a URL to which a client sends bytes or from which it reads them, and for
//! what has arrived. Bytes never pass the server's own calls. There are two places: [`LocalBlobs`] keeps files below a
//! directory and serves them by URLs of its own signature ([`local::router`]), [`S3Blobs`] signs URLs of a bucket.
//! One suite (`tests/suite`) holds both to every promise of the trait.

mod content_type;
mod contract;
mod encoding;
mod error;
mod key;
pub mod local;
mod off_runtime;
mod parts;
pub mod s3;
mod shown;

pub use content_type::{ContentType, InvalidContentType};
pub use contract::{BlobHead, Blobs, Expected, Fetched, Listed, Signed};
pub use error::BlobError;
pub use key::{BlobKey, InvalidKey};
pub use local::{LocalBlobs, LocalConfig, RightOfWay, UnderWay, Yielding};
pub use parts::{InParts, InvalidParts, Part, PartsId};
pub use s3::{S3Blobs, S3Config};
pub use shown::Shown;
