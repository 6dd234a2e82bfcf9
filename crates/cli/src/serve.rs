//! `tidemark serve`: the server, on the engine that the configuration names.

use tidemark_server::config::{Config, StoreEngine};
use tidemark_server::{Server, start_log};
use tidemark_store::{Directory, OpenError, Store};

use crate::failure::Failure;
use crate::installation::{InstallationArguments, open_postgres, open_sqlite};
use crate::output;
use crate::stopping::stop_signal;

/// Run a server until it is told to stop (SIGTERM or Ctrl-C).
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    installation: InstallationArguments,
    /// Where to listen, for example 127.0.0.1:8080; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// How nodes of one store hear of each other: local: or nats://HOST:PORT,HOST:PORT
    #[arg(long, value_name = "URL")]
    bus: Option<String>,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let flags = [("listen", arguments.listen), ("bus.url", arguments.bus)];
    let flags = flags
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let config = arguments.installation.load(flags.collect())?;
    start_log(&config.log).map_err(|error| Failure::failed(error.to_string()))?;
    // Sockets are file descriptors, and the usual soft limit is 1,024.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        output::note(format_args!(
            "tidemark: the limit of open files stays as it is: {error}"
        ));
    }
    // Asked for before anything is open, so that a signal that comes early is not lost.
    let stop = stop_signal()?;
    let fail = |error: OpenError| Failure::failed(error.to_string());
    match config.store.clone() {
        StoreEngine::Sqlite => {
            let store = open_sqlite(&config).await.map_err(fail)?;
            serve(config, store, stop).await
        }
        StoreEngine::Postgres(postgres) => {
            let store = open_postgres(&config, &postgres).await.map_err(fail)?;
            serve(config, store, stop).await
        }
    }
}

async fn serve<S: Store + Directory>(
    config: Config,
    store: S,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Failure> {
    let server = Server::bind(config, store)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    output::line(format_args!("listening on http://{}", server.address()))?;
    server.run(stop).await.map_err(Failure::from)
}
