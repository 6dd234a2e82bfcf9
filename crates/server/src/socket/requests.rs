//! Does what the frames of a client ask for.

use tidemark_core::conversation::{Action, Delivery};
use tidemark_core::{ClientId, ConversationId, Refusal, Seq};
use tidemark_protocol::frame::{
    AmendMessage, OpenConversation, Pong, ReadThread, Refused, Request, RequestId, SendMessage,
    ServerFrame, SyncConversation, ThreadRead,
};
use tidemark_protocol::session::delivery::{Next, Written};
use tidemark_store::{CommitError, Directory, EventsPage, PageLimits, ReadError, Store};

use super::connection::{CatchUp, Connection};
use super::delivery::events_frame;
use super::writer::End;
use crate::crowd::Tail;
use crate::hub::Reply;
use crate::translate;

impl<S: Store + Directory> Connection<S> {
    pub(super) async fn perform(&mut self, request: Request) -> Result<(), End> {
        match request {
            Request::Send(send) => self.send(send).await,
            Request::Amend(amend) => self.amend(amend).await,
            Request::Read(read) => {
                let action = Action::MoveCursor(read.seq);
                let reply = self.reply(read.id, None, false);
                self.hand_over(read.conversation, action, reply).await
            }
            Request::Sync(sync) => self.sync(sync).await,
            Request::Open(open) => self.open(open).await,
            Request::Close(close) => self.close(close.conversation).await,
            Request::Typing(typing) => self.start_typing(typing).await,
            Request::Presence(presence) => self.declare_presence(presence).await,
            Request::Watch(watch) => self.watch(watch).await,
            Request::Ping(ping) => self.answer(Pong { id: ping.id }.encode()).await,
            Request::ThreadRead(read) => self.read_thread(read).await,
            Request::Delivered(report) => {
                let action = Action::MoveDelivered(Delivery {
                    seq: report.seq,
                    members_max: self.gateway.config.fanout.receipt_members,
                });
                let reply = self.reply(report.id, None, false);
                self.hand_over(report.conversation, action, reply).await
            }
        }
    }

    pub(super) async fn refuse(&mut self, refused: Refused) -> Result<(), End> {
        self.gateway.metrics.refused(refused.code.as_str());
        self.answer(refused.encode()).await
    }

    async fn refuse_sending(&mut self, id: Option<RequestId>) -> Result<(), End> {
        let refusal = Refusal::forbidden("this takes a key with the scope `send`");
        self.refuse(translate::refused(id, refusal)).await
    }

    pub(super) async fn answer(&mut self, frame: String) -> Result<(), End> {
        self.writer.feed(frame).await?;
        self.writer.flush().await
    }

    async fn send(&mut self, send: SendMessage) -> Result<(), End> {
        if !self.may_send {
            return self.refuse_sending(send.id).await;
        }
        if let Err(retry_after_ms) = self.gateway.allow_send(&self.session.caller) {
            return self
                .refuse(translate::rate_limited(send.id, retry_after_ms))
                .await;
        }
        let settled = self
            .gateway
            .settle_attachments(&send.message.attachments)
            .await;
        if settled.is_err() {
            return self.refuse(translate::unavailable(send.id)).await;
        }
        let reply = self.reply(send.id, Some(send.message.client_id), true);
        let action = Action::Send(send.message);
        self.hand_over(send.conversation, action, reply).await
    }

    async fn amend(&mut self, amend: AmendMessage) -> Result<(), End> {
        if !self.may_send {
            return self.refuse_sending(amend.id).await;
        }
        if let Err(retry_after_ms) = self.gateway.allow_send(&self.session.caller) {
            return self
                .refuse(translate::rate_limited(amend.id, retry_after_ms))
                .await;
        }
        let reply = self.reply(amend.id, amend.amendment.client_id, true);
        let action = Action::Amend(amend.amendment);
        self.hand_over(amend.conversation, action, reply).await
    }

    /// Moves the user's cursor in a thread: the user's own, and no part of any order, so it does not queue.
    async fn read_thread(&mut self, read: ReadThread) -> Result<(), End> {
        let ReadThread {
            id,
            conversation,
            thread,
            seq,
        } = read;
        let Some(user) = self.session.caller.user().cloned() else {
            let refusal = Refusal::needs_person();
            return self.refuse(translate::refused(id, refusal)).await;
        };
        let store = &self.gateway.store;
        let moved = store
            .move_thread_cursor(&user, conversation, thread, seq)
            .await;
        match moved {
            Ok(moved) => {
                let frame = translate::thread_read(None, conversation, thread, moved);
                if moved.moved {
                    let asking = Some(self.session.key);
                    self.gateway.hub.publish_thread_read(&user, asking, &frame);
                }
                self.answer(ThreadRead { id, ..frame }.encode()).await
            }
            Err(CommitError::Refused(refusal)) => {
                self.refuse(translate::refused(id, refusal)).await
            }
            Err(CommitError::Unavailable) => self.refuse(translate::unavailable(id)).await,
        }
    }

    fn reply(
        &self,
        id: Option<RequestId>,
        client_id: Option<ClientId>,
        is_acknowledged: bool,
    ) -> Reply {
        Reply::Socket {
            session: self.session.clone(),
            id,
            client_id,
            is_acknowledged,
        }
    }

