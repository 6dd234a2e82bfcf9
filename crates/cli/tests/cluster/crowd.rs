//! Everybody who takes part, and their conversations.

use std::time::Duration;

use anyhow::Context as _;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::index;
use tidemark_client::{Http, ServerUrl};
use tidemark_core::conversation::ConversationKind;
use tidemark_core::{ConversationId, UserId};
use tidemark_protocol::body::NewConversation;
use tidemark_protocol::wire::{Secret, Wire};
use tidemark_simulator::cluster::Cluster;
use tokio::time::sleep;

use crate::API_KEY;
use crate::person::Person;

const PEOPLE: usize = 200;
const CONVERSATIONS: usize = 50;
/// In each conversation; so everybody is in three or so.
const MEMBERS: usize = 12;

/// A conversation and who is in it.
pub(crate) struct Room {
    pub(crate) id: ConversationId,
    /// By their place in the crowd.
    pub(crate) members: Vec<usize>,
}

pub(crate) struct Crowd {
    pub(crate) people: Vec<Person>,
    pub(crate) rooms: Vec<Room>,
}

impl Crowd {
    /// Begins the conversations and lets everybody talk.
    pub(crate) async fn gather(cluster: &Cluster, rng: &mut StdRng) -> anyhow::Result<Self> {
        let users = (0..PEOPLE).map(|number| UserId::parse(&format!("person-{number}")));
        let users: Vec<_> = users.collect::<Result<_, _>>()?;
        let mut rooms = Vec::new();
        for number in 0..CONVERSATIONS {
            let node = cluster.gateways[number % cluster.gateways.len()].address();
            let mut members = index::sample(rng, PEOPLE, MEMBERS).into_vec();
            // Nobody is left out.
            members.extend((number..PEOPLE).step_by(CONVERSATIONS));
            members.sort_unstable();
            members.dedup();
            let of = members.iter().map(|&member| users[member].clone());
            let id = begin_conversation(&administrator(node)?, of).await?;
            rooms.push(Room { id, members });
        }
        let mut people = Vec::new();
        for (number, user) in users.into_iter().enumerate() {
            let own = rooms.iter().filter(|room| room.members.contains(&number));
            let own = own.map(|room| room.id).collect();
            people.push(Person::begin(user, cluster.entrance(), own, rng.random())?);
        }
        Ok(Self { people, rooms })
    }

    /// What a client must never say, if one has.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        for person in &self.people {
            let checked = person.told().check();
            checked.with_context(|| person.user.to_string())?;
        }
        Ok(())
    }

    pub(crate) async fn fall_silent(&self) {
        for person in &self.people {
            person.fall_silent();
        }
        // What was on its way into an outbox is in it.
        sleep(Duration::from_millis(100)).await;
    }

    /// How many messages have no answer.
    pub(crate) fn waiting(&self) -> usize {
        let waiting = self.people.iter();
        waiting.map(|person| person.client.pending().len()).sum()
    }
}

/// Calls of the embedding application to one node.
pub(crate) fn administrator(node: std::net::SocketAddr) -> anyhow::Result<Http> {
    let url = ServerUrl::parse(&format!("http://{node}"))?;
    Ok(Http::new(url, Some(Secret::new(API_KEY)))?)
}

async fn begin_conversation(
    http: &Http,
    members: impl Iterator<Item = UserId>,
) -> anyhow::Result<ConversationId> {
    let new = NewConversation {
        kind: Wire(ConversationKind::Group),
        title: None,
        members: members.map(Wire).collect(),
        client_id: None,
        visibility: None,
    };
    Ok(http.create_conversation(&new).await?.id.0)
}
