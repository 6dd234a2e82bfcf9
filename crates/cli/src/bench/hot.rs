//! How many messages a second one conversation takes that many people write to at once, on as many nodes as there are.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use serde::Serialize;
use tidemark_core::ConversationId;

use super::Run;
use super::composer::{Composer, MessageName, text_of};
use super::course::{Course, LoadTasks, not_arrived};
use super::in_flight::InFlight;
use super::latency::{Latencies, LatencySummary};
use super::listener::Listener;
use super::load_socket::{LARGE_BUFFER_BYTES, LoadSocket, broken, open_all};
use super::open_files::allow_sockets;
use super::people::{People, begin_conversation};
use super::process_usage::per_cpu_second;
use super::report::Report;
use super::seconds::Seconds;
use super::target::Target;
use super::verify::{Ledger, Violation};
use crate::failure::Failure;

/// One conversation that everybody writes to at once: sends a second, in one order for all.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Members who send
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    senders: u16,
    /// Members who only listen
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    listeners: u16,
    /// Messages of each sender without an ack
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    in_flight: u16,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    text_bytes: u16,
    /// How long to measure
    #[arg(long, default_value = "10")]
    seconds: Seconds,
    /// How long to run before that
    #[arg(long, default_value = "2")]
    warm_up: Seconds,
}

#[derive(Serialize)]
struct Results {
    /// Messages that were acknowledged to their sender and delivered to every listener.
    sends_per_second: f64,
    sends_per_server_cpu_second: Option<f64>,
    ack_latency: LatencySummary,
    /// Times that a listener was told to read instead of being sent events.
    fell_behind: u64,
    /// Messages of the whole run, each verified to be at the same place for its sender and every listener.
    verified_messages: u64,
}

/// What all tasks share. The course counts messages that everybody knows of.
struct Shared {
    course: Course,
    ledger: RefCell<Ledger>,
    /// Acks for places that no listener has come to yet.
    early: RefCell<HashMap<u64, MessageName>>,
    sent: Cell<u64>,
    acks: RefCell<Latencies>,
}

impl Shared {
    fn acked(&self, seq: u64, message: MessageName) -> Result<(), Violation> {
        let mut ledger = self.ledger.borrow_mut();
        if ledger.has_come_to(seq) {
            self.course.count(ledger.acked(seq, message)?.into());
        } else if self.early.borrow_mut().insert(seq, message).is_some() {
            return Err(Violation::Twice { seq });
        }
        Ok(())
    }

    fn delivered(&self, seq: u64, message: MessageName) -> Result<(), Violation> {
        let mut ledger = self.ledger.borrow_mut();
        let mut is_everywhere = ledger.delivered(seq, message)?;
        if let Some(acked) = self.early.borrow_mut().remove(&seq) {
            is_everywhere |= ledger.acked(seq, acked)?;
        }
        self.course.count(is_everywhere.into());
        Ok(())
    }
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let (senders, listeners) = (arguments.senders.into(), arguments.listeners.into());
    allow_sockets(senders + listeners)?;
    let target = Target::open(&run.options.target).await?;
    let people = People::of_a_new_run();
    let users = |role, count| (0..count).map(|number| people.user(role, number)).collect();
    let (senders, listeners): (Vec<_>, Vec<_>) =
        (users("sender", senders), users("listener", listeners));
    let conversation =
        begin_conversation(&target, &[&senders[..], &listeners[..]].concat()).await?;
    let listeners = open_all(&target, listeners, LARGE_BUFFER_BYTES, &run.progress).await?;
    let senders = open_all(&target, senders, LARGE_BUFFER_BYTES, &run.progress).await?;
    let text: Rc<str> = text_of(arguments.text_bytes.into()).into();
    let head = senders[0].head(conversation)?;
    let shared = Rc::new(Shared {
        course: Course::default(),
        ledger: RefCell::new(Ledger::new(arguments.listeners.into(), head)),
        early: RefCell::default(),
        sent: Cell::new(0),
        acks: RefCell::new(Latencies::new()),
    });
    let fell_behind = Rc::new(Cell::new(0));
    let mut tasks = LoadTasks::new();
    for listener in listeners {
        let (text, behind) = (Rc::clone(&text), Rc::clone(&fell_behind));
        let listener = Listener::new(listener.socket, conversation, head, text, behind);
        tasks.spawn_local(listen(listener, Rc::clone(&shared)));
    }
    for (number, sender) in (0..).zip(senders) {
        let sender = Sender {
            socket: sender.socket,
            conversation,
            composer: Composer::new(number, conversation, &text),
            in_flight: InFlight::default(),
            in_flight_max: arguments.in_flight.into(),
        };
        tasks.spawn_local(sender.send(Rc::clone(&shared)));
    }
    let course = &shared.course;
    let (warm_up, duration) = (arguments.warm_up.duration(), arguments.seconds.duration());
    let measured = course
        .measure(&target, &mut tasks, warm_up, duration, &run.progress)
        .await?;
    let arrived = || shared.ledger.borrow().completed();
    let is_drained = || shared.sent.get() == arrived();
    if !course.drain(&mut tasks, is_drained).await? {
        return Err(not_arrived(shared.sent.get(), arrived()));
    }
    drop(tasks);
    target.close().await?;
    let report = Report {
        scenario: "hot",
        settings: arguments,
        machine: &run.machine,
        results: Results {
            sends_per_second: measured.per_second(),
            sends_per_server_cpu_second: per_cpu_second(measured.done, measured.server),
            ack_latency: shared.acks.borrow().summary(),
            fell_behind: fell_behind.get(),
            verified_messages: arrived(),
        },
        server: measured.server,
        generator: measured.generator,
    };
    report.print(run.options.json)
}

async fn listen(listener: Listener, shared: Rc<Shared>) -> Result<Infallible, Failure> {
    listener
        .listen(|seq, message, _| shared.delivered(seq, message))
        .await
}

struct Sender {
    socket: LoadSocket,
    conversation: ConversationId,
    composer: Composer,
    in_flight: InFlight,
    in_flight_max: usize,
}

impl Sender {
    /// Keeps as many messages in flight as it may.
    async fn send(mut self, shared: Rc<Shared>) -> Result<Infallible, Failure> {
        loop {
            let now = Instant::now();
            while !shared.course.stopping.get() && self.in_flight.len() < self.in_flight_max {
                self.in_flight.begin(now);
                shared.sent.set(shared.sent.get() + 1);
                self.socket.feed(self.composer.compose(now)).await?;
            }
            self.socket.flush().await?;
            let (conversation, in_flight) = (self.conversation, &mut self.in_flight);
            self.socket
                .next_batch(|frame, now| {
                    let acked = in_flight.settle(frame);
                    let told = acked.and_then(|acked| {
                        let Some(acked) = acked else { return Ok(()) };
                        if shared.course.measuring.get() {
                            shared.acks.borrow_mut().record(now - acked.made);
                        }
                        shared.acked(acked.seq, acked.message)
                    });
                    told.map_err(|violation| broken(conversation, violation))
                })
                .await?;
        }
    }
}
