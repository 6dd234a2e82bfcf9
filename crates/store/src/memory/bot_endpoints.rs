//! [`BotEndpoints`] in a plain map.

use std::collections::BTreeMap;

use tidemark_core::UserId;

use super::MemoryStore;
use crate::{
    BOT_ENDPOINTS_MAX, BotEndpoint, BotEndpointError, BotEndpoints, DirectoryError, UserOrigin,
};

/// All of them.
pub(super) type KeptBotEndpoints = BTreeMap<UserId, BotEndpoint>;

type Answer<T> = Result<T, BotEndpointError>;

impl From<DirectoryError> for BotEndpointError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::NotFound | DirectoryError::Taken => Self::Unknown,
            DirectoryError::Unavailable => Self::Unavailable,
        }
    }
}

impl BotEndpoints for MemoryStore {
    async fn set_bot_endpoint(&self, endpoint: BotEndpoint) -> Answer<()> {
        let mut inner = self.lock();
        let origin = inner.people()?.origin(&endpoint.bot);
        if origin != Some(UserOrigin::Bot) {
            return Err(BotEndpointError::Unknown);
        }
        let others = inner.bot_endpoints.values();
        let others = others.filter(|other| other.bot != endpoint.bot);
        if others.clone().any(|other| shares_a_name(other, &endpoint)) {
            return Err(BotEndpointError::Taken);
        }
        if others.count() >= BOT_ENDPOINTS_MAX {
            return Err(BotEndpointError::Full);
        }
        inner.bot_endpoints.insert(endpoint.bot.clone(), endpoint);
        Ok(())
    }

    async fn bot_endpoints(&self) -> Answer<Vec<BotEndpoint>> {
        let inner = self.lock();
        inner.people()?;
        Ok(inner.bot_endpoints.values().cloned().collect())
    }

    async fn remove_bot_endpoint(&self, bot: &UserId) -> Answer<()> {
        let mut inner = self.lock();
        inner.people()?;
        let removed = inner.bot_endpoints.remove(bot);
        removed.map(drop).ok_or(BotEndpointError::Unknown)
    }
}

fn shares_a_name(one: &BotEndpoint, other: &BotEndpoint) -> bool {
    let mut names = one.commands.iter().map(|it| &it.name);
    names.any(|name| other.commands.iter().any(|it| it.name == *name))
}
