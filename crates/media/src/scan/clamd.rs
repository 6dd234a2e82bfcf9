//! ClamAV's daemon.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use clamav_client::tokio::{Socket, Tcp, TransportProtocol, scan_file};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::{Scanner, ScannerDown, Verdict, harmless_name};

/// How much of a file is in memory.
const CHUNK_BYTES: usize = 64 * 1024;
/// How much of an answer is read. Real ones have a line.
const ANSWER_BYTES_MAX: usize = 4 * 1024;

/// Where clamd listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClamdAddress {
    /// `TCPAddr` and `TCPSocket` of its configuration: `127.0.0.1:3310`. There is no encryption on this way, and no
    /// authentication.
    Tcp(String),
    /// `LocalSocket` of its configuration.
    Unix(PathBuf),
}

/// ClamAV's daemon. It gets the bytes over its socket, so it needs no access to our files.
///
/// clamd takes at most `StreamMaxLength` of its configuration in one piece and says [`Verdict::TooLarge`] of more. It does
/// not look at all of what it took either: what is above its `MaxFileSize` is clean to it unless `AlertExceedsMax` is set.
#[derive(Clone, Debug)]
pub struct Clamd {
    address: ClamdAddress,
    deadline: Duration,
}

impl Clamd {
    /// Asks the clamd at `address`, which is given up on after `deadline`. No connection is made here, and none is kept.
    pub fn new(address: ClamdAddress, deadline: Duration) -> Self {
        Self { address, deadline }
    }

    async fn ask(&self, file: &Path) -> Result<Verdict, ScannerDown> {
        let answer = match &self.address {
            ClamdAddress::Tcp(address) => {
                let tcp = Tcp {
                    host_address: address.as_str(),
                };
                scan_file(file, Hearing(tcp), Some(CHUNK_BYTES)).await
            }
            ClamdAddress::Unix(path) => {
                let socket = Socket { socket_path: path };
                scan_file(file, Hearing(socket), Some(CHUNK_BYTES)).await
            }
        };
        let answer = answer.map_err(|error| ScannerDown(format!("clamd: {error}")))?;
        understand(&String::from_utf8_lossy(&answer))
    }
}

impl Scanner for Clamd {
    fn scan<'a>(&'a self, file: &'a Path) -> BoxFuture<'a, Result<Verdict, ScannerDown>> {
        async move {
            let late = |_| ScannerDown("clamd did not answer in time".to_owned());
            timeout(self.deadline, self.ask(file)).await.map_err(late)?
        }
        .boxed()
    }
}

/// `stream: OK`, `stream: NAME FOUND`, `INSTREAM size limit exceeded. ERROR`, each with a zero byte after it.
fn understand(answer: &str) -> Result<Verdict, ScannerDown> {
    let answer = answer.trim_end_matches(['\0', '\n', '\r']).trim();
    let said = answer.strip_prefix("stream: ").unwrap_or(answer);
    if said == "OK" {
        return Ok(Verdict::Clean);
    }
    if let Some(name) = said.strip_suffix(" FOUND") {
        let name = harmless_name(name);
        return Ok(Verdict::Infected { name });
    }
    if said.contains("size limit exceeded") {
        return Ok(Verdict::TooLarge);
    }
    Err(ScannerDown(format!(
        "clamd answered {:?}",
        said.chars().take(200).collect::<String>()
    )))
}

/// A way to clamd on which its last words are heard.
///
/// It stops reading once a file is too large, says so, and closes. Whoever is still writing then gets an error, and
/// would never read why. So what cannot be written any more is thrown away, and the answer is read as usual.
struct Hearing<T>(T);

impl<T: TransportProtocol + Sync> TransportProtocol for Hearing<T> {
    type Stream = HearingStream<T::Stream>;

    async fn connect(&self) -> io::Result<Self::Stream> {
        Ok(HearingStream {
            inner: self.0.connect().await?,
            is_deaf: false,
            heard: 0,
        })
    }
}

struct HearingStream<S> {
    inner: S,
    is_deaf: bool,
    heard: usize,
}

impl<S> HearingStream<S> {
    fn unless_deaf<T>(&mut self, wrote: Poll<io::Result<T>>, pretend: T) -> Poll<io::Result<T>> {
        match wrote {
            Poll::Ready(Err(error)) if is_closed(&error) => {
                self.is_deaf = true;
                Poll::Ready(Ok(pretend))
            }
            other => other,
        }
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::NotConnected
    )
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HearingStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_deaf {
            return Poll::Ready(Ok(bytes.len()));
        }
        let wrote = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.unless_deaf(wrote, bytes.len())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.unless_deaf(flushed, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(context);
        self.unless_deaf(shut, ())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for HearingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.heard >= ANSWER_BYTES_MAX {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.heard += buffer.filled().len() - before;
        match read {
            // The end, after an answer that may have come before it.
            Poll::Ready(Err(error)) if is_closed(&error) => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, understand};

    #[test]
    fn only_the_word_ok_is_clean() {
        assert_eq!(understand("stream: OK\0"), Ok(Verdict::Clean));
        for answer in [
            "",
            "OK ERROR",
            "stream: OK?",
            "stream: Can't allocate memory ERROR\0",
        ] {
            assert!(understand(answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn what_is_found_is_named_without_control_characters() {
        let name = "Some.Thing-1 (x)".to_owned();
        let found = understand("stream: Some.Thing-1 (x)\u{7} FOUND\0");
        assert_eq!(found, Ok(Verdict::Infected { name }));
    }
}
