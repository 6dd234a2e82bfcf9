//! `tidemark pipeline`: those who follow the feed, and what they could not do.

mod deeds;
mod rows;

use clap::Subcommand;
use tidemark_client::ServerUrl;
use tidemark_core::Position;
use tidemark_server::config::StoreEngine;
use tidemark_store::sqlite::SqliteStore;
use tidemark_store::{Directory, Store};

use crate::admin::local::{self, Local};
use crate::admin::office::Office;
use crate::admin::table::{self, Format};
use crate::failure::Failure;
use crate::installation::InstallationArguments;
use crate::output;
use rows::{ListedLetter, ListedPipeline};

const HELP: &str = "\
A pipeline follows the log of everything at its own pace: the audit, a copy in NATS. It is never in the way of a send, and \
goes on from where it was, whatever happens.

Over HTTP, with --url and an API key in TIDEMARK_API_KEY, while the server runs; or in the store, with --config, --data or \
--store: the embedded one can be had while its server is stopped.

STATE is running, paused, troubled (something keeps it from going on; it tries again and again), or absent (no node \
runs it). An event that a pipeline can never do goes to its dead letters, and the pipeline goes on.

Examples:
  tidemark pipeline --url https://chat.example.org list
  tidemark pipeline --url $URL pause nats --reason 'the cluster moves'
  tidemark pipeline --url $URL rewind audit --to 0
  tidemark pipeline --url $URL dead list nats
  tidemark pipeline --url $URL dead replay nats --all";

/// See how far those are who follow the feed; pause, resume and rewind them, deal with their dead letters.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: InstallationArguments,
    /// Reach a server that runs, with the API key in `TIDEMARK_API_KEY`
    #[arg(long, value_name = "URL", global = true, value_parser = ServerUrl::parse)]
    url: Option<ServerUrl>,
    /// Print JSON, one object a line, instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List them: state, position, lag, failures, dead letters, node
    List,
    /// Have one do nothing until it is resumed
    Pause {
        /// What it is called
        name: String,
        /// Why, for whoever finds it paused
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let a paused one go on from where it is
    Resume {
        /// What it is called
        name: String,
    },
    /// Have one do all events after a position again; it only goes back
    Rewind {
        /// What it is called
        name: String,
        /// The position; 0 for all there are
        #[arg(long, value_name = "POSITION")]
        to: u64,
    },
    /// Forget one that no node runs any more, with its dead letters
    Forget {
        /// What it is called
        name: String,
    },
    /// List, replay and drop events that one could not do
    #[command(subcommand)]
    Dead(Dead),
}

#[derive(Subcommand)]
enum Dead {
    /// List them, in the order of their positions
    List {
        /// What the pipeline is called
        name: String,
        /// Only those after this position
        #[arg(long, value_name = "POSITION", default_value_t = 0)]
        after: u64,
        /// The most of them; at most 1,000
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
    /// Have them tried again, once each
    Replay {
        /// What the pipeline is called
        name: String,
        #[command(flatten)]
        which: Which,
    },
    /// Take them away, for good
    Drop {
        /// What the pipeline is called
        name: String,
        #[command(flatten)]
        which: Which,
    },
}

/// Which dead letters.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The one at this position
    #[arg(long, value_name = "POSITION")]
    position: Option<u64>,
    /// All of them
    #[arg(long)]
    all: bool,
}

impl Which {
    fn position(&self) -> Option<Position> {
        self.position.map(Position)
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments {
        installation,
        url,
        json,
        command,
    } = arguments;
    let format = if json { Format::Json } else { Format::Text };
    if let Some(url) = url {
        let office = Office::<SqliteStore>::remote(url, &installation)?;
        return carry_out(command, office, format).await;
    }
    let config = local::load(&installation)?;
    match config.store.clone() {
        StoreEngine::Sqlite => {
            let store = local::open_embedded(&config, false).await?;
            let local = Local::new(store, &config)?;
            carry_out(command, Office::of(local), format).await
        }
        StoreEngine::Postgres(postgres) => {
            let store = local::open_database(&config, postgres).await?;
            let local = Local::new(store, &config)?;
            carry_out(command, Office::of(local), format).await
        }
    }
}

async fn carry_out<S: Store + Directory>(
    command: Command,
    office: Office<S>,
    format: Format,
) -> Result<(), Failure> {
    let done = perform(command, &office, format).await;
    office.close().await;
    done
}

async fn perform<S: Store + Directory>(
    command: Command,
    office: &Office<S>,
    format: Format,
) -> Result<(), Failure> {
    let show = |pipeline: ListedPipeline| table::print(&[pipeline], format);
    match command {
        Command::List => table::print(&deeds::list(office).await?, format),
        Command::Pause { name, reason } => show(deeds::pause(office, &name, reason).await?),
        Command::Resume { name } => show(deeds::resume(office, &name).await?),
        Command::Rewind { name, to } => show(deeds::rewind(office, &name, Position(to)).await?),
        Command::Forget { name } => {
            deeds::forget(office, &name).await?;
            output::note(format_args!("{name} is forgotten."));
            Ok(())
        }
        Command::Dead(dead) => perform_on_dead(dead, office, format).await,
    }
}

async fn perform_on_dead<S: Store + Directory>(
    command: Dead,
    office: &Office<S>,
    format: Format,
) -> Result<(), Failure> {
    match command {
        Dead::List { name, after, limit } => {
            let letters = deeds::dead_letters(office, &name, Position(after), limit).await?;
            let is_full = letters.len() as u64 == u64::from(limit);
            let listed: Vec<ListedLetter> = letters;
            table::print(&listed, format)?;
            if is_full {
                output::note("There may be more: see --after and --limit.");
            }
        }
        Dead::Replay { name, which } => {
            let count = deeds::replay(office, &name, which.position()).await?;
            output::note(format_args!("{count} are tried again."));
        }
        Dead::Drop { name, which } => {
            let count = deeds::drop_dead(office, &name, which.position()).await?;
            output::note(format_args!("{count} are gone."));
        }
    }
    Ok(())
}
