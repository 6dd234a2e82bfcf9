//! The `tidemark` binary: serves, chats and measures.
//!
//! Every command is a module with an `Arguments` type (what clap reads) and a function `run`. A command that
//! cannot do its work returns a [`Failure`], which becomes a sentence on stderr and the exit
//! code; what a command prints goes through [`output`].

mod admin;
mod bench;
mod chat;
mod completions;
mod connect;
mod export;
mod failure;
mod feed;
mod installation;
mod media_worker;
mod output;
mod pipeline;
mod places;
mod private_file;
mod send;
mod serve;
mod stopping;
mod tail;
mod terminal;
mod webhook;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A chat server, its clients and its tools, in one program.
#[derive(Parser)]
#[command(name = "tidemark", version, after_help = failure::EXIT_CODES_HELP)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Send(send::Arguments),
    Tail(tail::Arguments),
    Admin(admin::Arguments),
    Pipeline(pipeline::Arguments),
    Webhook(webhook::Arguments),
    Feed(feed::Arguments),
    Export(export::Arguments),
    Chat(chat::Arguments),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    MediaWorker(media_worker::Arguments),
}

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    if let Command::MediaWorker(_) = command_line.command {
        // Before there are threads: it begins by taking from itself what a broken decoder could misuse.
        return tidemark_media::work();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run(command_line.command)),
        Err(error) => Err(Failure::failed(format!("cannot start threads: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Send(arguments) => send::run(arguments).await,
        Command::Tail(arguments) => tail::run(arguments).await,
        Command::Admin(arguments) => admin::run(arguments).await,
        Command::Pipeline(arguments) => pipeline::run(arguments).await,
        Command::Webhook(arguments) => webhook::run(arguments).await,
        Command::Feed(arguments) => feed::run(arguments).await,
        Command::Export(arguments) => export::run(arguments).await,
        Command::Chat(arguments) => chat::run(&arguments).await,
        Command::Bench(arguments) => bench::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::MediaWorker(_) => unreachable!("it needs no runtime and has run"),
    }
}
