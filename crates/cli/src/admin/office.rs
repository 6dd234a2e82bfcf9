//! Where an administrator gets things done: in a data directory, or at a server that runs.

use tidemark_client::{Http, ServerUrl};

use super::local::Local;
use crate::connect::secret_in;
use crate::failure::{Failure, FailureKind};
use crate::installation::InstallationArguments;

const KEY_VARIABLE: &str = "TIDEMARK_API_KEY";

pub(super) enum Office {
    Local(Box<Local>),
    Remote(Http),
}

impl Office {
    pub(super) fn remote(
        url: ServerUrl,
        installation: &InstallationArguments,
    ) -> Result<Self, Failure> {
        if installation.config.is_some() || installation.data.is_some() {
            return Err(Failure::new(
                FailureKind::Usage,
                "give either --url, for a server that runs, or --config and --data, for one that is stopped",
            ));
        }
        let key = secret_in(KEY_VARIABLE)?.ok_or_else(|| {
            Failure::new(
                FailureKind::Unauthorized,
                format!("set {KEY_VARIABLE} to an API key of the server at {url}"),
            )
        })?;
        Ok(Self::Remote(Http::new(url, Some(key))?))
    }

    pub(super) async fn local(
        installation: &InstallationArguments,
        may_make: bool,
    ) -> Result<Self, Failure> {
        let local = Local::open(installation, may_make).await?;
        Ok(Self::Local(Box::new(local)))
    }

    /// The data directory, for what cannot be done over HTTP.
    pub(super) fn data(&self) -> Result<&Local, Failure> {
        match self {
            Self::Local(local) => Ok(local),
            Self::Remote(_) => Err(Failure::new(
                FailureKind::Usage,
                "this is done in the data directory only: stop the server, and give --config or --data in place \
                 of --url",
            )),
        }
    }

    pub(super) async fn close(self) {
        if let Self::Local(local) = self {
            local.close().await;
        }
    }
}
