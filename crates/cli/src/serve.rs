//! `tidemark serve`: the server, on the engine that the configuration names.

use std::path::PathBuf;

use tidemark_server::config::{Config, Sources, StoreEngine};
use tidemark_server::{Server, start_log};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::{Failure, FailureKind};
use crate::output;

/// Run a server until it is told to stop (SIGTERM or Ctrl-C).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A configuration file (TOML); environment variables TIDEMARK_… and flags lie over it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen, for example 127.0.0.1:8080; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The directory of the embedded store
    #[arg(long, value_name = "DIRECTORY")]
    data: Option<PathBuf>,
}

impl Arguments {
    /// What the configuration comes from: the flags here lie over everything else.
    fn sources(&self) -> Result<Sources, Failure> {
        let mut sources = Sources::of_process(self.config.clone());
        if let Some(listen) = &self.listen {
            sources.flags.push(("listen".to_owned(), listen.clone()));
        }
        if let Some(data) = &self.data {
            let data = data.to_str().ok_or_else(|| {
                Failure::new(
                    FailureKind::Usage,
                    "--data is not UTF-8; choose another path",
                )
            })?;
            sources.flags.push(("data".to_owned(), data.to_owned()));
        }
        Ok(sources)
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.sources()?)
        .map_err(|error| Failure::new(FailureKind::Usage, error.to_string()))?;
    start_log(&config.log).map_err(|error| Failure::failed(error.to_string()))?;
    // Sockets are file descriptors, and the usual soft limit is 1,024.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        output::note(format_args!(
            "tidemark: the limit of open files stays as it is: {error}"
        ));
    }
    // Asked for before anything is open, so that a signal that comes early is not lost.
    let stop = stop_signal()?;
    let store = open_store(&config).await?;
    let server = Server::bind(config, store)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    output::line(format_args!("listening on http://{}", server.address()))?;
    server.run(stop).await.map_err(Failure::from)
}

async fn open_store(config: &Config) -> Result<SqliteStore, Failure> {
    let directory = match config.store {
        StoreEngine::Sqlite => config.data.clone(),
    };
    let options = SqliteOptions {
        limits: config.limits.of_rules(),
        ..SqliteOptions::default()
    };
    // Recovery after a crash reads and writes files.
    tokio::task::spawn_blocking(move || SqliteStore::open(&directory, options))
        .await
        .map_err(|error| Failure::failed(error.to_string()))?
        .map_err(|error| Failure::failed(error.to_string()))
}

/// Resolves when the process is asked to stop.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
