//! Accepts connections and serves HTTP on them: with an end to the patience, and with an orderly end to
//! each connection.

use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tower::Service;

/// What one connection may hold of a request that it has not read to its end, or of a response that
/// its client does not take. No head of a request may be longer.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long, and how much, to read of what a client still sends on a connection that is over.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Serves `app` to whoever connects, until `stop` resolves; then ends idle connections at once and waits
/// for the others to end. Sockets that were upgraded are not waited for.
pub(crate) async fn serve(
    mut listener: tokio::net::TcpListener,
    app: Router,
    header_timeout: Duration,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(BUFFER_BYTES_MAX);
    // Each connection has a receiver: it tells them to end, and they are gone when it is closed.
    let (stopping, _) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        // Frames are small and somebody waits for each: never hold one back for company.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        let service = TowerToHyperService::new(ForPeer {
            app: app.clone(),
            peer,
        });
        let io = TokioIo::new(Lingering::new(stream));
        let connection = http.serve_connection(io, service).with_upgrades();
        let mut stopping = stopping.subscribe();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                _ = stopping.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    drop(listener);
    stopping.send_replace(());
    stopping.closed().await;
}

/// The application, as it is called by one client.
#[derive(Clone)]
struct ForPeer {
    app: Router,
    peer: SocketAddr,
}

impl<B> Service<Request<B>> for ForPeer
where
    Router: Service<Request<B>>,
{
    type Response = <Router as Service<Request<B>>>::Response;
    type Error = <Router as Service<Request<B>>>::Error;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.app.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.app.call(request)
    }
}

/// A connection that is not torn down while its client still sends.
///
/// Closing with bytes unread makes the operating system send a reset, and a client that gets one may lose
/// the last words that it has not read yet: why its socket is closed, or why its body was refused.
struct Lingering {
    /// Gone only while this is dropped.
    stream: Option<TcpStream>,
    /// Whether the client has said its last, one way or the other.
    ended: bool,
}

impl Lingering {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream: Some(stream),
            ended: false,
        }
    }

    fn with<R>(
        &mut self,
        work: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        match &mut self.stream {
            Some(stream) => work(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let (Some(stream), false, Ok(runtime)) =
            (self.stream.take(), self.ended, Handle::try_current())
        {
            runtime.spawn(linger(stream));
        }
    }
}

async fn linger(mut stream: TcpStream) {
    let rest = async {
        stream.shutdown().await?;
        let mut unread = vec![0; 8 * 1024];
        let mut bytes = 0;
        while bytes < LINGER_BYTES_MAX {
            match stream.read(&mut unread).await? {
                0 => break,
                more => bytes += more,
            }
        }
        io::Result::Ok(())
    };
    // Broken or too slow: it is over either way.
    let _ = tokio::time::timeout(LINGER, rest).await;
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.with(|stream| stream.poll_read(context, buffer));
        if let Poll::Ready(result) = &read {
            let nothing = buffer.filled().len() == before && buffer.remaining() > 0;
            self.ended |= result.is_err() || nothing;
        }
        read
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write_vectored(context, slices))
    }
}
