//! Writes what waits for a socket, and the pages that bring its client up to date.

use std::time::Duration;

use tidemark_core::conversation::Event;
use tidemark_core::{ConversationId, Refusal, Seq};
use tidemark_protocol::ByeCode;
use tidemark_protocol::frame::{Ack, Added, Events, Head, Read, Removed, RequestId, ServerFrame};
use tidemark_protocol::session::delivery::{AckOffer, Next, Offer, Written};
use tidemark_protocol::wire::Wire;
use tidemark_store::{Directory, EventsPage, ReadError, Store};

use super::connection::{CatchUp, Connection};
use super::writer::End;
use crate::crowd::Tail;
use crate::hub::Item;
use crate::translate;

/// How long to wait before reading again from a store that could not answer.
const STORE_RETRY: Duration = Duration::from_millis(200);

impl<S: Store + Directory> Connection<S> {
    /// Writes one page of what a conversation misses; the next one gets its turn after other work.
    pub(super) async fn catch_up_one(&mut self) -> Result<(), End> {
        let Some(CatchUp {
            conversation,
            after,
            id,
        }) = self.catch_ups.pop_front()
        else {
            return Ok(());
        };
        match self
            .read_tail(conversation, after, self.page_limits())
            .await
        {
            Ok(tail) => self.write_tail(conversation, id, after, tail).await,
            Err(ReadError::Refused(refusal)) => {
                if id.is_some() {
                    self.refuse(translate::refused(id, refusal.clone())).await?;
                }
                self.forget(conversation, refusal).await
            }
            Err(ReadError::Unavailable) => {
                tokio::time::sleep(STORE_RETRY).await;
                self.catch_ups.push_back(CatchUp {
                    conversation,
                    after,
                    id,
                });
                Ok(())
            }
        }
    }

    async fn write_tail(
        &mut self,
        conversation: ConversationId,
        id: Option<RequestId>,
        after: Seq,
        tail: Tail,
    ) -> Result<(), End> {
        let events = tail.after(after);
        self.note_events(conversation, events);
        // Without events and without a request there is nothing to write.
        let has_frame = id.is_some() || !events.is_empty();
        let as_it_is = tail.shared().filter(|_| has_frame).and_then(|shared| {
            let last = shared.last_after(after);
            let next = self
                .delivery
                .page_as_it_is(conversation, after, last, shared.head())?;
            Some((shared, next))
        });
        if let Some((shared, next)) = as_it_is {
            self.writer.feed(shared.frame(id, after)).await?;
            self.go_on(conversation, next);
            return self.writer.flush().await;
        }
        let page = tail.into_page(after);
        let written = self.delivery.page(events_frame(id, conversation, page));
        self.write_in_place(conversation, written).await?;
        self.writer.flush().await
    }

    /// Counts what goes out, and has the client told what is unread after a deletion: it cannot know whether what
    /// was deleted was unread.
    pub(super) fn note_events(&self, conversation: ConversationId, events: &[Event]) {
        let metrics = &self.gateway.metrics;
        metrics.catch_up_events.inc_by(events.len() as u64);
        let is_deletion = |event: &Event| event.body.deletes().is_some();
        if self.session.caller.user().is_some() && events.iter().any(is_deletion) {
            self.session.outbox.push(Item::Recount(conversation));
        }
    }

    /// Writes what a page or a head has made due.
    pub(super) async fn write_in_place(
        &mut self,
        conversation: ConversationId,
        written: Written,
    ) -> Result<(), End> {
        self.write_frames(written.frames).await?;
        self.go_on(conversation, written.next);
        Ok(())
    }

    pub(super) async fn write_frames(&mut self, frames: Vec<ServerFrame>) -> Result<(), End> {
        for frame in frames {
            match frame {
                ServerFrame::Ack(ack) => self.write_due(ack).await?,
                other => self.writer.feed(other.encode()).await?,
            }
        }
        Ok(())
    }

    async fn write_due(&mut self, ack: Ack) -> Result<(), End> {
        self.in_flight -= 1;
        self.writer.feed(ack.encode()).await
    }

    fn go_on(&mut self, conversation: ConversationId, next: Next) {
        if let Next::CatchUp { after } = next {
            self.catch_up(conversation, after);
        }
    }

