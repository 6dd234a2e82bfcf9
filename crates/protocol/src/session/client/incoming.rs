//! What each frame of the server does.

use std::time::{Duration, Instant};

use tidemark_core::ConversationId;
use tidemark_core::conversation::{Event, EventBody, InThread, Message};
use tidemark_core::unread::Counts;

use super::outbox::Pending;
use super::personal::Affairs;
use super::threads::Threads;
use super::track::{Fetch, Offered};
use super::{ClientSession, Ending, Phase, Update};
use crate::Code;
use crate::body::{Conversation, UploadChanged};
use crate::frame::{
    Ack, Events, Head, InboxEntry, Read, ReadCursor, Refused, Request, RequestId, ServerFrame,
    Welcome,
};
use crate::wire::LogEntry;

impl ClientSession {
    /// Takes a text frame in. What is of no known type is ignored.
    pub fn handle_text(&mut self, now: Instant, text: &str) {
        let Some(liveness) = self.liveness_mut() else {
            return;
        };
        liveness.heard(now);
        let frame = match ServerFrame::parse(text) {
            Ok(frame) => frame,
            Err(error) => {
                return self.end(Ending::Malformed {
                    detail: error.to_string(),
                });
            }
        };
        match frame {
            ServerFrame::Welcome(welcome) => self.welcome(now, *welcome),
            ServerFrame::Ack(ack) => self.ack(now, &ack),
            ServerFrame::Refused(refused) => self.refused(now, refused),
            ServerFrame::Event(entry) => self.event(now, entry),
            ServerFrame::Events(events) => self.events(now, events),
            ServerFrame::Head(head) => self.head(head),
            ServerFrame::Read(read) => self.read(now, read),
            ServerFrame::Added(added) => self.added(added.conversation),
            ServerFrame::Removed(removed) => self.forget(removed.conversation.0),
            ServerFrame::Personal(state) => self.learn_personal(*state),
            ServerFrame::Typing(typing) => self.heard_typing(typing),
            ServerFrame::Presence(presence) => self.heard_presence(presence),
            ServerFrame::ThreadRead(read) => self.thread_read(now, read),
            ServerFrame::Delivered(delivered) => self.delivered(delivered),
            ServerFrame::Upload(changed) => self.updates.push_back(upload_update(*changed)),
            ServerFrame::Pong(_) | ServerFrame::Unknown(_) => {}
            ServerFrame::Bye(bye) => self.end(Ending::Bye {
                code: bye.code,
                reconnect: bye.reconnect,
                after: Duration::from_millis(bye.after_ms),
            }),
        }
    }

    fn welcome(&mut self, now: Instant, welcome: Welcome) {
        let Phase::Greeting(mut liveness) = self.phase else {
            return;
        };
        liveness.set_heartbeat(Duration::from_millis(welcome.heartbeat_ms));
        self.phase = Phase::Online(liveness);
        self.frame_bytes_max = welcome.limits.frame_bytes_max;
        self.deliveries
            .set_members_max(welcome.limits.receipt_members_max);
        self.me = Some(welcome.user.id.0.clone());
        self.updates.push_back(Update::Online {
            user: welcome.user.id.0,
            session_id: welcome.session_id.0,
            more_conversations: welcome.more,
        });
        let entries = &welcome.conversations;
        let is_other_epoch = self
            .epoch
            .as_ref()
            .is_some_and(|epoch| *epoch != welcome.epoch);
        if is_other_epoch || entries.iter().any(|entry| self.is_ahead_of(entry)) {
            self.history_replaced();
        }
        self.epoch = Some(welcome.epoch);
        for entry in entries {
            let counts = Counts {
                unread: entry.unread,
                mentions: entry.mentions,
            };
            let known = self.meet(entry.id.0, entry.head_seq.0);
            known.kind = Some(entry.kind.0);
            known.track.told(entry.head_seq.0, counts);
            known.track.read_moved(entry.read_seq.0);
            self.has_read(entry.id.0, entry.read_seq.0);
            self.deliveries
                .size(entry.id.0, entry.member_count, entry.head_seq.0);
            self.updates.push_back(Update::Changed(entry.id.0));
        }
        self.affairs.told(welcome.personal_version);
        if !welcome.more {
            let named = |id: &ConversationId| entries.iter().any(|entry| entry.id.0 == *id);
            let gone = self.tracks.keys().filter(|id| !named(id)).copied();
            for id in gone.collect::<Vec<_>>() {
                self.forget(id);
            }
        }
        for id in self.tracks.keys().copied().collect::<Vec<_>>() {
            self.settle(id);
            self.tell_open(now, id);
            self.tell_read(now, id);
        }
        self.tell_signals(now);
        self.tell_threads_read(now);
    }

    fn is_ahead_of(&self, entry: &InboxEntry) -> bool {
        self.tracks
            .get(&entry.id.0)
            .is_some_and(|known| known.track.followed && known.track.cursor() > entry.head_seq.0)
    }

