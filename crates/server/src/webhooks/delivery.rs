//! The consumer of one webhook.

use std::sync::Arc;
use std::time::Duration;

use tidemark_core::{Position, Timestamp};
use tidemark_pipeline::{Consumer, Progress, Setback, Turn};
use tidemark_protocol::body::{FeedEntry, WebhookCall};
use tidemark_protocol::wire::{Wire, kind_of};
use tidemark_store::{Disabled, FeedEvent, Webhook, WebhookChange, WebhookError, Webhooks};
use tidemark_webhooks::{Call, CallError, Caller};
use tokio::time::sleep;
use url::Url;
use uuid::Uuid;

use super::secrets;

/// The longest that an address may ask to be left alone at a time.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

/// Tells one address of what is for it.
///
/// It is told of a few events at a time, in commit order, and of the next ones when it has taken those. Up to where it was told is durable before
/// that is said to be done: so what it is told comes without a gap, and can be checked by it.
pub(super) struct Delivery<S> {
    pub(super) store: Arc<S>,
    pub(super) caller: Caller,
    pub(super) webhook: Webhook,
    pub(super) now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// All up to here is done; what is behind it and offered again is a replay.
    pub(super) done: Position,
}

/// Between which positions a call tells of everything.
type Between = Option<(Position, Position)>;

impl<S: Webhooks> Delivery<S> {
    fn is_for_it(&self, entry: &FeedEvent) -> bool {
        let Webhook {
            kinds,
            conversations,
            ..
        } = &self.webhook;
        let kind = kind_of(&entry.event.body);
        kinds
            .as_ref()
            .is_none_or(|kinds| kinds.iter().any(|it| it == kind))
            && conversations
                .as_ref()
                .is_none_or(|all| all.contains(&entry.event.conversation))
    }

    /// Tells of `entries`, which are all that is for it up to `through`. Where it does not take them together it is told of them
    /// by halves, so that one that it does not take is found.
    async fn tell(
        &mut self,
        entries: &[&FeedEvent],
        through: Position,
        progress: &Progress,
    ) -> Result<(), Setback> {
        // What is on top is next.
        let mut parts = vec![(entries, through)];
        while let Some((part, through)) = parts.pop() {
            let between = Some((self.webhook.told, through));
            match self.call(part, between).await {
                Ok(()) => {
                    self.note_told(through).await?;
                    progress.reach(through);
                    self.done = through;
                }
                Err(Trouble::NotTaken(reason)) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    let Some(last) = first.last() else {
                        let position = part[0].position;
                        return Err(Setback::Failed { position, reason });
                    };
                    parts.push((second, through));
                    parts.push((first, last.position));
                }
                Err(Trouble::Later(reason)) => return Err(Setback::Outage(reason)),
            }
        }
        Ok(())
    }

    /// Calls once.
    async fn call(&self, entries: &[&FeedEvent], between: Between) -> Result<(), Trouble> {
        let webhook = &self.webhook;
        let call = call_of(webhook.id, entries, between).map_err(Trouble::Later)?;
        let url: Url = webhook
            .url
            .parse()
            .map_err(|_| Trouble::Later("its URL is none".to_owned()))?;
        let secrets = secrets(&webhook.secrets);
        let Err(error) = self.caller.call(&url, &secrets, &call).await else {
            return Ok(());
        };
        let reason = error.to_string();
        match error {
            CallError::Gone => {
                self.disable(&reason).await;
                Err(Trouble::Later(reason))
            }
            // Bad Request, Content Too Large, Unsupported Media Type, Unprocessable Content: it is about what was sent.
            CallError::Refused {
                status: 400 | 413 | 415 | 422,
                ..
            } => Err(Trouble::NotTaken(reason)),
            CallError::Refused { retry_after, .. } => {
                sleep(retry_after.unwrap_or_default().min(RETRY_AFTER_MAX)).await;
                Err(Trouble::Later(reason))
            }
            CallError::Unreachable(_) | CallError::Failed(_) => Err(Trouble::Later(reason)),
        }
    }

    /// Whoever keeps webhooks notices, and ends this consumer.
    async fn disable(&self, reason: &str) {
        let disabled = Disabled {
            at: (self.now)(),
            reason: reason.to_owned(),
        };
        let change = WebhookChange {
            disabled: Some(Some(disabled)),
            ..WebhookChange::default()
        };
        let id = self.webhook.id;
        match self.store.change_webhook(id, change).await {
            Ok(_) => tracing::warn!(%id, reason, "a webhook is not called any more"),
            // It says so again, then.
            Err(error) => tracing::warn!(%id, %error, "a webhook could not be disabled"),
        }
    }

    async fn note_told(&mut self, told: Position) -> Result<(), Setback> {
        let noted = self.store.note_told(self.webhook.id, told).await;
        noted.map_err(outage)?;
        self.webhook.told = told;
        Ok(())
    }
}

