//! Services that end with the process that started them, however that ends.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How long a service may take to start.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How often to look whether it has.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A port of loopback that nobody uses now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

pub(crate) fn path_text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path is not UTF-8")
}

/// Waits until a service accepts connections.
pub(crate) fn until_it_accepts(address: SocketAddr, log: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        if Instant::now() > deadline {
            bail!("nothing accepts at {address}:\n{}", end_of(log));
        }
        sleep(LOOK_AGAIN);
    }
    Ok(())
}

/// The last of what a service wrote.
pub(crate) fn end_of(log: &Path) -> String {
    const BYTES_MAX: u64 = 4 * 1024;
    written_since(log, length_of(log).saturating_sub(BYTES_MAX))
}

pub(crate) fn length_of(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |metadata| metadata.len())
}

/// What a service wrote after its log had this length.
pub(crate) fn written_since(log: &Path, length: u64) -> String {
    let mut written = Vec::new();
    if let Ok(mut file) = File::open(log) {
        // A log that cannot be read says nothing, and whoever shows it has something to say.
        let _ = file.seek(SeekFrom::Start(length));
        let _ = file.read_to_end(&mut written);
    }
    String::from_utf8_lossy(&written).into_owned()
}

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