    /// Writes everything that waits, several frames in one write.
    pub(super) async fn write_queued(&mut self) -> Result<(), End> {
        for item in self.session.outbox.take() {
            self.write_item(item).await?;
        }
        self.writer.flush().await
    }

    async fn write_item(&mut self, item: Item) -> Result<(), End> {
        match item {
            Item::Event(event) => {
                let (conversation, seq) = (event.conversation, event.seq);
                let awaits_ack = |name| self.delivery.awaits_ack(conversation, name);
                // A page waits for the ack, and puts it in the place of the event.
                let offer = if event.named.is_some_and(awaits_ack) {
                    self.delivery.offer_head(conversation, seq)
                } else {
                    self.delivery.offer_event(conversation, seq)
                };
                match offer {
                    Offer::Write => {
                        self.writer.feed(event.frame.clone()).await?;
                        let waited = event.committed.elapsed().as_secs_f64();
                        self.gateway.metrics.delivery_latency.observe(waited);
                    }
                    Offer::Skip => {}
                    Offer::CatchUp { after } => self.catch_up(event.conversation, after),
                }
                Ok(())
            }
            Item::Ack(ack) => self.write_ack(ack).await,
            Item::Refused(refused, send) => {
                self.in_flight -= 1;
                self.gateway.metrics.refused(refused.code.as_str());
                self.writer.feed(refused.encode()).await?;
                if let Some((conversation, client_id)) = send {
                    let next = self.delivery.refused(conversation, client_id);
                    self.go_on(conversation, next);
                }
                Ok(())
            }
            Item::Answer(frame) => {
                self.in_flight -= 1;
                self.writer.feed(frame).await
            }
            Item::Cursor(_, frame) | Item::Presence(frame) | Item::OwnUpload(frame) => {
                self.writer.feed(frame).await
            }
            Item::Receipt(conversation, frame)
            | Item::Typing(conversation, frame)
            | Item::Upload(conversation, frame)
            | Item::Personal {
                conversation,
                frame,
                ..
            } => match self.delivery.delivered(conversation) {
                Some(_) => self.writer.feed(frame).await,
                None => Ok(()),
            },
            Item::Head(conversation, head) => self.write_head(conversation, head).await,
            Item::Recount(conversation) => self.write_counts(conversation).await,
            Item::Joined(conversation) => self.write_added(conversation).await,
            Item::Doubt(conversation) => self.settle_doubt(conversation).await,
            Item::Left(conversation) => {
                self.forget(conversation, Refusal::no_such_conversation())
                    .await?;
                let removed = Removed {
                    conversation: Wire(conversation),
                };
                self.writer.feed(removed.encode()).await
            }
            Item::Bye(ByeCode::GoingAway) => {
                self.leave();
                Ok(())
            }
            Item::Bye(code) => Err(End::Bye(code)),
        }
    }

    async fn write_ack(&mut self, ack: Ack) -> Result<(), End> {
        let conversation = ack.conversation.0;
        match self.delivery.offer_ack(ack) {
            AckOffer::Write => self.write_due(ack).await,
            AckOffer::WriteAndCatchUp { after } => {
                self.catch_up(conversation, after);
                self.write_due(ack).await
            }
            AckOffer::CatchUp { after } => {
                self.catch_up(conversation, after);
                Ok(())
            }
            AckOffer::Held => Ok(()),
        }
    }

    fn catch_up(&mut self, conversation: ConversationId, after: Seq) {
        self.catch_ups.push_back(CatchUp {
            conversation,
            after,
            id: None,
        });
    }

    async fn write_head(&mut self, conversation: ConversationId, head: Seq) -> Result<(), End> {
        let Some(user) = self.session.caller.user() else {
            return Ok(());
        };
        if !self.delivery.wants_head(conversation, head) {
            return Ok(());
        }
        match self.gateway.counts(user, conversation).await {
            Ok((head, counts)) => {
                let written = self.delivery.skip_to(conversation, head);
                let frame = Head {
                    conversation: Wire(conversation),
                    head_seq: Wire(head),
                    unread: counts.unread,
                    mentions: counts.mentions,
                };
                self.write_in_place(conversation, written).await?;
                self.writer.feed(frame.encode()).await
            }
            // Removed since: the outbox says so next.
            Err(ReadError::Refused(_)) => Ok(()),
            Err(ReadError::Unavailable) => {
                self.try_again(Item::Head(conversation, head)).await;
                Ok(())
            }
        }
    }

