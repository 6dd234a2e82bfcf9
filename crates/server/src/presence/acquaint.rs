//! Asks the store who shares a conversation with whom: only they see each other.
//!
//! Asked when a socket names whom it watches, and when a user who watches or is watched here joined or left a
//! conversation. The room of a conversation hears of each `members` event, over the bus or from the comparison
//! with the store, and whoever shares a conversation with a socket's user has them in a room here; so nobody
//! has to be asked about again only because time has passed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tidemark_core::UserId;
use tidemark_store::{Directory, DirectoryError, ReadError, Store};

use super::privacy::AskedPrivacy;
use super::{Board, Doubt};
use crate::gateway::Gateway;
use crate::hub::Session;

/// Users whose acquaintances are looked up at the same time.
const AT_ONCE: usize = 8;
/// Users in one question.
const CHUNK: usize = 1_000;
/// How long to wait before asking again a store that could not answer.
const STORE_RETRY: Duration = Duration::from_millis(200);

/// A socket, and for what state of it something is asked.
type Asked = (Arc<Session>, u64);

/// Looks up acquaintances, whenever some are in doubt. Never returns.
pub(crate) async fn acquaint<S: Store + Directory>(gateway: Arc<Gateway<S>>) {
    let board = &gateway.hub.presence;
    loop {
        let doubts = board.take_doubts().await;
        let outcomes = stream::iter(doubts)
            .map(|(user, doubt)| look_up(&gateway, user, doubt))
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>();
        if outcomes.await.contains(&false) {
            tokio::time::sleep(STORE_RETRY).await;
        }
    }
}

/// Whether the store could answer.
async fn look_up<S: Store + Directory>(gateway: &Gateway<S>, user: UserId, doubt: Doubt) -> bool {
    let board = &gateway.hub.presence;
    let sockets = if doubt.of_watched {
        gateway.hub.sessions_of(&user)
    } else {
        Vec::new()
    };
    let question = board.question(&user, sockets, doubt);
    let answers = tokio::join!(
        found(&*gateway.store, &user, &question),
        hiding(&*gateway.store, &question),
    );
    if let (Ok(found), Ok(hiding)) = &answers {
        // First what is hidden: from the moment on at which somebody may be seen they are told of.
        board.settle_privacy(&question.privacy, hiding);
        board.settle(&user, &question, found, doubt);
    } else {
        board.doubt(&user, doubt);
    }
    answers.0.is_ok() && answers.1.is_ok()
}

async fn found<S: Store>(
    store: &S,
    user: &UserId,
    question: &Question,
) -> Result<HashSet<UserId>, ReadError> {
    let others: Vec<UserId> = question.others.iter().cloned().collect();
    let mut found = HashSet::new();
    for chunk in others.chunks(CHUNK) {
        found.extend(store.acquainted(user, chunk).await?);
    }
    Ok(found)
}

async fn hiding<S: Directory>(
    store: &S,
    question: &Question,
) -> Result<HashSet<UserId>, DirectoryError> {
    let users: Vec<UserId> = question.privacy.users().into_iter().collect();
    let mut hiding = HashSet::new();
    for chunk in users.chunks(CHUNK) {
        hiding.extend(store.hiding_last_seen(chunk).await?);
    }
    Ok(hiding)
}

/// Who may be acquainted with a user.
pub(super) struct Question {
    others: HashSet<UserId>,
    /// Sockets of the user.
    watching: Vec<Asked>,
    /// Sockets that watch the user.
    watchers: Vec<Asked>,
    /// Of whom it is asked what they hide.
    pub(super) privacy: AskedPrivacy,
}

impl Board {
    async fn take_doubts(&self) -> HashMap<UserId, Doubt> {
        loop {
            let doubts = std::mem::take(&mut *self.doubts.lock());
            if !doubts.is_empty() {
                return doubts;
            }
            self.doubted.notified().await;
        }
    }

    pub(super) fn question(
        &self,
        user: &UserId,
        sockets: Vec<Arc<Session>>,
        doubt: Doubt,
    ) -> Question {
        let mut others = HashSet::new();
        let mut watching = Vec::new();
        for session in sockets {
            let changes = {
                let watching = session.watching.lock();
                others.extend(watching.users().cloned());
                watching.changes()
            };
            watching.push((session, changes));
        }
        let watchers = self.watched.with(user, |watched, user| {
            let entry = watched.get(user).filter(|_| doubt.of_watchers);
            let sessions = entry.into_iter().flat_map(|entry| entry.watchers.values());
            let asked = |session: &Arc<Session>| {
                let changes = session.watching.lock().changes();
                (Arc::clone(session), changes)
            };
            sessions.map(asked).collect::<Vec<_>>()
        });
        let mut privacy = self.ask_privacy(&others);
        if doubt.of_privacy {
            privacy.join(self.ask_own_privacy(user));
        }
        others.extend(
            watchers
                .iter()
                .filter_map(|(session, _)| session.caller.user().cloned()),
        );
        Question {
            others,
            watching,
            watchers,
            privacy,
        }
    }

    /// Takes in the answer, as far as nothing has happened since the question.
    pub(super) fn settle(
        &self,
        user: &UserId,
        question: &Question,
        found: &HashSet<UserId>,
        doubt: Doubt,
    ) {
        let mut is_outdated = false;
        for (session, changes) in &question.watching {
            let mut watching = session.watching.lock();
            if watching.changes() == *changes {
                let users: Vec<UserId> = watching.users().cloned().collect();
                for other in users {
                    watching.settle(&other, found.contains(&other));
                    self.agenda.now(&other);
                }
            } else {
                is_outdated = true;
            }
        }
        for (session, changes) in &question.watchers {
            let is_acquainted = session.caller.user().is_some_and(|it| found.contains(it));
            let mut watching = session.watching.lock();
            if watching.changes() == *changes {
                watching.settle(user, is_acquainted);
            } else {
                is_outdated = true;
            }
        }
        self.agenda.now(user);
        if is_outdated {
            self.doubt(user, doubt);
        }
    }
}
