//! `tidemark admin tokens`.

use clap::Subcommand;
use serde::Serialize;
use tidemark_core::{SessionId, UserId};
use tidemark_protocol::wire::{Wire, WireSessionId, WireTimestamp};
use tidemark_server::auth::{DEVICE_NAME_BYTES_MAX, SecretToken, TokenKind};
use tidemark_store::{Directory, NewSession, Store};
use uuid::Uuid;

use super::local::{Local, explain};
use super::office::Office;
use super::table::{self, Format, Row};
use super::utc::utc;
use crate::failure::{Failure, FailureKind};
use crate::output;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List a user's sessions, oldest first
    List {
        /// The user
        user: String,
    },
    /// Begin a session for a user, as for a bot, and print its token, this once
    Add {
        /// The user
        user: String,
        /// What to call the device
        #[arg(long, value_name = "TEXT")]
        device: Option<String>,
    },
    /// End a session
    Revoke {
        /// The user
        user: String,
        /// The session, as in the list
        session: SessionId,
    },
}

/// A session in a list; nobody can read its token any more.
#[derive(Serialize)]
struct Listed {
    session_id: WireSessionId,
    device_name: Option<String>,
    created_at: WireTimestamp,
}

impl Row for Listed {
    const COLUMNS: &'static [&'static str] = &["SESSION", "CREATED", "DEVICE"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.session_id.0.to_string(),
            utc(self.created_at.0),
            self.device_name.clone().unwrap_or_default(),
        ]
    }
}

/// A session that just began.
#[derive(Serialize)]
struct Added<'a> {
    user: &'a str,
    session_id: WireSessionId,
    token: &'a str,
}

pub(super) async fn run<S: Store + Directory>(
    command: Command,
    office: &Office<S>,
    format: Format,
) -> Result<(), Failure> {
    let local = office.local()?;
    match command {
        Command::List { user } => list(local, &user, format).await,
        Command::Add { user, device } => add(local, &user, device, format).await,
        Command::Revoke { user, session } => {
            let user = local.user(&user).await?.id;
            let revoked = local.store.revoke_session(&user, session).await;
            let what = format!("session {session} of {user}");
            revoked.map_err(|error| explain(&error, &what))?;
            output::note(format_args!("The session {session} of {user} is revoked."));
            Ok(())
        }
    }
}

async fn list<S: Store + Directory>(
    local: &Local<S>,
    user: &str,
    format: Format,
) -> Result<(), Failure> {
    let user = local.user(user).await?.id;
    let sessions = local.store.sessions(&user).await;
    let sessions = sessions.map_err(|error| explain(&error, "session"))?;
    let listed = |session: tidemark_store::Session| Listed {
        session_id: Wire(session.id),
        device_name: session.device_name,
        created_at: Wire(session.created_at),
    };
    table::print(
        &sessions.into_iter().map(listed).collect::<Vec<_>>(),
        format,
    )
}

async fn add<S: Store + Directory>(
    local: &Local<S>,
    user: &str,
    device: Option<String>,
    format: Format,
) -> Result<(), Failure> {
    if device
        .as_ref()
        .is_some_and(|name| name.len() > DEVICE_NAME_BYTES_MAX)
    {
        return Err(Failure::new(
            FailureKind::Usage,
            format!("--device is longer than {DEVICE_NAME_BYTES_MAX} bytes"),
        ));
    }
    let user = local.user(user).await?.id;
    let made = SecretToken::generate(TokenKind::Session);
    let session = SessionId(Uuid::now_v7());
    let new = NewSession {
        id: session,
        user: user.clone(),
        token: made.hash,
        device_name: device,
        at: local.clock.now(),
    };
    let begun = local.store.create_session(new).await;
    begun.map_err(|error| explain(&error, "session"))?;
    let token = made.text.expose();
    match format {
        Format::Json => output::line(output::json(&Added {
            user: user.as_str(),
            session_id: Wire(session),
            token,
        })),
        Format::Text => {
            output::note(format_args!(
                "Keep the token of session {session}; it is shown only now."
            ));
            output::line(token)
        }
    }
}

/// Ends all sessions of a user; how many there were.
pub(super) async fn revoke_all<S: Store + Directory>(
    local: &Local<S>,
    user: &UserId,
) -> Result<usize, Failure> {
    let sessions = local.store.sessions(user).await;
    let sessions = sessions.map_err(|error| explain(&error, "session"))?;
    for session in &sessions {
        let revoked = local.store.revoke_session(user, session.id).await;
        revoked.map_err(|error| explain(&error, "session"))?;
    }
    Ok(sessions.len())
}
