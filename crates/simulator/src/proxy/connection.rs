//! One connection through the proxy, from its beginning to its fate.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::faults::{Cut, Delays, Direction, Fate, Faults};
use super::statistics::Counters;

/// The most that passes at once; a cut falls inside a chunk as often as between two.
const CHUNK_BYTES: usize = 4 * 1024;
/// For how long the far end may take to answer a FIN.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// Why bytes stopped passing before both ends were done.
enum Ended {
    /// The connection has met its fate.
    Fated,
    /// One of the ends is gone.
    Broken,
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Broken
    }
}

/// Carries bytes between `client` and `server` until they are done, their fate is met, or they are cut.
pub(super) async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    faults: &Faults,
    number: u64,
    cut: &mut watch::Receiver<u64>,
    counters: &Counters,
) {
    let fate = faults.fate(number);
    let passing = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let way = |direction| Way {
            delays: faults.delays(number, direction),
            bytes_left: fate.bytes_left(direction),
            counters,
        };
        let passing = async {
            tokio::try_join!(
                way(Direction::Up).pass(from_client, to_server),
                way(Direction::Down).pass(from_server, to_client),
            )
        };
        tokio::select! {
            ended = passing => Some(ended),
            _ = cut.changed() => None,
        }
    };
    let Some(ended) = passing else {
        counters.count_cut(Cut::Reset);
        return reset(&[&client, &server]);
    };
    match (ended, fate) {
        (Ok(_), _) => {}
        (Err(Ended::Fated), Fate::Cut { cut, .. }) => {
            counters.count_cut(cut);
            perform(cut, client, server).await;
        }
        (Err(_), _) => reset(&[&client, &server]),
    }
}

/// One direction of a connection.
struct Way<'a> {
    delays: Delays,
    bytes_left: u64,
    counters: &'a Counters,
}

impl Way<'_> {
    async fn pass(
        mut self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> Result<(), Ended> {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = from.read(&mut chunk).await?;
            if read == 0 {
                to.shutdown().await?;
                return Ok(());
            }
            if let Some(delay) = self.delays.next() {
                self.counters.delays.fetch_add(1, Ordering::Relaxed);
                sleep(delay).await;
            }
            let passing = read.min(usize::try_from(self.bytes_left).unwrap_or(usize::MAX));
            to.write_all(&chunk[..passing]).await?;
            self.counters
                .bytes
                .fetch_add(passing as u64, Ordering::Relaxed);
            self.bytes_left -= passing as u64;
            if self.bytes_left == 0 {
                return Err(Ended::Fated);
            }
        }
    }
}

async fn perform(cut: Cut, mut client: TcpStream, mut server: TcpStream) {
    match cut {
        Cut::Reset => reset(&[&client, &server]),
        Cut::Finish => {
            let finish = async {
                let _ = tokio::join!(client.shutdown(), server.shutdown());
                swallow(&mut client, &mut server).await;
            };
            // Whoever does not answer the FIN in time gets an RST when the streams are dropped.
            let _ = timeout(FINISH_TIMEOUT, finish).await;
        }
        Cut::Stall(duration) => {
            let _ = timeout(duration, swallow(&mut client, &mut server)).await;
            reset(&[&client, &server]);
        }
    }
}

/// Takes what both ends still send and loses it, until both have finished.
async fn swallow(client: &mut TcpStream, server: &mut TcpStream) {
    let (mut nowhere, mut nowhere_either) = (tokio::io::sink(), tokio::io::sink());
    let _ = tokio::join!(
        tokio::io::copy(client, &mut nowhere),
        tokio::io::copy(server, &mut nowhere_either),
    );
}

/// Lets the streams end with an RST when they are dropped. A stream that cannot is broken already.
fn reset(streams: &[&TcpStream]) {
    for stream in streams {
        let _ = stream.set_zero_linger();
    }
}
