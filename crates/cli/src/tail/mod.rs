//! `tidemark tail`: every event as a line of JSON, each once, from where the last run ended.

mod chosen;
mod progress;
mod state_file;
mod tailer;

use std::path::PathBuf;
use std::time::Duration;

use tidemark_client::{Client, ClientOptions};
use tidemark_core::ConversationId;

use crate::connect::{ConnectArguments, stopped};
use crate::failure::{Failure, FailureKind};
use crate::stopping::stop_signal;
use chosen::Chosen;
use progress::{Progress, Start};
use state_file::StateFile;
use tailer::Tailer;

const HELP: &str = "\
Each line is an event as the protocol has it: conversation, seq, at, kind and what belongs to the kind. The lines of \
a conversation come in the order of seq, without a hole and without a repetition, however often the connection \
breaks. Those of two conversations are mixed as they come.

The place is kept for each server, user and choice of conversations, in tidemark/tail in $XDG_STATE_HOME or \
~/.local/state, and is saved after the lines were written. The first run begins with the first event, and so does a \
conversation that is new to a later run. If the process is killed in the middle of a write, the last lines may come \
again in the next run.

Examples:
  tidemark tail | jq -r 'select(.kind == \"message\") | .sender + \": \" + .text'
  tidemark tail --once --state /var/lib/bot/place.json | ./handle-events
  tidemark tail --no-state --from now --conversation $ROOM";

/// Print every event of your conversations as a line of JSON.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Only this conversation; may be given several times
    #[arg(long, value_name = "ID")]
    conversation: Vec<ConversationId>,
    /// Begin here instead of where the last run ended: `start`, `now`, or the seq of the first event to print
    #[arg(long, value_name = "SEQ|start|now")]
    from: Option<Start>,
    /// Keep the place in this file
    #[arg(long, value_name = "FILE", conflicts_with = "no_state")]
    state: Option<PathBuf>,
    /// Neither read nor keep the place
    #[arg(long)]
    no_state: bool,
    /// End when everything that there is now was printed
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    connect: ConnectArguments,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let login = arguments.connect.sign_in().await?;
    let stop = stop_signal()?;
    let chosen = Chosen::new(arguments.conversation);
    let state = match (arguments.no_state, arguments.state) {
        (true, _) => None,
        (false, Some(path)) => Some(StateFile::open(path, &login)?),
        (false, None) => {
            let path = state_file::usual_path(&login, &chosen)?;
            Some(StateFile::open(path, &login)?)
        }
    };
    let saved = match &state {
        Some(state) if arguments.from.is_none() => state.load()?,
        _ => None,
    };
    let heads = chosen.heads(&login.http).await?;
    let progress = Progress::begin(saved, arguments.from.unwrap_or(Start::Beginning), &heads);
    let (client, updates) = Client::connect_with_updates(ClientOptions {
        follow_all: false,
        snapshot: Some(progress.of(heads.keys())),
        // Nobody looks at timelines here.
        timeline_messages_max: 1,
        ..login.client_options()
    })?;
    let until = arguments.once.then_some(heads);
    let mut tailer = Tailer::new(client.clone(), chosen, progress, until, state);
    let ended = tokio::select! {
        () = stop => Ok(()),
        reason = stopped(client.connection()) => Err(reason.into()),
        ended = tailer.run(updates) => ended,
    };
    if !matches!(&ended, Err(failure) if failure.kind() == FailureKind::OutputClosed) {
        tailer.settle()?;
    }
    client.close(Duration::ZERO).await;
    ended
}
