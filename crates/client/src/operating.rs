//! Webhooks, bots and keys, for whoever runs the server; and commands, for everybody.

use reqwest::Method;
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body::{
    ApiKey, ApiKeys, BotCommands, BotCommandsWanted, Bots, CommandDone, CommandWanted,
    ConversationCommands, NewApiKey, NewBot, NewWebhook, SecretWanted, User, Webhook, WebhookPatch,
    WebhookTested, Webhooks,
};
use uuid::Uuid;

use crate::Http;
use crate::http::{Answer, escape};

/// No body.
const NONE: Option<&()> = None;

/// All of them fail when the server cannot be reached or refuses.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
impl Http {
    /// The addresses of others that are told of events.
    pub async fn webhooks(&self) -> Answer<Webhooks> {
        self.call(Method::GET, "/v1/webhooks", NONE).await
    }

    /// Has an address told of events. The answer has its secret, this once.
    pub async fn make_webhook(&self, new: &NewWebhook) -> Answer<Webhook> {
        self.call(Method::POST, "/v1/webhooks", Some(new)).await
    }

    /// Changes what an address is told of, or whether.
    pub async fn change_webhook(&self, id: Uuid, change: &WebhookPatch) -> Answer<Webhook> {
        let path = webhook_path(id, "");
        self.call(Method::PATCH, &path, Some(change)).await
    }

    /// Has an address told of nothing any more.
    pub async fn remove_webhook(&self, id: Uuid) -> Answer<()> {
        self.tell(Method::DELETE, &webhook_path(id, "")).await
    }

    /// Makes a new secret for the calls of an address. The answer has it, this once.
    pub async fn make_webhook_secret(&self, id: Uuid, wanted: &SecretWanted) -> Answer<Webhook> {
        let path = webhook_path(id, "/secret");
        self.call(Method::POST, &path, Some(wanted)).await
    }

    /// Calls an address now, with no events.
    pub async fn test_webhook(&self, id: Uuid) -> Answer<WebhookTested> {
        let path = webhook_path(id, "/test");
        self.call(Method::POST, &path, NONE).await
    }

    /// The bots.
    pub async fn bots(&self) -> Answer<Bots> {
        self.call(Method::GET, "/v1/bots", NONE).await
    }

    /// Makes a bot.
    pub async fn make_bot(&self, new: &NewBot) -> Answer<User> {
        self.call(Method::POST, "/v1/bots", Some(new)).await
    }

    /// Says what a bot can be asked for, and where.
    pub async fn set_bot_commands(
        &self,
        bot: &UserId,
        wanted: &BotCommandsWanted,
    ) -> Answer<BotCommands> {
        let path = format!("/v1/bots/{bot}/commands");
        self.call(Method::PUT, &path, Some(wanted)).await
    }

    /// The commands that can be given in a conversation.
    pub async fn commands(&self, id: ConversationId) -> Answer<ConversationCommands> {
        let path = format!("/v1/conversations/{id}/commands");
        self.call(Method::GET, &path, NONE).await
    }

    /// Gives a command, without a slash before its name, and waits for what the bot answers.
    pub async fn give_command(
        &self,
        id: ConversationId,
        name: &str,
        wanted: &CommandWanted,
    ) -> Answer<CommandDone> {
        let path = format!("/v1/conversations/{id}/commands/{}", escape(name));
        self.call(Method::POST, &path, Some(wanted)).await
    }

    /// The API keys, but for those of the server's configuration.
    pub async fn keys(&self) -> Answer<ApiKeys> {
        self.call(Method::GET, "/v1/keys", NONE).await
    }

    /// Makes an API key. The answer has it, this once.
    pub async fn make_key(&self, new: &NewApiKey) -> Answer<ApiKey> {
        self.call(Method::POST, "/v1/keys", Some(new)).await
    }

    /// Ends an API key.
    pub async fn revoke_key(&self, name: &str) -> Answer<()> {
        let path = format!("/v1/keys/{}", escape(name));
        self.tell(Method::DELETE, &path).await
    }
}

fn webhook_path(id: Uuid, rest: &str) -> String {
    format!("/v1/webhooks/{id}{rest}")
}
