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
