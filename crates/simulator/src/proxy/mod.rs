//! A TCP proxy on loopback that is a bad network.
//!
//! It delays chunks, resets connections, closes them in the middle of a frame, and lets them hang
//! half-open while it swallows what both ends write. It never reorders, repeats or changes bytes:
//! TCP does not either.

mod connection;
mod faults;
mod statistics;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use faults::Faults;
pub use statistics::Statistics;

use statistics::Counters;

/// A proxy that is running; dropping it cuts all of its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    settings: watch::Sender<Settings>,
    cuts: watch::Sender<u64>,
    counters: Arc<Counters>,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Settings {
    target: SocketAddr,
    faults: Faults,
}

impl Proxy {
    /// Starts a proxy to `target` on a free port of loopback.
    ///
    /// # Errors
    ///
    /// When there is no port to listen on.
    pub async fn start(target: SocketAddr, faults: Faults) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (settings, current) = watch::channel(Settings { target, faults });
        let counters = Arc::new(Counters::default());
        let (cuts, cut) = watch::channel(0);
        let accepting = tokio::spawn(accept(listener, current, cut, Arc::clone(&counters)));
        Ok(Self {
            address,
            settings,
            cuts,
            counters,
            accepting,
        })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads connections that begin from now on to another server.
    pub fn retarget(&self, target: SocketAddr) {
        self.settings
            .send_modify(|settings| settings.target = target);
    }

    /// Does this to connections that begin from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.settings
            .send_modify(|settings| settings.faults = faults);
    }

    /// Resets every connection that there is now.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// What happened so far.
    pub fn statistics(&self) -> Statistics {
        self.counters.read()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    settings: watch::Receiver<Settings>,
    cuts: watch::Receiver<u64>,
    counters: Arc<Counters>,
) {
    // Dropped with this task, and ends every connection then.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let number = counters.connections.fetch_add(1, Ordering::Relaxed);
        let Settings { target, faults } = settings.borrow().clone();
        let counters = Arc::clone(&counters);
        let mut cut = cuts.clone();
        cut.mark_unchanged();
        connections.spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else {
                counters.unreachable.fetch_add(1, Ordering::Relaxed);
                let _ = client.set_zero_linger();
                return;
            };
            // The proxy must not add Nagle's delays to the ones it is asked for.
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            connection::carry(client, server, &faults, number, &mut cut, &counters).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server that sends back what it gets, after saying its `name`.
    async fn echo(name: u8) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    to.write_all(&[name]).await?;
                    tokio::io::copy(&mut from, &mut to).await?;
                    to.shutdown().await
                });
            }
        });
        address
    }

    /// Sends `sent` through the proxy and returns what comes back before the connection ends.
    async fn exchange(proxy: &Proxy, sent: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut received = Vec::new();
        let write = async {
            let _ = to.write_all(sent).await;
            let _ = to.shutdown().await;
        };
        let read = async {
            let mut chunk = [0; 1024];
            while let Ok(read @ 1..) = from.read(&mut chunk).await {
                received.extend_from_slice(&chunk[..read]);
            }
        };
        tokio::join!(write, read);
        received
    }

    fn payload() -> Vec<u8> {
        (0..=u8::MAX).cycle().take(100_000).collect()
    }

    #[tokio::test]
    async fn delays_change_nothing_about_the_bytes() {
        let faults = Faults {
            delay_probability: 0.5,
            delay_max: Duration::from_millis(2),
            ..Faults::none()
        };
        let proxy = Proxy::start(echo(b'a').await, faults).await.unwrap();
        let received = exchange(&proxy, &payload()).await;
        assert_eq!(received[0], b'a');
        assert_eq!(received[1..], payload());
        let statistics = proxy.statistics();
        assert_eq!((statistics.connections, statistics.cuts()), (1, 0));
        assert_eq!(statistics.bytes, 200_001);
        assert!(statistics.delays > 0);
    }

    #[tokio::test]
    async fn every_connection_is_cut_before_all_of_it_has_passed() {
        let faults = Faults {
            seed: 3,
            bytes_until_cut: Some(1..50_000),
            stall_max: Duration::from_millis(20),
            ..Faults::none()
        };
        let proxy = Proxy::start(echo(b'a').await, faults).await.unwrap();
        for _ in 0..20 {
            let received = exchange(&proxy, &payload()).await;
            assert!(received.len() < 100_001);
            assert!(
                received
                    .iter()
                    .skip(1)
                    .eq(payload().iter().take(received.len().saturating_sub(1)))
            );
        }
        let statistics = proxy.statistics();
        assert_eq!(statistics.cuts(), 20);
        assert!(statistics.resets > 0 && statistics.finishes > 0 && statistics.stalls > 0);
    }

    #[tokio::test]
    async fn a_cut_resets_what_there_is_and_nothing_later() {
        let proxy = Proxy::start(echo(b'a').await, Faults::none())
            .await
            .unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert_eq!(stream.read_u8().await.unwrap(), b'a');
        proxy.cut();
        assert!(stream.read_u8().await.is_err());
        assert_eq!(exchange(&proxy, b"").await, b"a");
        assert_eq!(proxy.statistics().resets, 1);
    }

    #[tokio::test]
    async fn the_next_connection_goes_to_the_new_target() {
        let proxy = Proxy::start(echo(b'a').await, Faults::none())
            .await
            .unwrap();
        assert_eq!(exchange(&proxy, b"").await, b"a");
        proxy.retarget(echo(b'b').await);
        assert_eq!(exchange(&proxy, b"").await, b"b");
    }

    #[tokio::test]
    async fn a_client_of_a_server_that_is_down_is_cut_off() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let nobody = listener.local_addr().unwrap();
        drop(listener);
        let proxy = Proxy::start(nobody, Faults::none()).await.unwrap();
        assert_eq!(exchange(&proxy, b"anybody?").await, b"");
        assert_eq!(proxy.statistics().unreachable, 1);
    }
}