    fn history_replaced(&mut self) {
        self.updates.push_back(Update::HistoryReplaced);
        self.affairs = Affairs::default();
        self.deliveries.clear();
        self.threads = Threads::default();
        for known in self.tracks.values_mut() {
            known.track.history_replaced();
        }
        self.behind.clear();
    }

    fn ack(&mut self, now: Instant, ack: &Ack) {
        let Some(request) = ack.id else { return };
        let Some(pending) = self.outbox.take(request) else {
            return;
        };
        self.updates.push_back(Update::Sent {
            conversation: pending.conversation,
            client_id: pending.message.client_id,
            seq: ack.seq.0,
            at: ack.at.0,
            duplicate: ack.duplicate,
        });
        let id = pending.conversation;
        if let Some(event) = self.own_event(pending, ack) {
            self.event(now, LogEntry::Known(event));
        } else if let Some(known) = self.tracks.get_mut(&id) {
            known.track.exists_up_to(ack.seq.0);
            self.settle(id);
        }
    }

    /// The event that an acknowledged message became; the server sends this session the ack in its
    /// place. A repeat does not say all that the event of a reply says, and no ack what is known of attachments: those
    /// are fetched.
    fn own_event(&self, pending: Pending, ack: &Ack) -> Option<Event> {
        let message = pending.message;
        let is_told =
            message.attachments.is_empty() && (message.thread.is_none() || !ack.duplicate);
        if !is_told {
            return None;
        }
        Some(Event {
            conversation: pending.conversation,
            seq: ack.seq.0,
            at: ack.at.0,
            body: EventBody::Message(Message {
                sender: self.me.clone()?,
                client_id: message.client_id,
                text: message.text,
                reply_to: message.reply_to,
                mentions: message.mentions,
                client_at: message.client_at,
                thread: message.thread.map(|reply| InThread {
                    root: reply.thread,
                    also_in_conversation: reply.also_in_conversation,
                    first: ack.first_in_thread,
                }),
                attachments: Vec::new(),
            }),
        })
    }

    fn event(&mut self, now: Instant, entry: LogEntry) {
        let id = entry.conversation();
        let known = self.meet(id, entry.seq().previous());
        let had_gap = known.track.has_gap();
        self.deliver(now, entry);
        if had_gap
            || self
                .tracks
                .get(&id)
                .is_some_and(|known| known.track.has_gap())
        {
            self.settle(id);
        }
    }

    /// Hands an event over if it is the next one.
    fn deliver(&mut self, now: Instant, entry: LogEntry) {
        let id = entry.conversation();
        let Some(known) = self.tracks.get_mut(&id) else {
            return;
        };
        if known.track.step(entry.seq()) != Offered::Next {
            return;
        }
        let mut changed = !known.track.followed;
        if let (Some(event), Some(me)) = (entry.event(), &self.me) {
            changed |= known.track.count(event, me);
        }
        let followed = known.track.followed;
        self.note_own(&entry);
        if let Some(event) = entry.event() {
            self.count_in_thread(now, event);
            if let Some(me) = self.me.as_ref().filter(|_| followed) {
                self.deliveries.fetched(event, me);
            }
        }
        if followed {
            self.updates.push_back(Update::Event(entry));
        }
        if changed {
            self.updates.push_back(Update::Changed(id));
        }
    }

    /// A message of ours that turns up in the log needs no ack any more.
    fn note_own(&mut self, entry: &LogEntry) {
        let Some(event) = entry.event() else { return };
        let Some(message) = event.body.as_message() else {
            return;
        };
        if Some(&message.sender) != self.me.as_ref() {
            return;
        }
        self.has_written(event.conversation, event.seq);
        if let Some(pending) = self
            .outbox
            .take_named(event.conversation, message.client_id)
        {
            self.updates.push_back(Update::Sent {
                conversation: pending.conversation,
                client_id: pending.message.client_id,
                seq: event.seq,
                at: event.at,
                duplicate: true,
            });
        }
    }

    fn events(&mut self, now: Instant, page: Events) {
        let id = page.conversation.0;
        let Some(known) = self.tracks.get_mut(&id) else {
            return;
        };
        let track = &mut known.track;
        let before = track.cursor();
        if let Fetch::Asked { request, after, .. } = track.fetch
            && page.id == Some(request)
        {
            if page.head_seq.0 < after {
                self.history_replaced();
                self.restart_all_suspecting();
                return;
            }
            track.fetch = Fetch::Idle;
        } else if !matches!(track.fetch, Fetch::Asked { .. }) {
            // The server goes on by itself, be it after hello, open, or what it could not push.
            track.fetch = if page.more {
                Fetch::Promised { since: now }
            } else {
                Fetch::Idle
            };
        }
        track.exists_up_to(page.head_seq.0);
        if let Some(first) = page.visible_from
            && track.begins_at(first.0)
        {
            self.updates.push_back(Update::VisibleFrom {
                conversation: id,
                seq: first.0,
            });
        }
        for entry in page.events {
            if entry.conversation() == id {
                self.deliver(now, entry);
            }
        }
        if let Some(known) = self.tracks.get_mut(&id)
            && known.track.cursor() == before
        {
            if page.more {
                known.track.brought_nothing(now);
            } else {
                known.track.nothing_above(page.head_seq.0);
            }
        }
        self.settle(id);
    }

