//! What is asked of the server over HTTP, and what its answer means to the chat.

use std::time::Duration;

use tidemark_client::{Client, Http, HttpError, Page};
use tidemark_core::conversation::{ConversationKind, Visibility};
use tidemark_core::{ClientId, ConversationId, Seq, Timestamp, UploadId, UserId};
use tidemark_protocol::body::{
    CommandWanted, ConversationPatch, MembersToAdd, NewConversation, PersonalPatch, ThreadEntry,
};
use tidemark_protocol::wire::{Wire, wrap_all};
use uuid::Uuid;

use super::event::{Call, Event, MembersAnswer, ReadersAnswer, Wish};

/// The pauses before what only reads is tried again, when there was no way to the server: a connection that was
/// kept from before may have been closed just then.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// The year 9999: until then nobody is asked again.
const FOR_GOOD: Timestamp = Timestamp(253_370_764_800_000);
/// The most conversations that are listed.
const INBOX_PAGES_MAX: usize = 10;
/// The most members of a conversation that are known by name.
const MEMBERS_MAX: u32 = 1_000;
/// The most threads of a conversation whose cursors are asked for: those that were active last.
const THREADS_MAX: u32 = 100;
/// How far back the beginning of a thread is looked for, and in which steps, in messages.
const THREAD_PAGES_MAX: usize = 10;
const THREAD_PAGE: u32 = 500;

/// Does what a person asked for. Nothing comes back where the conversation itself will tell.
pub(super) async fn fulfil(client: &Client, call: Call) -> Option<Event> {
    match carry_out(client, call.wish).await {
        Ok(event) => event,
        Err(error) => Some(Event::Failed {
            sentence: sentence(&error),
            line: Some(call.line),
        }),
    }
}

async fn carry_out(client: &Client, wish: Wish) -> Result<Option<Event>, HttpError> {
    let http = client.http();
    let new = match wish {
        Wish::Direct(user) => new_conversation(ConversationKind::Direct, None, vec![user]),
        Wish::Group { title, users } => {
            new_conversation(ConversationKind::Group, Some(title), users)
        }
        Wish::Channel { title } => NewConversation {
            visibility: Some(Wire(Visibility::Public)),
            ..new_conversation(ConversationKind::Channel, Some(title), Vec::new())
        },
        Wish::Join(id) => {
            http.join(id).await?;
            let joined = http.conversation(id).await?;
            client.learn(&joined);
            return Ok(Some(Event::Begun(Box::new(joined))));
        }
        Wish::Invite(id, users) => {
            let people = MembersToAdd {
                users: wrap_all(users),
                role: None,
            };
            let added = http.add_members(id, &people).await?;
            let event = added
                .at
                .is_none()
                .then(|| Event::Done("they are here already".to_owned()));
            return Ok(event);
        }
        Wish::Leave(id) => {
            http.leave(id).await?;
            return Ok(None);
        }
        Wish::Mute(id, on) => return keep(client, id, &muted(on)).await,
        Wish::Archive(id, on) => return keep(client, id, &archived(on)).await,
        Wish::Favour(id, on) => return keep(client, id, &favoured(on)).await,
        Wish::Topic(id, topic) => {
            let patch = ConversationPatch {
                topic: Some(topic),
                ..ConversationPatch::default()
            };
            return http.change_conversation(id, &patch).await.map(|_| None);
        }
        Wish::Title(id, title) => {
            let patch = ConversationPatch {
                title: Some(title),
                ..ConversationPatch::default()
            };
            return http.change_conversation(id, &patch).await.map(|_| None);
        }
        Wish::Edit {
            conversation,
            seq,
            text,
            mentions,
        } => {
            client.edit(conversation, seq, text, mentions).await?;
            return Ok(None);
        }
        Wish::Delete(id, seq) => return client.delete(id, seq).await.map(|_| None),
        Wish::React {
            conversation,
            seq,
            emoji,
            on,
        } => {
            client.react(conversation, seq, emoji, on).await?;
            return Ok(None);
        }
        Wish::Pin(id, seq, on) => return client.pin(id, seq, on).await.map(|_| None),
        Wish::Command {
            conversation,
            name,
            arguments,
        } => {
            return ask_bot(http, conversation, &name, arguments).await;
        }
    };
    let begun = http.create_conversation(&new).await?;
    client.learn(&begun);
    Ok(Some(Event::Begun(Box::new(begun))))
}

