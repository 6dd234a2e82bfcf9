//! `tidemark feed tail`: every event of all conversations as a line of JSON, in commit order.

use std::path::PathBuf;
use std::time::Duration;

use tidemark_client::{Http, HttpError, ServerUrl};
use tidemark_core::Position;
use tidemark_protocol::Code;
use tidemark_protocol::body::FeedPage;
use tokio::time::sleep;

use super::cursor::CursorFile;
use crate::admin::office;
use crate::failure::Failure;
use crate::output;
use crate::stopping::stop_signal;

/// The most events of one call.
const PAGE: u32 = 1_000;
/// How long a call waits for something new; shorter than it may take.
const WAIT: Duration = Duration::from_secs(20);
/// How long to wait before asking a server again that is away, at first and at most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(10);

const HELP: &str = "\
Each line is an event as GET /v1/feed has it, with its position. What was deleted is empty in it, also when it is read for \
the first time. With --cursor, the place is saved after the lines were written, and the next run goes on from there: if \
the process is killed in between, the last lines come again. A consumer keeps the position of the last line it has dealt with, or \
drops positions that it has seen.

Needs an API key in TIDEMARK_API_KEY.

Examples:
  tidemark feed tail --follow --cursor /var/lib/bot/cursor.json | ./index-events
  tidemark feed tail --after 120000 | jq -r 'select(.kind == \"message\").text'";

/// Print every event of all conversations as a line of JSON, in commit order.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Where the server is
    #[arg(
        long, value_name = "URL", env = "TIDEMARK_URL", default_value = "http://127.0.0.1:8080",
        value_parser = ServerUrl::parse
    )]
    url: ServerUrl,
    /// Begin after this position, whatever the cursor says; 0 is the beginning
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// Go on with what is new, until stopped; a server that is away is waited for
    #[arg(long)]
    follow: bool,
    /// Go on from where the last run with this file ended, and keep the place in it
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let http = office::http_with_key(arguments.url.clone())?;
    let stop = stop_signal()?;
    let cursor = match arguments.cursor {
        Some(path) => Some(CursorFile::open(path, &arguments.url)?),
        None => None,
    };
    let saved = match (&cursor, arguments.after) {
        (_, Some(after)) => Some(Position(after)),
        (Some(cursor), None) => cursor.load()?,
        (None, None) => None,
    };
    let after = saved.unwrap_or(Position(0));
    tokio::select! {
        () = stop => Ok(()),
        ended = print_all(&http, after, arguments.follow, cursor) => ended,
    }
}

async fn print_all(
    http: &Http,
    mut after: Position,
    follow: bool,
    cursor: Option<CursorFile>,
) -> Result<(), Failure> {
    let wait = if follow { WAIT } else { Duration::ZERO };
    let mut retry = RETRY_FIRST;
    loop {
        match http.feed(after, PAGE, wait).await {
            Ok(page) => {
                retry = RETRY_FIRST;
                if page.events.is_empty() && !follow {
                    return Ok(());
                }
                after = print(&page)?;
                if let Some(cursor) = &cursor
                    && !page.events.is_empty()
                {
                    cursor.save(after)?;
                }
            }
            Err(error) if follow && is_passing(&error) => {
                if retry == RETRY_FIRST {
                    output::note(format_args!("tidemark: {error}; trying again"));
                }
                sleep(retry).await;
                retry = (retry * 2).min(RETRY_MAX);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Prints a page; where the next one begins.
fn print(page: &FeedPage) -> Result<Position, Failure> {
    let mut stdout = output::Lines::new();
    for event in &page.events {
        stdout.line(output::json(event))?;
    }
    stdout.flush()?;
    Ok(page.next.0)
}

/// Whether it may be otherwise in a moment.
fn is_passing(error: &HttpError) -> bool {
    match error {
        HttpError::Unreachable(_) => true,
        HttpError::Refused { code, .. } => matches!(code, Code::Unavailable | Code::RateLimited),
        // A proxy in front of a server that starts anew.
        HttpError::Unexpected { status } => (502..=504).contains(status),
    }
}
