//! What one writer does all day: gather, commit, answer, and find the server again when it is gone.
//!
//! It takes everything that queued while the last commit ran as one transaction, and answers after the
//! commit has been confirmed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use std::{iter, slice};

use tidemark_core::conversation::{Action, Command, NewAmendment, Wish};
use tidemark_core::{ConversationId, Limits};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::CommitError;

use super::availability::{Availability, Lost};
use super::connector::{Connector, Link};
use super::fate::{self, Fate};
use super::fault::Trouble;
use super::transaction::{Deadlines, Failure, Outcomes, attempt};
use super::writers::Job;

/// Where a transaction stops taking further jobs: enough that a flush is a small part of its time, few
/// enough that nobody waits long for it.
const TRANSACTION_COMMANDS_MAX: usize = 2048;
/// The same in bytes of text. Far below what a message of the database's protocol can hold.
const TRANSACTION_TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How often a batch is tried again because somebody else did the same at the same time. Each time
/// somebody got through.
const CONFLICTS_MAX: usize = 20;

/// How long to wait before looking for the server again, at first and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    connector: Connector,
    limits: Limits,
    availability: Arc<Availability>,
    /// How long to look for the fate of a commit beyond the deadline of the batch.
    commit_wait: Duration,
    server: Server,
}

/// The way to the server, as it is now.
enum Server {
    There(Link),
    Gone {
        _lost: Lost,
        /// How long to wait before looking for it again.
        wait: Duration,
    },
}

/// What to do about a batch after an attempt.
enum Next {
    Answer(Outcomes),
    /// Again, on the same connection.
    Repeat,
    /// Again, on a new one.
    Reconnect,
    GiveUp,
}

impl Writer {
    pub(crate) fn new(
        connector: Connector,
        limits: Limits,
        availability: Arc<Availability>,
        commit_wait: Duration,
        link: Link,
    ) -> Self {
        Self {
            connector,
            limits,
            availability,
            commit_wait,
            server: Server::There(link),
        }
    }

    /// Performs jobs until there are none to come.
    pub(crate) async fn run(mut self, mut jobs: Receiver<Job>) {
        let mut held_over = None;
        loop {
            let first = if let Some(job) = held_over.take() {
                job
            } else {
                tokio::select! {
                    biased;
                    job = jobs.recv() => match job {
                        Some(job) => job,
                        None => return,
                    },
                    () = self.tend() => continue,
                }
            };
            let (gathered, left) = gather(first, &mut jobs);
            held_over = left;
            self.perform(gathered).await;
        }
    }

    /// Notices when the server goes away and looks for it then: one step at a time. Nothing is lost when it is
    /// dropped between two.
    async fn tend(&mut self) {
        match &mut self.server {
            Server::There(link) => {
                // However the driver ended, the connection has.
                let _ = (&mut link.driver).await;
                tracing::warn!("a connection to the database was lost");
                self.lose();
            }
            Server::Gone { wait, .. } => {
                sleep(*wait).await;
                *wait = (*wait * 2).min(BACKOFF_MAX);
                match self.connector.open().await {
                    Ok(link) => {
                        tracing::info!("the database is there again");
                        self.server = Server::There(link);
                    }
                    Err(trouble) => {
                        tracing::debug!(%trouble, "the database cannot be reached");
                    }
                }
            }
        }
    }

    fn lose(&mut self) {
        if let Server::There(_) = self.server {
            self.server = Server::Gone {
                _lost: self.availability.lose(),
                wait: BACKOFF_MIN,
            };
        }
    }

    async fn perform(&mut self, jobs: Vec<Job>) {
        let mut commands = Vec::new();
        let mut replies = Vec::with_capacity(jobs.len());
        let mut deadline = Instant::now();
        for mut job in jobs {
            replies.push((job.commands.len(), job.reply));
            commands.append(&mut job.commands);
            deadline = deadline.max(job.deadline);
        }
        let mut answers = Vec::with_capacity(commands.len());
        for part in parts(&commands) {
            match self.commit(part, deadline).await {
                Some(outcomes) => {
                    let outcomes = outcomes.into_iter();
                    answers.extend(outcomes.map(|it| it.map_err(CommitError::Refused)));
                }
                None => answers.extend(part.iter().map(|_| Err(CommitError::Unavailable))),
            }
        }
        let mut answers = answers.into_iter();
        for (count, reply) in replies {
            // Nobody waits any more; what was done stays done.
            let _ = reply.send(answers.by_ref().take(count).collect());
        }
    }

