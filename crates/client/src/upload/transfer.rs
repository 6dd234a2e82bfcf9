//! Sending the bytes of a file, whole or in parts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Method;
use tidemark_core::UploadId;
use tidemark_protocol::body::{
    ArrivedParts, Attachment, PartsWanted, SignedParts, SignedRequest, Upload, UploadStage,
};
use tokio::time::sleep;

use super::patience::Patience;
use super::{STALLED_AFTER, TransferError, UploadProgress, pieces};
use crate::Http;

/// Parts that URLs are asked for at once.
const PARTS_AT_ONCE: usize = 10;
/// How often progress is told.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// What a URL that is not good any more is answered with.
const FORBIDDEN: u16 = 403;

/// Bytes of a file that are to go out.
#[derive(Clone, Copy, Debug)]
struct Piece {
    begins: u64,
    size: u64,
}

/// A file on its way out.
pub(super) struct Transfer<'a, Progress> {
    http: &'a Http,
    path: &'a Path,
    id: UploadId,
    size: u64,
    /// Bytes that the server has for good.
    held: u64,
    /// The most that was told.
    told: u64,
    patience: Patience,
    progress: Progress,
}

impl<'a, Progress: FnMut(UploadProgress) + Send> Transfer<'a, Progress> {
    pub(super) fn begin(
        http: &'a Http,
        path: &'a Path,
        id: UploadId,
        size: u64,
        progress: Progress,
    ) -> Self {
        let mut transfer = Self {
            http,
            path,
            id,
            size,
            held: 0,
            told: 0,
            patience: Patience::default(),
            progress,
        };
        // Whoever wants to give it up knows its name from now on.
        transfer.tell(0);
        transfer
    }

    pub(super) async fn send_whole(
        &mut self,
        request: &SignedRequest,
    ) -> Result<(), TransferError> {
        let whole = Piece {
            begins: 0,
            size: self.size,
        };
        self.send(request, whole).await?;
        self.held = self.size;
        Ok(())
    }

    /// Sends the parts that are missing.
    pub(super) async fn send_parts(&mut self) -> Result<(), TransferError> {
        let mut held_before = None;
        loop {
            match self.send_missing_parts().await {
                // The URLs were good for a while only; others are, unless it is something else.
                Err(TransferError::Refused { status: FORBIDDEN })
                    if held_before != Some(self.held) =>
                {
                    held_before = Some(self.held);
                }
                sent => return sent,
            }
        }
    }

    async fn send_missing_parts(&mut self) -> Result<(), TransferError> {
        let path = format!("/v1/uploads/{}/parts", self.id);
        let (http, path) = (self.http, &path);
        let look = || http.call(Method::GET, path, None::<&()>);
        let known: ArrivedParts = self.patience.ask(look).await?;
        let piece = |number: u32| {
            let begins = u64::from(number.saturating_sub(1)) * known.part_size;
            let size = known.part_size.min(self.size.saturating_sub(begins));
            Piece { begins, size }
        };
        let arrived = known.arrived.iter().map(|number| piece(*number).size);
        let held = arrived.sum();
        let is_missing = |number: &u32| !known.arrived.contains(number);
        let missing: Vec<u32> = (1..=known.count).filter(is_missing).collect();
        let pieces: Vec<Piece> = missing.iter().map(|number| piece(*number)).collect();
        self.held = held;
        self.tell(0);
        for (numbers, pieces) in missing
            .chunks(PARTS_AT_ONCE)
            .zip(pieces.chunks(PARTS_AT_ONCE))
        {
            let wanted = &PartsWanted {
                numbers: numbers.to_vec(),
            };
            let sign = || http.call(Method::POST, path, Some(wanted));
            let signed: SignedParts = self.patience.ask(sign).await?;
            for (part, piece) in signed.parts.iter().zip(pieces) {
                self.send(&part.request, *piece).await?;
                self.held += piece.size;
            }
        }
        Ok(())
    }

    /// Sends some bytes until the server has them.
    async fn send(&mut self, request: &SignedRequest, piece: Piece) -> Result<(), TransferError> {
        loop {
            let told = self.told;
            let sent = self.try_to_send(request, piece).await;
            if self.told > told {
                self.patience.renew();
            }
            match sent {
                Err(TransferError::Broken) if self.patience.wait().await => {}
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
        let mut answer = std::pin::pin!(self.http.send_bytes(request, piece.size, body));
        let (mut last, mut idle) = (0, Duration::ZERO);
        let answer = loop {
            tokio::select! {
                answer = &mut answer => break answer,
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
            // 412: the bytes were there already, from a try whose answer was lost.
            Ok(200..=299 | 412) => {
                self.tell(piece.size);
                Ok(())
            }
            // A file that became shorter breaks the request, and would always do so.
            Err(()) if self.has_changed().await => Err(TransferError::Changed),
            // Whoever is overloaded or restarts takes them later.
            Ok(408 | 425 | 429 | 500..=599) | Err(()) => Err(TransferError::Broken),
            Ok(status) => Err(TransferError::Refused { status }),
        }
    }

    async fn has_changed(&self) -> bool {
        let metadata = tokio::fs::metadata(self.path).await;
        metadata.map_or(true, |metadata| metadata.len() != self.size)
    }

    /// Says how far it is, with so many bytes beyond those that the server has for good. After a break, the same bytes
    /// go out once more: that is no step back.
    fn tell(&mut self, sent: u64) {
        self.told = (self.held + sent).min(self.size).max(self.told);
        (self.progress)(UploadProgress {
            upload: self.id,
            sent: self.told,
            size: self.size,
        });
    }

    /// Says that all bytes are there. What the upload is now.
    pub(super) async fn complete(mut self) -> Result<Attachment, TransferError> {
        let path = format!("/v1/uploads/{}/complete", self.id);
        let http = self.http;
        let complete = || http.call(Method::POST, &path, None::<&()>);
        let upload: Upload = self.patience.ask(complete).await?;
        self.held = self.size;
        self.tell(0);
        if upload.attachment.state == UploadStage::Refused {
            return Err(TransferError::UploadRefused);
        }
        Ok(upload.attachment)
    }
}
