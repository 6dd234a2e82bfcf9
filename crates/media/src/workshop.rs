//! Starts a worker for each file, and outlives it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::report::{Answer, Found, Job, Making};
use crate::worker::JOB_BYTES_MAX;
use crate::{Examined, Facts, Ffmpeg, Limits, Made, MediaError};

/// Much more than an answer is.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// The longest content type that is believed.
const CONTENT_TYPE_BYTES_MAX: usize = 127;
/// The longest placeholder that is believed.
const BLUR_BYTES_MAX: usize = 40;

/// Starts a worker for each file, and outlives it.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// A program whose `main` is [`work`](crate::work): the own executable.
    pub program: PathBuf,
    /// Its arguments: whatever makes that program call [`work`](crate::work).
    pub arguments: Vec<OsString>,
    /// What one file may cost. How many are examined at once is the caller's to bound.
    pub limits: Limits,
    /// A directory for temporary files, each of which is gone when `examine` has answered or its future is dropped.
    pub scratch: PathBuf,
    /// Without it, of audio and video only the content type is known.
    pub ffmpeg: Option<Ffmpeg>,
}

impl Workshop {
    /// Says what is in the file `source`, which stays as it is, and puts what is made of it into `out`: an empty directory,
    /// which is the caller's to remove, also after an error. `declared_content_type` is what somebody said of the file.
    /// All paths are absolute.
    ///
    /// When the future is dropped, the worker is killed with everything that it has started.
    ///
    /// # Errors
    ///
    /// See [`MediaError`]. Nothing that a file does to the worker does anything to the caller.
    pub async fn examine(
        &self,
        source: &Path,
        declared_content_type: &str,
        out: &Path,
    ) -> Result<Examined, MediaError> {
        let temporary = tempfile::Builder::new()
            .prefix("media-")
            .tempdir_in(&self.scratch)
            .map_err(|error| unavailable("there is no place for temporary files", &error))?;
        let job = Job {
            source: source.to_owned(),
            declared_content_type: declared_content_type.to_owned(),
            out: out.to_owned(),
            temporary: temporary.path().to_owned(),
            limits: self.limits.clone(),
            ffmpeg: self.ffmpeg.clone(),
        };
        let job = serde_json::to_vec(&job)
            .map_err(|error| MediaError::Unavailable(format!("the job cannot be told: {error}")))?;
        if job.len() as u64 >= JOB_BYTES_MAX {
            return Err(MediaError::Unavailable("the job is too long".to_owned()));
        }
        let mut worker = self.start(temporary.path())?;
        let told = timeout(self.limits.time, worker.ask(&job)).await;
        // Before its files go, so that nothing writes there any more.
        drop(worker);
        let found = told.map_err(|_| MediaError::TimedOut)??;
        believe(found, out)
    }

    fn start(&self, temporary: &Path) -> Result<Worker, MediaError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        let child = command
            .current_dir(temporary)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Of its own, so that it can be killed with whatever it has started.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| unavailable("the worker cannot be started", &error))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Worker { child, group })
    }
}

/// A running worker, and whatever it has started.
struct Worker {
    child: Child,
    group: Option<Pid>,
}

impl Worker {
    /// Tells it the job and waits until it is gone.
    async fn ask(&mut self, job: &[u8]) -> Result<Found, MediaError> {
        let lost = |error: io::Error| unavailable("the worker cannot be heard", &error);
        if let Some(mut stdin) = self.child.stdin.take() {
            // A worker that does not listen says why with its end.
            let _ = stdin.write_all(job).await;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = self.child.stdout.take() {
            let mut bounded = stdout.take(ANSWER_BYTES_MAX + 1);
            bounded.read_to_end(&mut answer).await.map_err(lost)?;
        }
        if answer.len() as u64 > ANSWER_BYTES_MAX {
            return Err(MediaError::Broken("the worker says too much".to_owned()));
        }
        let status = self.child.wait().await.map_err(lost)?;
        if !status.success() {
            return Err(died(status));
        }
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|error| MediaError::Broken(format!("the worker talks nonsense: {error}")))?;
        answer
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // Nobody may be left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

fn unavailable(what: &str, error: &io::Error) -> MediaError {
    MediaError::Unavailable(format!("{what}: {error}"))
}

/// What the end of a worker says of its file.
fn died(status: ExitStatus) -> MediaError {
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    if is(Signal::XCPU) {
        MediaError::TimedOut
    } else if is(Signal::ABORT) || is(Signal::KILL) {
        // What Rust does without memory, and what the system does to whoever takes it from others.
        MediaError::TooMuch(format!("the worker had not enough memory: {status}"))
    } else if is(Signal::XFSZ) {
        MediaError::TooMuch("what is made of it is too large".to_owned())
    } else {
        MediaError::Broken(format!("the worker died: {status}"))
    }
}

/// Takes from a worker only what one may say that does what it should.
fn believe(found: Found, out: &Path) -> Result<Examined, MediaError> {
    let Facts { blur, waveform, .. } = &found.facts;
    let is_blur = |blur: &String| blur.is_ascii() && blur.len() <= BLUR_BYTES_MAX;
    let is_sane = is_content_type(&found.content_type)
        && blur.as_ref().is_none_or(is_blur)
        && waveform
            .as_ref()
            .is_none_or(|peaks| peaks.len() == Facts::PEAKS);
    let mut files: Vec<Made> = Vec::new();
    for Making {
        variant,
        content_type,
        width,
        height,
    } in found.made
    {
        let path = out.join(variant.name());
        let is_file = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
        let is_new = files.iter().all(|made| made.variant != variant);
        if !is_file || !is_new || !is_content_type(&content_type) {
            return Err(nonsense());
        }
        files.push(Made {
            variant,
            path,
            content_type,
            width,
            height,
        });
    }
    if !is_sane {
        return Err(nonsense());
    }
    Ok(Examined {
        content_type: found.content_type,
        facts: found.facts,
        files,
    })
}

fn nonsense() -> MediaError {
    MediaError::Broken("the worker talks nonsense".to_owned())
}

fn is_content_type(text: &str) -> bool {
    text.len() <= CONTENT_TYPE_BYTES_MAX
        && text.contains('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}
