//! `cargo xtask serve`: an optimised server on this machine.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::shell;

/// What is passed on.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Flags of `tidemark serve`, for example --listen 127.0.0.1:9000
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Builds, then becomes the server, which prints its address once it accepts.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut server = Command::new(shell::build_release()?);
    server
        .current_dir(shell::root())
        .arg("serve")
        .args(data_flag(&arguments.flags))
        .args(&arguments.flags);
    become_program(&mut server)
}

/// `--data ./data`, unless the flags say where the data is.
fn data_flag(flags: &[String]) -> &'static [&'static str] {
    let names_data = |flag: &String| {
        ["--data", "--config"]
            .iter()
            .any(|name| flag == name || flag.starts_with(&format!("{name}=")))
    };
    if flags.iter().any(names_data) {
        &[]
    } else {
        &["--data", "./data"]
    }
}

/// The server takes the place of this process, so that a signal to it reaches the server.
#[cfg(unix)]
pub(crate) fn become_program(program: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(program.exec().into())
}

#[cfg(not(unix))]
pub(crate) fn become_program(program: &mut Command) -> Result<()> {
    shell::run(program)
}

#[cfg(test)]
mod tests {
    use super::data_flag;

    fn flags(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn data_is_in_the_workspace_unless_the_flags_say_where() {
        assert_eq!(
            data_flag(&flags("--listen 127.0.0.1:0")),
            ["--data", "./data"]
        );
        assert!(data_flag(&flags("--data=elsewhere")).is_empty());
        assert!(data_flag(&flags("--config tidemark.toml")).is_empty());
    }
}
