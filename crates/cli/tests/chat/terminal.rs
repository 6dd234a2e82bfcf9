//! A pseudo terminal with a program in it, and a screen that shows what a person would see.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long anything may take before the test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Terminal {
    master: File,
    child: Child,
    seen: Arc<Mutex<Seen>>,
    changes: watch::Receiver<u64>,
    settings: Termios,
}

struct Seen {
    parser: vt100::Parser,
    /// All that the program wrote.
    written: Vec<u8>,
}

impl Terminal {
    /// Runs a program in a terminal of its own. It has no environment but this.
    pub(crate) fn run(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        (columns, rows): (u16, u16),
    ) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = File::options()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        tcsetwinsize(&master, size(columns, rows)).unwrap();
        let settings = tcgetattr(&slave).unwrap();
        // Makes the terminal the controlling one, which is how a program hears that the size changed.
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .envs(environment.iter().copied())
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            parser: vt100::Parser::new(rows, columns, 0),
            written: Vec::new(),
        }));
        let (writes, changes) = watch::channel(0);
        let master = File::from(master);
        let mut output = master.try_clone().unwrap();
        let for_reader = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program is an error here.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let mut seen = for_reader.lock().unwrap();
                seen.parser.process(&bytes[..count]);
                seen.written.extend_from_slice(&bytes[..count]);
                writes.send_modify(|times| *times += 1);
            }
        });
        Self {
            master,
            child,
            seen,
            changes,
            settings,
        }
    }

    /// Presses keys, as a terminal sends them.
    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let mut seen = self.seen.lock().unwrap();
        seen.parser.screen_mut().set_size(rows, columns);
        tcsetwinsize(&self.master, size(columns, rows)).unwrap();
    }

    /// What a person sees.
    pub(crate) fn screen(&self) -> String {
        self.seen.lock().unwrap().parser.screen().contents()
    }

    /// All that the program has written to the terminal.
    pub(crate) fn written(&self) -> Vec<u8> {
        self.seen.lock().unwrap().written.clone()
    }

    /// Waits until the screen is as wanted.
    pub(crate) async fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&str) -> bool) {
        let waiting = async {
            loop {
                self.changes.borrow_and_update();
                if is_so(&self.screen()) {
                    return true;
                }
                if self.changes.changed().await.is_err() {
                    return is_so(&self.screen());
                }
            }
        };
        let came = timeout(PATIENCE, waiting).await;
        assert!(
            came == Ok(true),
            "no {what} on this screen:\n{}",
            self.screen()
        );
    }

    /// Waits until the screen shows this.
    pub(crate) async fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |screen| screen.contains(text)).await;
    }

    pub(crate) fn terminate(&self) {
        let id = self.child.id().unwrap();
        let process = Pid::from_raw(id.try_into().unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
    }

    /// Waits until the program has ended and everything that it wrote is on the screen.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let status = timeout(PATIENCE, self.child.wait()).await;
        let status = status.expect("the program ends").unwrap();
        assert_eq!(status.signal(), None, "{}", self.screen());
        while self.changes.changed().await.is_ok() {}
        status
    }

    /// The terminal is as the program found it.
    pub(crate) fn assert_given_back(&self) {
        let seen = self.seen.lock().unwrap();
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "another screen is shown");
        assert!(!screen.bracketed_paste(), "pasted text is bracketed");
        assert!(!screen.hide_cursor(), "there is no cursor");
        let now = tcgetattr(&self.master).unwrap();
        assert_eq!(now.local_modes, self.settings.local_modes);
        assert_eq!(now.input_modes, self.settings.input_modes);
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
