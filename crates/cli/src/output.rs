//! What commands print: results to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, Write};

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
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::new(FailureKind::OutputClosed, String::new()),
            _ => Failure::failed(format!("cannot write to stdout: {error}")),
        })
}

/// Writes a remark for the person at the terminal to stderr. If there is none to read it, so be it.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes an error to stderr.
pub(crate) fn error(text: impl Display) {
    note(format_args!("tidemark: {text}"));
}
