//! Runs ffmpeg with nothing but one file to look at.

use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Ffmpeg;
use crate::report::Job;
use crate::sniff::Container;
use crate::{Limits, MediaError, Variant};

/// How often to look whether a program has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// ffmpeg, and the file that it looks at.
pub(super) struct Tool<'a> {
    programs: &'a Ffmpeg,
    source: &'a Path,
    pub(super) container: Container,
    pub(super) limits: &'a Limits,
    out: &'a Path,
    temporary: &'a Path,
    /// A little before the whole worker is killed, so that what is known by then is not lost.
    deadline: Instant,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// It would not or could not.
    Badly,
    /// It wanted more than it may have.
    TooMuch,
    TooLate,
}

impl Ended {
    /// For whom nothing is left to do without it.
    pub(super) fn well(self, what: &str) -> Result<(), MediaError> {
        match self {
            Self::Well => Ok(()),
            Self::Badly => Err(MediaError::Broken(what.to_owned())),
            Self::TooMuch => Err(MediaError::TooMuch(what.to_owned())),
            Self::TooLate => Err(MediaError::TimedOut),
        }
    }
}

impl<'a> Tool<'a> {
    pub(super) fn new(programs: &'a Ffmpeg, job: &'a Job, container: Container) -> Self {
        Self {
            programs,
            source: &job.source,
            container,
            limits: &job.limits,
            out: &job.out,
            temporary: &job.temporary,
            deadline: Instant::now() + job.limits.time * 9 / 10,
        }
    }

    pub(super) fn source(&self) -> &Path {
        self.source
    }

    /// Where the file for a variant belongs.
    pub(super) fn place(&self, variant: Variant) -> PathBuf {
        self.out.join(variant.name())
    }

    pub(super) fn out(&self) -> &Path {
        self.out
    }

    pub(super) fn temporary(&self) -> &Path {
        self.temporary
    }

    /// What is in `file`, as JSON.
    pub(super) fn probe(&self, file: &Path, demuxer: &str) -> Result<(Ended, Vec<u8>), MediaError> {
        const JSON_BYTES_MAX: u64 = 1 << 20;
        let mut command = Command::new(&self.programs.ffprobe);
        command.args(["-v", "error"]).args(only(demuxer));
        command.args(["-show_format", "-show_streams", "-of", "json", "-i"]);
        command.arg(address(file));
        self.run(command, |stdout| {
            let mut json = Vec::new();
            // What cannot be read is missing from the JSON, which then is none.
            let _ = stdout.take(JSON_BYTES_MAX).read_to_end(&mut json);
            json
        })
    }

    /// Lets ffmpeg read the file, from the second `from` on, and do what `wanted` says.
    pub(super) fn ffmpeg<T: Send>(
        &self,
        from: Option<f64>,
        wanted: &[OsString],
        hear: impl FnOnce(ChildStdout) -> T + Send,
    ) -> Result<(Ended, T), MediaError> {
        let threads = self.limits.threads.max(1).to_string();
        let mut command = Command::new(&self.programs.ffmpeg);
        command.args(["-v", "error", "-nostdin", "-y", "-filter_threads", &threads]);
        command
            .args(["-threads", &threads])
            .args(only(self.demuxer()));
        if let Some(from) = from {
            command.arg("-ss").arg(format!("{from:.3}"));
        }
        command.arg("-i").arg(address(self.source));
        command.args(wanted);
        self.run(command, hear)
    }

    /// The same for what writes into a file.
    pub(super) fn ffmpeg_to(
        &self,
        from: Option<f64>,
        wanted: &[&str],
        file: &Path,
    ) -> Result<Ended, MediaError> {
        let mut wanted: Vec<OsString> = wanted.iter().map(OsString::from).collect();
        wanted.push(address(file));
        Ok(self.ffmpeg(from, &wanted, drop)?.0)
    }

    /// The one demuxer that may read the file.
    pub(super) fn demuxer(&self) -> &'static str {
        match self.container {
            Container::Mp4 | Container::M4a | Container::QuickTime => "mov",
            Container::WebM | Container::Matroska => "matroska",
            Container::OggAudio | Container::OggVideo => "ogg",
            Container::Mp3 => "mp3",
            Container::Adts => "aac",
            Container::Wav => "wav",
            Container::Flac => "flac",
            Container::Avi => "avi",
        }
    }

    fn run<T: Send>(
        &self,
        mut command: Command,
        hear: impl FnOnce(ChildStdout) -> T + Send,
    ) -> Result<(Ended, T), MediaError> {
        let broken = |error| MediaError::Unavailable(format!("ffmpeg cannot be run: {error}"));
        let mut child = command
            .env_clear()
            .current_dir(self.temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(broken)?;
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| MediaError::Unavailable("ffmpeg is mute".to_owned()))?;
        thread::scope(|scope| {
            let heard = scope.spawn(move || hear(stdout));
            let ended = self.wait(&mut child).map_err(broken)?;
            let heard = heard
                .join()
                .map_err(|_| MediaError::Broken("what ffmpeg said broke the worker".to_owned()))?;
            Ok((ended, heard))
        })
    }

    /// Waits until it ends, and ends it when it is late.
    fn wait(&self, child: &mut Child) -> std::io::Result<Ended> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(ended(status));
            }
            if Instant::now() > self.deadline {
                child.kill()?;
                child.wait()?;
                return Ok(Ended::TooLate);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

fn ended(status: ExitStatus) -> Ended {
    let is = |signal: Signal| status.signal() == Some(signal.as_raw());
    if status.success() {
        Ended::Well
    } else if is(Signal::XFSZ) || is(Signal::KILL) {
        Ended::TooMuch
    } else if is(Signal::XCPU) {
        Ended::TooLate
    } else {
        Ended::Badly
    }
}

/// Reads with this demuxer, and through no other protocol than files and pipes.
fn only(demuxer: &str) -> [&str; 4] {
    ["-protocol_whitelist", "file,pipe", "-f", demuxer]
}

/// A path that is nothing but a path, whatever its characters.
fn address(file: &Path) -> OsString {
    let mut address = OsString::from("file:");
    address.push(file);
    address
}
