//! Prints what is new, whatever becomes of the connection.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use tidemark_client::{Client, HttpError, Missed, Update, Updates};
use tidemark_core::{ConversationId, Seq};
use tidemark_protocol::Code;
use tidemark_protocol::wire::LogEntry;
use tokio::time::{Instant, sleep};

use super::chosen::Chosen;
use super::progress::{Progress, Turn};
use super::state_file::StateFile;
use crate::failure::{Failure, FailureKind};
use crate::output;

/// How long lines may be printed without the place being saved.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How many missing events to ask for at a time.
const PAGE_EVENTS: u32 = 1_000;
/// The pause before a page is asked for again that the server could not give.
const PAGE_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Tailer {
    client: Client,
    chosen: Chosen,
    progress: Progress,
    /// The events to end after, where there is an end; those that were reached are taken out.
    until: Option<BTreeMap<ConversationId, Seq>>,
    lines: output::Lines,
    state: Option<StateFile>,
    is_saved: bool,
    saved_at: Instant,
}

impl Tailer {
    pub(super) fn new(
        client: Client,
        chosen: Chosen,
        progress: Progress,
        until: Option<BTreeMap<ConversationId, Seq>>,
        state: Option<StateFile>,
    ) -> Self {
        Self {
            client,
            chosen,
            progress,
            until,
            lines: output::Lines::new(),
            state,
            is_saved: false,
            saved_at: Instant::now(),
        }
    }

    /// Prints until everything up to the end was printed; for ever if there is none. Dropping the future loses
    /// nothing.
    pub(super) async fn run(&mut self, mut updates: Updates) -> Result<(), Failure> {
        self.take_out_reached();
        while !self.is_done() {
            let update = if let Some(update) = updates.next().now_or_never() {
                update
            } else {
                self.settle()?;
                updates.next().await
            };
            match update {
                Some(Ok(update)) => self.take(update).await?,
                Some(Err(Missed { .. })) => self.look_for_missed().await?,
                None => break,
            }
            if self.saved_at.elapsed() >= SAVE_EVERY {
                self.settle()?;
            }
        }
        Ok(())
    }

    /// Writes the lines that are still here, then saves the place.
    pub(super) fn settle(&mut self) -> Result<(), Failure> {
        self.lines.flush()?;
        if let Some(state) = &self.state
            && !self.is_saved
        {
            state.save(&self.progress.snapshot())?;
        }
        self.is_saved = true;
        self.saved_at = Instant::now();
        Ok(())
    }

    async fn take(&mut self, update: Update) -> Result<(), Failure> {
        match update {
            Update::Event(entry) => self.event(entry).await,
            Update::Online {
                more_conversations, ..
            } => {
                self.learn_epoch();
                if more_conversations && self.chosen.is_all() {
                    self.load_inbox().await?;
                }
                Ok(())
            }
            Update::Added(conversation) => {
                self.follow_if_new(conversation.id.0);
                Ok(())
            }
            Update::Changed(conversation) => {
                self.follow_if_new(conversation);
                Ok(())
            }
            Update::Removed(conversation) => self.removed(conversation),
            Update::VisibleFrom { conversation, seq } => {
                if self.chosen.has(conversation) {
                    self.progress.begins_at(conversation, seq);
                }
                Ok(())
            }
            Update::HistoryReplaced => self.restart().await,
            Update::Sent { .. }
            | Update::Refused { .. }
            | Update::ReadBy { .. }
            | Update::Typing { .. }
            | Update::Presence { .. }
            | Update::WatchRefused { .. }
            | Update::Personal(_)
            | Update::Thread { .. }
            | Update::DeliveredTo { .. }
            | Update::UploadChanged { .. }
            | Update::Ended(_) => Ok(()),
        }
    }

    /// Prints an event, after those before it that did not come as updates.
    async fn event(&mut self, entry: LogEntry) -> Result<(), Failure> {
        let (conversation, seq) = (entry.conversation(), entry.seq());
        if self.chosen.has(conversation) && !self.print(&entry)? {
            self.fetch_up_to(conversation, seq).await?;
        }
        Ok(())
    }

    /// Prints an event if it is its turn. Whether nothing before it is missing.
    fn print(&mut self, entry: &LogEntry) -> Result<bool, Failure> {
        let (conversation, seq) = (entry.conversation(), entry.seq());
        match self.progress.step(conversation, seq) {
            Turn::TooEarly => return Ok(false),
            Turn::Repeated => return Ok(true),
            Turn::Print => self.lines.line(output::json(entry))?,
            Turn::Pass => {}
        }
        self.is_saved = false;
        if let Some(until) = &mut self.until
            && until.get(&conversation).is_some_and(|head| *head <= seq)
        {
            until.remove(&conversation);
        }
        Ok(true)
    }

