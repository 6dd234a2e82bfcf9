//! The way to the server: one place that knows hosts, TLS and patience.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::OpenError;

use super::fault::Trouble;
use super::incarnation::Incarnations;

/// How long one host may take to accept, unless the URL says otherwise. Short, because the next host
/// may be the primary.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a server may stay silent about what it was sent before the connection counts as lost.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(10);
/// When to ask whether a silent peer is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);

/// A connection of one's own.
pub(crate) struct Link {
    pub(crate) client: Arc<Client>,
    /// Ends with the connection.
    pub(crate) driver: JoinHandle<()>,
}

/// Opens connections to whichever of the hosts takes writes.
#[derive(Clone)]
pub(crate) struct Connector {
    way: Arc<Way>,
    incarnations: Arc<Incarnations>,
}

/// Where the hosts are and how to talk to them.
pub(crate) struct Way {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Connector {
    /// Reads a URL. Nothing that it says is in the error: it may hold a password.
    pub(crate) fn new(url: &str) -> Result<Self, OpenError> {
        let mut config = parse(url).map_err(OpenError::Engine)?;
        let tls = match config.get_ssl_mode() {
            SslMode::Require => Some(tls()?),
            // Encryption that anybody can talk us out of protects nothing.
            _ => None,
        };
        if tls.is_none() {
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self {
            way: Arc::new(Way { config, tls }),
            incarnations: Arc::default(),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.way.config
    }

    /// A connection that ends when it is dropped.
    pub(crate) async fn open_alone(&self) -> Result<Client, Trouble> {
        Ok(self.open_confirmed().await?.0)
    }

    pub(crate) async fn open(&self) -> Result<Link, Trouble> {
        let (client, driver) = self.open_confirmed().await?;
        Ok(Link {
            client: Arc::new(client),
            driver,
        })
    }

    /// To a server all of whose commits are where they have to be; waits for that as long as anybody waits.
    async fn open_confirmed(&self) -> Result<(Client, JoinHandle<()>), Error> {
        let (client, driver) = self.way.connect().await?;
        if !self.incarnations.is_confirmed(&self.way, &client).await? {
            driver.abort();
            // Fails as a connection does whose server is gone.
            client.batch_execute("").await?;
        }
        Ok((client, driver))
    }
}

impl Way {
    pub(crate) async fn connect(&self) -> Result<(Client, JoinHandle<()>), Error> {
        if let Some(tls) = &self.tls {
            let (client, connection) = self.config.connect(tls.clone()).await?;
            return Ok((client, tokio::spawn(drive(connection))));
        }
        let (client, connection) = self.config.connect(NoTls).await?;
        Ok((client, tokio::spawn(drive(connection))))
    }
}

async fn drive(connection: impl Future<Output = Result<(), Error>>) {
    if let Err(error) = connection.await {
        // Whoever used it hears of it too and says what that means.
        tracing::debug!(%error, "a connection ended");
    }
}

impl Connect for Connector {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        self.open_confirmed().boxed()
    }
}

/// Checks what an operator wrote as the place of the store.
///
/// # Errors
///
/// What is wrong with it. Never quotes it.
pub fn check_url(url: &str) -> Result<(), String> {
    parse(url).map(|_| ())
}

fn parse(url: &str) -> Result<Config, String> {
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err("it does not begin with postgres://".to_owned());
    }
    let mut config: Config = url.parse().map_err(|error: Error| {
        // The source names the parameter; the error itself says only that there is one.
        let said = std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
        if url.contains("sslmode=verify") || url.contains("sslrootcert=") {
            return format!(
                "{said}; use sslmode=require, which verifies the certificate and the name of the server, with \
                 SSL_CERT_FILE for an authority of your own"
            );
        }
        said
    })?;
    if config.get_hosts().is_empty() {
        return Err("it names no host".to_owned());
    }
    // A standby takes no commands, and what it answers is from the past.
    config.target_session_attrs(TargetSessionAttrs::ReadWrite);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
    }
    config.keepalives_idle(KEEPALIVE_IDLE);
    if config.get_application_name().is_none() {
        config.application_name("tidemark");
    }
    Ok(config)
}

/// Verifies certificates against those that the system trusts, or the file in `SSL_CERT_FILE`.
fn tls() -> Result<MakeRustlsConnect, OpenError> {
    let (tls, failures) = MakeRustlsConnect::with_native_certs().map_err(|failures| {
        let failures = failures.iter().map(|failure| format!(" ({failure})"));
        let failures: String = failures.collect();
        OpenError::Engine(format!(
            "sslmode=require needs certificates to trust, and there are none in the system or in the file that \
             SSL_CERT_FILE names{failures}"
        ))
    })?;
    for failure in failures {
        tracing::warn!(%failure, "a trusted certificate of the system cannot be read");
    }
    Ok(tls)
}

#[cfg(test)]
mod tests {
    use super::{check_url, parse};
    use tokio_postgres::config::TargetSessionAttrs;

    #[test]
    fn several_hosts_are_asked_for_the_one_that_takes_writes() {
        let config = parse("postgres://me:secret@one:1,two:2/chat").unwrap();
        assert_eq!(config.get_hosts().len(), 2);
        let wanted = TargetSessionAttrs::ReadWrite;
        assert_eq!(config.get_target_session_attrs(), wanted);
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_its_password() {
        for (url, problem) in [
            ("mysql://me:hunter2@db/chat", "begin"),
            ("postgres://me:hunter2@/chat", "host"),
            ("postgres://me:hunter2@db/chat?colour=hunter2", "colour"),
            ("postgres://me:hunter2@db:hunter2/chat", "port"),
            (
                "postgres://me:hunter2@db/chat?sslmode=verify-full",
                "use sslmode=require",
            ),
            (
                "postgres://me:hunter2@db/chat?sslrootcert=ca.pem",
                "SSL_CERT_FILE",
            ),
        ] {
            let said = check_url(url).unwrap_err();
            assert!(said.contains(problem), "{url}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
