//! Asks others whether a file is harmful.

mod clamd;
mod http;

use std::fmt;
use std::path::Path;

use futures_util::future::BoxFuture;

pub use clamd::{Clamd, ClamdAddress};
pub use http::HttpScanner;

/// Somebody who knows harmful files.
pub trait Scanner: fmt::Debug + Send + Sync + 'static {
    /// Looks at the bytes of `file`. Memory is bounded whatever its size, and so is the time: each scanner has a deadline.
    ///
    /// # Errors
    ///
    /// [`ScannerDown`] when there is no verdict. That is never a verdict: whoever asks decides whether a file that nobody
    /// looked at may be given out.
    fn scan<'a>(&'a self, file: &'a Path) -> BoxFuture<'a, Result<Verdict, ScannerDown>>;
}

/// What a scanner says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing harmful is known of it.
    Clean,
    /// It is known to be harmful.
    Infected {
        /// What the scanner calls it, at most 200 characters and none of them a control character.
        name: String,
    },
    /// It is larger than what the scanner takes. Nobody looked at it, and asking again does not help.
    TooLarge,
}

/// A scanner gave no verdict. Worth asking again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the scanner gave no verdict: {0}")]
pub struct ScannerDown(pub String);

/// A name that may be in a log and in an answer.
fn harmless_name(name: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    let name = name.chars().filter(|character| !character.is_control());
    let name: String = name.take(CHARACTERS_MAX).collect();
    match name.trim() {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}
