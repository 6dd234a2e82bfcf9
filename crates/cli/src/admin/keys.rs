//! `tidemark admin keys`.

use clap::Subcommand;
use serde::Serialize;
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body;
use tidemark_protocol::wire::{Wire, WireConversationId, WireTimestamp, WireUserId};
use tidemark_server::auth::{Scope, SecretToken, TokenKind, check_key_name};
use tidemark_store::{ApiKey, Directory, KeyPowers, NewApiKey, Store};
use uuid::Uuid;

use super::local::explain;
use super::office::Office;
use super::table::{self, Format, Row};
use super::utc::utc;
use crate::failure::{Failure, FailureKind};
use crate::output;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the keys that were added; those in the configuration are not among them
    List,
    Add(NewKey),
    /// End a key
    Revoke {
        /// What it is called
        name: String,
    },
}

/// Add a key and print it, this once; one that acts as an administrator and for everything unless more is said
#[derive(clap::Args)]
pub(super) struct NewKey {
    /// What to call it
    name: String,
    /// As whom it acts: a bot, or another user
    #[arg(long = "as", value_name = "USER")]
    acts_as: Option<String>,
    /// What it is good for: read, send, manage; of an administrator also feed, operate. Can be given several times
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The only conversation that it is good for
    #[arg(long, value_name = "ID")]
    conversation: Option<Uuid>,
}

/// A key in a list; nobody can read the key itself any more.
#[derive(Serialize)]
struct Listed {
    name: String,
    created_at: WireTimestamp,
    acts_as: Option<WireUserId>,
    scopes: Option<Vec<String>>,
    conversation: Option<WireConversationId>,
}

impl Row for Listed {
    const COLUMNS: &'static [&'static str] = &["NAME", "CREATED", "AS", "SCOPES", "CONVERSATION"];

    fn cells(&self) -> Vec<String> {
        let acts_as = self.acts_as.as_ref().map(|it| it.0.to_string());
        let scopes = self.scopes.as_ref().map(|scopes| scopes.join(" "));
        let conversation = self.conversation.map(|it| it.0.to_string());
        vec![
            self.name.clone(),
            utc(self.created_at.0),
            acts_as.unwrap_or_else(|| "administrator".to_owned()),
            scopes.unwrap_or_else(|| "all".to_owned()),
            conversation.unwrap_or_else(|| "all".to_owned()),
        ]
    }
}

impl From<ApiKey> for Listed {
    fn from(key: ApiKey) -> Self {
        let KeyPowers {
            user,
            scopes,
            conversation,
        } = key.powers;
        Self {
            name: key.name,
            created_at: Wire(key.created_at),
            acts_as: user.map(Wire),
            scopes,
            conversation: conversation.map(Wire),
        }
    }
}

impl From<body::ApiKey> for Listed {
    fn from(key: body::ApiKey) -> Self {
        Self {
            name: key.name,
            created_at: key.created_at,
            acts_as: key.acts_as,
            scopes: key.scopes,
            conversation: key.conversation,
        }
    }
}

/// A key that was just made.
#[derive(Serialize)]
struct Added<'a> {
    name: &'a str,
    key: &'a str,
}

pub(super) async fn run<S: Store + Directory>(
    command: Command,
    office: &Office<S>,
    format: Format,
) -> Result<(), Failure> {
    match command {
        Command::List => table::print(&list(office).await?, format),
        Command::Add(new) => {
            let name = new.name.clone();
            let key = add(office, new).await?;
            let key = key.as_str();
            match format {
                Format::Json => output::line(output::json(&Added { name: &name, key })),
                Format::Text => {
                    output::note("Keep this key; it is shown only now.");
                    output::line(key)
                }
            }
        }
        Command::Revoke { name } => {
            match office {
                Office::Local(local) => {
                    let revoked = local.store.revoke_api_key(&name).await;
                    revoked.map_err(|error| explain(&error, &format!("key named {name}")))?;
                }
                Office::Remote(http) => http.revoke_key(&name).await?,
            }
            output::note(format_args!("The key {name} is revoked."));
            Ok(())
        }
    }
}

async fn list<S: Store + Directory>(office: &Office<S>) -> Result<Vec<Listed>, Failure> {
    match office {
        Office::Local(local) => {
            let keys = local.store.api_keys().await;
            let keys = keys.map_err(|error| explain(&error, "key"))?;
            Ok(keys.into_iter().map(Listed::from).collect())
        }
        Office::Remote(http) => {
            let keys = http.keys().await?.keys;
            Ok(keys.into_iter().map(Listed::from).collect())
        }
    }
}

/// Makes a key, and returns it.
async fn add<S: Store + Directory>(office: &Office<S>, new: NewKey) -> Result<String, Failure> {
    check_key_name(&new.name).map_err(usage)?;
    let user = new.acts_as.as_deref().map(UserId::parse).transpose();
    let user = user.map_err(|error| usage(error.to_string()))?;
    if let Some(name) = new.scopes.iter().find(|name| Scope::parse(name).is_none()) {
        let names = Scope::ALL.map(Scope::as_str).join(", ");
        return Err(usage(format!(
            "there is no scope {name:?}; there are {names}"
        )));
    }
    let powers = KeyPowers {
        user,
        scopes: (!new.scopes.is_empty()).then_some(new.scopes),
        conversation: new.conversation.map(ConversationId),
    };
    match office {
        Office::Local(local) => {
            let made = SecretToken::generate(TokenKind::ApiKey);
            let what = match &powers.user {
                Some(user) => format!("key named {}, or no user {user}", new.name),
                None => format!("key named {}", new.name),
            };
            let key = NewApiKey {
                name: new.name,
                hash: made.hash,
                powers,
                at: local.clock.now(),
            };
            let kept = local.store.create_api_key(key).await;
            kept.map_err(|error| explain(&error, &what))?;
            Ok(made.text.expose().to_owned())
        }
        Office::Remote(http) => {
            let key = body::NewApiKey {
                name: new.name,
                acts_as: powers.user.map(Wire),
                scopes: powers.scopes,
                conversation: powers.conversation.map(Wire),
            };
            let made = http.make_key(&key).await?;
            let key = made
                .key
                .ok_or_else(|| Failure::failed("the server made a key, and did not say which"))?;
            Ok(key.expose().to_owned())
        }
    }
}

fn usage(problem: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Usage, problem)
}
