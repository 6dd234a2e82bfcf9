//! What `strace -f` wrote, as calls with a beginning and an end.

use std::collections::HashMap;

/// A system call of one of the threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// As strace shows them; what the call read is among them.
    pub(crate) arguments: String,
    /// The line on which it began.
    pub(crate) began: usize,
    /// The line on which it returned, if it did.
    pub(crate) returned: Option<usize>,
    pub(crate) succeeded: bool,
}

/// Calls in the order in which they began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    calls: Vec<Call>,
}

const WAL: &str = "/tidemark.db-wal>";
const WRITES: [&str; 3] = ["pwrite64", "pwritev", "pwritev2"];
const FLUSHES: [&str; 2] = ["fdatasync", "fsync"];
const ANSWERS: [&str; 4] = ["write", "writev", "sendto", "sendmsg"];
const READS: [&str; 2] = ["read", "recvfrom"];
/// The calls that are read here.
pub(crate) const TRACED: [&str; 11] = [
    "pwrite64",
    "pwritev",
    "pwritev2",
    "fdatasync",
    "fsync",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "read",
    "recvfrom",
];

impl Trace {
    /// Reads the lines of strace.
    ///
    /// A call that others run beside is on two lines: `NAME(… <unfinished ...>`, and later, from the same
    /// thread, `<... NAME resumed>…) = RESULT`. Where it began and where it returned are then
    /// different places, and that difference is what the order of a flush and an answer turns on.
    pub(crate) fn parse(text: &str) -> Self {
        let mut calls: Vec<Call> = Vec::new();
        let mut unfinished: HashMap<&str, usize> = HashMap::new();
        for (line, content) in text.lines().enumerate() {
            let Some((thread, rest)) = content.split_once(' ') else {
                continue;
            };
            let rest = rest.trim_start();
            if let Some(resumed) = rest.strip_prefix("<... ") {
                let Some(index) = unfinished.remove(thread) else {
                    continue;
                };
                let (name, rest) = resumed.split_once(" resumed>").unwrap_or((resumed, ""));
                let call: &mut Call = &mut calls[index];
                assert_eq!(call.name, name, "another call is resumed than was left");
                call.finish(line, rest);
                continue;
            }
            let Some((name, rest)) = rest.split_once('(') else {
                continue;
            };
            if !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                continue;
            }
            let mut call = Call {
                name: name.to_owned(),
                arguments: String::new(),
                began: line,
                returned: None,
                succeeded: false,
            };
            if let Some(begun) = rest.strip_suffix("<unfinished ...>") {
                begun.clone_into(&mut call.arguments);
                unfinished.insert(thread, calls.len());
            } else {
                call.finish(line, rest);
            }
            calls.push(call);
        }
        Self { calls }
    }

    /// What happened between two requests that the server was sent as marks.
    pub(crate) fn between(&self, from: &str, to: &str) -> Self {
        let mark = |name: &str| {
            let request = format!("GET /{name}/");
            let mut reads = self
                .calls
                .iter()
                .filter(|call| READS.contains(&&*call.name));
            let read = reads.find(|call| call.arguments.contains(&request));
            read.unwrap_or_else(|| panic!("the trace has no mark {name}"))
                .began
        };
        let (from, to) = (mark(from), mark(to));
        let calls = self
            .calls
            .iter()
            .filter(|call| (from..to).contains(&call.began));
        Self {
            calls: calls.cloned().collect(),
        }
    }

    /// How often anything was flushed.
    pub(crate) fn flushes(&self) -> usize {
        let flushes = self
            .calls
            .iter()
            .filter(|call| FLUSHES.contains(&&*call.name));
        flushes.count()
    }

    /// Where a flush of the write-ahead log returned that took `words` along: it began after the write of
    /// them had returned, and succeeded.
    pub(crate) fn flushed(&self, words: &str) -> usize {
        let mut writes = self.wal_writes();
        let written = writes.find(|call| call.arguments.contains(words));
        let written = written.unwrap_or_else(|| panic!("{words:?} is not written to the log"));
        self.flush_after(written)
            .unwrap_or_else(|| panic!("{words:?} is written to the log but not flushed"))
    }

    /// The writes to the log that no flush had covered when `answer` began, by their lines.
    pub(crate) fn unflushed_at(&self, answer: &Call) -> Vec<usize> {
        let before = self.wal_writes().filter(|call| call.began < answer.began);
        before
            .filter(|write| {
                self.flush_after(write)
                    .is_none_or(|line| line > answer.began)
            })
            .map(|write| write.began)
            .collect()
    }

    /// The first call that sends all of these words to somebody.
    pub(crate) fn answer(&self, words: &[&str]) -> &Call {
        let mut answers = self.calls.iter().filter(|call| {
            ANSWERS.contains(&&*call.name) && words.iter().all(|it| call.arguments.contains(it))
        });
        answers
            .next()
            .unwrap_or_else(|| panic!("nothing with {words:?} is sent"))
    }

    fn wal_writes(&self) -> impl Iterator<Item = &Call> {
        self.calls
            .iter()
            .filter(|call| WRITES.contains(&&*call.name) && call.is_on_the_log())
    }

    fn flush_after(&self, write: &Call) -> Option<usize> {
        let written = write.returned.filter(|_| write.succeeded)?;
        let mut flushes = self.calls.iter().filter(|call| {
            FLUSHES.contains(&&*call.name)
                && call.is_on_the_log()
                && call.succeeded
                && call.began > written
        });
        flushes.next()?.returned
    }
}

