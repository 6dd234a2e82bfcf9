//! The store itself: of a server that is stopped, or a database beside the servers that use it.

use std::sync::Arc;

use tidemark_core::UserId;
use tidemark_server::auth::{AccountError, Authenticator};
use tidemark_server::config::{Config, PostgresConfig};
use tidemark_server::{Clock, start_log};
use tidemark_store::postgres::PostgresStore;
use tidemark_store::sqlite::SqliteStore;
use tidemark_store::{Directory, DirectoryError, OpenError, Store, User};

use crate::failure::{Failure, FailureKind};
use crate::installation::{InstallationArguments, open_postgres, open_sqlite};
use crate::output;

pub(crate) struct Local<S> {
    pub(crate) store: Arc<S>,
    pub(crate) authenticator: Authenticator<S>,
    pub(crate) clock: Clock,
}

/// The configuration of the installation; what its store has to say goes to stderr from now on.
pub(crate) fn load(installation: &InstallationArguments) -> Result<Config, Failure> {
    let mut config = installation.load(Vec::new())?;
    "warn".clone_into(&mut config.log.level);
    start_log(&config.log).map_err(|error| Failure::failed(error.to_string()))?;
    Ok(config)
}

/// Opens the store in the data directory; if there is none, it is only made where that `may_make` sense.
pub(crate) async fn open_embedded(config: &Config, may_make: bool) -> Result<SqliteStore, Failure> {
    let data = config.data.display();
    if !config.data.is_dir() {
        if !may_make {
            return Err(Failure::failed(format!(
                "there is no data directory {data}; see --data, --store and --config, or --url for a server that \
                 runs"
            )));
        }
        output::note(format_args!("making a new store in {data}"));
    }
    open_sqlite(config).await.map_err(|error| match error {
        OpenError::Locked { .. } => Failure::failed(format!(
            "a server is using {data}: stop it first. Users can be listed, shown and added while it runs, \
             with --url and an API key in TIDEMARK_API_KEY"
        )),
        error => Failure::failed(error.to_string()),
    })
}

/// Opens the store in a database, with as few connections as do.
pub(crate) async fn open_database(
    config: &Config,
    postgres: PostgresConfig,
) -> Result<PostgresStore, Failure> {
    let few = PostgresConfig {
        connections_max: 2,
        writers: 1,
        ..postgres
    };
    let opened = open_postgres(config, &few).await;
    opened.map_err(|error| Failure::new(FailureKind::Unreachable, error.to_string()))
}

impl<S: Store + Directory> Local<S> {
    pub(crate) fn new(store: S, config: &Config) -> Result<Self, Failure> {
        let (store, clock) = (Arc::new(store), Clock::start());
        let authenticator = Authenticator::new(Arc::clone(&store), config, clock)
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self {
            store,
            authenticator,
            clock,
        })
    }

    /// The user with this id, or who signs in with this name in another case.
    pub(crate) async fn user(&self, name: &str) -> Result<User, Failure> {
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

    pub(crate) async fn close(self) {
        self.store.close().await;
    }
}

/// What a directory says about `what`.
pub(crate) fn explain(error: &DirectoryError, what: &str) -> Failure {
    match error {
        DirectoryError::NotFound => no_such(what),
        DirectoryError::Taken => {
            Failure::new(FailureKind::Refused, format!("there is a {what} already"))
        }
        DirectoryError::Unavailable => Failure::failed("the store cannot do this now"),
    }
}

pub(crate) fn explain_account(error: &AccountError) -> Failure {
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
