//! A server small enough to be obviously right, at the other end of a connection that is not.

use std::collections::{HashMap, VecDeque};

use super::*;

/// The most events in one of its pages.
const PAGE: usize = 3;
/// Messages with this text are refused for good.
pub(super) const FORBIDDEN: &str = "forbidden";

/// Logs that survive, and one connection that does not.
pub(super) struct Server {
    pub(super) logs: HashMap<ConversationId, Vec<Event>>,
    /// Under which place each message is in the log.
    pub(super) named: HashMap<(ConversationId, ClientId), Seq>,
    /// How many of the next sends are refused in passing.
    pub(super) refuse: u32,
    to_client: VecDeque<String>,
    greeted: bool,
}

impl Server {
    pub(super) fn new(rooms: &[ConversationId]) -> Self {
        Self {
            logs: rooms.iter().map(|id| (*id, Vec::new())).collect(),
            named: HashMap::new(),
            refuse: 0,
            to_client: VecDeque::new(),
            greeted: false,
        }
    }

    pub(super) fn cut(&mut self) {
        self.to_client.clear();
        self.greeted = false;
    }

    pub(super) fn next_frame(&mut self) -> Option<String> {
        self.to_client.pop_front()
    }

    /// Somebody else says something; the live frame comes `copies` times, or is lost.
    pub(super) fn post(&mut self, conversation: ConversationId, copies: usize) {
        let place = self.head(conversation) + 1;
        let event = message(conversation, place, other());
        self.log(conversation).push(event.clone());
        if self.greeted {
            let frame = encode_event(&event);
            self.to_client.extend(std::iter::repeat_n(frame, copies));
        }
    }

    pub(super) fn take(&mut self, frame: ClientFrame) {
        match frame {
            ClientFrame::Hello(hello) => self.hello(&hello.cursors),
            ClientFrame::Request(Request::Send(send)) => self.send(send),
            ClientFrame::Request(Request::Sync(sync)) => {
                self.page_after(sync.id, sync.conversation, sync.after);
            }
            ClientFrame::Request(Request::Ping(_)) => {
                self.to_client.push_back(r#"{"type":"pong"}"#.to_owned());
            }
            ClientFrame::Request(_) => {}
        }
    }

    fn hello(&mut self, cursors: &std::collections::BTreeMap<ConversationId, Seq>) {
        self.greeted = true;
        let entries = self
            .logs
            .iter()
            .map(|(id, log)| entry(*id, log.len() as u64, 0));
        self.to_client.push_back(welcome(EPOCH, entries.collect()));
        for (id, cursor) in cursors {
            let mut after = *cursor;
            while let Some(last) = self.page_after(None, *id, after) {
                after = last;
            }
        }
    }

    /// Sends the page after a place; its last place, if it was not empty.
    fn page_after(
        &mut self,
        id: Option<RequestId>,
        conversation: ConversationId,
        after: Seq,
    ) -> Option<Seq> {
        let log = &self.logs[&conversation];
        let missing = log.iter().filter(|event| event.seq > after);
        let events: Vec<_> = missing.take(PAGE).cloned().map(LogEntry::Known).collect();
        let last = events.last().map(LogEntry::seq);
        if last.is_some() || id.is_some() {
            let page = Events {
                id,
                conversation: Wire(conversation),
                head_seq: Wire(seq(log.len() as u64)),
                visible_from: None,
                more: last.is_some_and(|last| last.get() < log.len() as u64),
                events,
            };
            self.to_client.push_back(page.encode());
        }
        last
    }

    fn send(&mut self, send: SendMessage) {
        let name = (send.conversation, send.message.client_id);
        let passing = self.refuse > 0;
        if passing || send.message.text == FORBIDDEN {
            self.refuse = self.refuse.saturating_sub(1);
            let refused = Refused {
                id: send.id,
                code: if passing {
                    Code::Unavailable
                } else {
                    Code::Forbidden
                },
                detail: "no".into(),
                retry_after_ms: None,
            };
            return self.to_client.push_back(refused.encode());
        }
        let duplicate = self.named.contains_key(&name);
        if !duplicate {
            let place = self.head(send.conversation) + 1;
            let mut event = message(send.conversation, place, me());
            if let EventBody::Message(message) = &mut event.body {
                message.client_id = send.message.client_id;
                message.text = send.message.text;
            }
            self.log(send.conversation).push(event);
            self.named.insert(name, seq(place));
        }
        let ack = Ack {
            id: send.id,
            conversation: Wire(send.conversation),
            client_id: Some(Wire(send.message.client_id)),
            seq: Wire(self.named[&name]),
            at: Wire(Timestamp(1_000)),
            duplicate,
            first_in_thread: false,
        };
        self.to_client.push_back(ack.encode());
    }

    pub(super) fn head(&self, conversation: ConversationId) -> u64 {
        self.logs[&conversation].len() as u64
    }

    fn log(&mut self, conversation: ConversationId) -> &mut Vec<Event> {
        self.logs.get_mut(&conversation).unwrap()
    }
}
