//! The loop between the terminal, the SDK and the state. It decides nothing.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::event::{Event as TerminalEvent, EventStream};
use futures_util::{FutureExt, StreamExt};
use ratatui::layout::Size;
use tidemark_client::{Client, Connection, Missed, StopReason, Update, Updates};
use tidemark_core::typing::EXPIRES_AFTER_MS;
use tidemark_core::upload::UploadState;
use tidemark_core::{ConversationId, Seq, UserId};
use tidemark_protocol::body;
use tidemark_protocol::wire::LogEntry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::calls;
use super::event::{Effect, Event, Kept, Link, Sight};
use super::screen::Screen;
use super::state::State;
use super::transfers::Carrier;
use super::unsent::UnsentFile;
use super::view;

/// The shortest time between two pictures.
const FRAME: Duration = Duration::from_millis(16);
/// How often the countdown and the file of unsent messages are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How many updates are taken in between two pictures.
const UPDATES_AT_ONCE: usize = 1_000;
/// How many messages a page has; more when more are unread, up to a bound.
const PAGE: u32 = 50;
const PAGE_MAX: u32 = 500;
/// How many calls may be under way.
const CALLS_MAX: usize = 4;
/// How many people may be writing at a time; more are not shown.
const WRITERS_MAX: usize = 100;
/// How many answers may wait to be taken in.
const ANSWERS_MAX: usize = 64;

pub(super) struct Session {
    client: Client,
    state: State,
    unsent: UnsentFile,
    connection: watch::Receiver<Connection>,
    answers: mpsc::Sender<Event>,
    calls: Arc<Semaphore>,
    carrier: Carrier,
    /// Until when people count as writing.
    writers: HashMap<(ConversationId, UserId), Instant>,
    /// Whether the SDK holds something that the state has not seen.
    is_stale: bool,
    /// Whether the state has something that is not drawn.
    is_dirty: bool,
    is_over: bool,
}

/// Runs the chat until the person has enough of it.
///
/// # Errors
///
/// When the terminal does not obey.
pub(super) async fn run(
    client: Client,
    mut updates: Updates,
    state: State,
    unsent: UnsentFile,
    screen: &mut Screen,
) -> io::Result<(Client, UnsentFile)> {
    let (answers, mut answered) = mpsc::channel(ANSWERS_MAX);
    let mut session = Session {
        connection: client.connection(),
        carrier: Carrier::new(client.http().clone(), answers.clone()),
        client,
        state,
        unsent,
        answers,
        calls: Arc::new(Semaphore::new(CALLS_MAX)),
        writers: HashMap::new(),
        is_stale: true,
        is_dirty: true,
        is_over: false,
    };
    let mut keys = EventStream::new();
    let mut endings = [
        SignalKind::terminate(),
        SignalKind::hangup(),
        SignalKind::interrupt(),
    ]
    .map(signal)
    .into_iter()
    .collect::<io::Result<Vec<Signal>>>()?;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut next_frame = Instant::now();
    while !session.is_over {
        tokio::select! {
            event = keys.next() => {
                session.terminal_says(event)?;
                while !session.is_over && let Poll::Ready(event) = at_hand(&mut keys).await {
                    session.terminal_says(event)?;
                }
            }
            Some(update) = updates.next() => session.sdk_says(update, &mut updates),
            Some(event) = answered.recv() => session.take_in(event),
            Ok(()) = session.connection.changed() => session.look_at_connection(),
            _ = ticks.tick() => session.tick(),
            () = any(&mut endings) => session.is_over = true,
            () = screen.panicked() => return Err(io::Error::other("a part of the program failed")),
            () = sleep_until(next_frame), if session.is_dirty || session.is_stale => {
                session.see();
                // A signal may have been missed, or not be there at all.
                let size = screen.terminal.size()?;
                if size != session.state.size {
                    session.take_in(Event::Resize(size));
                }
                screen.terminal.draw(|frame| view::draw(frame, &session.state))?;
                session.is_dirty = false;
                next_frame = Instant::now() + FRAME;
            }
        }
    }
    session.carrier.leave().await;
    Ok((session.client, session.unsent))
}

/// What the terminal has said already. With the waker of this task, unlike `now_or_never`: the stream keeps the
/// first one that it is given, and would wake nobody at the next key.
async fn at_hand(keys: &mut EventStream) -> Poll<Option<io::Result<TerminalEvent>>> {
    poll_fn(|context| Poll::Ready(keys.poll_next_unpin(context))).await
}

async fn any(signals: &mut [Signal]) {
    let waiting = signals.iter_mut().map(|signal| Box::pin(signal.recv()));
    futures_util::future::select_all(waiting).await;
}

