//! `tidemark admin`: users, passwords, keys and tokens.

mod keys;
mod local;
mod office;
mod password;
mod sessions;
mod table;
mod users;
mod utc;

use clap::Subcommand;
use tidemark_client::ServerUrl;

use crate::failure::Failure;
use crate::installation::InstallationArguments;
use office::Office;
use table::Format;

const HELP: &str = "\
There are two ways to the users of a server.

In its data directory, with --config or --data (or neither, for ./data), while the server is stopped: only one process \
may have the directory. All commands work this way.

Over HTTP, with --url and an API key in TIDEMARK_API_KEY, while the server runs. Users can be listed, shown and added \
this way; passwords, keys and tokens cannot. The first key comes from the data directory, or from api_keys in the \
configuration.

Examples:
  tidemark admin --data /var/lib/tidemark keys add deploy
  tidemark admin --data /var/lib/tidemark tokens add build-bot --device ci
  tidemark admin --url https://chat.example.org users list --prefix al --json";

/// Manage users, passwords, API keys and session tokens.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: InstallationArguments,
    #[arg(
        long, value_name = "URL", global = true, value_parser = ServerUrl::parse,
        help = "Reach a server that runs, with the API key in TIDEMARK_API_KEY; for users only"
    )]
    url: Option<ServerUrl>,
    /// Print JSON, one object a line, instead of text for people
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List, show and add users
    #[command(subcommand)]
    Users(users::Command),
    Password(password::Arguments),
    /// List, add and revoke API keys, which act as administrators
    #[command(subcommand)]
    Keys(keys::Command),
    /// List, add and revoke session tokens, each of which acts as its user
    #[command(subcommand)]
    Tokens(sessions::Command),
}

impl Command {
    /// Whether it makes sense for a server that has never run.
    fn may_be_the_first(&self) -> bool {
        matches!(
            self,
            Self::Users(users::Command::Add(_)) | Self::Keys(keys::Command::Add { .. })
        )
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let may_make = arguments.command.may_be_the_first();
    let office = match arguments.url {
        Some(url) => Office::remote(url, &arguments.installation)?,
        None => Office::local(&arguments.installation, may_make).await?,
    };
    let format = if arguments.json {
        Format::Json
    } else {
        Format::Text
    };
    let done = match arguments.command {
        Command::Users(command) => users::run(command, &office, format).await,
        Command::Password(command) => password::run(command, &office).await,
        Command::Keys(command) => keys::run(command, &office, format).await,
        Command::Tokens(command) => sessions::run(command, &office, format).await,
    };
    office.close().await;
    done
}
