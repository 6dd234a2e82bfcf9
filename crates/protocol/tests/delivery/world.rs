//! A log, a server that publishes it with delay and losses, and one socket.

use std::collections::{BTreeSet, VecDeque};

use tidemark_core::{ClientId, Seq};
use tidemark_protocol::frame::{Ack, Events, RequestId, ServerFrame};
use tidemark_protocol::session::delivery::{AckOffer, Delivery, Next, Offer, Written};
use tidemark_protocol::wire::{LogEntry, Wire};

use crate::{ROOM, ack, message, name, seq};

/// The most events in a page.
const PAGE: usize = 3;

/// What became of a command, on its way to the socket.
#[derive(Clone, Copy, Debug)]
enum Item {
    Event(u64),
    Ack(Ack),
    Refused(ClientId, RequestId),
    Head(u64),
}

pub(crate) struct World {
    /// The name of the message at each place.
    log: Vec<ClientId>,
    /// Committed, not published.
    committed: VecDeque<Item>,
    /// Published, not written. An event that was dropped is a head.
    outbox: VecDeque<Item>,
    delivery: Delivery,
    catch_ups: VecDeque<(Seq, Option<RequestId>)>,
    /// A page that was read and not written yet.
    page: Option<Events>,
    next_name: u64,
    next_id: i64,
    /// Names that this socket has used.
    named: Vec<ClientId>,
    client: Client,
}

/// What the client has heard, and is owed.
#[derive(Default)]
struct Client {
    /// Everything up to here has come, in order, or the client has said that it holds it.
    held: Seq,
    /// Up to here, the client has said itself that it needs nothing.
    claimed: Seq,
    unanswered: BTreeSet<RequestId>,
}

impl Client {
    fn hear(&mut self, frame: &ServerFrame, sync: Option<RequestId>) {
        match frame {
            ServerFrame::Ack(ack) => self.hear_ack(ack),
            ServerFrame::Events(page) => {
                let is_answer = page.id.is_some();
                if let Some(id) = page.id {
                    assert!(self.unanswered.remove(&id), "{id:?} is answered once");
                }
                let starts_at = page.events.first().map_or(self.held, LogEntry::seq);
                if sync.is_some() && is_answer && starts_at > self.held.next() {
                    return;
                }
                for entry in &page.events {
                    let repeat = sync.is_some() && entry.seq() <= self.held;
                    if !repeat {
                        self.hear_place(entry.seq());
                    }
                }
            }
            other => panic!("{other:?} is neither"),
        }
    }

    fn hear_place(&mut self, place: Seq) {
        assert_eq!(place, self.held.next(), "no hole, no double, no disorder");
        self.held = place;
    }

    fn hear_ack(&mut self, ack: &Ack) {
        assert!(
            self.unanswered.remove(&ack.id.unwrap()),
            "answered once: {ack:?}"
        );
        let place = ack.seq.0;
        if place <= self.held && (ack.duplicate || place <= self.claimed) {
            return;
        }
        self.hear_place(place);
    }

    fn claim(&mut self, place: Seq) {
        self.held = place;
        self.claimed = self.claimed.max(place);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let mut delivery = Delivery::default();
        delivery.start_all([(ROOM, Seq::ZERO)]);
        Self {
            log: Vec::new(),
            committed: VecDeque::new(),
            outbox: VecDeque::new(),
            delivery,
            catch_ups: VecDeque::new(),
            page: None,
            next_name: 1,
            next_id: 1,
            named: Vec::new(),
            client: Client::default(),
        }
    }

    fn head(&self) -> u64 {
        self.log.len() as u64
    }

    fn append(&mut self, client_id: ClientId) -> u64 {
        self.log.push(client_id);
        self.head()
    }

    fn new_name(&mut self) -> ClientId {
        self.next_name += 1;
        name(self.next_name)
    }

    fn new_id(&mut self) -> RequestId {
        self.next_id += 1;
        let id = RequestId(self.next_id);
        self.client.unanswered.insert(id);
        id
    }

    /// Somebody else says something, perhaps under a name that this socket has used.
    pub(crate) fn other_says(&mut self, same_name: Option<usize>) {
        let client_id = same_name
            .and_then(|index| self.named.get(index % self.named.len().max(1)).copied())
            .unwrap_or_else(|| self.new_name());
        let place = self.append(client_id);
        self.committed.push_back(Item::Event(place));
    }

    pub(crate) fn send(&mut self) {
        let client_id = self.new_name();
        let id = self.new_id();
        let place = self.append(client_id);
        self.named.push(client_id);
        self.delivery.expect_ack(ROOM, client_id);
        self.commit_ack(client_id, id, place, false);
    }

    /// The user's other device says something, and this one sends the same again.
    pub(crate) fn send_what_was_sent_elsewhere(&mut self) {
        let client_id = self.new_name();
        let place = self.append(client_id);
        self.committed.push_back(Item::Event(place));
        let id = self.new_id();
        self.delivery.expect_ack(ROOM, client_id);
        self.commit_ack(client_id, id, place, true);
    }

    /// Somebody else is first to use the name that this socket then uses.
    pub(crate) fn send_under_a_name_of_others(&mut self) {
        let client_id = self.new_name();
        let theirs = self.append(client_id);
        self.committed.push_back(Item::Event(theirs));
        let id = self.new_id();
        let ours = self.append(client_id);
        self.delivery.expect_ack(ROOM, client_id);
        self.commit_ack(client_id, id, ours, false);
    }

