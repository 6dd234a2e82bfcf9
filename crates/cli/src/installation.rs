//! The server of this machine: its configuration and its store.

use std::path::PathBuf;

use tidemark_server::config::{Config, PostgresConfig, Sources};
use tidemark_store::OpenError;
use tidemark_store::postgres::{PostgresOptions, PostgresStore};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};

use crate::failure::{Failure, FailureKind};

/// Where the configuration and the store are.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct InstallationArguments {
    /// A configuration file (TOML); environment variables TIDEMARK_… and flags lie over it
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The directory of the embedded store
    #[arg(long, value_name = "DIRECTORY", global = true)]
    pub(crate) data: Option<PathBuf>,
    /// Where the log lives: sqlite: (in the data directory) or postgres://…; others can see the
    /// command line, so a URL with a password belongs into the file or the environment
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) store: Option<String>,
}

impl InstallationArguments {
    /// The configuration; these flags, and `others` by their keys, lie over everything else.
    ///
    /// # Errors
    ///
    /// With every mistake in it.
    pub(crate) fn load(&self, others: Vec<(String, String)>) -> Result<Config, Failure> {
        let usage = |sentence| Failure::new(FailureKind::Usage, sentence);
        let mut sources = Sources::of_process(self.config.clone());
        sources.flags = others;
        if let Some(data) = &self.data {
            let data = data
                .to_str()
                .ok_or_else(|| usage("--data is not UTF-8; choose another path".to_owned()))?;
            sources.flags.push(("data".to_owned(), data.to_owned()));
        }
        if let Some(store) = &self.store {
            sources.flags.push(("store.url".to_owned(), store.clone()));
        }
        Config::load(&sources).map_err(|error| usage(error.to_string()))
    }
}

/// Opens the embedded store in the data directory.
///
/// # Errors
///
/// As [`SqliteStore::open`].
pub(crate) async fn open_sqlite(config: &Config) -> Result<SqliteStore, OpenError> {
    let directory = config.data.clone();
    let options = SqliteOptions {
        limits: config.limits_of_rules(),
        ..SqliteOptions::default()
    };
    // Recovery after a crash reads and writes files.
    tokio::task::spawn_blocking(move || SqliteStore::open(&directory, options))
        .await
        .map_err(|error| OpenError::Engine(error.to_string()))?
}

/// Opens the store in a PostgreSQL database.
///
/// # Errors
///
/// As [`PostgresStore::open`].
pub(crate) async fn open_postgres(
    config: &Config,
    postgres: &PostgresConfig,
) -> Result<PostgresStore, OpenError> {
    let options = PostgresOptions {
        limits: config.limits_of_rules(),
        connections_max: postgres.connections_max,
        writers: postgres.writers,
        commit_wait: postgres.commit_wait,
    };
    PostgresStore::open(postgres.url.expose(), options).await
}
