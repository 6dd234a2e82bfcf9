//! Threads, their cursors, and how far messages have come.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tidemark_core::access::{Caller, Operation, permit_in};
use tidemark_core::conversation::{Mark, Membership, Message, Root, thread};
use tidemark_core::timeline::{PARTICIPANTS_MAX, Replies, TimelineMessage};
use tidemark_core::unread::{Tally, unread};
use tidemark_core::{ConversationId, Position, Refusal, Seq, UserId};

use super::answers::{current_members, entries_only, page, timeline_page};
use super::state::{Entry, Log, State};
use crate::{
    Delivered, PageLimits, Reader, Receipts, THREADS_MAX, ThreadCursorMove, ThreadPage,
    ThreadStanding, ThreadView, Window,
};

/// Up to where people have read threads.
#[derive(Clone, Default)]
pub(crate) struct ThreadCursors(BTreeMap<(ConversationId, Seq, UserId), Seq>);

impl ThreadCursors {
    fn of(&self, log: &Log, root: Seq, user: &UserId) -> Option<Seq> {
        let place = (log.conversation.id, root, user.clone());
        self.0.get(&place).copied()
    }

    /// Moves the cursor of `user`, if that is to be done.
    pub(crate) fn move_one(
        &mut self,
        state: &State,
        user: &UserId,
        id: ConversationId,
        root: Seq,
        seq: Seq,
    ) -> Result<ThreadCursorMove, Refusal> {
        let caller = Caller::User(user.clone());
        let log = state.logs.get(&id);
        let conversation = log.map(|log| &log.conversation);
        let membership = log.and_then(|log| log.membership(&caller));
        permit_in(Operation::MoveCursor, &caller, conversation, membership)?;
        let log = log.ok_or_else(Refusal::no_such_conversation)?;
        let kept = self.of(log, root, user);
        let facts = log.root(root, user);
        let facts = facts.filter(|_| log.horizon(&caller).includes(root));
        let moved = thread::move_cursor(&caller, conversation, membership, facts, kept, seq)?;
        if let Some(to) = moved {
            self.0.insert((id, root, user.clone()), to);
        }
        Ok(ThreadCursorMove {
            standing: log.standing(root, user, self),
            moved: moved.is_some(),
            head: log.conversation.head,
        })
    }
}

impl State {
    /// The threads that `user` takes part in, last active first.
    pub(crate) fn threads(
        &self,
        user: &UserId,
        only: Option<ConversationId>,
        cursors: &ThreadCursors,
    ) -> Vec<ThreadView> {
        let inbox = self.inbox(user).into_iter().map(|(log, _)| log);
        let logs = inbox.filter(|log| only.is_none_or(|only| log.conversation.id == only));
        let caller = Caller::User(user.clone());
        let mut written: Vec<(Position, &Log, Seq)> = logs
            .flat_map(|log| log.threads.keys().map(move |root| (log, *root)))
            .filter(|(log, root)| log.horizon(&caller).includes(*root))
            .filter_map(|(log, root)| Some((log.last_written(root, user)?, log, root)))
            .collect();
        written.sort_by_key(|(last, ..)| Reverse(*last));
        written.truncate(THREADS_MAX);
        let views = written.into_iter().filter_map(|(_, log, root)| {
            Some(ThreadView {
                conversation: log.conversation.id,
                root: log.shown(root, Some(user))?,
                active: log.replies_below(root).next_back()?.0.position,
                standing: log.standing(root, user, cursors),
            })
        });
        let mut views: Vec<_> = views.collect();
        views.sort_by_key(|view| Reverse(view.active));
        views
    }
}

impl Log {
    /// The replies that were ever sent below a message, oldest first.
    fn replies_below(&self, root: Seq) -> impl DoubleEndedIterator<Item = (&Entry, &Message)> {
        let seqs = self.threads.get(&root).into_iter().flatten();
        seqs.filter_map(|seq| {
            let entry = self.entry(*seq)?;
            Some((entry, entry.event.body.as_message()?))
        })
    }

    /// What is known of the message at a place, for whoever wants to reply below it.
    pub(crate) fn root(&self, seq: Seq, caller: &UserId) -> Option<Root> {
        let message = self.entry(seq)?.event.body.as_message()?;
        let replies = || self.replies_below(seq);
        Some(Root {
            is_reply: message.thread.is_some(),
            is_deleted: message.is_redacted(),
            tally: Tally {
                messages: replies().count() as u64,
                own: replies().filter(|(_, it)| it.sender == *caller).count() as u64,
            },
        })
    }

