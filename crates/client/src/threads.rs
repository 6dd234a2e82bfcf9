//! Threads: replies below one message, with cursors of their own.

use tidemark_core::{ConversationId, Position, Seq};
use tidemark_protocol::body;
use tidemark_protocol::session::client::ThreadState;

use crate::{Client, Http, HttpError, OutgoingMessage, Page, Receipt, SendError};

impl Client {
    /// Replies in the thread below the message at `thread`, as [`Client::send`] sends. `also_in_conversation` lets the
    /// conversation show it as well.
    ///
    /// # Errors
    ///
    /// As [`Client::send`].
    pub async fn send_in_thread(
        &self,
        conversation: ConversationId,
        thread: Seq,
        also_in_conversation: bool,
        message: OutgoingMessage,
    ) -> Result<Receipt, SendError> {
        let reply = message.in_thread(thread, also_in_conversation);
        self.send(conversation, reply).await
    }

    /// Reads a page of a thread. From then on [`Client::thread_state`] counts what is unread in it, as long as the
    /// conversation is known.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn load_thread(
        &self,
        conversation: ConversationId,
        thread: Seq,
        page: Page,
        replies_max: u32,
    ) -> Result<body::ThreadPage, HttpError> {
        let http: &Http = self.http();
        let page = http.thread(conversation, thread, page, replies_max).await?;
        let state = ThreadState {
            read: page.read_seq.0,
            unread: page.unread,
        };
        let head = page.head_seq.0;
        self.shared
            .with_session(|session, _| session.learn_thread(conversation, thread, head, state));
        Ok(page)
    }

    /// A page of the threads that the user takes part in, last active first.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or refuses.
    pub async fn threads(
        &self,
        conversation: Option<ConversationId>,
        limit: u32,
        before: Option<Position>,
    ) -> Result<body::Threads, HttpError> {
        self.http().threads(conversation, limit, before).await
    }

    /// Up to where the user has read a thread, and what is unread in it, once a page of it was read or its cursor
    /// moved on some device.
    pub fn thread_state(&self, conversation: ConversationId, thread: Seq) -> Option<ThreadState> {
        self.shared.lock().session.thread(conversation, thread)
    }

    /// Moves the user's cursor in a thread up to `seq`, on all devices; if offline, as soon as possible. The cursor of
    /// the conversation stays where it is.
    pub fn mark_thread_read(&self, conversation: ConversationId, thread: Seq, seq: Seq) {
        self.shared.with_session(|session, now| {
            session.mark_thread_read(now, conversation, thread, seq);
        });
        self.shared.roused.notify_one();
    }
}
