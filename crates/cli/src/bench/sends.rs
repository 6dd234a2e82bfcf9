//! How many messages a second become durable and arrive, when every sender keeps some in flight.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use serde::Serialize;
use tidemark_core::ConversationId;

use super::Run;
use super::composer::{Composer, text_of};
use super::course::{Course, LoadTasks, not_arrived};
use super::frame::Frame;
use super::in_flight::InFlight;
use super::latency::{Latencies, LatencySummary};
use super::listener::Listener;
use super::load_socket::{LoadSocket, broken};
use super::open_files::allow_sockets;
use super::pairs::open_pairs;
use super::process_usage::per_cpu_second;
use super::report::Report;
use super::seconds::Seconds;
use super::target::Target;
use super::verify::{Ledger, Violation};
use crate::failure::Failure;

/// Pairs of users, each with messages in flight all the time: durable and delivered sends a second.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Pairs, each of a sender and a receiver in a conversation of their own
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pairs: u16,
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
    /// Messages that were acknowledged to the sender and delivered to the receiver.
    sends_per_second: f64,
    sends_per_server_cpu_second: Option<f64>,
    ack_latency: LatencySummary,
    /// Times that a receiver was told to read instead of being sent events.
    fell_behind: u64,
    /// Messages of the whole run, each verified to be the same at its sender and its receiver.
    verified_messages: u64,
}

/// What a pair's two tasks share.
struct PairState {
    ledger: RefCell<Ledger>,
    sent: Cell<u64>,
}

/// What all tasks share.
struct Shared {
    course: Course,
    acks: RefCell<Latencies>,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let pairs = usize::from(arguments.pairs);
    allow_sockets(2 * pairs)?;
    let target = Target::open(&run.options.target).await?;
    let text: Rc<str> = text_of(arguments.text_bytes.into()).into();
    let shared = Rc::new(Shared {
        course: Course::default(),
        acks: RefCell::new(Latencies::new()),
    });
    let fell_behind = Rc::new(Cell::new(0));
    let mut states = Vec::with_capacity(pairs);
    let mut tasks = LoadTasks::new();
    for (number, pair) in (0..).zip(open_pairs(&target, pairs, &run.progress).await?) {
        let state = Rc::new(PairState {
            ledger: RefCell::new(Ledger::new(1, pair.head)),
            sent: Cell::new(0),
        });
        let listener = Listener::new(
            pair.receiver,
            pair.conversation,
            pair.head,
            Rc::clone(&text),
            Rc::clone(&fell_behind),
        );
        tasks.spawn_local(listen(listener, Rc::clone(&state), Rc::clone(&shared)));
        let sender = Sender {
            socket: pair.sender,
            conversation: pair.conversation,
            composer: Composer::new(number, pair.conversation, &text),
            in_flight: InFlight::default(),
            in_flight_max: arguments.in_flight.into(),
        };
        tasks.spawn_local(sender.send(Rc::clone(&state), Rc::clone(&shared)));
        states.push(state);
    }
    let course = &shared.course;
    let (warm_up, duration) = (arguments.warm_up.duration(), arguments.seconds.duration());
    let measured = course
        .measure(&target, &mut tasks, warm_up, duration, &run.progress)
        .await?;
    let sent = || states.iter().map(|state| state.sent.get()).sum::<u64>();
    let arrived = || {
        states
            .iter()
            .map(|state| state.ledger.borrow().completed())
            .sum()
    };
    if !course.drain(&mut tasks, || sent() == arrived()).await? {
        return Err(not_arrived(sent(), arrived()));
    }
    drop(tasks);
    target.close().await?;
    let report = Report {
        scenario: "sends",
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

async fn listen(
    listener: Listener,
    pair: Rc<PairState>,
    shared: Rc<Shared>,
) -> Result<Infallible, Failure> {
    listener
        .listen(|seq, message, _| {
            let arrived = pair.ledger.borrow_mut().delivered(seq, message)?;
            shared.course.count(arrived.into());
            Ok(())
        })
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
    async fn send(
        mut self,
        pair: Rc<PairState>,
        shared: Rc<Shared>,
    ) -> Result<Infallible, Failure> {
        loop {
            if !shared.course.stopping.get() {
                self.fill(&pair).await?;
            }
            let (conversation, in_flight) = (self.conversation, &mut self.in_flight);
            self.socket
                .next_batch(|frame, now| {
                    answered(in_flight, &pair, &shared, frame, now)
                        .map_err(|violation| broken(conversation, violation))
                })
                .await?;
        }
    }

    async fn fill(&mut self, pair: &PairState) -> Result<(), Failure> {
        let now = Instant::now();
        while self.in_flight.len() < self.in_flight_max {
            self.in_flight.begin(now);
            pair.sent.set(pair.sent.get() + 1);
            self.socket.feed(self.composer.compose(now)).await?;
        }
        self.socket.flush().await
    }
}

fn answered(
    in_flight: &mut InFlight,
    pair: &PairState,
    shared: &Shared,
    frame: Frame<'_>,
    now: Instant,
) -> Result<(), Violation> {
    let Some(acked) = in_flight.settle(frame)? else {
        return Ok(());
    };
    if shared.course.measuring.get() {
        shared.acks.borrow_mut().record(now - acked.made);
    }
    let arrived = pair.ledger.borrow_mut().acked(acked.seq, acked.message)?;
    shared.course.count(arrived.into());
    Ok(())
}
