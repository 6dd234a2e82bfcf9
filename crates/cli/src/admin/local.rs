//! The store of a server that is stopped.

use std::sync::Arc;

use tidemark_core::UserId;
use tidemark_server::auth::{AccountError, Authenticator};
use tidemark_server::config::StoreEngine;
use tidemark_server::{Clock, start_log};
use tidemark_store::sqlite::SqliteStore;
use tidemark_store::{Directory, DirectoryError, OpenError, Store, User};

use crate::failure::{Failure, FailureKind};
use crate::installation::{InstallationArguments, open_sqlite};
use crate::output;

pub(super) struct Local {
    pub(super) store: Arc<SqliteStore>,
    pub(super) authenticator: Authenticator<SqliteStore>,
    pub(super) clock: Clock,
}

impl Local {
    /// Opens the store; if there is none, it is only made where that `may_make` sense.
    pub(super) async fn open(
        installation: &InstallationArguments,
        may_make: bool,
    ) -> Result<Self, Failure> {
        let mut config = installation.load(Vec::new())?;
        // The store logs what it could not do, and why.
        "warn".clone_into(&mut config.log.level);
        start_log(&config.log).map_err(|error| Failure::failed(error.to_string()))?;
        if config.store != StoreEngine::Sqlite {
            return Err(Failure::failed(
                "this works in the embedded store only; with PostgreSQL, list, show and add users at a \
                 server, with --url and an API key in TIDEMARK_API_KEY",
            ));
        }
        let data = config.data.display();
        if !config.data.is_dir() {
            if !may_make {
                return Err(Failure::failed(format!(
                    "there is no data directory {data}; see --data and --config, or --url for a server that runs"
                )));
            }
            output::note(format_args!("making a new store in {data}"));
        }
        let store = open_sqlite(&config).await.map_err(|error| match error {
            OpenError::Locked { .. } => Failure::failed(format!(
                "a server is using {data}: stop it first. Users can be listed, shown and added while it runs, \
                 with --url and an API key in TIDEMARK_API_KEY"
            )),
            error => Failure::failed(error.to_string()),
        })?;
        let (store, clock) = (Arc::new(store), Clock::start());
        let authenticator = Authenticator::new(Arc::clone(&store), &config, clock)
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self {
            store,
            authenticator,
            clock,
        })
    }

    /// The user with this id, or who signs in with this name in another case.
    pub(super) async fn user(&self, name: &str) -> Result<User, Failure> {
        let id = match self.store.credentials(name).await {
            Ok(credentials) => Some(credentials.user),
            Err(_) => UserId::parse(name).ok(),
        };
        let unknown = || no_such(&format!("user {name}"));
        self.store
            .user(&id.ok_or_else(unknown)?)
            .await
            .map_err(|error| explain(&error, &format!("user {name}")))
    }

    pub(super) async fn close(self) {
        self.store.close().await;
    }
}

/// What a directory says about `what`.
pub(super) fn explain(error: &DirectoryError, what: &str) -> Failure {
    match error {
        DirectoryError::NotFound => no_such(what),
        DirectoryError::Taken => {
            Failure::new(FailureKind::Refused, format!("there is a {what} already"))
        }
        DirectoryError::Unavailable => Failure::failed("the store cannot do this now"),
    }
}

pub(super) fn explain_account(error: &AccountError) -> Failure {
    let kind = match error {
        AccountError::Invalid(_) | AccountError::Taken | AccountError::Closed => {
            FailureKind::Refused
        }
        AccountError::Wrong => FailureKind::Unauthorized,
        AccountError::Unavailable => FailureKind::Failed,
    };
    Failure::new(kind, error.to_string())
}

fn no_such(what: &str) -> Failure {
    Failure::new(FailureKind::Refused, format!("there is no {what}"))
}