    /// Performs the commands, however many attempts that takes until the deadline; `None` if it could not,
    /// or if it is not known.
    async fn commit(&mut self, commands: &[Command], deadline: Instant) -> Option<Outcomes> {
        let deadlines = Deadlines {
            work: deadline,
            commit: deadline + self.commit_wait,
        };
        let mut conflicts = 0;
        loop {
            let client = self.client(deadline).await?;
            let next = match attempt(&client, &self.limits, commands, deadlines).await {
                Ok(outcomes) => Next::Answer(outcomes),
                Err(Failure::Aborted(trouble)) => {
                    conflicts += 1;
                    after_abort(&trouble, conflicts)
                }
                Err(Failure::Unknown {
                    trace,
                    outcomes,
                    trouble,
                }) => {
                    tracing::warn!(%trouble, "a commit was not answered; looking for it in the log");
                    self.lose();
                    match fate::of(&self.connector, &trace, deadlines.commit).await {
                        Fate::Committed => Next::Answer(outcomes),
                        Fate::Aborted => Next::Reconnect,
                        Fate::Unknown => {
                            tracing::error!("what became of a commit is not known");
                            Next::GiveUp
                        }
                    }
                }
            };
            match next {
                Next::Answer(outcomes) => return Some(outcomes),
                Next::Repeat => self.roll_back(deadline).await,
                Next::Reconnect => self.lose(),
                Next::GiveUp => {
                    self.roll_back(deadline).await;
                    return None;
                }
            }
            if Instant::now() >= deadline {
                return None;
            }
        }
    }

    /// Ends the transaction of a failed attempt, so that the connection can be used again.
    async fn roll_back(&mut self, deadline: Instant) {
        if let Server::There(link) = &self.server {
            let ended = timeout_at(deadline, link.client.batch_execute("ROLLBACK")).await;
            if !matches!(ended, Ok(Ok(()))) {
                self.lose();
            }
        }
    }

    /// A connection to a server that takes writes; waits for one until the deadline.
    async fn client(&mut self, deadline: Instant) -> Option<Arc<Client>> {
        loop {
            match &self.server {
                Server::There(link) if !link.client.is_closed() => {
                    return Some(Arc::clone(&link.client));
                }
                Server::There(_) => self.lose(),
                Server::Gone { .. } => timeout_at(deadline, self.tend()).await.ok()?,
            }
        }
    }
}

/// Everything that waits now, up to a bound, and a job that was too much.
fn gather(first: Job, jobs: &mut Receiver<Job>) -> (Vec<Job>, Option<Job>) {
    let mut commands = first.commands.len();
    let mut text_bytes = text_bytes_of(&first.commands);
    let mut gathered = vec![first];
    while let Ok(job) = jobs.try_recv() {
        commands += job.commands.len();
        text_bytes += text_bytes_of(&job.commands);
        if commands > TRANSACTION_COMMANDS_MAX || text_bytes > TRANSACTION_TEXT_BYTES_MAX {
            return (gathered, Some(job));
        }
        gathered.push(job);
    }
    (gathered, None)
}

/// Commands as transactions take them: nearly always in one piece. A single batch of very long texts is too large
/// for that; and whoever changes a message has its conversation alone in a transaction, so that what was asked for
/// before holds for all of it.
fn parts(commands: &[Command]) -> impl Iterator<Item = &[Command]> {
    let mut rest = commands;
    iter::from_fn(move || {
        let mut text_bytes = 0;
        // The conversations so far, and whether a message of it is changed.
        let mut rooms: HashMap<ConversationId, bool> = HashMap::new();
        let amends = |command: &Command| matches!(command.action, Action::Amend(_));
        let any = rest.iter().any(amends);
        let fits = rest.iter().take_while(|&command| {
            text_bytes += text_bytes_of(slice::from_ref(command));
            let alone = !any
                || match rooms.insert(command.conversation, amends(command)) {
                    Some(is_amended) => !is_amended && !amends(command),
                    None => true,
                };
            alone && text_bytes <= TRANSACTION_TEXT_BYTES_MAX
        });
        let (part, left) = rest.split_at(fits.count().max(1).min(rest.len()));
        rest = left;
        (!part.is_empty()).then_some(part)
    })
}

