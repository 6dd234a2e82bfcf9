//! How long a message takes at a constant rate of arrival, whether the server keeps up or not.
//!
//! Every message has a time at which it is due, and its latency is measured from there. So a server that
//! stalls is charged for all the messages that it kept waiting, also those that could not even be sent.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidemark_core::ConversationId;

use super::Run;
use super::composer::{Composer, text_of};
use super::course::{Course, LoadTasks, Measured};
use super::frame::Frame;
use super::in_flight::InFlight;
use super::latency::{Latencies, LatencySummary};
use super::listener::Listener;
use super::load_socket::{LoadSocket, broken};
use super::open_files::allow_sockets;
use super::pairs::open_pairs;
use super::report::Report;
use super::seconds::Seconds;
use super::target::Target;
use super::ticker::Ticker;
use super::verify::{Ledger, Violation};
use crate::failure::Failure;

/// Messages of one sender without an ack; one that is due beyond them is missed.
const IN_FLIGHT_MAX: usize = 1_024;
/// Sent later than this after it was due, a message is late.
const LATE: Duration = Duration::from_millis(1);

/// Messages at a constant rate, whatever the server does: latency from when each was due.
#[derive(Clone, clap::Args, Serialize)]
#[group(skip)]
pub(super) struct Arguments {
    /// Messages a second, of all senders together
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// Pairs, each of a sender and a receiver in a conversation of their own
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pairs: u16,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    text_bytes: u16,
    /// How long to measure
    #[arg(long, default_value = "10")]
    pub(super) seconds: Seconds,
    /// How long to run before that
    #[arg(long, default_value = "2")]
    warm_up: Seconds,
}

#[derive(Serialize)]
pub(super) struct Results {
    /// Messages that were due while it was measured.
    due: u64,
    /// Of these, sent more than a millisecond late, by the generator or because the socket was full.
    late: u64,
    /// Of these, not sent at all or not arrived until long after the end.
    missed: u64,
    /// From when a message was due until its sender had the ack.
    pub(super) ack_latency: LatencySummary,
    /// From when a message was due until its receiver had the event.
    delivery_latency: LatencySummary,
    fell_behind: u64,
    verified_messages: u64,
}

/// When the messages of each sender are due.
#[derive(Clone, Copy)]
struct Schedule {
    begin: Instant,
    measure_from: Instant,
    end: Instant,
    rate: u64,
    senders: u64,
}