impl<S: Webhooks> Consumer for Delivery<S> {
    async fn begin(&mut self, turn: Turn) -> Result<Position, Setback> {
        let webhooks = self.store.webhooks().await.map_err(outage)?;
        let kept = webhooks.into_iter().find(|it| it.id == self.webhook.id);
        self.webhook.told = kept.ok_or(WebhookError::Unknown).map_err(outage)?.told;
        // What lies between the two was not for it; a new one begins where it was told to.
        self.done = turn.position.max(self.webhook.told);
        Ok(self.done)
    }

    async fn handle(&mut self, batch: &[FeedEvent], progress: &Progress) -> Result<(), Setback> {
        let Some(last) = batch.last() else {
            return Ok(());
        };
        let entries: Vec<_> = batch.iter().filter(|it| self.is_for_it(it)).collect();
        let is_replay = last.position <= self.done;
        match entries.first() {
            None => {}
            Some(first) if is_replay => {
                self.call(&entries, None)
                    .await
                    .map_err(|trouble| match trouble {
                        Trouble::Later(reason) => Setback::Outage(reason),
                        Trouble::NotTaken(reason) => Setback::Poison {
                            position: first.position,
                            reason,
                        },
                    })?;
            }
            Some(_) => self.tell(&entries, last.position, progress).await?,
        }
        self.done = self.done.max(last.position);
        Ok(())
    }

    async fn rewind(&mut self, to: Position) -> Result<(), Setback> {
        self.note_told(to).await
    }
}

/// Why nobody was told.
enum Trouble {
    /// It does not want these events.
    NotTaken(String),
    /// It may want them later.
    Later(String),
}

fn outage(error: WebhookError) -> Setback {
    Setback::Outage(error.to_string())
}

/// What is sent. The id is the same for each attempt, and for nothing else.
///
/// # Errors
///
/// Why there is no JSON for it.
pub(super) fn call_of(
    webhook: Uuid,
    entries: &[&FeedEvent],
    between: Between,
) -> Result<Call, String> {
    let (after, through) = between.unzip();
    let told = WebhookCall {
        webhook,
        after: after.map(Wire),
        through: through.map(Wire),
        events: entries.iter().map(|entry| shown(entry)).collect(),
    };
    let first = entries.first().map_or(0, |entry| entry.position.0);
    let id = match through {
        Some(through) => format!("{}-{first}-{}", webhook.simple(), through.0),
        None => format!("{}-{first}-again", webhook.simple()),
    };
    send(id, &told)
}

/// What is sent to try a webhook out.
///
/// # Errors
///
/// As [`call_of`].
pub(super) fn test_call(webhook: Uuid) -> Result<Call, String> {
    let told = WebhookCall {
        webhook,
        after: None,
        through: None,
        events: Vec::new(),
    };
    send(format!("test-{}", Uuid::new_v4().simple()), &told)
}

fn send(id: String, told: &WebhookCall) -> Result<Call, String> {
    let json = serde_json::to_vec(told).map_err(|error| error.to_string())?;
    Ok(Call {
        id,
        body: json.into(),
    })
}

fn shown(entry: &FeedEvent) -> FeedEntry {
    FeedEntry {
        position: Wire(entry.position),
        entry: entry.event.clone().into(),
    }
}
