//! Which topics are to be followed, until somebody has arranged it.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Topic;

/// Wishes that were not carried out yet: at most one for each topic, the last one. So nothing is lost or put
/// in the wrong order however long it takes, and no more is kept than there are topics.
#[derive(Debug, Default)]
pub(super) struct Follows {
    wishes: Mutex<HashMap<Topic, bool>>,
    wished: Notify,
}

impl Follows {
    /// The topic is to be followed from now on, or not any more.
    pub(super) fn wish(&self, topic: &Topic, follow: bool) {
        self.wishes.lock().insert(topic.clone(), follow);
        self.wished.notify_one();
    }

    /// Waits until something is wished, and takes it. One task asks.
    pub(super) async fn take(&self) -> HashMap<Topic, bool> {
        loop {
            let wishes = std::mem::take(&mut *self.wishes.lock());
            if !wishes.is_empty() {
                return wishes;
            }
            self.wished.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use tidemark_core::UserId;

    use super::*;

    #[tokio::test]
    async fn the_last_wish_for_a_topic_counts() {
        let [ann, bob] = ["ann", "bob"].map(|id| Topic::User(UserId::parse(id).unwrap()));
        let follows = Follows::default();
        for follow in [true, false, true] {
            follows.wish(&ann, follow);
        }
        follows.wish(&bob, true);
        follows.wish(&bob, false);
        let taken = follows.take().await;
        assert_eq!(taken, HashMap::from([(ann.clone(), true), (bob, false)]));
        follows.wish(&ann, false);
        assert_eq!(follows.take().await, HashMap::from([(ann, false)]));
    }
}