    fn commit_ack(&mut self, client_id: ClientId, id: RequestId, place: u64, duplicate: bool) {
        self.committed.push_back(Item::Ack(Ack {
            id: Some(id),
            client_id: Some(Wire(client_id)),
            duplicate,
            ..ack(place)
        }));
    }

    pub(crate) fn send_in_vain(&mut self) {
        let client_id = self.new_name();
        let id = self.new_id();
        self.named.push(client_id);
        self.delivery.expect_ack(ROOM, client_id);
        self.committed.push_back(Item::Refused(client_id, id));
    }

    /// The next outcome reaches the socket's outbox; an event may find it full.
    pub(crate) fn publish(&mut self, is_full: bool) {
        match self.committed.pop_front() {
            Some(Item::Event(place)) if is_full => self.outbox.push_back(Item::Head(place)),
            Some(item) => self.outbox.push_back(item),
            None => {}
        }
    }

    /// The socket writes the next thing that waits.
    pub(crate) fn write(&mut self) {
        match self.outbox.pop_front() {
            Some(Item::Event(place)) => match self.delivery.offer_event(ROOM, seq(place)) {
                Offer::Write => self.client.hear_place(seq(place)),
                Offer::Skip => {}
                Offer::CatchUp { after } => self.catch_ups.push_back((after, None)),
            },
            Some(Item::Ack(ack)) => match self.delivery.offer_ack(ack) {
                AckOffer::Write => self.client.hear_ack(&ack),
                AckOffer::Held => {}
                AckOffer::CatchUp { after } => self.catch_ups.push_back((after, None)),
                AckOffer::WriteAndCatchUp { after } => {
                    self.client.hear_ack(&ack);
                    self.catch_ups.push_back((after, None));
                }
            },
            Some(Item::Refused(client_id, id)) => {
                assert!(self.client.unanswered.remove(&id));
                let next = self.delivery.refused(ROOM, client_id);
                self.go_on(next, None);
            }
            Some(Item::Head(place)) => self.write_head(seq(place)),
            None => {}
        }
    }

    fn write_head(&mut self, place: Seq) {
        if !self.delivery.wants_head(ROOM, place) {
            return;
        }
        let head = seq(self.head());
        let written = self.delivery.skip_to(ROOM, head);
        self.hear(&written, None);
        // The client asks for what lies between by itself, at its leisure.
        self.client.claim(head);
        self.go_on(written.next, None);
    }

    pub(crate) fn read_page(&mut self) {
        if self.page.is_some() {
            return;
        }
        if let Some((after, id)) = self.catch_ups.pop_front() {
            self.page = Some(self.page_after(after, id));
        }
    }

    pub(crate) fn write_page(&mut self) {
        if let Some(page) = self.page.take() {
            let written = self.delivery.page(page);
            self.hear(&written, None);
            self.go_on(written.next, None);
        }
    }

    pub(crate) fn sync(&mut self, after: u64) {
        let id = self.new_id();
        let page = self.page_after(seq(after % (self.head() + 2)), Some(id));
        let written = self.delivery.answer(page);
        assert_eq!(written.next, Next::Done);
        self.hear(&written, Some(id));
    }

    /// As the server does it: whatever was on its way is given up, and requests for it are answered.
    pub(crate) fn open(&mut self, after: u64) {
        let id = self.new_id();
        let head = seq(self.head());
        let after = seq(after % (self.head() + 2)).min(head);
        let pages = self.catch_ups.drain(..).map(|(_, id)| id);
        let given_up = pages.chain(self.page.take().map(|page| page.id));
        for id in given_up.flatten() {
            assert!(self.client.unanswered.remove(&id));
        }
        let written = self.delivery.restart(ROOM, after, head);
        // What comes out are acks up to there.
        self.client.claim(after);
        self.hear(&written, None);
        match written.next {
            Next::Done => assert!(self.client.unanswered.remove(&id)),
            next @ Next::CatchUp { .. } => self.go_on(next, Some(id)),
        }
    }

    fn hear(&mut self, written: &Written, sync: Option<RequestId>) {
        for frame in &written.frames {
            self.client.hear(frame, sync);
        }
    }

    fn go_on(&mut self, next: Next, id: Option<RequestId>) {
        if let Next::CatchUp { after } = next {
            self.catch_ups.push_back((after, id));
        }
    }

    fn page_after(&self, after: Seq, id: Option<RequestId>) -> Events {
        let head = self.head();
        let places = (after.get() + 1..=head).take(PAGE);
        let events: Vec<LogEntry> = places
            .map(|place| message(place, self.log[usize::try_from(place - 1).unwrap()]))
            .collect();
        let more = events.last().is_some_and(|entry| entry.seq() < seq(head));
        Events {
            visible_from: None,
            id,
            conversation: Wire(ROOM),
            events,
            head_seq: Wire(seq(head)),
            more,
        }
    }

    /// Lets everything that is under way arrive, and looks whether that was all.
    pub(crate) fn settle(&mut self) {
        let mut steps = 0;
        while !self.committed.is_empty()
            || !self.outbox.is_empty()
            || !self.catch_ups.is_empty()
            || self.page.is_some()
        {
            self.publish(false);
            self.write();
            self.read_page();
            self.write_page();
            steps += 1;
            assert!(steps < 10_000, "pages come to an end");
        }
        assert_eq!(self.client.held, seq(self.head()), "everything has come");
        let unanswered = &self.client.unanswered;
        assert!(unanswered.is_empty(), "without an answer: {unanswered:?}");
    }
}