impl Schedule {
    /// When the message with this number, of all messages of this sender, is due.
    fn due(&self, sender: u64, number: u64) -> Instant {
        let of_all = u128::from(number * self.senders + sender);
        let nanoseconds = of_all * 1_000_000_000 / u128::from(self.rate);
        self.begin + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    fn is_measured(&self, due: Instant) -> bool {
        (self.measure_from..self.end).contains(&due)
    }
}

struct PairState {
    ledger: RefCell<Ledger>,
    /// Those that the receiver does not have yet, with the time at which they were due.
    undelivered: RefCell<InFlight>,
}

#[derive(Default)]
struct Counts {
    due: Cell<u64>,
    late: Cell<u64>,
    not_sent: Cell<u64>,
    sent: Cell<u64>,
}

struct Shared {
    course: Course,
    schedule: Schedule,
    counts: Counts,
    acks: RefCell<Latencies>,
    deliveries: RefCell<Latencies>,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let target = Target::open(&run.options.target).await?;
    let (results, measured) = measure(run, arguments, &target).await?;
    target.close().await?;
    let report = Report {
        scenario: "rate",
        settings: arguments,
        machine: &run.machine,
        results,
        server: measured.server,
        generator: measured.generator,
    };
    report.print(run.options.json)
}

/// Sends as `arguments` says, to people of its own.
pub(super) async fn measure(
    run: &Run,
    arguments: &Arguments,
    target: &Target,
) -> Result<(Results, Measured), Failure> {
    let pairs = usize::from(arguments.pairs);
    // Each pair has two sockets and a timer.
    allow_sockets(3 * pairs)?;
    let text: Rc<str> = text_of(arguments.text_bytes.into()).into();
    let opened = open_pairs(target, pairs, &run.progress).await?;
    let (warm_up, duration) = (arguments.warm_up.duration(), arguments.seconds.duration());
    let begin = Instant::now();
    let shared = Rc::new(Shared {
        course: Course::default(),
        schedule: Schedule {
            begin,
            measure_from: begin + warm_up,
            end: begin + warm_up + duration,
            rate: arguments.rate.into(),
            senders: arguments.pairs.into(),
        },
        counts: Counts::default(),
        acks: RefCell::new(Latencies::new()),
        deliveries: RefCell::new(Latencies::new()),
    });
    let fell_behind = Rc::new(Cell::new(0));
    let mut states = Vec::with_capacity(pairs);
    let mut tasks = LoadTasks::new();
    for (number, pair) in (0..).zip(opened) {
        let state = Rc::new(PairState {
            ledger: RefCell::new(Ledger::new(1, pair.head)),
            undelivered: RefCell::default(),
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
            number,
            next_due: 0,
            ticker: Ticker::new()?,
            socket: pair.sender,
            conversation: pair.conversation,
            composer: Composer::new(number, pair.conversation, &text),
            unanswered: InFlight::default(),
        };
        tasks.spawn_local(sender.send(Rc::clone(&state), Rc::clone(&shared)));
        states.push(state);
    }
    let measured = shared
        .course
        .measure(target, &mut tasks, warm_up, duration, &run.progress)
        .await?;
    let sent = || shared.counts.sent.get();
    let arrived = || {
        states
            .iter()
            .map(|state| state.ledger.borrow().completed())
            .sum()
    };
    shared
        .course
        .drain(&mut tasks, || sent() == arrived())
        .await?;
    drop(tasks);
    let counts = &shared.counts;
    let results = Results {
        due: counts.due.get(),
        late: counts.late.get(),
        missed: counts.not_sent.get() + (sent() - arrived()),
        ack_latency: shared.acks.borrow().summary(),
        delivery_latency: shared.deliveries.borrow().summary(),
        fell_behind: fell_behind.get(),
        verified_messages: arrived(),
    };
    Ok((results, measured))
}

async fn listen(
    listener: Listener,
    pair: Rc<PairState>,
    shared: Rc<Shared>,
) -> Result<Infallible, Failure> {
    listener
        .listen(|seq, message, now| {
            let due = pair
                .undelivered
                .borrow_mut()
                .finish(message.number.into())?;
            if shared.schedule.is_measured(due) {
                let took = now.saturating_duration_since(due);
                shared.deliveries.borrow_mut().record(took);
            }
            let arrived = pair.ledger.borrow_mut().delivered(seq, message)?;
            shared.course.count(arrived.into());
            Ok(())
        })
        .await
}

struct Sender {
    number: u16,
    /// The number of the next message that falls due; those that are missed count too.
    next_due: u64,
    ticker: Ticker,
    socket: LoadSocket,
    conversation: ConversationId,
    composer: Composer,
    unanswered: InFlight,
}

impl Sender {
    /// Sends every message when it is due.
    async fn send(
        mut self,
        pair: Rc<PairState>,
        shared: Rc<Shared>,
    ) -> Result<Infallible, Failure> {
        loop {
            let due = shared.schedule.due(self.number.into(), self.next_due);
            let is_over = due >= shared.schedule.end;
            let (conversation, unanswered) = (self.conversation, &mut self.unanswered);
            let answers = self.socket.next_batch(|frame, now| {
                answered(unanswered, &pair, &shared, frame, now)
                    .map_err(|violation| broken(conversation, violation))
            });
            tokio::select! {
                biased;
                ticked = self.ticker.until(due), if !is_over => {
                    ticked?;
                    self.send_due(&pair, &shared).await?;
                }
                taken = answers => taken?,
            }
        }
    }

    async fn send_due(&mut self, pair: &PairState, shared: &Shared) -> Result<(), Failure> {
        let (schedule, counts) = (&shared.schedule, &shared.counts);
        let add = |counter: &Cell<u64>, more: bool| counter.set(counter.get() + u64::from(more));
        let now = Instant::now();
        loop {
            let due = schedule.due(self.number.into(), self.next_due);
            if due > now || due >= schedule.end {
                return self.socket.flush().await;
            }
            self.next_due += 1;
            let is_measured = schedule.is_measured(due);
            add(&counts.due, is_measured);
            if self.unanswered.len() >= IN_FLIGHT_MAX {
                add(&counts.not_sent, is_measured);
                continue;
            }
            add(&counts.late, is_measured && now - due > LATE);
            add(&counts.sent, true);
            self.unanswered.begin(due);
            pair.undelivered.borrow_mut().begin(due);
            self.socket.feed(self.composer.compose(now)).await?;
        }
    }
}

fn answered(
    unanswered: &mut InFlight,
    pair: &PairState,
    shared: &Shared,
    frame: Frame<'_>,
    now: Instant,
) -> Result<(), Violation> {
    let Some(acked) = unanswered.settle(frame)? else {
        return Ok(());
    };
    if shared.schedule.is_measured(acked.made) {
        let took = now.saturating_duration_since(acked.made);
        shared.acks.borrow_mut().record(took);
    }
    let arrived = pair.ledger.borrow_mut().acked(acked.seq, acked.message)?;
    shared.course.count(arrived.into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_senders_together_keep_the_rate() {
        let begin = Instant::now();
        let schedule = Schedule {
            begin,
            measure_from: begin + Duration::from_secs(1),
            end: begin + Duration::from_secs(2),
            rate: 1_000,
            senders: 4,
        };
        let due = |sender, number| schedule.due(sender, number) - begin;
        assert_eq!(due(0, 0), Duration::ZERO);
        assert_eq!(due(3, 0), Duration::from_millis(3));
        assert_eq!(due(0, 1), Duration::from_millis(4));
        assert_eq!(due(1, 250), Duration::from_millis(1_001));
        assert!(schedule.is_measured(schedule.due(0, 250)));
        assert!(!schedule.is_measured(schedule.due(0, 249)));
        assert!(!schedule.is_measured(schedule.due(0, 500)));
    }
}
