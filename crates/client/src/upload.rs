//! Files: sent to the server beside the messages, in parts where they are large, and fetched from it.

mod download;
mod patience;
mod pieces;
mod shown;
mod transfer;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use tidemark_core::UploadId;
use tidemark_protocol::body::{Attachment, NewUpload, Upload, UploadBegun, UploadStage};

use crate::{Http, HttpError};

pub use download::Wanted;
use patience::Patience;
use transfer::Transfer;

/// After how long without a byte that went out or came in a request is given up.
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
    /// Bytes that the server has, or that are on their way. It never becomes less.
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

impl Http {
    /// Uploads a file: announces it, sends its bytes, waits where the connection breaks, and goes on. A message may
    /// show it when this returns; see [`OutgoingMessage::showing`](crate::OutgoingMessage::showing).
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
        let mut patience = Patience::default();
        // Where the answer got lost, the first announcement ends by itself.
        let announce = || self.call(Method::POST, "/v1/uploads", Some(&new));
        let begun: UploadBegun = patience.ask(announce).await?;
        let id = begun.upload_id.0;
        let mut transfer = Transfer::begin(self, &file.path, id, size, progress);
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
        let upload = Patience::default().ask(|| self.upload_state(id)).await?;
        let size = upload.attachment.size;
        let metadata = tokio::fs::metadata(path)
            .await
            .map_err(TransferError::file(path))?;
        if metadata.len() != size {
            return Err(TransferError::Changed);
        }
        let mut transfer = Transfer::begin(self, path, id, size, progress);
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
