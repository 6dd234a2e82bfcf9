//! How fast clients that were away read what they missed.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use serde::Serialize;
use tidemark_core::ConversationId;

use super::Run;
use super::composer::text_of;
use super::course::{Course, LoadTasks};
use super::frame::Event;
use super::history::{Author, read_log};
use super::latency::{Latencies, LatencySummary};
use super::load_socket::{LARGE_BUFFER_BYTES, LoadSocket, broken, open_all};
use super::open_files::allow_sockets;
use super::people::{People, begin_conversation};
use super::process_usage::per_cpu_second;
use super::report::Report;
use super::seconds::Seconds;
use super::target::Target;
use super::verify::Violation;
use crate::failure::Failure;

/// Clients that read a conversation from its beginning, page by page: events a second.
#[derive(clap::Args, Serialize)]
pub(super) struct Arguments {
    /// Messages in the conversation
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    events: u32,
    /// Clients that read at the same time, again and again
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    clients: u16,
    /// Events in a page
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    page: u32,
    /// Bytes of text in a message
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=16_384))]
    text_bytes: u16,
    /// How long to measure
    #[arg(long, default_value = "5")]
    seconds: Seconds,
    /// How long to run before that
    #[arg(long, default_value = "1")]
    warm_up: Seconds,
}

#[derive(Serialize)]
struct Results {
    events_per_second: f64,
    events_per_server_cpu_second: Option<f64>,
    /// From the first request until one client had the whole conversation, the others reading too.
    whole_log_latency: LatencySummary,
    /// Events of whole logs that were read, each verified to follow the one before.
    verified_events: u64,
}

struct Shared {
    course: Course,
    whole_logs: RefCell<Latencies>,
}

pub(super) async fn run(run: &Run, arguments: &Arguments) -> Result<(), Failure> {
    let clients = usize::from(arguments.clients);
    allow_sockets(clients + 1)?;
    let target = Target::open(&run.options.target).await?;
    let people = People::of_a_new_run();
    let readers: Vec<_> = (0..clients)
        .map(|number| people.user("reader", number))
        .collect();
    let mut everybody = vec![people.user("author", 0)];
    everybody.extend(readers.iter().cloned());
    let conversation = begin_conversation(&target, &everybody).await?;
    let author = everybody.swap_remove(0);
    let author = LoadSocket::open(&target, author, LARGE_BUFFER_BYTES).await?;
    let text = text_of(arguments.text_bytes.into());
    let mut author = Author::new(author.socket, conversation, &text);
    let events = usize::try_from(arguments.events).unwrap_or(usize::MAX);
    let bar = run.progress.count("writing the conversation", events);
    let mut head = 0;
    let count = arguments.events.into();
    author.write(count, &bar, |seq, _| head = seq).await?;
    drop((author, bar));
    let shared = Rc::new(Shared {
        course: Course::default(),
        whole_logs: RefCell::new(Latencies::new()),
    });
    let mut tasks = LoadTasks::new();
    for reader in open_all(&target, readers, LARGE_BUFFER_BYTES, &run.progress).await? {
        let reader = Reader {
            socket: reader.socket,
            conversation,
            page: arguments.page,
            head,
            text: text.as_str().into(),
        };
        tasks.spawn_local(reader.read(Rc::clone(&shared)));
    }
    let (warm_up, duration) = (arguments.warm_up.duration(), arguments.seconds.duration());
    let measured = shared
        .course
        .measure(&target, &mut tasks, warm_up, duration, &run.progress)
        .await?;
    drop(tasks);
    target.close().await?;
    let report = Report {
        scenario: "catchup",
        settings: arguments,
        machine: &run.machine,
        results: Results {
            events_per_second: measured.per_second(),
            events_per_server_cpu_second: per_cpu_second(measured.done, measured.server),
            whole_log_latency: shared.whole_logs.borrow().summary(),
            verified_events: shared.course.done.get(),
        },
        server: measured.server,
        generator: measured.generator,
    };
    report.print(run.options.json)
}

struct Reader {
    socket: LoadSocket,
    conversation: ConversationId,
    page: u32,
    head: u64,
    text: Rc<str>,
}

impl Reader {
    /// Reads the whole log again and again.
    async fn read(mut self, shared: Rc<Shared>) -> Result<Infallible, Failure> {
        loop {
            let began = Instant::now();
            let text = &self.text;
            let each = |event: Event<'_>| {
                shared.course.count(1);
                match event.message {
                    Some((_, said)) if said != &**text => {
                        Err(Violation::Differs { seq: event.seq })
                    }
                    _ => Ok(()),
                }
            };
            let last = read_log(&mut self.socket, self.conversation, 0, self.page, each).await?;
            if last != self.head {
                let gap = Violation::Gap {
                    expected: self.head,
                    found: last,
                };
                return Err(broken(self.conversation, gap));
            }
            if shared.course.measuring.get() {
                shared.whole_logs.borrow_mut().record(began.elapsed());
            }
        }
    }
}
