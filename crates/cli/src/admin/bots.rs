//! `tidemark admin bots`.

use clap::Subcommand;
use serde::Serialize;
use tidemark_protocol::body;
use tidemark_store::{Directory, Store, User};

use super::local::{explain, explain_account};
use super::office::Office;
use super::table::{self, Format, Row};
use crate::failure::Failure;

/// The most that are listed.
const BOTS_MAX: usize = 1_000;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List bots, in the order of their ids
    List,
    /// Add a bot: a user without a password, for a program; give it a key with `keys add --as`
    Add {
        /// Its id and username
        name: String,
        /// The name to show
        #[arg(long, value_name = "TEXT")]
        display_name: Option<String>,
    },
}

/// A bot in a list.
#[derive(Serialize)]
struct Listed {
    id: String,
    display_name: Option<String>,
}

impl Row for Listed {
    const COLUMNS: &'static [&'static str] = &["ID", "DISPLAY NAME"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.display_name.clone().unwrap_or_default(),
        ]
    }
}

impl From<User> for Listed {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            display_name: user.display_name,
        }
    }
}

impl From<body::User> for Listed {
    fn from(user: body::User) -> Self {
        Self {
            id: user.id.0.to_string(),
            display_name: user.display_name,
        }
    }
}

pub(super) async fn run<S: Store + Directory>(
    command: Command,
    office: &Office<S>,
    format: Format,
) -> Result<(), Failure> {
    let bots: Vec<Listed> = match (command, office) {
        (Command::List, Office::Local(local)) => {
            let bots = local.store.bots(BOTS_MAX).await;
            let bots = bots.map_err(|error| explain(&error, "bot"))?;
            bots.into_iter().map(Listed::from).collect()
        }
        (Command::List, Office::Remote(http)) => {
            let bots = http.bots().await?.bots;
            bots.into_iter().map(Listed::from).collect()
        }
        (Command::Add { name, display_name }, Office::Local(local)) => {
            let made = local.authenticator.make_bot(&name, display_name.as_deref());
            vec![made.await.map_err(|error| explain_account(&error))?.into()]
        }
        (Command::Add { name, display_name }, Office::Remote(http)) => {
            let new = body::NewBot {
                username: name,
                display_name,
            };
            vec![http.make_bot(&new).await?.into()]
        }
    };
    table::print(&bots, format)
}
