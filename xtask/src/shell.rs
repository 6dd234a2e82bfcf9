//! Running other programs.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};

/// The cargo that runs this tool, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The root of the workspace: the parent of this crate.
pub(crate) fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}

/// What cargo knows of the workspace and its dependencies.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .current_dir(root())
        .exec()
        .context("cannot read the workspace with cargo metadata")
}

/// Runs `command` to its end, with its output on the terminal. An error says which command failed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Runs `command` and gives back what it printed.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{command:?} printed other than UTF-8"))
}

/// Whether `program` is there and answers to `argument` with success.
pub(crate) fn answers(program: &mut Command, argument: &str) -> bool {
    program
        .arg(argument)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Builds the optimised `tidemark` and gives back where it is.
pub(crate) fn build_release() -> Result<PathBuf> {
    run(cargo().args(["build", "--release", "--package", "tidemark"]))?;
    let target = metadata()?.target_directory;
    Ok(target.join("release").join("tidemark").into_std_path_buf())
}
