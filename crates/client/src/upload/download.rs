//! Fetching the bytes of an upload.

use std::path::Path;

use futures_util::StreamExt;
use reqwest::Method;
use tidemark_core::UploadId;
use tidemark_protocol::body::SignedRequest;
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt;

use super::TransferError;
use crate::Http;

/// Which bytes of an upload to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What was uploaded, without what it says about its maker.
    Original,
    /// The small picture.
    Thumbnail,
    /// The form that browsers play.
    Rendition,
}

impl Wanted {
    fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Thumbnail => "thumbnail",
            Self::Rendition => "rendition",
        }
    }
}

impl Http {
    /// Where to fetch the bytes of an upload, for a while and for whoever holds it.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn upload_url(
        &self,
        id: UploadId,
        wanted: Wanted,
    ) -> Result<SignedRequest, crate::HttpError> {
        let path = format!("/v1/uploads/{id}/url?variant={}", wanted.as_str());
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// Fetches the bytes of an upload into a file, which is there when it is whole; what was there before is replaced.
    /// `progress` is told how many bytes have come, and of how many if that is known.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn download(
        &self,
        id: UploadId,
        wanted: Wanted,
        to: &Path,
        mut progress: impl FnMut(u64, Option<u64>) + Send,
    ) -> Result<u64, TransferError> {
        let request = self.upload_url(id, wanted).await?;
        let response = self
            .fetch_bytes(&request)
            .await
            .map_err(|()| TransferError::Broken)?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(TransferError::Refused { status });
        }
        let size = response.content_length();
        let mut partial = to.as_os_str().to_owned();
        partial.push(".partial");
        let partial = Path::new(&partial);
        let written = async {
            let mut file = File::create(partial)
                .await
                .map_err(TransferError::file(partial))?;
            let mut come = 0;
            let mut pieces = response.bytes_stream();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|_| TransferError::Broken)?;
                file.write_all(&piece)
                    .await
                    .map_err(TransferError::file(partial))?;
                come += piece.len() as u64;
                progress(come, size);
            }
            if size.is_some_and(|size| size != come) {
                return Err(TransferError::Broken);
            }
            file.sync_all()
                .await
                .map_err(TransferError::file(partial))?;
            fs::rename(partial, to)
                .await
                .map_err(TransferError::file(to))?;
            Ok(come)
        };
        let written = written.await;
        if written.is_err() {
            // Half of a file is of no use; that it is there is no further mistake.
            let _ = fs::remove_file(partial).await;
        }
        written
    }
}
