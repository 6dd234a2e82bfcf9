//! `tidemark admin keys`.

use clap::Subcommand;
use serde::Serialize;
use tidemark_protocol::wire::{Wire, WireTimestamp};
use tidemark_server::auth::{SecretToken, TokenKind};
use tidemark_store::{Directory, Store};

use super::local::explain;
use super::office::Office;
use super::table::{self, Format, Row};
use super::utc::utc;
use crate::failure::{Failure, FailureKind};
use crate::output;

const NAME_BYTES_MAX: usize = 128;

#[derive(Subcommand)]
pub(super) enum Command {
    /// List the keys that were added here; those in the configuration are not among them
    List,
    /// Add a key and print it, this once
    Add {
        /// What to call it
        name: String,
    },
    /// End a key
    Revoke {
        /// What it is called
        name: String,
    },
}

/// A key in a list; nobody can read the key itself any more.
#[derive(Serialize)]
struct Listed {
    name: String,
    created_at: WireTimestamp,
}

impl Row for Listed {
    const COLUMNS: &'static [&'static str] = &["NAME", "CREATED"];

    fn cells(&self) -> Vec<String> {
        vec![self.name.clone(), utc(self.created_at.0)]
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
    let local = office.local()?;
    match command {
        Command::List => {
            let keys = local.store.api_keys().await;
            let keys = keys.map_err(|error| explain(&error, "key"))?;
            let listed = |key: tidemark_store::ApiKey| Listed {
                name: key.name,
                created_at: Wire(key.created_at),
            };
            table::print(&keys.into_iter().map(listed).collect::<Vec<_>>(), format)
        }
        Command::Add { name } => {
            check_name(&name)?;
            let made = SecretToken::generate(TokenKind::ApiKey);
            let at = local.clock.now();
            let kept = local.store.create_api_key(&name, made.hash, at).await;
            kept.map_err(|error| explain(&error, &format!("key named {name}")))?;
            let key = made.text.expose();
            match format {
                Format::Json => output::line(output::json(&Added { name: &name, key })),
                Format::Text => {
                    output::note("Keep this key; it is shown only now.");
                    output::line(key)
                }
            }
        }
        Command::Revoke { name } => {
            let revoked = local.store.revoke_api_key(&name).await;
            revoked.map_err(|error| explain(&error, &format!("key named {name}")))?;
            output::note(format_args!("The key {name} is revoked."));
            Ok(())
        }
    }
}

fn check_name(name: &str) -> Result<(), Failure> {
    let is_good = !name.trim().is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(char::is_control);
    if is_good {
        return Ok(());
    }
    Err(Failure::new(
        FailureKind::Usage,
        "the name of a key is 1 to 128 bytes without control characters",
    ))
}
