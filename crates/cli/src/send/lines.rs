//! Lines of any length from a stream, without holding more than one of them.

use std::io::{self, BufRead};
use std::thread;

use tokio::sync::mpsc;

/// The longest line, in bytes; far above what any server takes.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Reads lines on a thread of its own, a few ahead of whoever takes them. The thread ends with the stream; one
/// that waits for more of it does not keep the process from ending.
pub(super) fn read_ahead(
    stream: impl BufRead + Send + 'static,
) -> mpsc::Receiver<io::Result<Line>> {
    let (sender, receiver) = mpsc::channel(4);
    thread::spawn(move || {
        for line in Lines::new(stream) {
            let is_last = line.is_err();
            if sender.blocking_send(line).is_err() || is_last {
                break;
            }
        }
    });
    receiver
}

/// Reads lines, however they arrive.
struct Lines<R> {
    stream: R,
    /// What has arrived of the present line.
    begun: Vec<u8>,
    /// Whether the present line is too long, so that the rest of it is skipped.
    is_too_long: bool,
    number: u64,
}

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) content: Result<String, Unreadable>,
}

/// A line that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    TooLong,
    NotUtf8,
}

impl<R: BufRead> Lines<R> {
    fn new(stream: R) -> Self {
        Self {
            stream,
            begun: Vec::new(),
            is_too_long: false,
            number: 0,
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        loop {
            let arrived = match self.stream.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                arrived => arrived?,
            };
            if arrived.is_empty() {
                let is_partial = self.is_too_long || !self.begun.is_empty();
                return Ok(is_partial.then(|| self.finish()));
            }
            let end = arrived.iter().position(|byte| *byte == b'\n');
            let part = &arrived[..end.unwrap_or(arrived.len())];
            if self.begun.len() + part.len() > LINE_BYTES_MAX {
                self.is_too_long = true;
                self.begun.clear();
            }
            if !self.is_too_long {
                self.begun.extend_from_slice(part);
            }
            let consumed = part.len() + usize::from(end.is_some());
            self.stream.consume(consumed);
            if end.is_some() {
                return Ok(Some(self.finish()));
            }
        }
    }

    fn finish(&mut self) -> Line {
        self.number += 1;
        let mut bytes = std::mem::take(&mut self.begun);
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let content = if std::mem::take(&mut self.is_too_long) {
            Err(Unreadable::TooLong)
        } else {
            String::from_utf8(bytes).map_err(|_| Unreadable::NotUtf8)
        };
        Line {
            number: self.number,
            content,
        }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(bytes: &[u8]) -> Vec<Result<String, Unreadable>> {
        // Small reads, so that lines come in parts.
        let lines = Lines::new(io::BufReader::with_capacity(3, bytes));
        let lines: Vec<Line> = lines.collect::<Result<_, _>>().unwrap();
        let numbers = lines.iter().map(|line| line.number);
        assert!(numbers.eq(1..=lines.len() as u64));
        lines.into_iter().map(|line| line.content).collect()
    }

    fn texts<const N: usize>(lines: [&str; N]) -> [Result<String, Unreadable>; N] {
        lines.map(|line| Ok(line.to_owned()))
    }

    #[test]
    fn the_last_line_needs_no_end() {
        assert_eq!(contents(b""), []);
        assert_eq!(contents(b"one"), texts(["one"]));
        assert_eq!(contents(b"one\n\r\ntwo\r\n"), texts(["one", "", "two"]));
    }

    #[test]
    fn a_line_that_cannot_be_read_does_not_spoil_the_next() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX];
        bytes.extend_from_slice(b"\nyy");
        bytes.extend(vec![b'y'; LINE_BYTES_MAX]);
        bytes.extend_from_slice(b"\n\xff\nlast");
        let longest = "x".repeat(LINE_BYTES_MAX);
        assert_eq!(
            contents(&bytes),
            [
                Ok(longest),
                Err(Unreadable::TooLong),
                Err(Unreadable::NotUtf8),
                Ok("last".to_owned())
            ]
        );
    }
}
