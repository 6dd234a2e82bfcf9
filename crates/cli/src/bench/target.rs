//! The server that is measured: one of the bench's own, or one that runs already.

use std::path::PathBuf;

use jsonwebtoken::EncodingKey;
use tidemark_client::{Http, HttpError, ServerUrl};
use tidemark_protocol::wire::Secret;
use uuid::Uuid;

use super::process_usage::Usage;
use super::server_process::{ServerFiles, ServerProcess, store_parent};
use crate::failure::{Failure, FailureKind};

const API_KEY: &str = "TIDEMARK_API_KEY";
const JWT_SECRET: &str = "TIDEMARK_JWT_SECRET";

/// Which server to measure.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TargetOptions {
    /// Measure a server that runs already, instead of one of the bench's own; once for each node of a cluster
    #[arg(
        long,
        global = true,
        value_name = "URL",
        long_help = "Measure a server that runs already, instead of one of the bench's own. Given once for each node of a cluster, sockets are opened at nodes drawn at random. Its keys come from the environment: TIDEMARK_API_KEY is one of its api_keys, TIDEMARK_JWT_SECRET its auth.jwt.hs256_secret."
    )]
    url: Vec<String>,
    /// The process of that server on this machine, to know its CPU time and memory; of several, the sum
    #[arg(long, global = true, value_name = "PID")]
    server_pid: Vec<u32>,
    /// Where the bench's own server keeps its temporary store; has to be on a disk
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub(super) data_parent: Option<PathBuf>,
}

impl TargetOptions {
    /// Whether the server is not the bench's own.
    pub(super) fn is_foreign(&self) -> bool {
        !self.url.is_empty()
    }

    /// Where the store of a server of the bench's own is.
    pub(super) fn store_place(&self) -> Option<PathBuf> {
        (!self.is_foreign()).then(|| store_parent(self.data_parent.as_deref()))
    }
}

/// A server, and what it takes to act as its administrator and as any of its users.
pub(super) struct Target {
    /// Of each node.
    urls: Vec<ServerUrl>,
    pub(super) http: Http,
    pub(super) signing: EncodingKey,
    pids: Vec<u32>,
    own: Option<(ServerProcess, ServerFiles)>,
}

impl Target {
    /// Starts a server, or takes the one that the options name.
    pub(super) async fn open(options: &TargetOptions) -> Result<Self, Failure> {
        if options.is_foreign() {
            return Self::foreign(options);
        }
        if !options.server_pid.is_empty() {
            return Err(usage("--server-pid only goes with --url"));
        }
        let files = ServerFiles::create(options.data_parent.as_deref())?;
        let process = files.start().await?;
        Self::own(process, files)
    }

    /// Takes over a server that was started on these files.
    pub(super) fn own(process: ServerProcess, files: ServerFiles) -> Result<Self, Failure> {
        let url = process.url()?;
        Ok(Self {
            http: administrator(url.clone(), files.api_key.clone())?,
            urls: vec![url],
            signing: EncodingKey::from_secret(files.jwt_secret.expose().as_bytes()),
            pids: process.pid().into_iter().collect(),
            own: Some((process, files)),
        })
    }

    fn foreign(options: &TargetOptions) -> Result<Self, Failure> {
        if options.data_parent.is_some() {
            return Err(usage("--data-parent does not go with --url"));
        }
        let urls = options.url.iter().map(|url| ServerUrl::parse(url));
        let urls: Vec<_> = urls
            .collect::<Result<_, _>>()
            .map_err(|error| usage(format!("--url: {error}")))?;
        Ok(Self {
            http: administrator(urls[0].clone(), secret(API_KEY)?)?,
            urls,
            signing: EncodingKey::from_secret(secret(JWT_SECRET)?.expose().as_bytes()),
            pids: options.server_pid.clone(),
            own: None,
        })
    }

    /// What the server has used so far, if that can be known.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.pids
            .iter()
            .map(|pid| Usage::of(*pid))
            .reduce(|sum, next| Some(sum?.and(next?)))?
    }

    /// Where to open a socket.
    pub(super) fn any_url(&self) -> &ServerUrl {
        let drawn = Uuid::new_v4().as_u128() % self.urls.len() as u128;
        &self.urls[usize::try_from(drawn).unwrap_or_default()]
    }

    /// Ends a server of the bench's own and removes its store; leaves any other alone.
    pub(super) async fn close(self) -> Result<(), Failure> {
        match self.own {
            Some((process, _files)) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Ends a server of the bench's own and gives its files back.
    pub(super) async fn stop(self) -> Result<ServerFiles, Failure> {
        let Some((process, files)) = self.own else {
            return Err(usage("only a server of the bench's own is stopped"));
        };
        process.stop().await?;
        Ok(files)
    }

    /// The process of the server, if there is one and it is known.
    pub(super) fn pid(&self) -> Option<u32> {
        self.pids.first().copied()
    }

    /// A counter of the server's metrics; zero as long as nothing was counted.
    pub(super) async fn metric(&self, name: &str) -> Result<u64, Failure> {
        let page = self.http.metrics().await;
        let page = page.map_err(|error| http_failure(&error))?;
        let value = page
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        Ok(value.unwrap_or(0))
    }

    /// Ends a server of the bench's own as a crash would, and gives its files back.
    pub(super) async fn crash(self) -> Result<ServerFiles, Failure> {
        let Some((process, files)) = self.own else {
            return Err(usage("only a server of the bench's own is killed"));
        };
        process.kill().await?;
        Ok(files)
    }
}

fn administrator(url: ServerUrl, api_key: Secret) -> Result<Http, Failure> {
    Http::new(url, Some(api_key)).map_err(|error| http_failure(&error))
}

/// Why a call to prepare a run did not work.
pub(super) fn http_failure(error: &HttpError) -> Failure {
    let kind = match error {
        HttpError::Unreachable(_) => FailureKind::Unreachable,
        _ => FailureKind::Failed,
    };
    Failure::new(kind, format!("preparing the run: {error}"))
}

fn secret(variable: &str) -> Result<Secret, Failure> {
    std::env::var(variable).map(Secret::new).map_err(|_| {
        usage(format!(
            "a server that runs already needs {API_KEY} (one of its api_keys) and {JWT_SECRET} (its auth.jwt.hs256_secret); {variable} is not set"
        ))
    })
}

fn usage(sentence: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Usage, sentence)
}
