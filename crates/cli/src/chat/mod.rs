//! `tidemark chat`: conversations in the terminal, full screen.
//!
//! - `state` is what the chat knows; `update` takes in events and says what is to happen.
//! - `view` draws it.
//! - `session` is the loop that carries events and effects between them, the terminal and the SDK.
//!
//! Nothing from elsewhere reaches the terminal but through `harmless`.

mod calls;
mod event;
mod files;
mod harmless;
mod screen;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod transfers;
mod unsent;
mod view;

use std::env;
use std::io::{self, IsTerminal};
use std::time::Duration;

use tidemark_client::{Client, ClientOptions, Snapshot};

use crate::connect::ConnectArguments;
use crate::failure::{Failure, FailureKind};
use crate::output;
use screen::Screen;
use state::State;
use unsent::UnsentFile;
use view::{Clock, Looks, Palette};

/// How long quitting waits for messages that are on their way.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many messages of a conversation are kept at hand.
const MESSAGES_MAX: usize = 10_000;

const LONG_ABOUT: &str = "\
Chat in the terminal, full screen

F1 shows the keys and commands. What could not be sent when the program ends waits in tidemark/unsent in \
$XDG_STATE_HOME or ~/.local/state, and is sent the next time.";

/// Chat in the terminal, full screen.
#[derive(clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connect: ConnectArguments,
    /// Do without colours, as if `NO_COLOR` was set
    #[arg(long)]
    no_color: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Failure::new(
            FailureKind::Usage,
            "chat needs a terminal to itself; in scripts, use `tidemark send` and `tidemark tail`",
        ));
    }
    let login = arguments.connect.sign_in().await?;
    let mut unsent = UnsentFile::of(&login.url, &login.user.id.0)?;
    let left = unsent.take_over()?;
    let options = login.client_options();
    let (client, updates) = Client::connect_with_updates(ClientOptions {
        // Only what is looked at: the others are counted.
        follow_all: false,
        timeline_messages_max: MESSAGES_MAX,
        outbox_max: options.outbox_max + left.len(),
        snapshot: Some(Snapshot::of_messages(left)),
        ..options
    })?;
    let looks = Looks {
        palette: Palette::new(!arguments.no_color && !is_no_color_set()),
        clock: Clock::of_machine(),
    };
    let (client, mut unsent) = {
        let mut screen = Screen::take()?;
        let size = screen.terminal.size()?;
        let state = State::new(&login.user, size, looks);
        session::run(client, updates, state, unsent, &mut screen).await?
    };
    let reason = session::stopped(&client);
    unsent.keep(&client.pending())?;
    match client.pending().len() {
        0 => {}
        count if reason.is_none() => output::note(format_args!("sending {}…", messages(count))),
        _ => {}
    }
    let closed = client.close(PATIENCE).await;
    unsent.keep(&closed.snapshot.into_messages())?;
    if closed.unsent > 0 {
        output::note(format_args!(
            "{} could not be sent; the next `tidemark chat` sends them",
            messages(closed.unsent)
        ));
    }
    reason.map_or(Ok(()), |reason| Err(reason.into()))
}

/// As <https://no-color.org> says: set, and not empty.
fn is_no_color_set() -> bool {
    env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

fn messages(count: usize) -> String {
    match count {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}
