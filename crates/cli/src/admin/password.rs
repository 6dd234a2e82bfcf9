//! `tidemark admin password`: a new password, and where passwords for others come from.

use std::io::{self, BufRead, Read};

use tidemark_protocol::wire::Secret;
use tidemark_server::auth::hash_password;
use tidemark_store::{Directory, Store, UserOrigin};

use super::local::explain;
use super::office::Office;
use super::sessions::revoke_all;
use crate::failure::{Failure, FailureKind};
use crate::{output, terminal};

/// Far above the longest password.
const INPUT_BYTES_MAX: u64 = 4 * 1024;

/// Where a password comes from.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct PasswordSource {
    /// Read the password from the first line of stdin instead of asking at the terminal
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    pub(super) fn read(self, user: &str) -> Result<Secret, Failure> {
        if self.password_stdin {
            let mut line = String::new();
            io::stdin()
                .lock()
                .take(INPUT_BYTES_MAX)
                .read_line(&mut line)?;
            let line = line.strip_suffix('\n').unwrap_or(&line);
            return Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)));
        }
        if terminal::is_attended() {
            return terminal::ask_new_password(&format!("New password of {user}: "));
        }
        Err(Failure::new(
            FailureKind::Usage,
            "there is no terminal to ask for the password: use --password-stdin",
        ))
    }
}

/// Set a user's password (in the store itself only).
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The user
    name: String,
    #[command(flatten)]
    source: PasswordSource,
    /// Revoke all of the user's tokens as well; otherwise they stay
    #[arg(long)]
    sign_out: bool,
}

pub(super) async fn run<S: Store + Directory>(
    arguments: Arguments,
    office: &Office<S>,
) -> Result<(), Failure> {
    let local = office.local()?;
    let user = local.user(&arguments.name).await?;
    let whose = match user.origin {
        UserOrigin::Local => None,
        UserOrigin::External => Some("a user of your application"),
        UserOrigin::Bot => Some("a bot"),
    };
    if let Some(whose) = whose {
        return Err(Failure::new(
            FailureKind::Refused,
            format!("{} is {whose} and has no password here", user.id),
        ));
    }
    let password = arguments.source.read(user.id.as_str())?;
    let hash = hash_password(password.expose())
        .map_err(|error| Failure::new(FailureKind::Refused, error.to_string()))?;
    let set = local.store.set_password(&user.id, hash).await;
    set.map_err(|error| explain(&error, &format!("user {}", user.id)))?;
    let revoked = if arguments.sign_out {
        revoke_all(local, &user.id).await?
    } else {
        0
    };
    output::note(match revoked {
        0 => format!("{} has a new password", user.id),
        revoked => format!("{} has a new password; tokens revoked: {revoked}", user.id),
    });
    Ok(())
}
