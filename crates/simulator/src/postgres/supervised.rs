//! Services that end with the process that started them, however that ends.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};

/// Runs a service and waits for a word on stdin: the name of the signal that ends the service. At the end of
/// stdin, which comes also when whoever holds the other end is killed, the service is ended at once and its
/// directory goes away.
const SUPERVISOR: &str = r#"
    directory=$1; at_end=$2; shift 2
    "$@" </dev/null &
    service=$!
    if read -r signal; then
        kill "-$signal" "$service"; wait "$service"
    else
        kill "-$at_end" "$service"; wait "$service"; rm -rf "$directory"
    fi
"#;

/// Who runs services that refuse to be run by the superuser.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// `None` if whoever runs this can run services as themselves.
    pub(crate) fn find() -> anyhow::Result<Option<Self>> {
        if id(&["-u"])? != 0 {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let (Ok(user), Ok(group)) = (id(&["-u", name]), id(&["-g", name])) {
                return Ok(Some(Self { user, group }));
            }
        }
        bail!("there is no user to run the service as: neither postgres nor nobody")
    }
}

fn id(arguments: &[&str]) -> anyhow::Result<u32> {
    let output = Command::new("id").args(arguments).output()?;
    let text = String::from_utf8(output.stdout)?;
    text.trim().parse().context("id printed no number")
}

/// Gives a directory to the owner.
pub(crate) fn give(directory: &Path, owner: Option<Owner>) -> anyhow::Result<()> {
    if let Some(owner) = owner {
        chown(directory, Some(owner.user), Some(owner.group))
            .context("cannot give a directory to the user of the service")?;
    }
    Ok(())
}

/// A command that the owner runs.
pub(crate) fn command(program: impl AsRef<OsStr>, owner: Option<Owner>) -> Command {
    let mut command = Command::new(program);
    if let Some(owner) = owner {
        command.uid(owner.user).gid(owner.group);
    }
    command
}

/// A running service.
#[derive(Debug)]
pub(crate) struct Supervised(Child);

impl Supervised {
    /// Starts a service whose files are all in `directory`; what it prints goes to `log`.
    pub(crate) fn start(
        program: &Path,
        arguments: &[&str],
        at_end: &str,
        directory: &Path,
        log: &Path,
        owner: Option<Owner>,
    ) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let child = command("sh", owner)
            .arg("-c")
            .arg(SUPERVISOR)
            .arg("supervisor")
            .arg(directory)
            .arg(at_end)
            .arg(program)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self(child))
    }

    /// Ends the service with a signal and waits for its end. Its directory stays.
    pub(crate) fn stop(mut self, signal: &str) -> anyhow::Result<()> {
        if let Some(mut stdin) = self.0.stdin.take() {
            writeln!(stdin, "{signal}").context("the supervisor is gone")?;
        }
        self.0
            .wait()
            .context("the supervisor cannot be waited for")?;
        Ok(())
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // It has been told; there is nothing more to do if it cannot be waited for.
        let _ = self.0.wait();
    }
}
