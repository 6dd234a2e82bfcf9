//! `tidemark feed`: the log of everything, for whoever runs the server.

mod cursor;
mod tail;

use clap::Subcommand;

use crate::failure::Failure;

/// Read the log of everything.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Tail(tail::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Tail(arguments) => tail::run(arguments).await,
    }
}
