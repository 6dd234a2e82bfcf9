//! Where an administrator gets things done: in the store itself, or at a server that runs.

use tidemark_client::{Http, ServerUrl};
use tidemark_store::{Directory, Store};

use super::local::Local;
use crate::connect::secret_in;
use crate::failure::{Failure, FailureKind};
use crate::installation::InstallationArguments;

const KEY_VARIABLE: &str = "TIDEMARK_API_KEY";

/// The calls to a server, with the API key that the environment holds.
pub(crate) fn http_with_key(url: ServerUrl) -> Result<Http, Failure> {
    let key = secret_in(KEY_VARIABLE)?.ok_or_else(|| {
        Failure::new(
            FailureKind::Unauthorized,
            format!("set {KEY_VARIABLE} to an API key of the server at {url}"),
        )
    })?;
    Ok(Http::new(url, Some(key))?)
}

pub(crate) enum Office<S> {
    Local(Box<Local<S>>),
    Remote(Http),
}

impl<S: Store + Directory> Office<S> {
    pub(crate) fn of(local: Local<S>) -> Self {
        Self::Local(Box::new(local))
    }

    pub(crate) fn remote(
        url: ServerUrl,
        installation: &InstallationArguments,
    ) -> Result<Self, Failure> {
        let InstallationArguments {
            config,
            data,
            store,
        } = installation;
        if config.is_some() || data.is_some() || store.is_some() {
            return Err(Failure::new(
                FailureKind::Usage,
                "give either --url, for a server that runs, or --config, --data or --store, for its store",
            ));
        }
        Ok(Self::Remote(http_with_key(url)?))
    }

    /// The store itself, for what cannot be done over HTTP.
    pub(crate) fn local(&self) -> Result<&Local<S>, Failure> {
        match self {
            Self::Local(local) => Ok(local),
            Self::Remote(_) => Err(Failure::new(
                FailureKind::Usage,
                "this is done in the store itself only: give --config, --data or --store in place of --url; the \
                 embedded store can be had while its server is stopped",
            )),
        }
    }

    pub(crate) async fn close(self) {
        if let Self::Local(local) = self {
            local.close().await;
        }
    }
}
