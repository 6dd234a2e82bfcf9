//! Whom the own last message has reached.

use std::collections::BTreeMap;

use tidemark_core::timeline::TimelineMessage;
use tidemark_core::{Seq, UserId};

use super::{Effect, Entry, OpenRoom, State};
use crate::chat::event::ReadersAnswer;

/// The most members that a conversation has in which receipts are shown.
const MEMBERS_MAX: u64 = 20;

/// Up to where others have read a conversation, and what their devices have fetched.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    read: BTreeMap<UserId, Seq>,
    delivered: BTreeMap<UserId, Seq>,
    /// Whether the server was asked. What changes since, it says by itself.
    is_asked: bool,
}

/// Whom a message has reached.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::chat) struct Reached<'a> {
    pub(in crate::chat) read: Vec<&'a UserId>,
    /// Those who have not read it.
    pub(in crate::chat) delivered: Vec<&'a UserId>,
}

impl Receipts {
    pub(super) fn read_by(&mut self, user: UserId, seq: Seq) {
        advance(&mut self.read, user, seq);
    }

    pub(super) fn delivered_to(&mut self, user: UserId, seq: Seq) {
        advance(&mut self.delivered, user, seq);
    }

    /// Asks anew what may have changed unheard.
    pub(super) fn doubt(&mut self) {
        self.is_asked = false;
    }
}

/// Cursors never move back. Of conversations that are too large for receipts, not all are kept.
fn advance(cursors: &mut BTreeMap<UserId, Seq>, user: UserId, seq: Seq) {
    let is_full = cursors.len() as u64 >= MEMBERS_MAX;
    if !is_full || cursors.contains_key(&user) {
        let known = cursors.entry(user).or_default();
        *known = seq.max(*known);
    }
}

impl OpenRoom {
    /// The person's own last message, if receipts are shown at it.
    pub(super) fn find_last_own(&mut self, me: &UserId) {
        let is_own = |it: &&TimelineMessage| it.message.sender == *me && !it.deleted;
        let mut shown = self.entries.iter().rev().filter_map(Entry::message);
        self.last_own = shown.find(is_own).map(|message| message.seq);
    }
}

impl State {
    pub(super) fn take_readers(&mut self, answer: ReadersAnswer) {
        let open = self.open.as_mut();
        if let Some(open) = open.filter(|open| open.id == answer.conversation) {
            for (user, seq) in answer.read {
                open.receipts.read_by(user, seq);
            }
            for (user, seq) in answer.delivered {
                open.receipts.delivered_to(user, seq);
            }
        }
    }

    /// Asks once whom the own last message has reached.
    pub(super) fn ask_for_receipts(&mut self) {
        if !self.has_receipts() {
            return;
        }
        if let Some(open) = &mut self.open
            && open.is_loaded
            && open.thread.is_none()
            && !open.receipts.is_asked
            && let Some(seq) = open.last_own
        {
            open.receipts.is_asked = true;
            self.effects.push(Effect::LoadReaders(open.id, seq));
        }
    }

    fn has_receipts(&self) -> bool {
        let members = self.open_room().and_then(|room| room.member_count);
        members.is_some_and(|count| count <= MEMBERS_MAX)
    }

    /// Whom a message has reached, if it is the one at which that is shown.
    pub(in crate::chat) fn reached(&self, seq: Seq) -> Option<Reached<'_>> {
        let open = self.open.as_ref().filter(|_| self.has_receipts())?;
        // What is read of a conversation says nothing of its threads.
        if open.last_own != Some(seq) || open.thread.is_some() {
            return None;
        }
        let is_there = |user: &UserId| {
            let members = &open.members;
            *user != self.me && (!members.is_complete || members.users.contains(user))
        };
        let has = |cursors: &BTreeMap<UserId, Seq>, user: &UserId| {
            is_there(user) && cursors.get(user).is_some_and(|cursor| *cursor >= seq)
        };
        let Receipts {
            read, delivered, ..
        } = &open.receipts;
        Some(Reached {
            read: read.keys().filter(|user| has(read, user)).collect(),
            delivered: delivered
                .keys()
                .filter(|user| has(delivered, user) && !has(read, user))
                .collect(),
        })
    }
}
