//! What the first message of a thread shows of it.

use crate::conversation::Mark;
use crate::{Seq, Timestamp, UserId};

/// How many of those who take part in a thread its first message names.
pub const PARTICIPANTS_MAX: usize = 5;

/// The replies below a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replies {
    /// How many there are that nobody deleted.
    pub count: u64,
    /// Those who replied last, the latest first, each once: at most [`PARTICIPANTS_MAX`]. Whoever replied stays
    /// here when the reply is deleted.
    pub participants: Vec<UserId>,
    /// How many people ever replied.
    pub participant_count: u64,
    /// The last reply, deleted or not.
    pub last: Mark,
}

/// Something that concerns the replies below a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ThreadNews {
    /// There is one more.
    Sent {
        sender: UserId,
        first: bool,
        at: Timestamp,
    },
    /// One was deleted.
    Deleted,
}

/// Lets the event at `seq` happen to the replies that there were.
pub(super) fn tell(replies: &mut Option<Replies>, seq: Seq, news: &ThreadNews) {
    match news {
        ThreadNews::Sent { sender, first, at } => {
            let replies = replies.get_or_insert_with(|| Replies {
                count: 0,
                participants: Vec::new(),
                participant_count: 0,
                last: Mark { seq, at: *at },
            });
            replies.count += 1;
            replies.participant_count += u64::from(*first);
            replies.participants.retain(|known| known != sender);
            replies.participants.insert(0, sender.clone());
            replies.participants.truncate(PARTICIPANTS_MAX);
            replies.last = Mark { seq, at: *at };
        }
        ThreadNews::Deleted => {
            if let Some(replies) = replies {
                replies.count = replies.count.saturating_sub(1);
            }
        }
    }
}
