//! Files: sent to the server beside the messages, in parts where they are large, and fetched from it.

mod download;
mod pieces;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use tidemark_core::UploadId;
use tidemark_protocol::body::{
    ArrivedParts, Attachment, NewUpload, PartsWanted, SignedParts, SignedRequest, Upload,
    UploadBegun, UploadStage,
};
use tokio::time::sleep;

use crate::{Backoff, Http, HttpError};

pub use download::Wanted;

/// How often the same bytes are sent before it is given up.
const TRIES_MAX: u32 = 6;
/// Parts that URLs are asked for at once.
const PARTS_AT_ONCE: usize = 10;
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// After how long without a byte that went out a request is given up.
const STALLED_AFTER: Duration = Duration::from_mins(1);

/// A file to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileToUpload {
    /// Where it is.
    pub path: PathBuf,
    /// What others are to see as its name; that of the path if it is `None`.
    pub name: Option<String>,
    /// What kind of file it is; guessed by the ending of the name if it is `None`.
    pub content_type: Option<String>,
}

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadProgress {
    /// Which: with it, [`Http::resume_upload`] goes on after a restart.
    pub upload: UploadId,
    /// Bytes that the server has, or that are on their way.
    pub sent: u64,
    /// Bytes of the file.
    pub size: u64,
}

/// Why a file was not uploaded or not fetched.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not the one that was announced: its size is another one.
    #[error("the file has changed since it was announced")]
    Changed,
    /// The server cannot be reached or said no.
    #[error(transparent)]
    Server(#[from] HttpError),
    /// The bytes were not taken or not given.
    #[error("the bytes were refused with status {status}")]
    Refused {
        /// Which HTTP status.
        status: u16,
    },
    /// The bytes got stuck or the connection broke, again and again.
    #[error("the connection broke too often")]
    Broken,
    /// The server refused the upload after it had looked at it, or has nothing to give.
    #[error("the upload was refused")]
    UploadRefused,
}

impl TransferError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

impl FileToUpload {
    /// The file at this path, under its own name.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            name: None,
            content_type: None,
        }
    }

    fn name(&self) -> String {
        let own = || self.path.file_name().map(|name| name.to_string_lossy());
        self.name
            .clone()
            .or_else(|| own().map(Into::into))
            .unwrap_or_else(|| "file".to_owned())
    }

    fn content_type(&self) -> String {
        let guessed = || mime_guess::from_path(self.name()).first_or_octet_stream();
        self.content_type
            .clone()
            .unwrap_or_else(|| guessed().essence_str().to_owned())
    }
}

/// Bytes of a file that are to go out.
#[derive(Clone, Copy, Debug)]
struct Piece {
    begins: u64,
    size: u64,
}

impl Http {
    /// Uploads a file: announces it, sends its bytes, tries again where the connection breaks. What a message may show
    /// is there when this returns; see [`OutgoingMessage::showing`](crate::OutgoingMessage::showing).
    ///
    /// Dropping the future stops sending; [`resume_upload`](Self::resume_upload) goes on, and
    /// [`cancel_upload`](Self::cancel_upload) gives it up. Bytes that the user has uploaded before are not sent again.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn upload(
        &self,
        file: &FileToUpload,
        progress: impl FnMut(UploadProgress) + Send,
    ) -> Result<Attachment, TransferError> {
        let (size, sha256) = pieces::measure(&file.path).await?;
        let new = NewUpload {
            name: file.name(),
            size,
            content_type: file.content_type(),
            sha256: Some(sha256),
        };
        let begun: UploadBegun = self.call(Method::POST, "/v1/uploads", Some(&new)).await?;
        let mut transfer = Transfer {
            http: self,
            path: &file.path,
            id: begun.upload_id.0,
            size,
            held: 0,
            progress,
        };
        if begun.state == UploadStage::Waiting {
            if begun.part_size.is_some() {
                transfer.send_parts().await?;
            } else {
                transfer.send_whole(&begun.request).await?;
            }
        }
        transfer.complete().await
    }

    /// Goes on with an upload that was interrupted, perhaps by another process: sends the parts that are missing. A file
    /// that does not come in parts is to be uploaded anew.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn resume_upload(
        &self,
        id: UploadId,
        path: &Path,
        progress: impl FnMut(UploadProgress) + Send,
    ) -> Result<Attachment, TransferError> {
        let upload = self.upload_state(id).await?;
        let size = upload.attachment.size;
        let metadata = tokio::fs::metadata(path)
            .await
            .map_err(TransferError::file(path))?;
        if metadata.len() != size {
            return Err(TransferError::Changed);
        }
        let mut transfer = Transfer {
            http: self,
            path,
            id,
            size,
            held: 0,
            progress,
        };
        if upload.attachment.state == UploadStage::Waiting {
            transfer.send_parts().await?;
        }
        transfer.complete().await
    }

    /// Gives an upload up, or deletes one that no message shows.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn cancel_upload(&self, id: UploadId) -> Result<(), HttpError> {
        self.tell(Method::DELETE, &format!("/v1/uploads/{id}"))
            .await
    }

    /// Where an upload is now.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn upload_state(&self, id: UploadId) -> Result<Upload, HttpError> {
        let path = format!("/v1/uploads/{id}");
        self.call(Method::GET, &path, None::<&()>).await
    }
}