    /// Tells what is unread, as if the cursor had just come to where it stands.
    async fn write_counts(&mut self, conversation: ConversationId) -> Result<(), End> {
        let Some(user) = self.session.caller.user() else {
            return Ok(());
        };
        if self.delivery.delivered(conversation).is_none() {
            return Ok(());
        }
        let caller = &self.session.caller;
        match self.gateway.store.conversation(caller, conversation).await {
            Ok(view) => {
                let Some(membership) = view.membership else {
                    // Removed since: the outbox says so next.
                    return Ok(());
                };
                let frame = Read {
                    id: None,
                    conversation: Wire(conversation),
                    user: Wire(user.clone()),
                    read_seq: Wire(membership.read),
                    head_seq: Some(Wire(view.conversation.head)),
                    unread: Some(view.counts.unread),
                    mentions: Some(view.counts.mentions),
                };
                self.writer.feed(frame.encode()).await
            }
            Err(ReadError::Refused(_)) => Ok(()),
            Err(ReadError::Unavailable) => {
                self.try_again(Item::Recount(conversation)).await;
                Ok(())
            }
        }
    }

    async fn write_added(&mut self, conversation: ConversationId) -> Result<(), End> {
        let view = self
            .gateway
            .store
            .conversation(&self.session.caller, conversation)
            .await;
        let view = match view {
            Ok(view) if view.membership.is_some() => view,
            // Removed since: the outbox says so next.
            Ok(_) | Err(ReadError::Refused(_)) => return Ok(()),
            Err(ReadError::Unavailable) => {
                self.try_again(Item::Joined(conversation)).await;
                return Ok(());
            }
        };
        let members = view.conversation.members;
        let role = view.membership.as_ref().map(|membership| membership.role);
        let hub = &self.gateway.hub;
        hub.learn_members(conversation, members);
        if let (Some(user), Some(role)) = (self.session.caller.user(), role) {
            hub.learn_role(conversation, user, role);
        }
        let head = view.conversation.head;
        if self.delivery.delivered(conversation).is_none() {
            let written = self.delivery.restart(conversation, head, head);
            self.write_in_place(conversation, written).await?;
        } else if let Offer::CatchUp { after } = self.delivery.offer_head(conversation, head) {
            // It was in the welcome or was opened, and what came since was perhaps not pushed to this socket yet.
            self.catch_up(conversation, after);
        }
        let added = Added {
            conversation: translate::conversation(view, self.gateway.clock.now()),
        };
        self.writer.feed(added.encode()).await
    }

    /// Finds out whether the user is a member, and has the hub know it. What the store says is looked at again
    /// whenever something was done about it: an event that came meanwhile found it undone.
    async fn settle_doubt(&mut self, conversation: ConversationId) -> Result<(), End> {
        let mut is_in = self.gateway.hub.is_subscribed(conversation, &self.session);
        if is_in {
            // Another event told of it.
            return Ok(());
        }
        loop {
            let view = self
                .gateway
                .store
                .conversation(&self.session.caller, conversation)
                .await;
            let membership = match &view {
                Ok(view) if view.membership.is_some() => Some(&view.conversation),
                Ok(_) | Err(ReadError::Refused(_)) => None,
                Err(ReadError::Unavailable) => {
                    self.try_again(Item::Doubt(conversation)).await;
                    return Ok(());
                }
            };
            if membership.is_some() == is_in {
                break;
            }
            let hub = &self.gateway.hub;
            match membership {
                Some(found) => {
                    hub.subscribe(conversation, found.head, found.members, &self.session);
                }
                None => hub.unsubscribe(conversation, &self.session),
            }
            is_in = membership.is_some();
        }
        if is_in {
            self.write_added(conversation).await?;
        }
        Ok(())
    }

    /// Has an item written again once the store may answer.
    async fn try_again(&mut self, item: Item) {
        tokio::time::sleep(STORE_RETRY).await;
        self.session.outbox.push(item);
    }
}

pub(super) fn events_frame(
    id: Option<RequestId>,
    conversation: ConversationId,
    page: EventsPage,
) -> Events {
    Events {
        id,
        conversation: Wire(conversation),
        events: page.events.into_iter().map(Into::into).collect(),
        head_seq: Wire(page.head),
        more: page.more,
        visible_from: page.visible_from.map(Wire),
    }
}
