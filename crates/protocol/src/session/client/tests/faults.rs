//! Whatever is lost, repeated or cut off: the app gets the log, and the log gets each message once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::model::{FORBIDDEN, Server};
use super::*;

const ROOMS: [u128; 2] = [1, 2];

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody posts, and the live frame comes so many times.
    Post {
        room: u128,
        copies: usize,
    },
    /// The user writes.
    Write {
        room: u128,
        forbidden: bool,
    },
    /// So many frames arrive at the server.
    ClientFrames(usize),
    /// So many frames arrive at the client.
    ServerFrames(usize),
    /// The connection breaks; everything under way is lost.
    Cut,
    /// The connection breaks, and the process goes on as another one.
    Restart,
    /// A new connection opens.
    Connect,
    /// The server cannot take the next sends.
    Refuse(u32),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let room = || prop::sample::select(&ROOMS[..]);
    prop_oneof![
        6 => (room(), 0..3_usize).prop_map(|(room, copies)| Step::Post { room, copies }),
        4 => (room(), prop::bool::weighted(0.2))
            .prop_map(|(room, forbidden)| Step::Write { room, forbidden }),
        6 => (1..5_usize).prop_map(Step::ClientFrames),
        6 => (1..5_usize).prop_map(Step::ServerFrames),
        1 => Just(Step::Cut),
        1 => Just(Step::Restart),
        2 => Just(Step::Connect),
        1 => (1..3_u32).prop_map(Step::Refuse),
        2 => (1..2_000_u64).prop_map(Step::Pass),
    ]
}

struct World {
    client: Driven,
    server: Server,
    to_server: Vec<ClientFrame>,
    connected: bool,
    seen: BTreeMap<ConversationId, Vec<Seq>>,
    written: Vec<(ConversationId, NewMessage)>,
    answered: BTreeMap<(ConversationId, ClientId), Update>,
}

impl World {
    fn new() -> Self {
        let rooms = ROOMS.map(room);
        let mut client = Driven::new(settings());
        for id in rooms {
            client.session.follow(id, Seq::ZERO);
        }
        Self {
            client,
            server: Server::new(&rooms),
            to_server: Vec::new(),
            connected: false,
            seen: BTreeMap::new(),
            written: Vec::new(),
            answered: BTreeMap::new(),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Post {
                room: number,
                copies,
            } => self.server.post(room(number), copies),
            Step::Write {
                room: number,
                forbidden,
            } => self.write(room(number), forbidden),
            Step::ClientFrames(count) => {
                let count = count.min(self.to_server.len());
                for frame in self.to_server.drain(..count) {
                    self.server.take(frame);
                }
            }
            Step::ServerFrames(count) => {
                for _ in 0..count {
                    let Some(frame) = self.server.next_frame() else {
                        break;
                    };
                    self.client.hear(&frame);
                    self.pump();
                }
            }
            Step::Cut => self.cut(),
            Step::Restart => {
                self.cut();
                let left = self.client.session.resumption();
                self.client.session = ClientSession::resume(settings(), left).unwrap();
            }
            Step::Connect => {
                if !self.connected {
                    self.connected = true;
                    self.client.session.connected(self.client.now);
                }
            }
            Step::Refuse(count) => self.server.refuse = count,
            Step::Pass(millis) => self.client.pass(Duration::from_millis(millis)),
        }
        self.pump();
    }

    fn write(&mut self, conversation: ConversationId, forbidden: bool) {
        let number = self.written.len() as u128 + 1;
        let text = if forbidden { FORBIDDEN } else { "hello" };
        self.client
            .session
            .enqueue(conversation, note(number, text))
            .unwrap();
        self.written.push((conversation, note(number, text)));
    }

    fn cut(&mut self) {
        self.connected = false;
        self.to_server.clear();
        self.server.cut();
        self.client.session.disconnected();
    }

    /// Moves what the client has to say to where it can be lost, and shows the app what is new.
    fn pump(&mut self) {
        if self.connected {
            self.to_server.extend(self.client.sent());
        }
        for update in self.client.updates() {
            match &update {
                Update::Event(entry) => {
                    let seen = self.seen.entry(entry.conversation()).or_default();
                    seen.push(entry.seq());
                }
                Update::Sent {
                    conversation,
                    client_id,
                    ..
                }
                | Update::Refused {
                    conversation,
                    client_id,
                    ..
                } => {
                    let name = (*conversation, *client_id);
                    let earlier = self.answered.insert(name, update.clone());
                    assert_eq!(earlier, None, "a message was answered twice");
                }
                Update::Ended(_) => self.cut(),
                Update::HistoryReplaced => panic!("this history is never replaced"),
                _ => {}
            }
        }
    }

    /// The network heals, and everything comes to rest.
    fn settle(&mut self) {
        self.server.refuse = 0;
        for id in ROOMS {
            self.server.post(room(id), 1);
        }
        for _ in 0..200 {
            self.take(Step::Connect);
            self.take(Step::ClientFrames(usize::MAX));
            self.take(Step::ServerFrames(1_000));
            self.take(Step::Pass(500));
        }
    }

    fn check(&self) {
        for id in ROOMS.map(room) {
            let log: Vec<_> = (1..=self.server.head(id)).map(seq).collect();
            assert_eq!(self.seen[&id], log, "each event once, in order");
        }
        assert_eq!(self.client.session.pending().count(), 0);
        let mut names = BTreeSet::new();
        for (conversation, message) in &self.written {
            let name = (*conversation, message.client_id);
            names.insert(name);
            let logged = self.server.named.get(&name);
            match &self.answered[&name] {
                Update::Sent { seq, .. } => assert_eq!(Some(seq), logged),
                _ => assert_eq!((logged, &*message.text), (None, FORBIDDEN)),
            }
        }
        let all_written = self.server.named.keys().all(|name| names.contains(name));
        assert!(
            all_written,
            "nothing is in the log under a name that nobody gave it"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_event_arrives_once_in_order_and_every_message_is_answered_once(
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.settle();
        world.check();
    }
}
