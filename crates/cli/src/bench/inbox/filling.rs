//! A user who is in many conversations, some of them large channels, in a store that no server has open.

use std::path::Path;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Joined, NewConversation, Role, Visibility,
};
use tidemark_core::{ConversationId, Limits, UserId};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tidemark_store::{Directory, Store};
use uuid::Uuid;

use super::Arguments;
use crate::bench::fill::{BATCH, expect_accepted, message, now};
use crate::bench::people::People;
use crate::bench::progress::Progress;
use crate::failure::Failure;

/// Members of a conversation that is no channel, beside the reader.
const GROUP_MEMBERS: usize = 2;
/// Commands that each bring as many members as one may.
const ADDITIONS: usize = 8;
const TEXT: &str = "The tide is coming in, and the boats are going out.";

/// Makes everything; the one whose inbox it is.
pub(super) async fn fill(
    data: &Path,
    arguments: &Arguments,
    progress: &Progress,
) -> Result<UserId, Failure> {
    let store = SqliteStore::open(data, SqliteOptions::default()).map_err(|it| trouble(&it))?;
    let people = People::of_a_new_run();
    let reader = people.user("reader", 0);
    let channel_members = arguments.channel_members as usize;
    let others: Vec<UserId> = (0..channel_members.max(GROUP_MEMBERS + 1))
        .map(|number| people.user("member", number))
        .collect();
    make_people(&store, &reader, &others, progress).await?;
    let rooms = begin(&store, arguments, &reader, &others).await?;
    let channels = rooms.iter().filter(|room| room.is_channel);
    let additions: Vec<_> = channels
        .flat_map(|room| {
            let chunks = others[1..].chunks(Limits::default().users_per_command_max);
            chunks.map(|some| (room.id, some))
        })
        .collect();
    let bar = progress.count("making members", additions.len());
    for some in additions.chunks(ADDITIONS) {
        let add = |(id, users): &(ConversationId, &[UserId])| {
            let joined = users.iter().map(|user| Joined {
                user: user.clone(),
                role: Role::Member,
            });
            by_administrator(*id, Action::AddMembers(joined.collect()))
        };
        commit(&store, some.iter().map(add).collect()).await?;
        bar.inc(some.len() as u64);
    }
    drop(bar);
    // In turns, so that all are about as active.
    for _ in 0..arguments.messages {
        for some in rooms.chunks(BATCH) {
            let send = |room: &Room| Command {
                conversation: room.id,
                caller: Caller::User(others[0].clone()),
                at: now(),
                action: Action::Send(message(TEXT)),
            };
            commit(&store, some.iter().map(send).collect()).await?;
        }
    }
    store.close().await;
    Ok(reader)
}

struct Room {
    id: ConversationId,
    is_channel: bool,
}

async fn make_people(
    store: &SqliteStore,
    reader: &UserId,
    others: &[UserId],
    progress: &Progress,
) -> Result<(), Failure> {
    let everybody: Vec<_> = std::iter::once(reader).chain(others).collect();
    let bar = progress.count("making people", everybody.len());
    for some in everybody.chunks(Limits::default().users_per_command_max) {
        let users = some.iter().map(|user| ((*user).clone(), None)).collect();
        let made = store.ensure_external_users(users, false, now()).await;
        made.map_err(|it| trouble(&it))?;
        bar.inc(some.len() as u64);
    }
    Ok(())
}

/// The channels lie evenly among the others.
async fn begin(
    store: &SqliteStore,
    arguments: &Arguments,
    reader: &UserId,
    others: &[UserId],
) -> Result<Vec<Room>, Failure> {
    let (all, channels) = (arguments.conversations, arguments.channels);
    let rooms: Vec<Room> = (0..all)
        .map(|number| Room {
            id: ConversationId(Uuid::now_v7()),
            is_channel: (number + 1) * channels / all > number * channels / all,
        })
        .collect();
    let create = |room: &Room| {
        let mut members = vec![reader.clone(), others[0].clone()];
        let kind = if room.is_channel {
            ConversationKind::Channel
        } else {
            members.extend_from_slice(&others[1..GROUP_MEMBERS]);
            ConversationKind::Group
        };
        let new = NewConversation {
            kind,
            visibility: Visibility::Private,
            title: Some("Bench".to_owned()),
            members,
            client_id: None,
        };
        by_administrator(room.id, Action::Create(new))
    };
    for some in rooms.chunks(BATCH) {
        commit(store, some.iter().map(create).collect()).await?;
    }
    Ok(rooms)
}

fn by_administrator(conversation: ConversationId, action: Action) -> Command {
    Command {
        conversation,
        caller: Caller::Administrator,
        at: now(),
        action,
    }
}

async fn commit(store: &SqliteStore, commands: Vec<Command>) -> Result<(), Failure> {
    for outcome in store.commit(commands).await {
        expect_accepted(outcome)?;
    }
    Ok(())
}

fn trouble(error: &dyn std::fmt::Debug) -> Failure {
    Failure::failed(format!("cannot fill the store: {error:?}"))
}
