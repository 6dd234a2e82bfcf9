//! One JSON object a line.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use tidemark_protocol::body::FeedEntry;

use super::Sink;
use crate::output;

/// A file with one JSON object a line.
pub(super) struct JsonLines(BufWriter<File>);

impl JsonLines {
    pub(super) fn begin(file: File) -> Self {
        Self(BufWriter::with_capacity(256 * 1024, file))
    }
}

impl Sink for JsonLines {
    fn write(&mut self, entries: &[FeedEntry]) -> io::Result<()> {
        for entry in entries {
            writeln!(self.0, "{}", output::json(entry))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.0.flush()
    }
}
