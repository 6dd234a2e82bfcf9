//! `tidemark admin users`.

use clap::Subcommand;
use serde::Serialize;
use tidemark_core::UserId;
use tidemark_protocol::body;
use tidemark_store::{Directory, Store, User, UserOrigin};

use super::local::{explain, explain_account};
use super::office::Office;
use super::password::PasswordSource;
use super::table::{self, Format, Row};
use crate::failure::{Failure, FailureKind};
use crate::output;

/// The most users that a server lists at once.
const REMOTE_LIMIT_MAX: u32 = 100;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List users, in the order of their ids
    List {
        /// Only those whose id or display name begins like this, without regard to ASCII case
        #[arg(long, value_name = "TEXT", default_value = "")]
        prefix: String,
        /// The most users; with --url at most 100
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// Show one user
    Show {
        /// The user
        name: String,
    },
    Add(NewUser),
}

/// Add a user who signs in with a password; also where registration is closed
#[derive(clap::Args)]
pub(super) struct NewUser {
    /// The name to sign in with, which is also the id
    name: String,
    /// The name to show
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    #[command(flatten)]
    password: PasswordSource,
}

/// A user in a list.
#[derive(Serialize)]
struct Listed {
    id: String,
    username: String,
    display_name: Option<String>,
    avatar: Option<String>,
    /// `local` with a password here, `external` for those of the embedding application, `bot` for programs; not told over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'static str>,
}

impl Row for Listed {
    const COLUMNS: &'static [&'static str] = &["ID", "DISPLAY NAME", "ORIGIN"];

    fn cells(&self) -> Vec<String> {
        let origin = self.origin.unwrap_or_default();
        vec![
            self.id.clone(),
            self.display_name.clone().unwrap_or_default(),
            origin.to_owned(),
        ]
    }
}

impl From<User> for Listed {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username,
            display_name: user.display_name,
            avatar: user.avatar,
            origin: Some(match user.origin {
                UserOrigin::Local => "local",
                UserOrigin::External => "external",
                UserOrigin::Bot => "bot",
            }),
        }
    }
}

impl From<body::User> for Listed {
    fn from(user: body::User) -> Self {
        Self {
            id: user.id.0.to_string(),
            username: user.username,
            display_name: user.display_name,
            avatar: user.avatar,
            origin: None,
        }
    }
}

pub(super) async fn run<S: Store + Directory>(
    command: Command,
    office: &Office<S>,
    format: Format,
) -> Result<(), Failure> {
    match command {
        Command::List { prefix, limit } => {
            let limit = match office {
                Office::Local(_) => limit,
                Office::Remote(_) => limit.min(REMOTE_LIMIT_MAX),
            };
            let users = list(office, &prefix, limit).await?;
            table::print(&users, format)?;
            if users.len() as u64 == u64::from(limit) {
                output::note("There may be more: see --limit and --prefix.");
            }
            Ok(())
        }
        Command::Show { name } => table::print(&[show(office, &name).await?], format),
        Command::Add(new) => table::print(&[add(office, new).await?], format),
    }
}

async fn list<S: Store + Directory>(
    office: &Office<S>,
    prefix: &str,
    limit: u32,
) -> Result<Vec<Listed>, Failure> {
    match office {
        Office::Local(local) => {
            let entries_max = usize::try_from(limit).unwrap_or(usize::MAX);
            let users = local.store.users_by_prefix(prefix, entries_max).await;
            let users = users.map_err(|error| explain(&error, "user"))?;
            Ok(users.into_iter().map(Listed::from).collect())
        }
        Office::Remote(http) => {
            let users = http.users(prefix, limit).await?.users;
            Ok(users.into_iter().map(Listed::from).collect())
        }
    }
}

async fn show<S: Store + Directory>(office: &Office<S>, name: &str) -> Result<Listed, Failure> {
    match office {
        Office::Local(local) => Ok(local.user(name).await?.into()),
        Office::Remote(http) => {
            let id = UserId::parse(name)
                .map_err(|error| Failure::new(FailureKind::Refused, error.to_string()))?;
            Ok(http.user(&id).await?.into())
        }
    }
}

/// Registers, which also signs in: the token is of no use to anybody, so that session is ended at once.
async fn add<S: Store + Directory>(office: &Office<S>, new: NewUser) -> Result<Listed, Failure> {
    let password = new.password.read(&new.name)?;
    match office {
        Office::Local(local) => {
            let signed_in = local
                .authenticator
                .register(
                    &new.name,
                    password.expose(),
                    new.display_name.as_deref(),
                    true,
                )
                .await
                .map_err(|error| explain_account(&error))?;
            let (user, session) = (signed_in.user, signed_in.session);
            let ended = local.store.revoke_session(&user.id, session).await;
            ended.map_err(|error| explain(&error, "session"))?;
            Ok(user.into())
        }
        Office::Remote(http) => {
            let account = body::NewAccount {
                username: new.name,
                password,
                display_name: new.display_name,
            };
            let signed_in = http.register(&account).await?;
            let as_user = http.with_token(signed_in.token);
            as_user.revoke_session(signed_in.session_id.0).await?;
            Ok(signed_in.user.into())
        }
    }
}
