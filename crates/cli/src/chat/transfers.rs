//! Carries files to the server and back, and says how far it is. One at a time.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tidemark_client::{FileToUpload, Http, TransferError, Wanted};
use tidemark_core::UploadId;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::calls;
use super::event::{Event, Job, Outcome, Progress, RemoteFile, TransferId};
use super::files::{self, Place};

/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// How long leaving waits until the server knows that an upload is given up.
const LEAVING_WITHIN: Duration = Duration::from_secs(3);

/// Who carries files.
#[derive(Debug)]
pub(super) struct Carrier {
    http: Http,
    answers: mpsc::Sender<Event>,
    under_way: Option<UnderWay>,
    /// Files that another program shows; they go away with the chat.
    shown: Option<TempDir>,
}

#[derive(Debug)]
struct UnderWay {
    transfer: TransferId,
    /// Dropped or used, it stops.
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Carrier {
    pub(super) fn new(http: Http, answers: mpsc::Sender<Event>) -> Self {
        Self {
            http,
            answers,
            under_way: None,
            shown: None,
        }
    }

    /// Begins a transfer; what it comes to is answered.
    pub(super) fn begin(&mut self, transfer: TransferId, job: Job) {
        let shown = match &job {
            Job::Open { .. } => self.private_directory(),
            Job::Upload { .. } | Job::Save { .. } => Ok(PathBuf::new()),
        };
        let (stop, stopped) = oneshot::channel();
        let teller = Teller {
            transfer,
            answers: self.answers.clone(),
            last: None,
        };
        let (http, answers) = (self.http.clone(), self.answers.clone());
        let task = tokio::spawn(async move {
            let begun = OnceLock::new();
            let carrying = carry(&http, job, shown, teller, &begun);
            let outcome = tokio::select! {
                outcome = carrying => outcome.unwrap_or_else(Outcome::Failed),
                _ = stopped => {
                    if let Some(upload) = begun.get() {
                        // If it cannot be told, it ends by itself in a day.
                        let _ = http.cancel_upload(*upload).await;
                    }
                    Outcome::Stopped
                }
            };
            let _ = answers.send(Event::TransferOver(transfer, outcome)).await;
        });
        self.under_way = Some(UnderWay {
            transfer,
            stop: Some(stop),
            task,
        });
    }

    /// Stops a transfer, if it is still under way.
    pub(super) fn stop(&mut self, transfer: TransferId) {
        let under_way = self.under_way.as_mut();
        if let Some(it) = under_way.filter(|it| it.transfer == transfer) {
            it.stop.take();
        }
    }

    /// Stops whatever is under way, and gives the server the time to hear of it.
    pub(super) async fn leave(self) {
        if let Some(UnderWay { stop, task, .. }) = self.under_way {
            drop(stop);
            let _ = timeout(LEAVING_WITHIN, task).await;
        }
    }

    fn private_directory(&mut self) -> Result<PathBuf, String> {
        if self.shown.is_none() {
            let made = tempfile::Builder::new().prefix("tidemark-").tempdir();
            self.shown = Some(made.map_err(|error| format!("cannot make a directory: {error}"))?);
        }
        let directory = self.shown.as_ref().map(|it| it.path().to_owned());
        Ok(directory.unwrap_or_default())
    }
}

/// Tells how far a transfer is, not too often.
struct Teller {
    transfer: TransferId,
    answers: mpsc::Sender<Event>,
    last: Option<Instant>,
}

impl Teller {
    fn tell(&mut self, name: &str, done: u64, size: Option<u64>) {
        let is_due = self
            .last
            .is_none_or(|last| last.elapsed() >= PROGRESS_INTERVAL);
        if is_due || size == Some(done) {
            self.last = Some(Instant::now());
            // Whoever is busy is told of what follows.
            let _ = self.answers.try_send(Event::Progress(Progress {
                transfer: self.transfer,
                name: name.to_owned(),
                done,
                size,
            }));
        }
    }
}

async fn carry(
    http: &Http,
    job: Job,
    shown: Result<PathBuf, String>,
    teller: Teller,
    begun: &OnceLock<UploadId>,
) -> Result<Outcome, String> {
    match job {
        Job::Upload { path } => upload(http, &path, teller, begun).await,
        Job::Save { files, to } => save(http, &files, to.as_deref(), teller).await,
        Job::Open { files } => open(http, &files, &shown?, teller).await,
    }
}

async fn upload(
    http: &Http,
    typed: &str,
    mut teller: Teller,
    begun: &OnceLock<UploadId>,
) -> Result<Outcome, String> {
    let path = files::typed_path(typed, env::var_os("HOME"));
    files::check(&path)?;
    let name = path.file_name().map(|name| name.to_string_lossy());
    let name = name.unwrap_or_default().into_owned();
    let file = FileToUpload::at(&path);
    let uploaded = http.upload(&file, |progress| {
        let _ = begun.set(progress.upload);
        teller.tell(&name, progress.sent, Some(progress.size));
    });
    let attachment = uploaded.await.map_err(|error| sentence(&error))?;
    Ok(Outcome::Uploaded {
        upload: attachment.upload_id.0,
        name: attachment.name,
    })
}

async fn save(
    http: &Http,
    files: &[RemoteFile],
    to: Option<&str>,
    mut teller: Teller,
) -> Result<Outcome, String> {
    let typed = to.unwrap_or(".");
    let path = files::typed_path(typed, env::var_os("HOME"));
    let place = Place::find(&path, typed, files.len())?;
    let mut saved = Vec::new();
    for file in files {
        match fetch(http, file, &place, &mut teller).await {
            Ok(path) => saved.push(path),
            Err(reason) => {
                let others = match saved.len() {
                    0 => String::new(),
                    count => format!("; {count} of {} are saved", files.len()),
                };
                return Err(format!("cannot save {}: {reason}{others}", file.name));
            }
        }
    }
    Ok(Outcome::Done(match saved.as_slice() {
        [only] => format!("saved as {}", absolute(only)),
        several => {
            let directory = several.first().and_then(|first| first.parent());
            let directory = absolute(directory.unwrap_or(Path::new(".")));
            format!("saved {} files in {directory}", several.len())
        }
    }))
}

async fn open(
    http: &Http,
    files: &[RemoteFile],
    directory: &Path,
    mut teller: Teller,
) -> Result<Outcome, String> {
    let opener = files::opener(env::var_os("PATH")).ok_or_else(|| {
        "there is neither xdg-open nor open on this machine; /save keeps the file".to_owned()
    })?;
    if let Some(file) = files.iter().find(|file| !files::is_shown(&file.name)) {
        return Err(format!(
            "/open shows pictures, sound, video, PDF and plain text; /save keeps {}",
            file.name
        ));
    }
    let place = Place::Directory(directory.to_owned());
    for file in files {
        let path = fetch(http, file, &place, &mut teller)
            .await
            .map_err(|reason| format!("cannot open {}: {reason}", file.name))?;
        show(&opener, &path, &teller.answers)
            .map_err(|error| format!("cannot run {}: {error}", opener.display()))?;
    }
    Ok(Outcome::Done(match files {
        [only] => format!("opened {}", only.name),
        several => format!("opened {} files", several.len()),
    }))
}

/// Has another program show a file. It has no part of the terminal, and lives on by itself.
fn show(opener: &Path, path: &Path, answers: &mpsc::Sender<Event>) -> std::io::Result<()> {
    let mut child = Command::new(opener)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let (opener, answers) = (opener.display().to_string(), answers.clone());
    tokio::spawn(async move {
        if child.wait().await.is_ok_and(|status| !status.success()) {
            let sentence = format!("{opener} found nothing that shows such a file; /save keeps it");
            let line = None;
            let _ = answers.send(Event::Failed { sentence, line }).await;
        }
    });
    Ok(())
}

/// Fetches a file into a place. Where it is then.
async fn fetch(
    http: &Http,
    file: &RemoteFile,
    place: &Place,
    teller: &mut Teller,
) -> Result<PathBuf, String> {
    let claimed = place.claim(&file.name).map_err(|error| error.to_string())?;
    let tell = |done, size| teller.tell(&file.name, done, size);
    http.download(file.upload, Wanted::Original, &claimed.path, tell)
        .await
        .map_err(|error| sentence(&error))?;
    Ok(claimed.keep())
}

fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path);
    absolute.as_deref().unwrap_or(path).display().to_string()
}

fn sentence(error: &TransferError) -> String {
    match error {
        TransferError::Server(error) => calls::sentence(error),
        error => error.to_string(),
    }
}
