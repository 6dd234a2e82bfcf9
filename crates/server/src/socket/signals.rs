//! Typing and presence: what a client says that nobody keeps.

use tidemark_core::Refusal;
use tidemark_protocol::frame::{DeclarePresence, RequestId, StartTyping, WatchUsers};
use tidemark_store::{Directory, Store};

use super::connection::Connection;
use super::writer::End;
use crate::hub::NotWriting;
use crate::translate;

impl<S: Store + Directory> Connection<S> {
    pub(super) async fn start_typing(&mut self, typing: StartTyping) -> Result<(), End> {
        if !self.may_signal(typing.id, 0).await? {
            return Ok(());
        }
        let StartTyping { id, conversation } = typing;
        let hub = &self.gateway.hub;
        let mut told = hub.start_typing(conversation, &self.session);
        if let Err(NotWriting::Unsure(asked)) = told {
            let caller = &self.session.caller;
            let found = self.gateway.store.conversation(caller, conversation).await;
            if let Ok(found) = found {
                hub.learn_silence(conversation, asked, found.conversation.blocked);
                told = hub.start_typing(conversation, &self.session);
            }
        }
        if let Err(why) = told {
            let refusal = match why {
                NotWriting::NoMember => Refusal::no_such_conversation(),
                NotWriting::Guest => Refusal::guests_only_read(),
                // Nobody can say now whether the other one may see it: so they do not.
                NotWriting::Unsure(_) => return Ok(()),
            };
            self.refuse(translate::refused(id, refusal)).await?;
        }
        Ok(())
    }

    pub(super) async fn declare_presence(&mut self, presence: DeclarePresence) -> Result<(), End> {
        if self.may_signal(presence.id, 0).await? {
            self.gateway.hub.declare(&self.session, presence.status);
        }
        Ok(())
    }

    pub(super) async fn watch(&mut self, watch: WatchUsers) -> Result<(), End> {
        if self.may_signal(watch.id, watch.users.len()).await? {
            let users = watch.users.into_iter().collect();
            self.gateway.hub.presence.watch(&self.session, users);
        }
        Ok(())
    }

    /// Whether the socket may say something that names so many users; refused if not.
    async fn may_signal(&mut self, id: Option<RequestId>, users: usize) -> Result<bool, End> {
        if self.session.caller.user().is_none() {
            let refusal = Refusal::forbidden("an API key is nobody who types or is there");
            self.refuse(translate::refused(id, refusal)).await?;
            return Ok(false);
        }
        if let Err(retry_after_ms) = self.signals.check(users) {
            self.refuse(translate::too_many_signals(id, retry_after_ms))
                .await?;
            return Ok(false);
        }
        Ok(true)
    }
}
