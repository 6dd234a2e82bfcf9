//! `/v1/bots`, `/v1/keys` and `/v1/incoming`: programs that take part, and what lets them in.

use serde::{Deserialize, Serialize};

use super::User;
use crate::wire::{
    Secret, WireClientId, WireConversationId, WireSeq, WireTimestamp, WireUserId, optional_from_one,
};

/// `POST /v1/bots`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewBot {
    /// The id and the username, by the rules for those of people.
    pub username: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
}

/// `GET /v1/bots`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Bots {
    /// In the order of their ids; the first 1,000.
    pub bots: Vec<User>,
}

/// `POST /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewApiKey {
    /// What to call it; nobody else's key is called so. At most 128 bytes.
    pub name: String,
    /// As whom it acts, a bot or a person; as an administrator if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts_as: Option<WireUserId>,
    /// What it is good for: `read`, `send`, `manage`, and for administrators `feed` and `operate`. Everything if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The only conversation that it is good for; all if absent. One that also acts as somebody and has the scope `send` is good for
    /// `POST /v1/incoming/{key}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<WireConversationId>,
}

/// A key of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApiKey {
    /// What it is called.
    pub name: String,
    /// When it was made.
    pub created_at: WireTimestamp,
    /// As whom it acts; `null` for an administrator.
    pub acts_as: Option<WireUserId>,
    /// What it is good for; `null` for everything.
    pub scopes: Option<Vec<String>>,
    /// The only conversation that it is good for; `null` for all.
    pub conversation: Option<WireConversationId>,
    /// The key itself. Only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub key: Option<Secret>,
}

/// `GET /v1/keys`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ApiKeys {
    /// In the order of their names; without those of the configuration.
    pub keys: Vec<ApiKey>,
}

/// `POST /v1/incoming/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct IncomingMessage {
    /// What to say.
    pub text: String,
    /// Names the message, so that a retry is recognised; without it, one that is sent again is said again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<WireClientId>,
    /// The thread that it replies in: the place of its first message.
    #[serde(default, deserialize_with = "optional_from_one")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<WireSeq>,
}

/// Something that a bot can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BotCommand {
    /// Its name, without a slash: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`. No other bot has it.
    pub name: String,
    /// How it is used, such as `TEXT at TIME`; at most 200 bytes, on one line.
    #[serde(default)]
    pub usage: String,
    /// What it does; at most 200 bytes, on one line.
    #[serde(default)]
    pub description: String,
}

/// `PUT /v1/bots/{id}/commands`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BotCommandsWanted {
    /// Where the bot is asked, by HTTP or HTTPS; at most 2,048 bytes.
    pub url: String,
    /// What it can be asked for, 1 to 50.
    pub commands: Vec<BotCommand>,
    /// Whether its calls are signed with a new secret from now on, and with the one before until the next new one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub new_secret: bool,
}

/// What a bot can be asked for, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BotCommands {
    /// Which bot.
    pub bot: WireUserId,
    /// Where it is asked.
    pub url: String,
    /// What it can be asked for.
    pub commands: Vec<BotCommand>,
    /// What its calls are signed with. Only in the answers that make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub secret: Option<Secret>,
}

/// A command that can be given in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConversationCommand {
    /// Which member does it.
    pub bot: WireUserId,
    /// What it is.
    #[serde(flatten)]
    pub command: BotCommand,
}

/// `GET /v1/conversations/{id}/commands`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConversationCommands {
    /// In the order of the ids of bots, then as each bot has them.
    pub commands: Vec<ConversationCommand>,
}

/// `POST /v1/conversations/{id}/commands/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandWanted {
    /// Names it, so that the bot recognises a retry.
    pub client_id: WireClientId,
    /// What follows its name; at most as long as a message.
    #[serde(default)]
    pub arguments: String,
}

/// What a bot is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandCall {
    /// What the bot is asked for.
    pub command: String,
    /// What follows the name of the command.
    pub arguments: String,
    /// Where it was given.
    pub conversation: WireConversationId,
    /// Who gave it.
    pub user: User,
    /// Names it: a retry has the same.
    pub client_id: WireClientId,
    /// When.
    pub at: WireTimestamp,
}

/// Who sees what a bot answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandVisibility {
    /// Whoever gave the command, in the answer to it, and nobody later.
    #[default]
    You,
    /// Everybody: the bot says it in the conversation.
    All,
}

/// What a bot answers, in at most 16 KiB; nothing at all is as `{}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandAnswer {
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// To whom.
    #[serde(default)]
    pub visible: CommandVisibility,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CommandDone {
    /// Who did it.
    pub bot: WireUserId,
    /// What the bot says to whoever gave the command.
    pub text: Option<String>,
    /// The place of the message that the bot said to everybody.
    pub seq: Option<WireSeq>,
}
