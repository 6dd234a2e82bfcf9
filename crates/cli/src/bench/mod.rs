//! `tidemark bench`: a load generator that also checks what it gets.
//!
//! Each scenario is a module with an `Arguments` type and a function `run`. It asks for a [`target`], lets
//! simulated users open sockets ([`load_socket`]), makes load along a [`course`], and prints a [`report`].
//! Whatever arrives is verified ([`verify`]): a run in which the server broke a promise has no result.
//!
//! The generator runs on one thread and reads of each frame only what it verifies ([`frame`]), because it
//! shares the machine with the server.

mod catchup;
mod composer;
mod course;
mod fanout;
mod fill;
mod frame;
mod history;
mod hot;
mod idle;
mod in_flight;
mod inbox;
mod latency;
mod listener;
mod load_socket;
mod machine;
mod open_files;
mod pairs;
mod people;
mod process_usage;
mod progress;
mod rate;
mod report;
mod restart;
mod room;
mod seconds;
mod sends;
mod server_process;
mod target;
mod ticker;
mod uploads;
mod verify;

use tokio::runtime::Builder;
use tokio::task::{LocalSet, block_in_place};

use crate::failure::Failure;
use crate::stopping::stop_signal;
use machine::Machine;
use progress::Progress;
use target::TargetOptions;

/// Measure a server over real sockets, and check every message on the way.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    scenario: Scenario,
}

/// What every scenario takes.
#[derive(clap::Args)]
struct Options {
    /// Print the result as one JSON object instead of a table
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    target: TargetOptions,
}

#[derive(clap::Subcommand)]
enum Scenario {
    Sends(sends::Arguments),
    Rate(rate::Arguments),
    Room(room::Arguments),
    Hot(hot::Arguments),
    Fanout(fanout::Arguments),
    Idle(idle::Arguments),
    Catchup(catchup::Arguments),
    Restart(restart::Arguments),
    Inbox(inbox::Arguments),
    Uploads(uploads::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    // A thread and a runtime of its own: what load tasks share needs no locks then.
    block_in_place(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, until_interrupted(arguments))
    })
}

/// Runs the scenario. An interruption drops it, and with it the server and its store.
async fn until_interrupted(arguments: Arguments) -> Result<(), Failure> {
    let interrupted = stop_signal()?;
    tokio::select! {
        ended = run_scenario(arguments) => ended,
        () = interrupted => Err(Failure::failed("interrupted; there is no result")),
    }
}

async fn run_scenario(arguments: Arguments) -> Result<(), Failure> {
    let run = Run {
        machine: Machine::look(arguments.options.target.store_place().as_deref()),
        progress: Progress::new()?,
        options: arguments.options,
    };
    match arguments.scenario {
        Scenario::Sends(arguments) => sends::run(&run, &arguments).await,
        Scenario::Rate(arguments) => rate::run(&run, &arguments).await,
        Scenario::Room(arguments) => room::run(&run, &arguments).await,
        Scenario::Hot(arguments) => hot::run(&run, &arguments).await,
        Scenario::Fanout(arguments) => Box::pin(fanout::run(&run, &arguments)).await,
        Scenario::Idle(arguments) => idle::run(&run, &arguments).await,
        Scenario::Catchup(arguments) => catchup::run(&run, &arguments).await,
        Scenario::Restart(arguments) => Box::pin(restart::run(&run, &arguments)).await,
        Scenario::Inbox(arguments) => Box::pin(inbox::run(&run, &arguments)).await,
        Scenario::Uploads(arguments) => Box::pin(uploads::run(&run, &arguments)).await,
    }
}

/// What every scenario is given.
struct Run {
    options: Options,
    machine: Machine,
    progress: Progress,
}
