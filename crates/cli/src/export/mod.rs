//! `tidemark export`: the log of everything in one file, for analytics.

mod columns;
mod jsonl;
mod source;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use tempfile::NamedTempFile;
use tidemark_client::ServerUrl;
use tidemark_core::Position;
use tidemark_protocol::body::FeedEntry;
use tidemark_server::config::StoreEngine;
use tidemark_store::sqlite::SqliteStore;
use tidemark_store::{Directory, Store};

use crate::admin::local::{self, Local};
use crate::admin::office::Office;
use crate::failure::Failure;
use crate::installation::InstallationArguments;
use crate::output;
use crate::stopping::stop_signal;
use columns::Columns;
use jsonl::JsonLines;

const HELP: &str = "\
Over HTTP, with --url and an API key in TIDEMARK_API_KEY, while the server runs; or from the store, with --config, --data \
or --store: the embedded one can be had while its server is stopped.

What there is when it begins is written, in commit order. The file appears, or is replaced, when it is complete and on the disk; \
until then there is a temporary one beside it. The last position is printed: give it as --after to the next run for what came since.

The columns of Parquet are position, conversation, seq, occurred_at, kind, sender, text, and event with all of it as JSON.

Examples:
  tidemark export --url $URL --format parquet --out chat.parquet
  duckdb -c \"SELECT sender, count(*) FROM 'chat.parquet' WHERE kind = 'message' GROUP BY ALL ORDER BY 2 DESC\"
  tidemark export --data /var/lib/tidemark --format jsonl --out since.jsonl --after 120000";

/// Write every event of all conversations into a file, for analytics.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: InstallationArguments,
    /// Reach a server that runs, with the API key in `TIDEMARK_API_KEY`
    #[arg(long, value_name = "URL", value_parser = ServerUrl::parse)]
    url: Option<ServerUrl>,
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only events after this position
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    after: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Apache Parquet, compressed with Snappy
    Parquet,
    /// One JSON object a line
    Jsonl,
}

/// What takes events and makes a file of them.
trait Sink {
    fn write(&mut self, entries: &[FeedEntry]) -> io::Result<()>;

    /// Nothing more comes; the file is complete.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let stop = stop_signal()?;
    tokio::select! {
        () = stop => Err(Failure::failed("stopped; no file was written")),
        done = open_and_export(arguments) => done,
    }
}

async fn open_and_export(arguments: Arguments) -> Result<(), Failure> {
    if let Some(url) = arguments.url.clone() {
        let office = Office::<SqliteStore>::remote(url, &arguments.installation)?;
        return export(&arguments, office).await;
    }
    let config = local::load(&arguments.installation)?;
    match config.store.clone() {
        StoreEngine::Sqlite => {
            let store = local::open_embedded(&config, false).await?;
            export(&arguments, Office::of(Local::new(store, &config)?)).await
        }
        StoreEngine::Postgres(postgres) => {
            let store = local::open_database(&config, postgres).await?;
            export(&arguments, Office::of(Local::new(store, &config)?)).await
        }
    }
}

async fn export<S: Store + Directory>(
    arguments: &Arguments,
    office: Office<S>,
) -> Result<(), Failure> {
    let exported = write_file(arguments, &office).await;
    office.close().await;
    let (events, last) = exported?;
    output::note(format_args!(
        "{events} events up to position {} are in {}.",
        last.0,
        arguments.out.display()
    ));
    output::line(last.0)
}

/// How many events were written, and the position of the last one.
async fn write_file<S: Store + Directory>(
    arguments: &Arguments,
    office: &Office<S>,
) -> Result<(u64, Position), Failure> {
    let place = |error: io::Error| {
        let path = arguments.out.display();
        Failure::failed(format!("cannot write {path}: {error}"))
    };
    let directory = match arguments.out.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let temporary = NamedTempFile::with_prefix_in(".tidemark-export-", directory).map_err(place)?;
    let file = temporary.reopen().map_err(place)?;
    let mut sink: Box<dyn Sink + Send> = match arguments.format {
        Format::Parquet => Box::new(Columns::begin(file).map_err(place)?),
        Format::Jsonl => Box::new(JsonLines::begin(file)),
    };
    let mut after = Position(arguments.after);
    let head = source::head(office).await?;
    let bar = bar(after, head)?;
    let mut events = 0;
    loop {
        let mut page = source::page(office, after).await?;
        // What came since it began is for the next run, or this one might never end.
        let all = page.len();
        page.retain(|entry| head.is_none_or(|head| entry.position.0 <= head));
        let Some(last) = page.last() else { break };
        after = last.position.0;
        sink.write(&page).map_err(place)?;
        events += page.len() as u64;
        bar.set_position(after.0.saturating_sub(arguments.after));
        if page.len() < all {
            break;
        }
    }
    sink.finish().map_err(place)?;
    bar.finish_and_clear();
    temporary.as_file().sync_all().map_err(place)?;
    temporary
        .persist(&arguments.out)
        .map_err(|error| place(error.error))?;
    // The name is to last as the content does.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(place)?;
    Ok((events, after))
}

/// Shown on a terminal only.
fn bar(after: Position, head: Option<Position>) -> Result<ProgressBar, Failure> {
    let (bar, template) = match head {
        Some(head) => {
            let positions = head.0.saturating_sub(after.0);
            let template = "events {wide_bar} {human_pos}/{human_len} {eta}";
            (ProgressBar::new(positions), template)
        }
        None => (ProgressBar::new_spinner(), "{spinner} {human_pos} events"),
    };
    let style = ProgressStyle::with_template(template);
    let style = style.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(bar.with_style(style))
}