impl Call {
    fn finish(&mut self, line: usize, rest: &str) {
        let (arguments, result) = rest.rsplit_once(" = ").unwrap_or((rest, "?"));
        self.arguments.push_str(arguments);
        self.returned = Some(line);
        self.succeeded = result.starts_with(|first: char| first.is_ascii_digit());
    }

    /// Whether its first argument is the write-ahead log.
    fn is_on_the_log(&self) -> bool {
        let end = self
            .arguments
            .find([',', ')'])
            .unwrap_or(self.arguments.len());
        self.arguments[..end].trim_end().ends_with(WAL)
    }
}

#[cfg(test)]
mod tests {
    use super::Trace;

    const WRITE: &str = r#"11 pwrite64(12</d/tidemark.db-wal>, "..said..", 8, 32) = 8"#;
    const ACK: &str = r#"10 sendto(17<socket:[1]>, "\"ack\"", 5, MSG_NOSIGNAL, NULL, 0) = 5"#;

    fn trace(lines: &[&str]) -> Trace {
        Trace::parse(&lines.join("\n"))
    }

    #[test]
    fn an_answer_inside_an_unfinished_flush_is_seen_to_be_early() {
        let trace = trace(&[
            WRITE,
            "11 fdatasync(12</d/tidemark.db-wal> <unfinished ...>",
            ACK,
            "11 <... fdatasync resumed>)           = 0",
        ]);
        assert_eq!(trace.flushed("said"), 3);
        let ack = trace.answer(&["ack"]);
        assert_eq!(ack.began, 2);
        assert_eq!(trace.unflushed_at(ack), [0]);
    }

    #[test]
    fn an_answer_after_the_flush_has_returned_is_in_order() {
        let trace = trace(&[
            r#"11   pwrite64(12</d/tidemark.db-wal>, "..said..", 8, 32 <unfinished ...>"#,
            r#"10 read(3<pipe:[1]>, "x = 1", 5)  = 5"#,
            "11 <... pwrite64 resumed>) = 8",
            "11 fdatasync(12</d/tidemark.db-wal>) = 0",
            ACK,
            "11 +++ exited with 0 +++",
        ]);
        assert_eq!(trace.flushed("said"), 3);
        assert_eq!(trace.unflushed_at(trace.answer(&["ack"])), [0; 0]);
        assert_eq!(trace.flushes(), 1);
    }

    #[test]
    fn a_flush_that_failed_or_is_of_another_file_or_came_before_counts_for_nothing() {
        let trace = trace(&[
            "11 fdatasync(12</d/tidemark.db-wal>) = 0",
            WRITE,
            "11 fdatasync(12</d/tidemark.db-wal>) = -1 EIO (Input/output error)",
            "11 fsync(13</d/tidemark.db>) = 0",
            ACK,
        ]);
        assert_eq!(trace.unflushed_at(trace.answer(&["ack"])), [1]);
        assert_eq!(trace.flushes(), 3);
    }

    #[test]
    fn marks_cut_a_part_out() {
        let mark = |name: &str| {
            format!(r#"10 recvfrom(5<socket:[1]>, "GET /{name}/v1/users/me", 9, 0) = 9"#)
        };
        let (begin, end) = (mark("begin"), mark("end"));
        let flush = "11 fsync(13</d/tidemark.db>) = 0";
        let trace = trace(&[flush, &begin, WRITE, flush, &end, flush]);
        assert_eq!(trace.between("begin", "end").flushes(), 1);
    }
}