/// Changes what the user keeps of a conversation.
async fn keep(
    client: &Client,
    id: ConversationId,
    patch: &PersonalPatch,
) -> Result<Option<Event>, HttpError> {
    client.change_personal(id, patch).await.map(|_| None)
}

fn muted(on: bool) -> PersonalPatch {
    PersonalPatch {
        muted_until: Some(on.then_some(Wire(FOR_GOOD))),
        ..PersonalPatch::default()
    }
}

fn archived(on: bool) -> PersonalPatch {
    PersonalPatch {
        archived: Some(Some(on)),
        ..PersonalPatch::default()
    }
}

fn favoured(on: bool) -> PersonalPatch {
    PersonalPatch {
        favourite: Some(Some(on)),
        ..PersonalPatch::default()
    }
}

/// Asks a bot. What it says to all comes like any message.
async fn ask_bot(
    http: &Http,
    conversation: ConversationId,
    name: &str,
    arguments: String,
) -> Result<Option<Event>, HttpError> {
    let wanted = CommandWanted {
        client_id: Wire(ClientId(Uuid::now_v7())),
        arguments,
    };
    let done = http.give_command(conversation, name, &wanted).await?;
    let said = done.text.map(|text| format!("{}: {text}", done.bot.0));
    Ok(said.map(Event::Done))
}

fn new_conversation(
    kind: ConversationKind,
    title: Option<String>,
    members: Vec<UserId>,
) -> NewConversation {
    let is_direct = kind == ConversationKind::Direct;
    NewConversation {
        kind: Wire(kind),
        title,
        members: wrap_all(members),
        // A pair has one direct conversation anyway.
        client_id: (!is_direct).then(|| Wire(ClientId(Uuid::now_v7()))),
        visibility: None,
    }
}

/// Reads something, more than once if need be.
async fn patiently<T, F>(read: impl Fn() -> F) -> Result<T, HttpError>
where
    F: Future<Output = Result<T, HttpError>>,
{
    for pause in PAUSES {
        match read().await {
            Err(HttpError::Unreachable(_)) => tokio::time::sleep(pause).await,
            settled => return settled,
        }
    }
    read().await
}

/// The conversations of the user, as far as they are listed.
pub(super) async fn inbox(client: &Client) -> Option<Event> {
    let mut conversations = Vec::new();
    let mut before = None;
    for _ in 0..INBOX_PAGES_MAX {
        match patiently(|| client.load_inbox(before)).await {
            Ok(page) => {
                conversations.extend(page.conversations);
                before = page.next.map(|next| next.0);
            }
            Err(error) => return Some(failed(&error)),
        }
        if before.is_none() {
            break;
        }
    }
    Some(Event::Inbox(conversations))
}

/// The members of a conversation. Only if the person asked to see them, a failure is worth a word.
pub(super) async fn members(
    client: &Client,
    conversation: ConversationId,
    show: bool,
) -> Option<Event> {
    let http = client.http();
    match patiently(|| http.members(conversation, MEMBERS_MAX, None)).await {
        Ok(answer) => Some(Event::Members(MembersAnswer {
            conversation,
            members: answer.members,
            is_complete: !answer.more,
            show,
        })),
        Err(error) if show => Some(failed(&error)),
        Err(_) => None,
    }
}

/// What is known of a conversation; if that cannot be had, what is known already has to do.
pub(super) async fn conversation(client: &Client, id: ConversationId) -> Option<Event> {
    let http = client.http();
    let told = patiently(|| http.conversation(id)).await.ok()?;
    Some(Event::Conversation(Box::new(told)))
}

/// Somebody's profile; without it, the id has to do.
pub(super) async fn person(client: &Client, user: UserId) -> Option<Event> {
    let http = client.http();
    let profile = patiently(|| http.user(&user)).await;
    profile.ok().map(Event::Person)
}

