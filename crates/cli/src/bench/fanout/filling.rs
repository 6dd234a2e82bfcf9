//! Channels of several sizes in a store that no server has open.

use std::path::Path;

use tidemark_core::access::Caller;
use tidemark_core::conversation::{
    Action, Command, ConversationKind, Joined, NewConversation, Role, Visibility,
};
use tidemark_core::{ConversationId, Limits, UserId};
use tidemark_store::sqlite::{SqliteOptions, SqliteStore};
use tidemark_store::{Directory, Store};
use uuid::Uuid;

use crate::bench::fill::{expect_accepted, now};
use crate::bench::people::People;
use crate::bench::progress::Progress;
use crate::failure::Failure;

/// A channel, whose members are the first so many people of the run.
pub(super) struct Channel {
    pub(super) conversation: ConversationId,
    /// Without the one who sends.
    pub(super) members: u32,
    people: std::rc::Rc<People>,
}

impl Channel {
    /// A member; number 0 sends.
    pub(super) fn user(&self, number: u32) -> UserId {
        user(&self.people, number)
    }
}

fn user(people: &People, number: u32) -> UserId {
    people.user("member", usize::try_from(number).unwrap_or(usize::MAX))
}

/// Makes the people and a channel of each size.
pub(super) async fn fill(
    data: &Path,
    sizes: &[u32],
    progress: &Progress,
) -> Result<Vec<Channel>, Failure> {
    let trouble =
        |error: &dyn std::fmt::Display| Failure::failed(format!("cannot fill the store: {error}"));
    let store = SqliteStore::open(data, SqliteOptions::default()).map_err(|it| trouble(&it))?;
    let people = std::rc::Rc::new(People::of_a_new_run());
    let at_once = Limits::default().users_per_command_max;
    let everybody: Vec<u32> = (0..=sizes.iter().copied().max().unwrap_or(0)).collect();
    let bar = progress.count("making people", everybody.len());
    for some in everybody.chunks(at_once) {
        let users = some.iter().map(|number| (user(&people, *number), None));
        store
            .ensure_external_users(users.collect(), false, now())
            .await
            .map_err(|it| trouble(&format!("{it:?}")))?;
        bar.inc(some.len() as u64);
    }
    drop(bar);
    let mut channels = Vec::new();
    for members in sizes {
        let conversation = ConversationId(Uuid::now_v7());
        let command = |action| Command {
            conversation,
            caller: Caller::Administrator,
            at: now(),
            action,
        };
        let create = Action::Create(NewConversation {
            kind: ConversationKind::Channel,
            visibility: Visibility::Private,
            title: Some(format!("{members} members")),
            members: vec![user(&people, 0)],
            client_id: None,
        });
        commit(&store, command(create)).await?;
        let numbers: Vec<u32> = (1..=*members).collect();
        let bar = progress.count("making members", numbers.len());
        for some in numbers.chunks(at_once) {
            let joined = some.iter().map(|number| Joined {
                user: user(&people, *number),
                role: Role::Member,
            });
            commit(&store, command(Action::AddMembers(joined.collect()))).await?;
            bar.inc(some.len() as u64);
        }
        channels.push(Channel {
            conversation,
            members: *members,
            people: std::rc::Rc::clone(&people),
        });
    }
    store.close().await;
    Ok(channels)
}

async fn commit(store: &SqliteStore, command: Command) -> Result<(), Failure> {
    for outcome in store.commit(vec![command]).await {
        expect_accepted(outcome)?;
    }
    Ok(())
}