impl Session {
    fn terminal_says(&mut self, event: Option<io::Result<TerminalEvent>>) -> io::Result<()> {
        match event {
            Some(Ok(TerminalEvent::Key(key))) => self.take_in(Event::Key(key)),
            Some(Ok(TerminalEvent::Paste(text))) => self.take_in(Event::Paste(text)),
            Some(Ok(TerminalEvent::Resize(width, height))) => {
                self.take_in(Event::Resize(Size { width, height }));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            // The terminal is gone.
            None => self.is_over = true,
        }
        Ok(())
    }

    fn sdk_says(&mut self, first: Result<Update, Missed>, updates: &mut Updates) {
        self.take_in_update(first);
        for _ in 0..UPDATES_AT_ONCE {
            match updates.next().now_or_never() {
                Some(Some(update)) => self.take_in_update(update),
                _ => break,
            }
        }
    }

    fn take_in_update(&mut self, update: Result<Update, Missed>) {
        self.is_stale = true;
        let event = match update {
            Ok(Update::Online { .. }) => Event::Online,
            Ok(Update::Added(conversation)) => Event::Added(conversation),
            Ok(Update::Removed(id)) => Event::Removed(id),
            Ok(Update::Refused {
                conversation,
                client_id,
                code,
                detail,
            }) => Event::Refused {
                conversation,
                client_id,
                code,
                detail,
            },
            Ok(Update::HistoryReplaced) => Event::HistoryReplaced,
            Ok(Update::Typing {
                conversation, user, ..
            }) => {
                // By the own clock: the server's may be another.
                let over = Instant::now() + Duration::from_millis(EXPIRES_AFTER_MS);
                if self.writers.len() < WRITERS_MAX {
                    self.writers.insert((conversation, user.clone()), over);
                }
                Event::Typing(conversation, user)
            }
            Ok(Update::Event(entry)) => match author(&entry) {
                Some(user) => Event::TypingOver(entry.conversation(), user),
                None => return,
            },
            Ok(Update::ReadBy {
                conversation,
                user,
                seq,
            }) => Event::ReadBy(conversation, user, seq),
            Ok(Update::DeliveredTo {
                conversation,
                user,
                seq,
            }) => Event::DeliveredTo(conversation, user, seq),
            Ok(Update::Thread {
                conversation,
                thread,
                read,
                ..
            }) => Event::ThreadRead(conversation, thread, read),
            Ok(Update::UploadChanged {
                shown: None,
                attachment,
                reason,
            }) if attachment.state == UploadState::Refused => Event::FileRefused {
                name: attachment.name,
                reason,
            },
            Ok(
                Update::Sent { .. }
                | Update::Changed(_)
                | Update::Presence { .. }
                | Update::WatchRefused { .. }
                | Update::VisibleFrom { .. }
                | Update::Personal(_)
                | Update::UploadChanged { .. }
                | Update::Ended(_),
            ) => return,
            // What was missed may have been a conversation that came or went.
            Err(_) => return self.start(Effect::LoadInbox),
        };
        self.take_in(event);
    }

    fn tick(&mut self) {
        self.look_at_connection();
        let now = Instant::now();
        let over = self.writers.extract_if(|_, over| *over <= now);
        for ((conversation, user), _) in over.collect::<Vec<_>>() {
            self.take_in(Event::TypingOver(conversation, user));
        }
        if let Some(sentence) = self.unsent.keep_or_complain(&self.client.pending()) {
            let line = None;
            self.take_in(Event::Failed { sentence, line });
        }
    }

    fn look_at_connection(&mut self) {
        let link = match &*self.connection.borrow_and_update() {
            Connection::Connecting => Link::Connecting,
            Connection::Online => Link::Online,
            Connection::Waiting { until } => {
                let left = until.saturating_duration_since(Instant::now());
                Link::Waiting(
                    left.as_millis()
                        .div_ceil(1_000)
                        .try_into()
                        .unwrap_or(u64::MAX),
                )
            }
            Connection::Stopped(reason) => Link::Stopped(reason.to_string()),
        };
        if link != self.state.link {
            self.take_in(Event::Link(link));
        }
    }

    /// Shows the state what the SDK holds.
    fn see(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            let here = self.state.open.as_ref().map(|open| open.id);
            let timeline = here.and_then(|id| Some((id, self.client.timeline(id)?)));
            self.take_in(Event::Sight(Box::new(Sight {
                conversations: self.client.conversations(),
                pending: self.client.pending(),
                kept: kept(&self.client.all_personal()),
                timeline,
            })));
        }
    }

