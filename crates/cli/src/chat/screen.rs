//! The terminal while the chat has it, and that it is given back as it was.

use std::io::{self, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::backend::CrosstermBackend;
use ratatui::{DefaultTerminal, Terminal};
use tokio::sync::Notify;

/// The terminal, for the chat alone. It is given back when this is dropped, and before a panic anywhere is
/// reported.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) terminal: DefaultTerminal,
    taken: Arc<Taken>,
}

/// Whether the terminal has still to be given back.
#[derive(Debug)]
struct Taken {
    is_taken: AtomicBool,
    panicked: Notify,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    ///
    /// When it does not obey; it is given back then.
    pub(super) fn take() -> io::Result<Self> {
        let taken = Arc::new(Taken {
            is_taken: AtomicBool::new(true),
            panicked: Notify::new(),
        });
        let for_hook = Arc::clone(&taken);
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            for_hook.give_back();
            report(panic);
            for_hook.panicked.notify_one();
        }));
        match Self::prepare() {
            Ok(terminal) => Ok(Self { terminal, taken }),
            Err(error) => {
                taken.give_back();
                Err(error)
            }
        }
    }

    /// Waits for a panic, be it in a background task: there is nothing to draw on any more.
    pub(super) async fn panicked(&self) {
        self.taken.panicked.notified().await;
    }

    fn prepare() -> io::Result<DefaultTerminal> {
        enable_raw_mode()?;
        // Terminal::clear would ask where the cursor is, and not every terminal answers.
        let all = Clear(ClearType::All);
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, all)?;
        Terminal::new(CrosstermBackend::new(stdout()))
    }
}

impl Taken {
    /// Once; whoever comes later finds it given back. What fails here can be told to nobody.
    fn give_back(&self) {
        if self.is_taken.swap(false, Ordering::SeqCst) {
            let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
            let _ = disable_raw_mode();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.taken.give_back();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::process::Command;

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::tcgetattr;

    use super::*;

    const IN_TERMINAL: &str = "TIDEMARK_TEST_IN_TERMINAL";
    const ITSELF: &str = "chat::screen::tests::a_panic_is_reported_on_the_terminal_as_it_was";

    /// Runs itself in a terminal, and panics there.
    #[test]
    fn a_panic_is_reported_on_the_terminal_as_it_was() {
        if std::env::var_os(IN_TERMINAL).is_some() {
            let _screen = Screen::take().unwrap();
            panic!("on purpose");
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = name.to_str().unwrap();
        let terminal = File::options().read(true).write(true).open(path).unwrap();
        let before = tcgetattr(&terminal).unwrap();
        let mut itself = Command::new("setsid")
            .arg("--ctty")
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", ITSELF, "--nocapture"])
            .env(IN_TERMINAL, "")
            .stdin(terminal.try_clone().unwrap())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal.try_clone().unwrap())
            .spawn()
            .unwrap();
        let reading = std::thread::spawn(move || {
            let (mut master, mut written) = (File::from(master), Vec::new());
            // The end of the program is an error here.
            let _ = master.read_to_end(&mut written);
            String::from_utf8_lossy(&written).into_owned()
        });
        itself.wait().unwrap();
        let after = tcgetattr(&terminal).unwrap();
        drop(terminal);
        let written = reading.join().unwrap();
        let place = |text: &str| {
            written
                .find(text)
                .unwrap_or_else(|| panic!("{text}: {written}"))
        };
        let took = place("\u{1b}[?1049h");
        let gave_back = place("\u{1b}[?1049l");
        assert!(
            took < gave_back && gave_back < place("on purpose"),
            "{written}"
        );
        assert_eq!(written.matches("\u{1b}[?1049l").count(), 1, "{written}");
        assert_eq!(after.local_modes, before.local_modes);
    }
}
