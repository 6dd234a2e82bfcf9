//! Sends messages, several at a time, and reports each in the order in which they were written.

use std::collections::VecDeque;
use std::future;
use std::io;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tidemark_client::{Client, EnqueueError, Receipt, SendError, StopReason};
use tidemark_core::{ClientId, ConversationId};
use tidemark_protocol::Code;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::lines::Line;
use super::report;
use super::written::{NoMessage, Written};
use crate::failure::{Failure, FailureKind};
use crate::output;

/// How many messages may wait for their answer; no more lines are read then.
pub(super) const WAITING_MAX: usize = 256;

/// Sends to one conversation.
pub(super) struct Sender {
    client: Client,
    conversation: ConversationId,
    answer_within: Duration,
    waiting: VecDeque<Waiting>,
    /// By when the foremost of `waiting` must have its answer.
    due: Instant,
    messages: u64,
    refused: u64,
    last_refusal: String,
}

/// A message that was not reported yet.
struct Waiting {
    line: Option<u64>,
    client_id: Option<ClientId>,
    outcome: BoxFuture<'static, Outcome>,
}

enum Outcome {
    Accepted(Receipt),
    Refused { code: Code, detail: String },
    Stopped(StopReason),
}

impl Sender {
    pub(super) fn new(
        client: Client,
        conversation: ConversationId,
        answer_within: Duration,
    ) -> Self {
        Self {
            client,
            conversation,
            answer_within,
            waiting: VecDeque::new(),
            due: Instant::now(),
            messages: 0,
            refused: 0,
            last_refusal: String::new(),
        }
    }

    pub(super) async fn send_one(&mut self, written: Written) -> Result<(), Failure> {
        self.take(written).await?;
        self.finish().await
    }

    pub(super) async fn send_lines(
        &mut self,
        mut lines: mpsc::Receiver<io::Result<Line>>,
        is_json: bool,
    ) -> Result<(), Failure> {
        loop {
            let some_wait = !self.waiting.is_empty();
            let has_room = self.waiting.len() < WAITING_MAX;
            let line = tokio::select! {
                biased;
                settled = self.settle_foremost(), if some_wait => {
                    settled?;
                    continue;
                }
                line = lines.recv(), if has_room => line.transpose()?,
            };
            let Some(line) = line else { break };
            match Written::from_line(line, is_json) {
                Ok(Some(written)) => self.take(written).await?,
                Ok(None) => {}
                Err(no_message) => self.take_refused(no_message),
            }
        }
        self.finish().await
    }

    /// Puts a message into the outbox, as soon as that takes it.
    async fn take(&mut self, written: Written) -> Result<(), Failure> {
        let delivery = loop {
            match self
                .client
                .enqueue(self.conversation, written.message.clone())
            {
                Ok(delivery) => break delivery,
                // Also a repeat is sent, once the first one has its answer.
                Err(EnqueueError::Full | EnqueueError::Repeated) if !self.waiting.is_empty() => {
                    self.settle_foremost().await?;
                }
                Err(EnqueueError::Stopped(reason)) => return Err(self.give_up(reason.into())),
                Err(error) => return Err(self.give_up(Failure::failed(error.to_string()))),
            }
        };
        self.push(Waiting {
            line: written.line,
            client_id: Some(delivery.client_id()),
            outcome: delivery.receipt().map(Outcome::from).boxed(),
        });
        Ok(())
    }

    fn take_refused(&mut self, line: NoMessage) {
        let NoMessage { line, code, detail } = line;
        self.push(Waiting {
            line: Some(line),
            client_id: None,
            outcome: future::ready(Outcome::Refused { code, detail }).boxed(),
        });
    }

    fn push(&mut self, waiting: Waiting) {
        if self.waiting.is_empty() {
            self.due = Instant::now() + self.answer_within;
        }
        self.messages += 1;
        self.waiting.push_back(waiting);
    }

    /// Waits for the answer to the foremost message and reports it. Cancel safe.
    async fn settle_foremost(&mut self) -> Result<(), Failure> {
        let Some(foremost) = self.waiting.front_mut() else {
            return Ok(());
        };
        if let Ok(outcome) = timeout_at(self.due, &mut foremost.outcome).await {
            return self.settled(outcome);
        }
        let sentence = format!(
            "no answer after {} s; what is unanswered may have arrived or not: send it again with its client_id",
            self.answer_within.as_secs()
        );
        Err(self.give_up(Failure::new(FailureKind::Unreachable, sentence)))
    }

    /// Reports the foremost message, which has this outcome.
    fn settled(&mut self, outcome: Outcome) -> Result<(), Failure> {
        if let Outcome::Stopped(reason) = outcome {
            return Err(self.give_up(reason.into()));
        }
        let Some(foremost) = self.waiting.pop_front() else {
            return Ok(());
        };
        self.due = Instant::now() + self.answer_within;
        let about = report::About::new(self.conversation, foremost.line, foremost.client_id);
        match outcome {
            Outcome::Accepted(receipt) => print(about.accepted(&receipt)),
            Outcome::Refused { code, detail } => {
                self.refused += 1;
                let line = about.refused(code, &detail);
                self.last_refusal = format!("{detail} ({code})");
                print(line)
            }
            Outcome::Stopped(_) => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        while !self.waiting.is_empty() {
            self.settle_foremost().await?;
        }
        let last = &self.last_refusal;
        let sentence = match (self.refused, self.messages) {
            (0, _) => return Ok(()),
            (1, 1) => format!("the message was refused: {last}"),
            (refused, messages) => {
                format!("{refused} of {messages} messages were refused, the last one: {last}")
            }
        };
        Err(Failure::new(FailureKind::Refused, sentence))
    }

    /// Reports what was answered in the meantime, and what was not. The failure to end with.
    fn give_up(&mut self, failure: Failure) -> Failure {
        while let Some(foremost) = self.waiting.front_mut() {
            let reported = match (&mut foremost.outcome).now_or_never() {
                Some(outcome @ (Outcome::Accepted(_) | Outcome::Refused { .. })) => {
                    self.settled(outcome)
                }
                Some(Outcome::Stopped(_)) | None => {
                    let about =
                        report::About::new(self.conversation, foremost.line, foremost.client_id);
                    self.waiting.pop_front();
                    print(about.unanswered())
                }
            };
            if let Err(unwritten) = reported {
                return unwritten;
            }
        }
        failure
    }
}

/// Prints a report. That nobody reads reports is no reason to send no more.
fn print(report: String) -> Result<(), Failure> {
    match output::line(report) {
        Err(failure) if failure.kind() == FailureKind::OutputClosed => Ok(()),
        printed => printed,
    }
}

impl From<Result<Receipt, SendError>> for Outcome {
    fn from(result: Result<Receipt, SendError>) -> Self {
        match result {
            Ok(receipt) => Self::Accepted(receipt),
            Err(SendError::Refused { code, detail }) => Self::Refused { code, detail },
            Err(SendError::Stopped(reason)) => Self::Stopped(reason),
            Err(error @ SendError::NotTaken(_)) => Self::Refused {
                code: Code::Internal,
                detail: error.to_string(),
            },
        }
    }
}
