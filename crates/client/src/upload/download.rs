//! Fetching the bytes of an upload.

use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use reqwest::Method;
use reqwest::header::{ETAG, HeaderValue};
use tidemark_core::UploadId;
use tidemark_protocol::body::SignedRequest;
use tokio::fs::{self, File};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Patience, STALLED_AFTER, TransferError};
use crate::{Http, HttpError};

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
    ) -> Result<SignedRequest, HttpError> {
        let path = format!("/v1/uploads/{id}/url?variant={}", wanted.as_str());
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// Fetches the bytes of an upload into a file, which is there when it is whole; what was there before is replaced.
    /// Where the connection breaks, it waits and goes on. `progress` is told how many bytes have come, and of how many if
    /// that is known.
    ///
    /// # Errors
    ///
    /// [`TransferError`].
    pub async fn download(
        &self,
        id: UploadId,
        wanted: Wanted,
        to: &Path,
        progress: impl FnMut(u64, Option<u64>) + Send,
    ) -> Result<u64, TransferError> {
        let partial = Partial::beside(to);
        let file = File::create_new(&partial.0).await;
        let mut coming = Coming {
            file: file.map_err(TransferError::file(to))?,
            to,
            come: 0,
            size: None,
            etag: None,
            progress,
        };
        let mut patience = Patience::default();
        loop {
            // URLs are good for a while only.
            let request = patience.ask(|| self.upload_url(id, wanted)).await?;
            let before = coming.come;
            match coming.fetch(self, &request).await {
                Err(TransferError::Broken) => {
                    if coming.come > before {
                        patience.renew();
                    }
                    if !patience.wait().await {
                        return Err(TransferError::Broken);
                    }
                }
                fetched => break fetched?,
            }
        }
        let synced = coming.file.sync_all().await;
        synced.map_err(TransferError::file(to))?;
        let renamed = fs::rename(&partial.0, to).await;
        renamed.map_err(TransferError::file(to))?;
        Ok(coming.come)
    }
}

/// A file on its way in.
struct Coming<'a, Progress> {
    file: File,
    to: &'a Path,
    come: u64,
    size: Option<u64>,
    /// What tells these bytes from others.
    etag: Option<HeaderValue>,
    progress: Progress,
}

impl<Progress: FnMut(u64, Option<u64>) + Send> Coming<'_, Progress> {
    /// Fetches what is missing.
    async fn fetch(&mut self, http: &Http, request: &SignedRequest) -> Result<(), TransferError> {
        let asked = timeout(STALLED_AFTER, http.fetch_bytes(request, self.come)).await;
        let Ok(Ok(response)) = asked else {
            return Err(TransferError::Broken);
        };
        let etag = response.headers().get(ETAG).cloned();
        match response.status().as_u16() {
            200 => {
                self.begin(etag, response.content_length()).await?;
            }
            206 if etag.is_some() && etag == self.etag => {}
            // What was fetched is now another file: cleaned of what it says about its maker, perhaps.
            206 => {
                self.begin(None, None).await?;
                return Err(TransferError::Broken);
            }
            408 | 425 | 429 | 500..=599 => return Err(TransferError::Broken),
            status => return Err(TransferError::Refused { status }),
        }
        let mut pieces = response.bytes_stream();
        loop {
            let Ok(piece) = timeout(STALLED_AFTER, pieces.next()).await else {
                return Err(TransferError::Broken);
            };
            let Some(piece) = piece else { break };
            let piece = piece.map_err(|_| TransferError::Broken)?;
            let written = self.file.write_all(&piece).await;
            written.map_err(TransferError::file(self.to))?;
            self.come += piece.len() as u64;
            (self.progress)(self.come, self.size);
        }
        match self.size {
            Some(size) if size != self.come => Err(TransferError::Broken),
            _ => Ok(()),
        }
    }

    /// From the begin on.
    async fn begin(
        &mut self,
        etag: Option<HeaderValue>,
        size: Option<u64>,
    ) -> Result<(), TransferError> {
        let emptied = async {
            self.file.rewind().await?;
            self.file.set_len(0).await
        };
        emptied.await.map_err(TransferError::file(self.to))?;
        (self.come, self.size, self.etag) = (0, size, etag);
        Ok(())
    }
}

/// A file that is not whole yet. It goes away with this, also where the download is given up halfway.
struct Partial(PathBuf);

impl Partial {
    fn beside(to: &Path) -> Self {
        Self(to.with_file_name(format!(".tidemark-{}.partial", Uuid::now_v7())))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Once it is whole it has another name. That half of a file stays is no further mistake.
        let _ = std::fs::remove_file(&self.0);
    }
}
