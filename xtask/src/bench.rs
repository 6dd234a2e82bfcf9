//! `cargo xtask bench`: the measurements of the README, one after the other.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::shell;

/// What is passed on.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Flags and scenario of `tidemark bench`; without any, every scenario of the README is run
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// The scenarios of the README with its settings: the arguments after `tidemark bench`.
const SCENARIOS: &[&[&str]] = &[
    &["sends"],
    &["sends", "--in-flight", "1"],
    &["rate"],
    &["room"],
    &["hot"],
    &["idle"],
    &["catchup"],
    &["restart"],
];

/// Builds, then runs each scenario alone, so that none disturbs another.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let binary = shell::build_release()?;
    let bench = || {
        let mut command = Command::new(&binary);
        command.current_dir(shell::root()).arg("bench");
        command
    };
    if !arguments.flags.is_empty() {
        return shell::run(bench().args(&arguments.flags));
    }
    for scenario in SCENARIOS {
        println!("\n$ tidemark bench {}", scenario.join(" "));
        shell::run(bench().args(*scenario))?;
    }
    Ok(())
}
