//! Tells others of events: a consumer of the feed for each webhook, on one of all nodes.
//!
//! Whoever is slow, away or broken holds up nobody but themselves: each has a position of its own.

mod delivery;
mod keeper;

use tidemark_protocol::wire::LogEntry;
use tidemark_store::Webhook;
use tidemark_webhooks::{CallError, Caller, Limits, Reach, Secret};
use uuid::Uuid;

pub(crate) use keeper::{Bell, keep};

use crate::config::WebhooksConfig;

/// What pipelines of webhooks are called before their id.
const NAME: &str = "webhook";

/// The most of an answer that is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What the pipeline of a webhook is called.
pub(crate) fn pipeline(id: Uuid) -> String {
    format!("{NAME}-{}", instance(id))
}

/// One word for the id.
fn instance(id: Uuid) -> String {
    id.simple().to_string()
}

/// Whoever calls others here.
///
/// # Errors
///
/// When there can be no encrypted connections on this machine.
pub(crate) fn caller(config: &WebhooksConfig) -> Result<Caller, CallError> {
    let reach = Reach::public_and(config.allowed_networks.iter().copied());
    let limits = Limits {
        time: config.timeout,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    Caller::new(reach, limits)
}

/// Calls it now, with no events.
///
/// # Errors
///
/// What went wrong.
pub(crate) async fn test(caller: &Caller, webhook: &Webhook) -> Result<(), String> {
    let call = delivery::test_call(webhook.id)?;
    let url = webhook.url.parse().map_err(|_| "its URL is none")?;
    let answer = caller.call(&url, &secrets(&webhook.secrets), &call).await;
    answer.map(drop).map_err(|error| error.to_string())
}

/// What calls are signed with, as it is kept. Nobody but the server writes them, so that all can be read.
pub(crate) fn secrets(kept: &[String]) -> Vec<Secret> {
    let secrets = kept.iter();
    secrets
        .filter_map(|text| Secret::parse(text).ok())
        .collect()
}

/// Whether there are such events.
pub(crate) fn is_kind(word: &str) -> bool {
    LogEntry::KINDS.contains(&word)
}
