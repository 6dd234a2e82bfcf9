//! `tidemark completions`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::CommandLine;
use crate::failure::Failure;
use crate::output;

/// Print a completion script for a shell.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The shell to print it for.
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut CommandLine::command(),
        "tidemark",
        &mut script,
    );
    output::line(String::from_utf8_lossy(&script).trim_end())
}
