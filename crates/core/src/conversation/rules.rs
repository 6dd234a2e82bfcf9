//! How people may take part in a conversation: what newcomers see, how often one may send, who may send and who may
//! call everybody.

use crate::access::Standing;
use crate::conversation::state::named_variants;
use crate::conversation::{Membership, Mentions, Role};
use crate::{InvalidId, Refusal, Timestamp};

/// What a member sees of what was before they became one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum History {
    /// All of it.
    #[default]
    All,
    /// Nothing: they see what there is from the event on that made them a member, the last time.
    SinceJoined,
}

named_variants!(History, "history is all or since_joined",
    All => "all", SinceJoined => "since_joined");

/// The rules of one conversation. A direct one has those of the default for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What newcomers see.
    pub history: History,
    /// How many seconds lie at least between two messages of one person below moderator; 0 means that none have to.
    pub slow_mode_seconds: u32,
    /// Whether nobody below moderator sends.
    pub announcements_only: bool,
    /// The least role that may mention everybody. Moderators may always.
    pub mention_all: Role,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            history: History::All,
            slow_mode_seconds: 0,
            announcements_only: false,
            mention_all: Role::Member,
        }
    }
}

/// The rules that an event changed; what is `None` stayed as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesChange {
    /// What newcomers see from now on.
    pub history: Option<History>,
    /// The seconds between two messages from now on; 0 takes them away.
    pub slow_mode_seconds: Option<u32>,
    /// Whether only moderators send from now on.
    pub announcements_only: Option<bool>,
    /// The least role that may mention everybody from now on.
    pub mention_all: Option<Role>,
}

impl Rules {
    /// The longest time between two messages that a conversation can ask for: a day.
    pub const SLOW_MODE_SECONDS_MAX: u32 = 24 * 60 * 60;

    pub(super) fn change(&mut self, change: &RulesChange) {
        self.history = change.history.unwrap_or(self.history);
        self.slow_mode_seconds = change.slow_mode_seconds.unwrap_or(self.slow_mode_seconds);
        self.announcements_only = change.announcements_only.unwrap_or(self.announcements_only);
        self.mention_all = change.mention_all.unwrap_or(self.mention_all);
    }

    /// Whether somebody of this standing may mention whom a message mentions.
    pub(super) fn check_mentions(
        &self,
        standing: Standing,
        mentions: &Mentions,
    ) -> Result<(), Refusal> {
        let least = self.mention_all.min(Role::Moderator);
        if *mentions == Mentions::All && !standing.is_at_least(least) {
            let detail = format!("mentioning everybody takes the role {least} here");
            return Err(Refusal::forbidden(detail));
        }
        Ok(())
    }

    /// Whether somebody who may write here may send a message now.
    pub(super) fn check_send(
        &self,
        standing: Standing,
        sender: Option<&Membership>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if standing.is_at_least(Role::Moderator) {
            return Ok(());
        }
        if self.announcements_only {
            return Err(Refusal::forbidden("only moderators send messages here"));
        }
        let pause_ms = i64::from(self.slow_mode_seconds) * 1_000;
        let Some(last) = sender.and_then(|sender| sender.sent_at) else {
            return Ok(());
        };
        // A clock that was set back makes nobody wait longer than the pause.
        let wait_ms = (last.0.saturating_add(pause_ms) - now.0).min(pause_ms);
        match u64::try_from(wait_ms) {
            Ok(wait_ms) if wait_ms > 0 => Err(Refusal::too_early(
                format!(
                    "slow mode: one message in {} seconds",
                    self.slow_mode_seconds
                ),
                wait_ms,
            )),
            _ => Ok(()),
        }
    }
}

impl RulesChange {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let most = Rules::SLOW_MODE_SECONDS_MAX;
        if self.slow_mode_seconds.is_some_and(|seconds| seconds > most) {
            let detail = format!("slow_mode_seconds is at most {most}, a day");
            return Err(Refusal::invalid(detail));
        }
        Ok(())
    }

    /// Leaves out what is so already.
    pub(super) fn keep_news(&mut self, now: &Rules) {
        self.history.take_if(|history| *history == now.history);
        self.slow_mode_seconds
            .take_if(|seconds| *seconds == now.slow_mode_seconds);
        self.announcements_only
            .take_if(|only| *only == now.announcements_only);
        self.mention_all.take_if(|role| *role == now.mention_all);
    }
}