    async fn hand_over(
        &mut self,
        conversation: ConversationId,
        action: Action,
        reply: Reply,
    ) -> Result<(), End> {
        let (id, client_id) = match &reply {
            Reply::Socket { id, client_id, .. } => (*id, *client_id),
            Reply::Request(_) => (None, None),
        };
        let caller = self.session.caller.clone();
        match self
            .gateway
            .hand_over(caller, conversation, action, reply)
            .await
        {
            Ok(()) => {
                self.in_flight += 1;
                if let Some(client_id) = client_id {
                    self.delivery.expect_ack(conversation, client_id);
                }
                Ok(())
            }
            Err(_) => self.refuse(translate::unavailable(id)).await,
        }
    }

    async fn sync(&mut self, sync: SyncConversation) -> Result<(), End> {
        let mut limits = self.page_limits();
        if let Some(limit) = sync.limit {
            limits.entries_max = limits.entries_max.min(limit.get() as usize);
        }
        let SyncConversation {
            id,
            conversation,
            after,
            ..
        } = sync;
        let tail = match self.read_tail(conversation, after, limits).await {
            Ok(tail) => tail,
            Err(error) => return self.refuse(refusal_of(id, error)).await,
        };
        self.note_events(conversation, tail.after(after));
        let as_it_is = tail.shared().filter(|shared| {
            let last = shared.last_after(after);
            self.delivery.answer_as_it_is(conversation, after, last)
        });
        if let Some(shared) = as_it_is {
            return self.answer(shared.frame(id, after)).await;
        }
        let page = tail.into_page(after);
        let written = self.delivery.answer(events_frame(id, conversation, page));
        self.write_in_place(conversation, written).await?;
        self.writer.flush().await
    }

    /// The conversation is on screen: open in the hub before its head is read, so that nothing falls
    /// between.
    async fn open(&mut self, open: OpenConversation) -> Result<(), End> {
        let OpenConversation {
            id,
            conversation,
            after,
        } = open;
        let known = self.delivery.delivered(conversation);
        self.gateway.hub.open(conversation, &self.session);
        let nothing = PageLimits {
            entries_max: 1,
            text_bytes_max: 1,
        };
        let head = match self.read_tail(conversation, Seq::MAX, nothing).await {
            Ok(tail) => tail.head(),
            Err(error) => {
                self.gateway.hub.close(conversation, &self.session);
                return self.refuse(refusal_of(id, error)).await;
            }
        };
        self.gateway.hub.begin(conversation, head);
        // Pages of an earlier `open` are given up: this one says better what is missing.
        for earlier in self.give_up_pages(conversation) {
            let elsewhere = nothing_up_to(head, true);
            self.answer(events_frame(Some(earlier), conversation, elsewhere).encode())
                .await?;
        }
        let after = after.or(known).map_or(head, |after| after.min(head));
        let Written { frames, next } = self.delivery.restart(conversation, after, head);
        self.write_frames(frames).await?;
        match next {
            Next::CatchUp { after } => {
                self.catch_ups.push_back(CatchUp {
                    conversation,
                    after,
                    id,
                });
                Ok(())
            }
            Next::Done => {
                let nothing = nothing_up_to(head, false);
                self.answer(events_frame(id, conversation, nothing).encode())
                    .await
            }
        }
    }

    async fn close(&mut self, conversation: ConversationId) -> Result<(), End> {
        self.gateway.hub.close(conversation, &self.session);
        if self.session.caller.user().is_none() {
            self.forget(conversation, Refusal::no_such_conversation())
                .await?;
        }
        Ok(())
    }

    /// Follows the conversation no more. Whoever asked for something of it gets an answer: what was accepted is
    /// acknowledged, the rest is refused.
    pub(super) async fn forget(
        &mut self,
        conversation: ConversationId,
        refusal: Refusal,
    ) -> Result<(), End> {
        let acks = self.delivery.stop(conversation);
        self.write_frames(acks.into_iter().map(ServerFrame::Ack).collect())
            .await?;
        for id in self.give_up_pages(conversation) {
            self.refuse(translate::refused(Some(id), refusal.clone()))
                .await?;
        }
        Ok(())
    }

    /// Takes back what was to be read of a conversation. Gives back the requests that wait for it.
    fn give_up_pages(&mut self, conversation: ConversationId) -> Vec<RequestId> {
        let ids = self
            .catch_ups
            .iter()
            .filter(|pending| pending.conversation == conversation)
            .filter_map(|pending| pending.id)
            .collect();
        self.catch_ups
            .retain(|pending| pending.conversation != conversation);
        ids
    }

    /// Exclusive, because a socket may not be shared between threads while it waits for the store.
    pub(super) async fn read_tail(
        &mut self,
        conversation: ConversationId,
        after: Seq,
        limits: PageLimits,
    ) -> Result<Tail, ReadError> {
        self.gateway
            .tail(&self.session.caller, conversation, after, limits)
            .await
    }

    pub(super) fn page_limits(&self) -> PageLimits {
        let limits = &self.gateway.config.limits;
        PageLimits {
            entries_max: limits.page_events,
            text_bytes_max: limits.outbox_bytes,
        }
    }
}

fn nothing_up_to(head: Seq, more: bool) -> EventsPage {
    EventsPage {
        events: Vec::new(),
        head,
        more,
        visible_from: None,
    }
}

fn refusal_of(id: Option<RequestId>, error: ReadError) -> Refused {
    match error {
        ReadError::Refused(refusal) => translate::refused(id, refusal),
        ReadError::Unavailable => translate::unavailable(id),
    }
}
