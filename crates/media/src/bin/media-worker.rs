//! A worker and nothing else, for whoever has no larger program to put it into.

use std::process::ExitCode;

fn main() -> ExitCode {
    tidemark_media::work()
}
