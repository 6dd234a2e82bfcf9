//! Why a question about blobs has no answer.

use crate::InvalidParts;

/// Nothing happened that anybody could see, except where [`Unavailable`](Self::Unavailable) says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The place did not answer, or answered what cannot be understood. What was asked for may have happened; asking
    /// again is harmless. The words are for the log: they may have paths and addresses in them.
    #[error("the blob store cannot be used: {0}")]
    Unavailable(String),
    /// There is no room for more.
    #[error("the blob store is full")]
    Full,
    /// There is no such blob, or no such upload in parts: never was, was finished, or was removed.
    #[error("there is no such blob or upload")]
    NotFound,
    /// An upload in parts cannot be finished: of its parts, this one is the first that has not arrived whole.
    #[error("part {first} has not arrived whole")]
    PartMissing {
        /// Its number, from 1.
        first: u32,
    },
    /// An upload has no part with this number.
    #[error("the upload has no part {number}")]
    NoSuchPart {
        /// The number that was asked for.
        number: u32,
    },
    /// No upload can be divided so.
    #[error(transparent)]
    Division(#[from] InvalidParts),
    /// A URL cannot be valid for so long: it is at most a week.
    #[error("a URL is valid for at most a week")]
    ValidTooLong,
}

impl From<std::io::Error> for BlobError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Self::Full,
            _ => Self::Unavailable(error.to_string()),
        }
    }
}
