//! What lists of webhooks show.

use serde::Serialize;
use tidemark_protocol::body::Webhook;

use crate::admin::table::Row;
use crate::admin::utc::utc;

/// A webhook in a list: the same words as over HTTP.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct ListedWebhook(Webhook);

impl From<Webhook> for ListedWebhook {
    fn from(webhook: Webhook) -> Self {
        Self(webhook)
    }
}

impl Row for ListedWebhook {
    const COLUMNS: &'static [&'static str] = &[
        "ID",
        "ADDRESS",
        "KINDS",
        "CONVERSATIONS",
        "TOLD",
        "PIPELINE",
        "STATE",
    ];

    fn cells(&self) -> Vec<String> {
        let webhook = &self.0;
        let all = || "all".to_owned();
        let conversations = webhook.conversations.as_ref();
        let state = webhook.disabled.as_ref().map(|it| {
            let since = utc(it.at.0);
            format!("off since {since}: {}", it.reason)
        });
        vec![
            webhook.id.to_string(),
            webhook.url.clone(),
            webhook.kinds.as_ref().map_or_else(all, |it| it.join(" ")),
            conversations.map_or_else(all, |ids| ids.len().to_string()),
            webhook.told.0.0.to_string(),
            webhook.pipeline.clone(),
            state.unwrap_or_else(|| "on".to_owned()),
        ]
    }
}
