//! A queue that holds only so many messages, and only so many bytes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Messages that may wait, however short.
const MESSAGES_MAX: usize = 16_384;
/// Bytes of messages that may wait.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where messages go in.
#[derive(Clone, Debug)]
pub(super) struct Inlet<Name> {
    sender: mpsc::Sender<(Name, Bytes)>,
    bytes: Arc<AtomicUsize>,
}

/// Where they come out.
#[derive(Debug)]
pub(super) struct Outlet<Name> {
    receiver: mpsc::Receiver<(Name, Bytes)>,
    bytes: Arc<AtomicUsize>,
}

pub(super) fn queue<Name>() -> (Inlet<Name>, Outlet<Name>) {
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    let bytes = Arc::new(AtomicUsize::new(0));
    let inlet = Inlet {
        sender,
        bytes: Arc::clone(&bytes),
    };
    (inlet, Outlet { receiver, bytes })
}

impl<Name> Inlet<Name> {
    /// Whether there was room for the message.
    pub(super) fn push(&self, name: Name, message: Bytes) -> bool {
        let length = message.len();
        let waiting = self.bytes.fetch_add(length, Ordering::Relaxed);
        let fits = waiting + length <= BYTES_MAX && self.sender.try_send((name, message)).is_ok();
        if !fits {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
        }
        fits
    }
}

impl<Name> Outlet<Name> {
    /// The oldest message; nothing when no inlet is left.
    pub(super) async fn next(&mut self) -> Option<(Name, Bytes)> {
        let (name, message) = self.receiver.recv().await?;
        self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
        Some((name, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_takes_nothing_until_something_is_taken_out() {
        let (inlet, mut outlet) = queue();
        let message = Bytes::from(vec![0; BYTES_MAX / 4]);
        for number in 0..4 {
            assert!(inlet.push(number, message.clone()));
        }
        assert!(!inlet.push(4, Bytes::from_static(b"x")), "too many bytes");
        assert_eq!(outlet.next().await.unwrap().0, 0);
        assert!(inlet.push(5, message.clone()));
        for number in [1, 2, 3, 5] {
            assert_eq!(outlet.next().await.unwrap().0, number);
        }
        for number in 0..MESSAGES_MAX {
            assert!(inlet.push(number, Bytes::new()));
        }
        assert!(!inlet.push(0, Bytes::new()), "too many messages");
    }
}
