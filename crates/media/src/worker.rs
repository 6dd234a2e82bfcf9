//! The worker process.

use std::process::ExitCode;

/// What the program does that a [`Workshop`](crate::Workshop) starts: reads one job from stdin, lowers its own limits,
/// does the job, and writes what it found to stdout. Needs no runtime. Call it before anything else is started.
pub fn work() -> ExitCode {
    ExitCode::FAILURE
}
