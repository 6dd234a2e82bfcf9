//! How fast the messages of one sender reach everybody in a large conversation.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use serde::Serialize;
use tidemark_core::ConversationId;
use tokio::sync::Notify;

use super::Run;
use super::composer::{Composer, MessageName, text_of};
use super::course::{Course, LoadTasks, not_arrived};
use super::frame::Frame;
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

/// One sender and many members who are online: deliveries a second, and how long the last one takes.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Members who listen; a group has at most 5,000 people, the sender included
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=4_999))]
    members: u32,
    /// Messages that have not reached everybody yet
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
    deliveries_per_second: f64,
    deliveries_per_server_cpu_second: Option<f64>,
    /// From the send until the sender had the ack.
    ack_latency: LatencySummary,
    /// From the send until the last member had the event.
    last_delivery_latency: LatencySummary,
    fell_behind: u64,
    /// Messages of the whole run, each verified to be the same at the sender and every member.
    verified_messages: u64,
}

/// What all tasks share. The course counts deliveries.
struct Shared {
    course: Course,
    ledger: RefCell<Ledger>,
    /// Messages that have not reached everybody, by number.
    spreading: RefCell<InFlight>,
    /// Wakes the sender when one has.
    arrived: Notify,
    sent: Cell<u64>,
    acks: RefCell<Latencies>,
    last_deliveries: RefCell<Latencies>,
}

impl Shared {
    /// Everybody has the message.
    fn complete(&self, message: MessageName, now: Instant) -> Result<(), Violation> {
        let sent = self.spreading.borrow_mut().finish(message.number.into())?;
        if self.course.measuring.get() {
            self.last_deliveries.borrow_mut().record(now - sent);
        }
        self.arrived.notify_one();
        Ok(())
    }
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let count = usize::try_from(arguments.members).unwrap_or(usize::MAX);
    allow_sockets(count + 1)?;
    let target = Target::open(&run.options.target).await?;
    let people = People::of_a_new_run();
    let members: Vec<_> = (0..count)
        .map(|number| people.user("member", number))
        .collect();
    let mut everybody = vec![people.user("sender", 0)];
    everybody.extend(members.iter().cloned());
    let conversation = begin_conversation(&target, &everybody).await?;
    let sender = everybody.swap_remove(0);
    let sender = LoadSocket::open(&target, sender, LARGE_BUFFER_BYTES).await?;
    let members = open_all(&target, members, LARGE_BUFFER_BYTES, &run.progress).await?;
    let head = sender.head(conversation)?;
    let text: Rc<str> = text_of(arguments.text_bytes.into()).into();
    let shared = Rc::new(Shared {
        course: Course::default(),
        ledger: RefCell::new(Ledger::new(arguments.members, head)),
        spreading: RefCell::default(),
        arrived: Notify::new(),
        sent: Cell::new(0),
        acks: RefCell::new(Latencies::new()),
        last_deliveries: RefCell::new(Latencies::new()),
    });
    let fell_behind = Rc::new(Cell::new(0));
    let mut tasks = LoadTasks::new();
    for member in members {
        let (text, behind) = (Rc::clone(&text), Rc::clone(&fell_behind));
        let listener = Listener::new(member.socket, conversation, head, text, behind);
        tasks.spawn_local(listen(listener, Rc::clone(&shared)));
    }
    let sender = Sender {
        socket: sender.socket,
        conversation,
        composer: Composer::new(0, conversation, &text),
        unanswered: InFlight::default(),
        in_flight_max: arguments.in_flight.into(),
    };
    tasks.spawn_local(sender.send(Rc::clone(&shared)));
    let (warm_up, duration) = (arguments.warm_up.duration(), arguments.seconds.duration());
    let measured = shared
        .course
        .measure(&target, &mut tasks, warm_up, duration, &run.progress)
        .await?;
    let arrived = || shared.ledger.borrow().completed();
    let is_drained = || shared.sent.get() == arrived();
    if !shared.course.drain(&mut tasks, is_drained).await? {
        return Err(not_arrived(shared.sent.get(), arrived()));
    }
    drop(tasks);
    target.close().await?;
    let report = Report {
        scenario: "room",
        settings: arguments,
        machine: &run.machine,
        results: Results {
            deliveries_per_second: measured.per_second(),
            deliveries_per_server_cpu_second: per_cpu_second(measured.done, measured.server),
            ack_latency: shared.acks.borrow().summary(),
            last_delivery_latency: shared.last_deliveries.borrow().summary(),
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
        .listen(|seq, message, now| {
            shared.course.count(1);
            if shared.ledger.borrow_mut().delivered(seq, message)? {
                shared.complete(message, now)?;
            }
            Ok(())
        })
        .await
}

struct Sender {
    socket: LoadSocket,
    conversation: ConversationId,
    composer: Composer,
    unanswered: InFlight,
    in_flight_max: usize,
}

impl Sender {
    /// Keeps as many messages on their way as it may.
    async fn send(mut self, shared: Rc<Shared>) -> Result<Infallible, Failure> {
        loop {
            if !shared.course.stopping.get() {
                self.fill(&shared).await?;
            }
            let (conversation, unanswered) = (self.conversation, &mut self.unanswered);
            let answers = self.socket.next_batch(|frame, now| {
                answered(unanswered, &shared, frame, now)
                    .map_err(|violation| broken(conversation, violation))
            });
            tokio::select! {
                taken = answers => taken?,
                () = shared.arrived.notified() => {}
            }
        }
    }

    async fn fill(&mut self, shared: &Shared) -> Result<(), Failure> {
        let now = Instant::now();
        while shared.spreading.borrow().len() < self.in_flight_max {
            self.unanswered.begin(now);
            shared.spreading.borrow_mut().begin(now);
            shared.sent.set(shared.sent.get() + 1);
            self.socket.feed(self.composer.compose(now)).await?;
        }
        self.socket.flush().await
    }
}

fn answered(
    unanswered: &mut InFlight,
    shared: &Shared,
    frame: Frame<'_>,
    now: Instant,
) -> Result<(), Violation> {
    let Some(acked) = unanswered.settle(frame)? else {
        return Ok(());
    };
    if shared.course.measuring.get() {
        shared.acks.borrow_mut().record(now - acked.made);
    }
    if shared.ledger.borrow_mut().acked(acked.seq, acked.message)? {
        shared.complete(acked.message, now)?;
    }
    Ok(())
}
