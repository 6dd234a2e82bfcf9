//! The project's own build tool, run as `cargo xtask COMMAND`.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a build tool talks to the person at the terminal"
)]

mod bench;
mod ci;
mod cluster;
mod install;
mod serve;
mod shell;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Builds, runs and checks Tidemark.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build an optimised server and run it, with its data in ./data
    Serve(serve::Arguments),
    /// Run a whole cluster on loopback: PostgreSQL with a standby, NATS, three nodes, a load balancer
    Cluster(cluster::Arguments),
    /// Check formatting, tidiness, lints, tests and documentation
    Test,
    /// Check the rules of this repository that no compiler knows
    Tidy,
    /// Everything that `test` does, and the dependencies with cargo-deny
    Ci,
    /// Build an optimised binary and measure with it, one scenario after the other
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    match run(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Test => test::run(),
        Command::Tidy => tidy::run(),
        Command::Ci => ci::run(),
        Command::Bench(arguments) => bench::run(&arguments),
    }
}
