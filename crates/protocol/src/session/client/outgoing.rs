//! What the session says, and when.

use std::collections::BTreeMap;
use std::time::Instant;

use tidemark_core::{ConversationId, Seq};

use super::track::Fetch;
use super::{ClientSession, Update};
use crate::Code;
use crate::frame::{
    ClientFrame, Hello, OpenConversation, ReadCursor, Request, RequestId, SendMessage,
    SyncConversation,
};

impl ClientSession {
    /// The next frame to send.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<String> {
        if let Some(frame) = self.control.pop_front() {
            return Some(frame);
        }
        if !self.is_online() {
            return None;
        }
        let frame = match self.next_fetch(now) {
            Some(fetch) => fetch.encode(),
            None => match self.next_sendable(now) {
                Some(send) => send,
                None => self.next_report(now)?.encode(),
            },
        };
        self.spoke(now);
        Some(frame)
    }

    /// The next message that fits into a frame. The server would end the connection over any other, this one
    /// and each that follows it.
    fn next_sendable(&mut self, now: Instant) -> Option<String> {
        loop {
            let frame = self.next_send(now)?.encode();
            let bytes = frame.len() as u64;
            if bytes <= self.frame_bytes_max {
                return Some(frame);
            }
            let pending = self.outbox.take(self.last_request)?;
            self.updates.push_back(Update::Refused {
                conversation: pending.conversation,
                client_id: pending.message.client_id,
                code: Code::TooLarge,
                detail: format!(
                    "the message takes a frame of {bytes} bytes, and the server takes {}",
                    self.frame_bytes_max
                ),
            });
        }
    }

    pub(super) fn greet(&mut self, now: Instant, cursors: BTreeMap<ConversationId, Seq>) {
        let hello = Hello {
            token: Some(self.settings.token.clone()),
            cursors,
            epoch: self.epoch.clone(),
            device: self.settings.device.clone(),
        };
        self.say(now, &ClientFrame::Hello(hello));
    }

    pub(super) fn tell_open(&mut self, now: Instant, conversation: ConversationId) {
        if !self.is_online() {
            return;
        }
        let id = self.new_request();
        if let Some(known) = self.tracks.get_mut(&conversation)
            && known.track.open
            && !known.track.open_told
        {
            known.track.open_told = true;
            let after = known.track.followed.then(|| known.track.cursor());
            let open = OpenConversation {
                id: Some(id),
                conversation,
                after,
            };
            self.ask(now, Request::Open(open));
        }
    }

    pub(super) fn tell_read(&mut self, now: Instant, conversation: ConversationId) {
        let wanted = self
            .tracks
            .get(&conversation)
            .and_then(|it| it.track.read_wanted);
        if let Some(seq) = wanted.filter(|_| self.is_online()) {
            let read = ReadCursor {
                id: None,
                conversation,
                seq,
            };
            self.ask(now, Request::Read(read));
        }
    }

    pub(super) fn ask(&mut self, now: Instant, request: Request) {
        self.say(now, &ClientFrame::Request(request));
    }

    fn say(&mut self, now: Instant, frame: &ClientFrame) {
        self.control.push_back(frame.encode());
        self.spoke(now);
    }

    fn spoke(&mut self, now: Instant) {
        if let Some(liveness) = self.liveness_mut() {
            liveness.said(now);
        }
    }

    fn next_fetch(&mut self, now: Instant) -> Option<Request> {
        let mut asked = 0;
        let mut due = None;
        for id in &self.behind {
            let track = &self.tracks.get(id)?.track;
            asked += usize::from(matches!(track.fetch, Fetch::Asked { .. }));
            if due.is_none() && track.fetch_is_due(now) {
                due = Some(*id);
            }
        }
        let id = due.filter(|_| asked < self.settings.fetches_max)?;
        let request = self.new_request();
        let track = &mut self.tracks.get_mut(&id)?.track;
        let after = track.cursor();
        track.fetch = Fetch::Asked {
            request,
            after,
            since: now,
        };
        Some(Request::Sync(SyncConversation {
            id: Some(request),
            conversation: id,
            after,
            limit: Some(self.settings.page_events),
        }))
    }

    fn next_send(&mut self, now: Instant) -> Option<Request> {
        let id = RequestId(self.last_request.0 + 1);
        let pending = self.outbox.transmit(now, id)?;
        self.last_request = id;
        Some(Request::Send(SendMessage {
            id: Some(id),
            conversation: pending.conversation,
            message: pending.message.clone(),
        }))
    }

    pub(super) fn new_request(&mut self) -> RequestId {
        self.last_request.0 += 1;
        self.last_request
    }
}