fn text_bytes_of(commands: &[Command]) -> usize {
    let texts = commands.iter().map(|command| match &command.action {
        Action::Send(message) => message.text.len(),
        Action::Amend(NewAmendment {
            wish: Wish::Edit { text, .. },
            ..
        }) => text.len(),
        _ => 0,
    });
    texts.sum()
}

fn after_abort(trouble: &Trouble, conflicts: usize) -> Next {
    if trouble.is_conflict() && conflicts <= CONFLICTS_MAX {
        tracing::debug!(%trouble, "somebody else was faster; again");
        return Next::Repeat;
    }
    if trouble.is_loss() {
        tracing::warn!(%trouble, "the database went away before a commit; again");
        return Next::Reconnect;
    }
    tracing::error!(%trouble, "a batch could not be committed");
    Next::GiveUp
}

impl Trouble {
    /// Whether another connection may do better.
    fn is_loss(&self) -> bool {
        match self {
            Self::Server(error) => match error.code() {
                // Shutting down, starting up, no room for a connection; or this is a primary no more.
                Some(state) => {
                    state.code().starts_with("57P")
                        || state.code().starts_with("08")
                        || *state == SqlState::READ_ONLY_SQL_TRANSACTION
                        || *state == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
                }
                None => error.is_closed() || is_io(error),
            },
            Self::NoConnection(_) | Self::TooLate => true,
            Self::Damaged(_) | Self::Closed => false,
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

#[cfg(test)]
mod tests {
    use tidemark_core::access::Caller;
    use tidemark_core::conversation::{Action, Command, Mentions, NewAmendment, NewMessage, Wish};
    use tidemark_core::{ClientId, ConversationId, Seq, Timestamp};
    use uuid::Uuid;

    use super::{TRANSACTION_TEXT_BYTES_MAX, parts};

    fn send(text_bytes: usize) -> Command {
        Command {
            conversation: ConversationId(Uuid::nil()),
            caller: Caller::Administrator,
            at: Timestamp(0),
            action: Action::Send(NewMessage {
                client_id: ClientId(Uuid::nil()),
                text: "x".repeat(text_bytes),
                reply_to: None,
                mentions: Mentions::default(),
                client_at: None,
                thread: None,
                attachments: Vec::new(),
            }),
        }
    }

    #[test]
    fn what_is_too_much_for_one_transaction_is_divided_in_order() {
        let large = TRANSACTION_TEXT_BYTES_MAX / 2;
        let sizes = [1, large, large, large, TRANSACTION_TEXT_BYTES_MAX + 1, 1];
        let commands = sizes.map(send);
        let lengths: Vec<_> = parts(&commands).map(<[_]>::len).collect();
        assert_eq!(lengths, [2, 2, 1, 1]);
        let joined: Vec<_> = parts(&commands).flatten().cloned().collect();
        assert_eq!(joined, commands);
        assert_eq!(parts(&[]).count(), 0);
    }

    #[test]
    fn whoever_changes_a_message_has_the_conversation_alone() {
        let room = |number, action: Action| Command {
            conversation: ConversationId(Uuid::from_u128(number)),
            action,
            ..send(1)
        };
        let pin = || {
            Action::Amend(NewAmendment {
                target: Seq::ZERO.next(),
                client_id: None,
                wish: Wish::Pin { on: true },
            })
        };
        let commands = [
            room(1, Action::Join),
            room(1, Action::Leave),
            room(2, pin()),
            room(1, pin()),
            room(3, pin()),
            room(1, Action::Join),
            room(2, pin()),
            room(2, pin()),
        ];
        let lengths: Vec<_> = parts(&commands).map(<[_]>::len).collect();
        assert_eq!(lengths, [3, 2, 2, 1]);
    }
}
