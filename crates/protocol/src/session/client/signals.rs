//! Soft state: who is writing and who is there. Nothing of it is kept by the server, so that a new connection
//! is told again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tidemark_core::presence::Status;
use tidemark_core::typing::REPEAT_AFTER_MS;
use tidemark_core::{ConversationId, UserId};

use super::{ClientSession, Update};
use crate::Code;
use crate::frame::{
    DeclarePresence, Presence, Refused, Request, RequestId, StartTyping, Typing, WatchUsers,
};

/// How long to wait before watching again, where the server does not say how long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the app has said and every connection is to know.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    status: Option<Status>,
    watched: Vec<UserId>,
    /// The last `watch`, until something else is known of it.
    asked: Option<RequestId>,
    /// When to send `watch` again.
    ask_again: Option<Instant>,
    /// When it was last said where the user is writing.
    typed: BTreeMap<ConversationId, Instant>,
}

impl Signals {
    /// What they wrote is sent: whatever follows is news.
    pub(super) fn sent(&mut self, conversation: ConversationId) {
        self.typed.remove(&conversation);
    }

    pub(super) fn disconnected(&mut self) {
        self.typed.clear();
        self.asked = None;
        self.ask_again = None;
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.ask_again
    }
}

impl ClientSession {
    /// Says that the user is writing; to be called with every key. It is passed on every few seconds, and not
    /// at all while offline.
    pub fn typing(&mut self, now: Instant, conversation: ConversationId) {
        if !self.is_online() || !self.tracks.contains_key(&conversation) {
            return;
        }
        let repeat_after = Duration::from_millis(REPEAT_AFTER_MS);
        let typed = &mut self.signals.typed;
        typed.retain(|_, said| now < *said + repeat_after);
        if typed.contains_key(&conversation) {
            return;
        }
        typed.insert(conversation, now);
        let id = None;
        self.ask(now, Request::Typing(StartTyping { id, conversation }));
    }

    /// Says whether the user looks at this device, now and after every reconnection. A device that never says
    /// anything counts as online. [`Status::Offline`] is no status of a device that is there, and counts as away.
    pub fn set_status(&mut self, now: Instant, status: Status) {
        let status = status.max(Status::Away);
        if self.signals.status.replace(status) != Some(status) && self.is_online() {
            self.tell_status(now);
        }
    }

    /// Hears of these users' presence, in place of those named before, now and after every reconnection.
    pub fn watch(&mut self, now: Instant, users: Vec<UserId>) {
        self.signals.watched = users;
        if self.is_online() {
            self.tell_watched(now);
        }
    }

    /// Tells a new connection what the one before knew.
    pub(super) fn tell_signals(&mut self, now: Instant) {
        self.tell_status(now);
        if !self.signals.watched.is_empty() {
            self.tell_watched(now);
        }
    }

    fn tell_status(&mut self, now: Instant) {
        if let Some(status) = self.signals.status {
            let declared = DeclarePresence { id: None, status };
            self.ask(now, Request::Presence(declared));
        }
    }

    fn tell_watched(&mut self, now: Instant) {
        let id = Some(self.new_request());
        self.signals.asked = id;
        self.signals.ask_again = None;
        let users = self.signals.watched.clone();
        self.ask(now, Request::Watch(WatchUsers { id, users }));
    }

    /// Sends `watch` again, if it is time.
    pub(super) fn watch_again(&mut self, now: Instant) {
        if self.signals.ask_again.is_some_and(|at| at <= now) {
            self.tell_watched(now);
        }
    }

    /// Whether the refusal was about the last `watch`.
    pub(super) fn watch_refused(&mut self, now: Instant, refused: &Refused) -> bool {
        if refused.id.is_none() || refused.id != self.signals.asked {
            return false;
        }
        self.signals.asked = None;
        if matches!(
            refused.code,
            Code::Unavailable | Code::RateLimited | Code::Internal
        ) {
            let pause = refused.retry_after_ms.map(Duration::from_millis);
            self.signals.ask_again = Some(now + pause.unwrap_or(RETRY_AFTER));
        } else {
            self.signals.watched.clear();
            self.updates.push_back(Update::WatchRefused {
                code: refused.code,
                detail: refused.detail.clone().into_owned(),
            });
        }
        true
    }

    pub(super) fn heard_typing(&mut self, typing: Typing) {
        // What the user does on another device is nothing to show.
        if Some(&typing.user.0) != self.me.as_ref() {
            self.updates.push_back(Update::Typing {
                conversation: typing.conversation.0,
                user: typing.user.0,
                until: typing.until.0,
            });
        }
    }

    pub(super) fn heard_presence(&mut self, presence: Presence) {
        self.updates.push_back(Update::Presence {
            user: presence.user.0,
            presence: tidemark_core::presence::Presence {
                status: presence.status.0,
                last_seen: presence.last_seen.map(|at| at.0),
            },
        });
    }
}