    fn take_in(&mut self, event: Event) {
        self.is_dirty = true;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            if let Event::Older(..) | Event::Thread(..) = event {
                self.is_stale = true;
                self.see();
            }
            for effect in self.state.update(event) {
                events.extend(self.perform(effect));
            }
        }
    }

    /// Does what can be done at once, which may have consequences, and begins the rest.
    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Open(id) => return self.open(id),
            Effect::Close(id) => self.client.close_conversation(id),
            Effect::Unfollow(id) => self.client.unfollow(id),
            Effect::MarkRead(id, seq) => self.client.mark_read(id, seq),
            Effect::MarkThreadRead(id, root, seq) => self.client.mark_thread_read(id, root, seq),
            Effect::TellTyping(id) => self.client.typing(id),
            Effect::Send(id, message) => {
                let kept = message.clone();
                self.is_stale = true;
                if let Err(error) = self.client.enqueue(id, message) {
                    return Some(Event::NotTaken {
                        conversation: id,
                        message: kept,
                        reason: error.to_string(),
                    });
                }
            }
            Effect::Transfer(id, job) => self.carrier.begin(id, job),
            Effect::StopTransfer(id) => self.carrier.stop(id),
            Effect::Quit => self.is_over = true,
            other => self.start(other),
        }
        None
    }

    fn open(&mut self, id: ConversationId) -> Option<Event> {
        self.is_stale = true;
        let known = self.client.state(id);
        let is_followed = known.is_some_and(|known| known.followed);
        if !is_followed {
            self.client
                .follow(id, known.map_or(Seq::ZERO, |known| known.head));
        }
        self.client.open(id);
        self.start(Effect::LoadMembers {
            conversation: id,
            show: false,
        });
        self.start_call(move |client| async move { calls::conversation(&client, id).await });
        self.start(Effect::LoadThreads(id));
        let timeline = self.client.timeline(id).filter(|_| is_followed);
        if timeline.is_some_and(|timeline| timeline.messages().next().is_some()) {
            return Some(Event::Older(id, Ok(true)));
        }
        self.start(Effect::LoadOlder(id));
        None
    }

    /// Begins what takes time; its outcome comes as an answer.
    fn start(&self, effect: Effect) {
        match effect {
            Effect::LoadInbox => {
                self.start_call(|client| async move { calls::inbox(&client).await });
            }
            Effect::LoadOlder(id) => {
                let unread = self.client.unread(id).map_or(0, |counts| counts.unread);
                let wanted = u32::try_from(unread)
                    .unwrap_or(u32::MAX)
                    .saturating_add(PAGE / 2);
                let wanted = wanted.clamp(PAGE, PAGE_MAX);
                self.start_call(
                    move |client| async move { calls::older(&client, id, wanted).await },
                );
            }
            Effect::LoadMembers { conversation, show } => {
                self.start_call(move |client| async move {
                    calls::members(&client, conversation, show).await
                });
            }
            Effect::LoadPerson(user) => {
                self.start_call(|client| async move { calls::person(&client, user).await });
            }
            Effect::LoadThreads(id) => {
                self.start_call(move |client| async move { calls::threads(&client, id).await });
            }
            Effect::LoadThread(id, root) => {
                self.start_call(
                    move |client| async move { calls::thread(&client, id, root).await },
                );
            }
            Effect::LoadReaders(id, seq) => {
                self.start_call(
                    move |client| async move { calls::readers(&client, id, seq).await },
                );
            }
            Effect::AskUpload(id, seq, upload) => {
                self.start_call(move |client| async move {
                    calls::uploaded(&client, id, seq, upload).await
                });
            }
            Effect::Call(call) => {
                self.start_call(|client| async move { calls::fulfil(&client, call).await });
            }
            Effect::Open(_)
            | Effect::Close(_)
            | Effect::Unfollow(_)
            | Effect::MarkRead(..)
            | Effect::MarkThreadRead(..)
            | Effect::TellTyping(_)
            | Effect::Send(..)
            | Effect::Transfer(..)
            | Effect::StopTransfer(_)
            | Effect::Quit => {}
        }
    }

    fn start_call<F>(&self, call: impl FnOnce(Client) -> F)
    where
        F: Future<Output = Option<Event>> + Send + 'static,
    {
        let outcome = call(self.client.clone());
        let (answers, calls) = (self.answers.clone(), Arc::clone(&self.calls));
        tokio::spawn(async move {
            // Neither is ever closed while there is somebody to tell.
            let Ok(_turn) = calls.acquire().await else {
                return;
            };
            if let Some(event) = outcome.await {
                let _ = answers.send(event).await;
            }
        });
    }
}

/// What the user has set, now.
fn kept(states: &[body::Personal]) -> Vec<(ConversationId, Kept)> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = unix.map_or(0, |unix| {
        i64::try_from(unix.as_millis()).unwrap_or(i64::MAX)
    });
    let one = |state: &body::Personal| {
        let kept = Kept {
            is_muted: state.muted_until.is_some_and(|until| now_ms < until.0.0),
            is_archived: state.archived,
            is_favourite: state.favourite,
        };
        (state.conversation.0, kept)
    };
    states.iter().map(one).collect()
}

/// Who sent the message, if it is one.
fn author(entry: &LogEntry) -> Option<UserId> {
    let message = entry.event()?.body.as_message()?;
    Some(message.sender.clone())
}

/// Why the client stopped by itself, if it did.
pub(super) fn stopped(client: &Client) -> Option<StopReason> {
    match &*client.connection().borrow() {
        Connection::Stopped(reason) => Some(reason.clone()),
        _ => None,
    }
}