/// A file on its way out.
struct Transfer<'a, Progress> {
    http: &'a Http,
    path: &'a Path,
    id: UploadId,
    size: u64,
    /// Bytes that the server has for good.
    held: u64,
    progress: Progress,
}

impl<Progress: FnMut(UploadProgress) + Send> Transfer<'_, Progress> {
    async fn send_whole(&mut self, request: &SignedRequest) -> Result<(), TransferError> {
        let whole = Piece {
            begins: 0,
            size: self.size,
        };
        self.send(request, whole).await?;
        self.held = self.size;
        Ok(())
    }

    async fn send_parts(&mut self) -> Result<(), TransferError> {
        let path = format!("/v1/uploads/{}/parts", self.id);
        let known: ArrivedParts = self.http.call(Method::GET, &path, None::<&()>).await?;
        let size_of = |number: u32| {
            let begins = u64::from(number - 1) * known.part_size;
            Piece {
                begins,
                size: known.part_size.min(self.size.saturating_sub(begins)),
            }
        };
        let arrived = known.arrived.iter().map(|number| size_of(*number).size);
        self.held = arrived.sum();
        let missing: Vec<u32> = (1..=known.count)
            .filter(|number| !known.arrived.contains(number))
            .collect();
        let pieces: Vec<(u32, Piece)> = missing
            .into_iter()
            .map(|number| (number, size_of(number)))
            .collect();
        for some in pieces.chunks(PARTS_AT_ONCE) {
            let wanted = PartsWanted {
                numbers: some.iter().map(|(number, _)| *number).collect(),
            };
            let signed: SignedParts = self.http.call(Method::POST, &path, Some(&wanted)).await?;
            for (part, (_, piece)) in signed.parts.iter().zip(some) {
                self.send(&part.request, *piece).await?;
                self.held += piece.size;
            }
        }
        Ok(())
    }

    /// Sends some bytes until the server has them.
    async fn send(&mut self, request: &SignedRequest, piece: Piece) -> Result<(), TransferError> {
        let mut failures = 0;
        loop {
            match self.try_to_send(request, piece).await {
                Err(TransferError::Broken) if failures + 1 < TRIES_MAX => {
                    failures += 1;
                    sleep(Backoff::default().pause(failures, rand::random())).await;
                }
                sent => return sent,
            }
        }
    }

    async fn try_to_send(
        &mut self,
        request: &SignedRequest,
        piece: Piece,
    ) -> Result<(), TransferError> {
        let sent = Arc::new(AtomicU64::new(0));
        let body = pieces::stream(self.path, piece.begins, piece.size, Arc::clone(&sent)).await?;
        let answered = self.http.send_bytes(request, piece.size, body);
        let mut answered = std::pin::pin!(answered);
        let (mut last, mut idle) = (0, Duration::ZERO);
        let answer = loop {
            tokio::select! {
                answer = &mut answered => break answer,
                () = sleep(PROGRESS_INTERVAL) => {
                    let now = sent.load(Ordering::Relaxed);
                    idle = if now == last { idle + PROGRESS_INTERVAL } else { Duration::ZERO };
                    if idle >= STALLED_AFTER {
                        return Err(TransferError::Broken);
                    }
                    last = now;
                    self.tell(now);
                }
            }
        };
        match answer {
            // The bytes were there already, from a try whose answer was lost.
            Ok(200..=299 | 412) => {
                self.tell(piece.size);
                Ok(())
            }
            // Whoever is overloaded or restarts takes them later.
            Ok(408 | 425 | 429 | 500..=599) | Err(()) => Err(TransferError::Broken),
            Ok(status) => Err(TransferError::Refused { status }),
        }
    }

    fn tell(&mut self, sent: u64) {
        (self.progress)(UploadProgress {
            upload: self.id,
            sent: (self.held + sent).min(self.size),
            size: self.size,
        });
    }

    async fn complete(mut self) -> Result<Attachment, TransferError> {
        let path = format!("/v1/uploads/{}/complete", self.id);
        let upload: Upload = self.http.call(Method::POST, &path, None::<&()>).await?;
        self.held = self.size;
        self.tell(0);
        if upload.attachment.state == UploadStage::Refused {
            return Err(TransferError::UploadRefused);
        }
        Ok(upload.attachment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_by_its_name_and_ending() {
        let file = FileToUpload::at("a b/cat.JPG");
        assert_eq!(
            (&*file.name(), &*file.content_type()),
            ("cat.JPG", "image/jpeg")
        );
        let unknown = FileToUpload::at("README");
        assert_eq!(unknown.content_type(), "application/octet-stream");
        let named = FileToUpload {
            name: Some("notes.txt".to_owned()),
            ..FileToUpload::at("x")
        };
        assert_eq!(
            (&*named.name(), &*named.content_type()),
            ("notes.txt", "text/plain")
        );
    }
}
