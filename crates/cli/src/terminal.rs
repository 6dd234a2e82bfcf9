//! Questions to the person at the terminal, also when stdin and stdout are used for something else.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

use tidemark_protocol::wire::Secret;

use crate::failure::{Failure, FailureKind};
use crate::output;

const TERMINAL: &str = "/dev/tty";

/// Whether there is somebody to ask: stderr is where they would see why.
pub(crate) fn is_attended() -> bool {
    io::stderr().is_terminal() && File::open(TERMINAL).is_ok()
}

/// Asks for a password without showing it.
///
/// # Errors
///
/// When nothing can be asked, or Ctrl-C is the answer.
pub(crate) fn ask_password(prompt: &str) -> Result<Secret, Failure> {
    rpassword::prompt_password(prompt)
        .map(Secret::new)
        .map_err(|error| unanswered(&error))
}

/// Asks for a password that is to be chosen, twice, until both are the same.
///
/// # Errors
///
/// As [`ask_password`].
pub(crate) fn ask_new_password(prompt: &str) -> Result<Secret, Failure> {
    loop {
        let first = ask_password(prompt)?;
        if ask_password("The same again: ")? == first {
            return Ok(first);
        }
        output::note("These were not the same.");
    }
}

/// Asks something that is answered by yes or no; anything but yes is no.
///
/// # Errors
///
/// When nothing can be asked.
pub(crate) fn confirm(question: &str) -> Result<bool, Failure> {
    let mut terminal = File::options()
        .read(true)
        .write(true)
        .open(TERMINAL)
        .map_err(|error| unanswered(&error))?;
    let mut answer = String::new();
    write!(terminal, "{question} [y/N] ")
        .and_then(|()| BufReader::new(terminal).read_line(&mut answer))
        .map_err(|error| unanswered(&error))?;
    Ok(matches!(
        answer.trim().to_ascii_lowercase().as_str(),
        "y" | "yes"
    ))
}

fn unanswered(error: &io::Error) -> Failure {
    let sentence = match error.kind() {
        io::ErrorKind::Interrupted => "interrupted".to_owned(),
        _ => format!("cannot ask at the terminal: {error}"),
    };
    Failure::new(FailureKind::Failed, sentence)
}
