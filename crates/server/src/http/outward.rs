//! What is common to calls by which somebody says whom the server is to call.

use tidemark_store::{Directory, Store};
use tidemark_webhooks::Secret;
use url::Url;

use super::problem::Problem;
use crate::gateway::Gateway;

const URL_BYTES_MAX: usize = 2_048;

/// A URL that can be called, as far as it says itself; as it is called, and so without spaces.
pub(super) fn checked_url<S: Store + Directory>(
    gateway: &Gateway<S>,
    text: &str,
) -> Result<String, Problem> {
    if text.len() > URL_BYTES_MAX {
        let detail = format!("the URL is longer than {URL_BYTES_MAX} bytes");
        return Err(Problem::invalid(detail));
    }
    let url: Url = text
        .parse()
        .map_err(|error| Problem::invalid(format!("that is no URL: {error}")))?;
    let checked = gateway.outward.check(&url);
    checked.map_err(|error| Problem::invalid(error.to_string()))?;
    Ok(url.into())
}

/// A secret for whoever is called.
pub(super) fn new_secret() -> Result<String, Problem> {
    let secret = Secret::generate().map_err(|error| {
        tracing::error!(%error, "no secret can be made up");
        Problem::unavailable()
    })?;
    Ok(secret.reveal())
}