    /// Asks anew for everything that is followed, as no head is certain any more.
    fn restart_all_suspecting(&mut self) {
        for (id, known) in &mut self.tracks {
            if known.track.followed {
                known.track.suspect_more();
                self.behind.insert(*id);
            }
        }
    }

    fn head(&mut self, head: Head) {
        let id = head.conversation.0;
        let known = self.meet(id, head.head_seq.0);
        let counts = Counts {
            unread: head.unread,
            mentions: head.mentions,
        };
        known.track.told(head.head_seq.0, counts);
        self.updates.push_back(Update::Changed(id));
        self.settle(id);
    }

    fn read(&mut self, now: Instant, read: Read) {
        let id = read.conversation.0;
        if Some(&read.user.0) != self.me.as_ref() {
            self.updates.push_back(Update::ReadBy {
                conversation: id,
                user: read.user.0,
                seq: read.read_seq.0,
            });
            return;
        }
        let Some(known) = self.tracks.get_mut(&id) else {
            return;
        };
        let (seq, head) = (read.read_seq.0, read.head_seq.map(|head| head.0));
        let moved = known.track.read_moved(seq);
        let counted = read.unread.map(|unread| {
            let mentions = read.mentions.unwrap_or_default();
            let counts = Counts { unread, mentions };
            known.track.read_counted(seq, head, counts)
        });
        self.has_read(id, seq);
        if moved || counted == Some(Some(true)) {
            self.updates.push_back(Update::Changed(id));
        }
        if counted == Some(None) {
            // A page was faster than this frame: the same wish brings a newer count.
            let read = ReadCursor {
                id: None,
                conversation: id,
                seq,
            };
            self.ask(now, Request::Read(read));
        }
    }

    fn added(&mut self, conversation: Conversation) {
        let counts = Counts {
            unread: conversation.unread,
            mentions: conversation.mentions,
        };
        let id = conversation.id.0;
        let (head, read) = (conversation.head_seq.0, conversation.read_seq.0);
        let kind = conversation.kind.0;
        self.learn_size(id, conversation.member_count, head);
        self.updates
            .push_back(Update::Added(Box::new(conversation)));
        self.learn(id, kind, head, read, counts);
    }

    fn forget(&mut self, conversation: ConversationId) {
        self.behind.remove(&conversation);
        self.affairs.forget(conversation);
        self.deliveries.forget(conversation);
        self.threads.forget(conversation);
        if self.tracks.remove(&conversation).is_some() {
            self.updates.push_back(Update::Removed(conversation));
        }
    }

    fn refused(&mut self, now: Instant, refused: Refused) {
        let Phase::Online(_) = self.phase else {
            return self.refused_greeting(refused);
        };
        if self.watch_refused(now, &refused) {
            return;
        }
        let Some(request) = refused.id else { return };
        let pause = refused.retry_after_ms.map(Duration::from_millis);
        if is_passing(refused.code) {
            if !self.outbox.put_off(now, request, pause)
                && let Some(id) = self.asked_by(request)
                && let Some(known) = self.tracks.get_mut(&id)
            {
                known.track.put_off(now, pause);
            }
            return;
        }
        if let Some(pending) = self.outbox.take(request) {
            self.updates.push_back(Update::Refused {
                conversation: pending.conversation,
                client_id: pending.message.client_id,
                code: refused.code,
                detail: refused.detail.into_owned(),
            });
        } else if let Some(id) = self.asked_by(request) {
            self.forget(id);
        }
    }

    fn refused_greeting(&mut self, refused: Refused) {
        let detail = refused.detail.into_owned();
        self.end(if refused.code == Code::Unauthorized {
            Ending::Unauthorized { detail }
        } else {
            Ending::TurnedAway {
                code: refused.code,
                detail,
            }
        });
    }

    /// The conversation that is catching up by this request.
    fn asked_by(&self, number: RequestId) -> Option<ConversationId> {
        let asked = |id: &&ConversationId| {
            let fetch = self.tracks.get(*id).map(|known| known.track.fetch);
            matches!(fetch, Some(Fetch::Asked { request, .. }) if request == number)
        };
        self.behind.iter().find(asked).copied()
    }
}

/// Whether the same request may be taken later.
fn is_passing(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::RateLimited | Code::Internal)
}

fn upload_update(changed: UploadChanged) -> Update {
    let conversation = changed.conversation.map(|id| id.0);
    Update::UploadChanged {
        shown: conversation.zip(changed.seq.map(|seq| seq.0)),
        attachment: changed.attachment.into(),
        reason: changed.reason,
    }
}
