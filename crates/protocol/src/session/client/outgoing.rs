//! What the session says, and when.

use std::collections::BTreeMap;
use std::time::Instant;

use tidemark_core::{ConversationId, Seq};

use super::ClientSession;
use super::track::Fetch;
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
        let frame = self.next_fetch(now).or_else(|| self.next_send(now))?;
        self.spoke(now);
        Some(frame.encode())
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

    fn new_request(&mut self) -> RequestId {
        self.last_request.0 += 1;
        self.last_request
    }
}