/// The threads that the user takes part in; without them, nothing is counted in those.
pub(super) async fn threads(client: &Client, conversation: ConversationId) -> Option<Event> {
    let listed = patiently(|| client.threads(Some(conversation), THREADS_MAX, None)).await;
    let cursor = |entry: &ThreadEntry| (entry.root.seq.0, entry.read_seq.0);
    let cursors = listed.ok()?.threads.iter().map(cursor).collect();
    Some(Event::Threads(conversation, cursors))
}

/// Brings a thread into the timeline, which has all replies to a message that it has, and its cursor.
pub(super) async fn thread(client: &Client, id: ConversationId, root: Seq) -> Option<Event> {
    let outcome = load_thread(client, id, root).await;
    let outcome = outcome.map_err(|error| format!("cannot show the thread: {}", sentence(&error)));
    Some(Event::Thread(id, root, outcome))
}

async fn load_thread(client: &Client, id: ConversationId, root: Seq) -> Result<Seq, HttpError> {
    let page = patiently(|| client.load_thread(id, root, Page::Latest, 1)).await?;
    for _ in 0..THREAD_PAGES_MAX {
        let timeline = client.timeline(id);
        let oldest = timeline.and_then(|held| held.messages().next().map(|message| message.seq));
        let is_there = oldest.is_some_and(|oldest| oldest <= root);
        if is_there || !patiently(|| client.load_older(id, THREAD_PAGE)).await? {
            break;
        }
    }
    Ok(page.read_seq.0)
}

/// Whom a message has reached; without an answer, what is heard from now on has to do.
pub(super) async fn readers(
    client: &Client,
    conversation: ConversationId,
    seq: Seq,
) -> Option<Event> {
    let http = client.http();
    let answer = patiently(|| http.readers(conversation, seq)).await.ok()?;
    let read = answer.readers.into_iter();
    let delivered = answer.delivered.into_iter();
    Some(Event::Readers(ReadersAnswer {
        conversation,
        read: read.map(|it| (it.user.0, it.read_seq.0)).collect(),
        delivered: delivered
            .map(|it| (it.user.0, it.delivered_seq.0))
            .collect(),
    }))
}

/// Brings what became of an upload into the timeline; without an answer, it is shown as it was.
pub(super) async fn uploaded(
    client: &Client,
    conversation: ConversationId,
    seq: Seq,
    upload: UploadId,
) -> Option<Event> {
    // What it says is an update of the client like any other.
    let _ = patiently(|| client.ask_upload(conversation, seq, upload)).await;
    None
}

/// Older messages.
pub(super) async fn older(
    client: &Client,
    conversation: ConversationId,
    messages_max: u32,
) -> Option<Event> {
    let outcome = patiently(|| client.load_older(conversation, messages_max)).await;
    let outcome = outcome.map_err(|error| format!("cannot load messages: {}", sentence(&error)));
    Some(Event::Older(conversation, outcome))
}

fn failed(error: &HttpError) -> Event {
    Event::Failed {
        sentence: sentence(error),
        line: None,
    }
}

pub(super) fn sentence(error: &HttpError) -> String {
    match error {
        HttpError::Refused { .. } | HttpError::Unexpected { .. } => error.to_string(),
        HttpError::Unreachable(cause) if cause.is_timeout() => {
            "the server does not answer in time".to_owned()
        }
        HttpError::Unreachable(_) => "the server cannot be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tidemark_client::ServerUrl;

    use super::*;

    /// What a server that is not there answers.
    async fn unreachable() -> HttpError {
        let nowhere = ServerUrl::parse("http://127.0.0.1:1").unwrap();
        Http::new(nowhere, None).unwrap().me().await.unwrap_err()
    }

    #[tokio::test]
    async fn reading_is_tried_again_when_there_was_no_way() {
        let tries = Cell::new(0);
        let read = || async {
            tries.set(tries.get() + 1);
            match tries.get() {
                1 => Err(unreachable().await),
                times => Ok(times),
            }
        };
        assert_eq!(patiently(read).await.unwrap(), 2);
    }

    #[tokio::test]
    async fn a_refusal_is_not_asked_for_twice() {
        let tries = Cell::new(0);
        let read = || async {
            tries.set(tries.get() + 1);
            Err::<(), _>(HttpError::Unexpected { status: 418 })
        };
        assert!(patiently(read).await.is_err());
        assert_eq!(tries.get(), 1);
    }
}