    /// What the message at a place shows of the thread below it.
    pub(crate) fn replies(&self, root: Seq) -> Option<Replies> {
        let (last, _) = self.replies_below(root).next_back()?;
        let mut people: Vec<UserId> = Vec::new();
        for (_, message) in self.replies_below(root).rev() {
            if !people.contains(&message.sender) {
                people.push(message.sender.clone());
            }
        }
        let there = self.replies_below(root).filter(|(_, it)| !it.is_redacted());
        Some(Replies {
            count: there.count() as u64,
            participant_count: people.len() as u64,
            participants: people.into_iter().take(PARTICIPANTS_MAX).collect(),
            last: Mark {
                seq: last.event.seq,
                at: last.event.at,
            },
        })
    }

    fn shown(&self, seq: Seq, viewer: Option<&UserId>) -> Option<TimelineMessage> {
        let mut messages = self.messages(viewer);
        messages.find(|message| message.seq == seq)
    }

    /// Where `user` wrote last in a thread, its first message counted.
    fn last_written(&self, root: Seq, user: &UserId) -> Option<Position> {
        let replies = self.replies_below(root).map(|(entry, _)| entry);
        let all = self.entry(root).into_iter().chain(replies);
        let mut own = all.filter(|entry| entry.event.body.author() == user);
        own.next_back().map(|entry| entry.position)
    }

    /// What `user` has still to see in a thread.
    fn standing(&self, root: Seq, user: &UserId, cursors: &ThreadCursors) -> ThreadStanding {
        let membership = self.memberships.get(user).filter(|it| it.is_current());
        let Some(membership) = membership else {
            return ThreadStanding::default();
        };
        let read = thread::cursor(cursors.of(self, root, user), membership);
        let tally = |through: Seq| {
            let replies = || {
                self.replies_below(root)
                    .filter(|(it, _)| it.event.seq <= through)
            };
            Tally {
                messages: replies().count() as u64,
                own: replies().filter(|(_, it)| it.sender == *user).count() as u64,
            }
        };
        let deleted_above = self
            .replies_below(root)
            .filter(|(entry, _)| entry.event.seq > read)
            .filter(|(_, message)| message.sender != *user && message.is_redacted())
            .count() as u64;
        ThreadStanding {
            read,
            unread: unread(tally(self.conversation.head), tally(read), deleted_above),
        }
    }

    /// A page of a thread.
    pub(crate) fn thread(
        &self,
        caller: &Caller,
        root: Seq,
        window: Window,
        limits: PageLimits,
        cursors: &ThreadCursors,
    ) -> Result<ThreadPage, Refusal> {
        let facts = self.root(root, &caller.author());
        thread::check_root(facts.filter(|_| self.horizon(caller).includes(root)))?;
        let viewer = caller.user();
        let first = self.shown(root, viewer);
        let is_below = |it: &TimelineMessage| it.message.thread.is_some_and(|it| it.root == root);
        let replies: Vec<_> = self.messages(viewer).filter(is_below).collect();
        let page = timeline_page(self, &replies, window, limits);
        Ok(ThreadPage {
            root: first.ok_or_else(Refusal::no_such_conversation)?,
            replies: page.messages,
            more: page.more,
            head: page.head,
            standing: viewer.map_or_else(ThreadStanding::default, |user| {
                self.standing(root, user, cursors)
            }),
        })
    }
}

/// Who has read a place, and who has fetched it only.
pub(super) fn receipts(log: &Log, seq: Seq, entries_max: usize) -> Receipts {
    let has_read = |membership: &Membership| membership.read >= seq;
    let readers = current_members(log)
        .filter(|(_, membership)| has_read(membership))
        .map(|(user, membership)| Reader {
            user: user.clone(),
            read: membership.read,
        });
    let delivered = current_members(log)
        .filter(|(_, membership)| !has_read(membership) && membership.delivered >= seq)
        .map(|(user, membership)| Delivered {
            user: user.clone(),
            delivered: membership.delivered,
        });
    Receipts {
        readers: page(readers, entries_only(entries_max), |_| 0).0,
        delivered: page(delivered, entries_only(entries_max), |_| 0).0,
    }
}
