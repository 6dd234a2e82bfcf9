//! What commands print: results to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};

use serde::Serialize;

use crate::failure::{Failure, FailureKind};

/// Writes one line to stdout, at once.
///
/// # Errors
///
/// When stdout takes no more; the command ends then, quietly if its reader has gone.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .map_err(|error| closed(&error))
}

/// Writes many lines to stdout, in as few writes as possible.
pub(crate) struct Lines(BufWriter<Stdout>);

impl Lines {
    pub(crate) fn new() -> Self {
        Self(BufWriter::with_capacity(64 * 1024, io::stdout()))
    }

    /// Takes a line; it may stay here until [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// As [`line()`].
    pub(crate) fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        writeln!(self.0, "{text}").map_err(|error| closed(&error))
    }

    /// Writes what is still here.
    ///
    /// # Errors
    ///
    /// As [`line()`].
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.0.flush().map_err(|error| closed(&error))
    }
}

/// A value as one line of JSON.
///
/// # Panics
///
/// When `T` cannot be JSON at all, as a map whose keys are not strings.
pub(crate) fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what is printed has a shape in JSON")
}

fn closed(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::new(FailureKind::OutputClosed, String::new()),
        _ => Failure::failed(format!("cannot write to stdout: {error}")),
    }
}

/// Writes a remark for the person at the terminal to stderr. If there is none to read it, so be it.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error to stderr.
pub(crate) fn error(text: impl Display) {
    note(format_args!("tidemark: {text}"));
}