    /// Prints what is missing up to `seq`, page by page, as fast as the lines are taken.
    async fn fetch_up_to(&mut self, id: ConversationId, seq: Seq) -> Result<(), Failure> {
        let http = self.client.http().clone();
        while self.progress.of_conversation(id) < seq {
            let after = self.progress.of_conversation(id);
            let page = match http.events(id, after, PAGE_EVENTS).await {
                Ok(page) => page,
                Err(HttpError::Refused {
                    code: Code::NotFound | Code::Forbidden,
                    ..
                }) => return Ok(()),
                Err(HttpError::Refused {
                    code: Code::Unavailable | Code::RateLimited | Code::Internal,
                    retry_after,
                    ..
                }) => {
                    sleep(retry_after.unwrap_or(PAGE_PAUSE)).await;
                    continue;
                }
                Err(HttpError::Unreachable(_)) => {
                    sleep(PAGE_PAUSE).await;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if page.events.is_empty() {
                return Ok(());
            }
            if let Some(first) = page.visible_from {
                self.progress.begins_at(id, first.0);
            }
            for entry in &page.events {
                self.print(entry)?;
            }
            self.settle()?;
        }
        Ok(())
    }

    /// Updates were lost because lines were not taken fast enough: everything is looked at again.
    async fn look_for_missed(&mut self) -> Result<(), Failure> {
        self.learn_epoch();
        let now = self.client.snapshot();
        if now.epoch() != self.progress.epoch() {
            self.restart().await?;
        }
        for (conversation, cursor) in now.cursors() {
            if self.chosen.has(conversation) {
                self.fetch_up_to(conversation, cursor).await?;
            }
        }
        for (conversation, _) in self.client.conversations() {
            self.follow_if_new(conversation);
        }
        Ok(())
    }

    /// Follows a conversation that the client has come to know, from where it was printed to.
    fn follow_if_new(&self, conversation: ConversationId) {
        let state = self.client.state(conversation);
        if self.chosen.has(conversation) && state.is_some_and(|state| !state.followed) {
            let printed = self.progress.of_conversation(conversation);
            self.client.follow(conversation, printed);
        }
    }

    /// Hears of the conversations that the server does not name by itself.
    async fn load_inbox(&mut self) -> Result<(), Failure> {
        let mut before = None;
        loop {
            match self.client.load_inbox(before).await {
                Ok(page) => match page.next {
                    Some(next) => before = Some(next.0),
                    None => return Ok(()),
                },
                // The next connection tries again.
                Err(HttpError::Unreachable(_)) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn removed(&mut self, conversation: ConversationId) -> Result<(), Failure> {
        if let Some(until) = &mut self.until {
            until.remove(&conversation);
        }
        if !self.chosen.is_all() && self.chosen.has(conversation) {
            return Err(Failure::new(
                FailureKind::Refused,
                format!("you are no longer in the conversation {conversation}"),
            ));
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        output::error(
            "the server's history is another one now; it is printed from its first event",
        );
        self.progress.restart(self.client.snapshot().epoch());
        self.is_saved = false;
        if self.until.is_some() {
            self.until = Some(self.chosen.heads(self.client.http()).await?);
        }
        Ok(())
    }

    /// A place without the name of its history could be taken for one in another.
    fn learn_epoch(&mut self) {
        if self.progress.learn_epoch(self.client.snapshot().epoch()) {
            self.is_saved = false;
        }
    }

    /// Whether the end was reached, in the history that the server has now.
    fn is_done(&self) -> bool {
        if !self.until.as_ref().is_some_and(BTreeMap::is_empty) || self.client.user().is_none() {
            return false;
        }
        // A client that stands before what was printed has more to say: usually events that were fetched
        // ahead of it, and otherwise that the history is another one.
        let now = self.client.snapshot();
        let printed = |id| self.progress.of_conversation(id);
        now.epoch() == self.progress.epoch() && now.cursors().all(|(id, seq)| seq >= printed(id))
    }

    fn take_out_reached(&mut self) {
        let progress = &self.progress;
        if let Some(until) = &mut self.until {
            until.retain(|id, head| progress.of_conversation(*id) < *head);
        }
    }
}
