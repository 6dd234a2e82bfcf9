//! `tidemark admin`: users, passwords, keys and tokens.

mod bots;
mod keys;
pub(crate) mod local;
pub(crate) mod office;
mod password;
mod sessions;
pub(crate) mod table;
mod users;
pub(crate) mod utc;

use clap::Subcommand;
use tidemark_client::ServerUrl;
use tidemark_server::config::StoreEngine;
use tidemark_store::sqlite::SqliteStore;
use tidemark_store::{Directory, Store};

use crate::failure::Failure;
use crate::installation::InstallationArguments;
use local::Local;
use office::Office;
use table::Format;

const HELP: &str = "\
There are two ways to the users of a server.

In its store, with --config, --data or --store (or none of them, for ./data). All commands work this way. With \
PostgreSQL, they work while servers use the database, and every server notices within bus.repair_ms. The embedded \
store can be had by one process only, so stop the server first.

Over HTTP, with --url and an API key in TIDEMARK_API_KEY, while the server runs. Users can be listed, shown and added \
this way, and bots and keys managed; passwords and tokens cannot. The first key comes from the store, or from api_keys in the configuration.

Examples:
  tidemark admin --data /var/lib/tidemark keys add deploy
  TIDEMARK_STORE__URL=postgres://chat:PASSWORD@db/chat tidemark admin tokens list ann
  tidemark admin --url https://chat.example.org bots add tickets --display-name Tickets
  tidemark admin --url https://chat.example.org keys add tickets --as tickets --scope read --scope send
  tidemark admin --config /etc/tidemark.toml tokens add build-bot --device ci
  tidemark admin --url https://chat.example.org users list --prefix al --json";

/// Manage users, passwords, API keys and session tokens.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: InstallationArguments,
    #[arg(
        long, value_name = "URL", global = true, value_parser = ServerUrl::parse,
        help = "Reach a server that runs, with the API key in TIDEMARK_API_KEY; for users, bots and keys"
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
    /// List and add bots
    #[command(subcommand)]
    Bots(bots::Command),
    /// List, add and revoke API keys, which let programs in
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
            Self::Users(users::Command::Add(_)) | Self::Keys(keys::Command::Add(_))
        )
    }

    async fn carry_out<S: Store + Directory>(
        self,
        office: Office<S>,
        format: Format,
    ) -> Result<(), Failure> {
        let done = match self {
            Self::Users(command) => users::run(command, &office, format).await,
            Self::Password(command) => password::run(command, &office).await,
            Self::Bots(command) => bots::run(command, &office, format).await,
            Self::Keys(command) => keys::run(command, &office, format).await,
            Self::Tokens(command) => sessions::run(command, &office, format).await,
        };
        office.close().await;
        done
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
        // No store is opened there, of this engine or another.
        let office = Office::<SqliteStore>::remote(url, &installation)?;
        return command.carry_out(office, format).await;
    }
    let config = local::load(&installation)?;
    match config.store.clone() {
        StoreEngine::Sqlite => {
            let store = local::open_embedded(&config, command.may_be_the_first()).await?;
            let local = Local::new(store, &config)?;
            command.carry_out(Office::of(local), format).await
        }
        StoreEngine::Postgres(postgres) => {
            let store = local::open_database(&config, postgres).await?;
            let local = Local::new(store, &config)?;
            command.carry_out(Office::of(local), format).await
        }
    }
}
