//! The contract for where bots are asked to do something.

use std::fmt;
use std::future::Future;

use tidemark_core::UserId;

/// The most bots that can be asked for something.
pub const BOT_ENDPOINTS_MAX: usize = 100;

/// Where a bot is asked to do something, and by which words.
#[derive(Clone, PartialEq, Eq)]
pub struct BotEndpoint {
    /// Which bot.
    pub bot: UserId,
    /// Where it is.
    pub url: String,
    /// What each call is signed with, the newest first; at least one. They have no spaces.
    pub secrets: Vec<String>,
    /// What it can be asked for. No other bot has a command of the same name.
    pub commands: Vec<BotCommand>,
}

/// Without what nobody is to read.
impl fmt::Debug for BotEndpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BotEndpoint")
            .field("bot", &self.bot)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

/// Something that a bot can be asked for. No text here has tabs or line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotCommand {
    /// Its name, without a slash and without spaces.
    pub name: String,
    /// How it is used, such as `TEXT at TIME`; may be empty.
    pub usage: String,
    /// What it does.
    pub description: String,
}

/// Why something about the endpoint of a bot is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BotEndpointError {
    /// There is no such bot, or it has none.
    #[error("there is no such bot, or it has no commands")]
    Unknown,
    /// Another bot has a command of this name.
    #[error("another bot has a command of this name")]
    Taken,
    /// There are as many as are kept.
    #[error("there are {BOT_ENDPOINTS_MAX} bots with commands, which is the most")]
    Full,
    /// The engine cannot do it now; the cause is in the log. It may have happened or not.
    #[error("the store cannot accept now")]
    Unavailable,
}

/// Keeps where bots are asked to do something. What changed is durable before the future resolves.
pub trait BotEndpoints: Send + Sync + 'static {
    /// Keeps that of one bot, in place of the one it had; nothing changes unless it can be kept.
    fn set_bot_endpoint(
        &self,
        endpoint: BotEndpoint,
    ) -> impl Future<Output = Result<(), BotEndpointError>> + Send;

    /// All of them, in the order of the ids of the bots.
    fn bot_endpoints(
        &self,
    ) -> impl Future<Output = Result<Vec<BotEndpoint>, BotEndpointError>> + Send;

    /// Takes that of one bot away.
    fn remove_bot_endpoint(
        &self,
        bot: &UserId,
    ) -> impl Future<Output = Result<(), BotEndpointError>> + Send;
}
