//! `cargo xtask cluster`: many nodes and what they need, on this machine.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{install, serve, shell};

/// What is passed on.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Flags of the cluster, for example --gateways 2 --port 8080; --help names them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Builds, then becomes the cluster, which prints its addresses once it accepts.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    install::services();
    let program = shell::build_release()?;
    shell::run(shell::cargo().args([
        "build",
        "--package",
        "tidemark-simulator",
        "--bin",
        "cluster",
    ]))?;
    let cluster = shell::metadata()?
        .target_directory
        .join("debug")
        .join("cluster");
    let mut cluster = Command::new(cluster);
    cluster
        .current_dir(shell::root())
        .arg("--program")
        .arg(program)
        .arg("--nats-program")
        .arg(install::nats_program()?)
        .args(&arguments.flags);
    serve::become_program(&mut cluster)
}
