//! The worker process.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::process::ExitCode;

use rlimit::Resource;

use crate::report::{Answer, Found, Job};
use crate::sniff::{self, HEAD_BYTES, Kind};
use crate::{Facts, Limits, MediaError, film, picture};

/// Much more than a job is.
pub(crate) const JOB_BYTES_MAX: u64 = 64 * 1024;
/// Files that may be open at once.
const OPEN_FILES_MAX: u64 = 64;
/// How much later than asked to stop it is stopped, if it uses the processor for too long.
const GRACE_SECONDS: u64 = 5;
/// How much it gives way to others: whoever waits for a message does not wait for a film.
const NICENESS: i32 = 10;

/// What the program does that a [`Workshop`](crate::Workshop) starts: reads one job from stdin, lowers its own limits,
/// does the job, and writes what it found to stdout. Needs no runtime. Call it before anything else is started.
pub fn work() -> ExitCode {
    let answer = match job() {
        Ok(job) => lower(&job.limits).and_then(|()| examine(&job)),
        Err(error) => Err(error),
    };
    let told = serde_json::to_vec(&answer)
        .map_err(io::Error::from)
        .and_then(|answer| io::stdout().write_all(&answer));
    match told {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

fn job() -> Result<Job, MediaError> {
    let mut job = Vec::new();
    io::stdin()
        .take(JOB_BYTES_MAX)
        .read_to_end(&mut job)
        .map_err(|error| MediaError::Unavailable(format!("there is no job: {error}")))?;
    serde_json::from_slice(&job)
        .map_err(|error| MediaError::Unavailable(format!("the job makes no sense: {error}")))
}

/// Takes from this process, and from all that it starts, what only a mistake would use.
fn lower(limits: &Limits) -> Result<(), MediaError> {
    let seconds = limits.cpu.as_secs().max(1);
    for (resource, soft, hard) in [
        (
            Resource::AS,
            limits.address_space_bytes,
            limits.address_space_bytes,
        ),
        (Resource::CPU, seconds, seconds + GRACE_SECONDS),
        (Resource::FSIZE, limits.written_bytes, limits.written_bytes),
        (Resource::CORE, 0, 0),
        (Resource::NOFILE, OPEN_FILES_MAX, OPEN_FILES_MAX),
    ] {
        if !resource.is_supported() {
            continue;
        }
        let lowered = resource
            .get()
            .and_then(|(_, allowed)| resource.set(soft.min(allowed), hard.min(allowed)));
        lowered.map_err(|error| {
            MediaError::Unavailable(format!("the worker cannot limit itself: {error}"))
        })?;
    }
    // It is politeness, not a limit.
    let _ = rustix::process::nice(NICENESS);
    Ok(())
}

/// Does the job.
fn examine(job: &Job) -> Answer {
    let unreadable =
        |error: io::Error| MediaError::Unavailable(format!("the file cannot be read: {error}"));
    let file = File::open(&job.source).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut head = Vec::new();
    (&file)
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(unreadable)?;
    let sniffed = sniff::sniff(&head, &job.declared_content_type);
    match sniffed.kind {
        Kind::Picture(format) => {
            if length > job.limits.picture_bytes {
                return Err(MediaError::TooMuch(format!("a picture of {length} bytes")));
            }
            let bytes = fs::read(&job.source).map_err(unreadable)?;
            picture::examine(&bytes, format, &job.out, &job.limits)
        }
        Kind::Film(container) => film::examine(job, container, sniffed.content_type),
        Kind::Document => Ok(Found {
            content_type: sniffed.content_type,
            facts: Facts::default(),
            made: Vec::new(),
        }),
    }
}
