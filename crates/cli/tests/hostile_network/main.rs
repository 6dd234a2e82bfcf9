//! Two people talk through a network that delays, stalls and cuts, to a server that is killed again and
//! again. Nothing may be lost, doubled, reordered or miscounted.
//!
//! What happens is drawn from a seed, which is printed. To draw the same again:
//!
//! ```text
//! HOSTILE_NETWORK_SEED=1234 cargo test --package tidemark --test hostile_network
//! ```
//!
//! The same seed gives the same messages, cuts and kills at the same points of progress; what they hit is
//! up to the schedule of the machine, so that a seed which failed may need a few tries to fail again.
//!
//! The run goes in rounds. In each, both people send at full speed into bounded outboxes and move their
//! read cursors, also from a second device over HTTP, while the server gets a SIGKILL with messages
//! in flight and comes back at another port. In some rounds an app is killed too, and its next process goes
//! on from its snapshot. After each round the outboxes empty by themselves, and what both clients
//! say of heads, cursors and counts must be what the server says.

mod app;
mod kept;
mod people;
mod verdict;
mod weather;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tidemark_core::ConversationId;
use tidemark_simulator::node::{Launch, Listen, Node};
use tidemark_simulator::proxy::Proxy;

use app::App;
use people::Person;

const SEED_VARIABLE: &str = "HOSTILE_NETWORK_SEED";

const CONVERSATIONS: u64 = 10;
const ROUNDS: u64 = 10;
/// Of each person in each round: 20,000 in all.
const MESSAGES_IN_ROUND: u64 = 1_000;
/// The rounds in which an app is killed, and whose.
const APP_KILLS: [(u64, usize); 4] = [(2, 0), (4, 1), (6, 0), (8, 1)];

/// The longest that nothing may move.
const PATIENCE: Duration = Duration::from_mins(1);

/// The most events in a page, and the bytes that may wait for a socket: the usual ones, and others that make
/// catching up take many steps and live events overflow.
const SERVER_LIMITS: [(u32, u32); 3] = [(1_000, 256 * 1024), (40, 16 * 1024), (7, 2 * 1024)];

fn config((page_events, outbox_bytes): (u32, u32)) -> String {
    format!(
        r#"
        [auth]
        registration = "open"
        [limits]
        sends_per_second = 0
        logins_per_minute = 0
        page_events = {page_events}
        outbox_bytes = {outbox_bytes}
        [socket]
        # So that a half-open connection is noticed soon.
        heartbeat_ms = 500
        idle_timeout_ms = 2_000
        "#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_miscounted() -> anyhow::Result<()> {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().context("the seed is a whole number")?,
        Err(_) => rand::random(),
    };
    say(&format!("hostile network: {SEED_VARIABLE}={seed}"));
    let told = run(seed)
        .await
        .with_context(|| format!("with {SEED_VARIABLE}={seed}"))?;
    say(&told);
    Ok(())
}

/// Everything that takes part.
struct World {
    node: Node,
    proxy: Proxy,
    apps: [App; 2],
    people: [Person; 2],
    conversations: Vec<ConversationId>,
}

async fn run(seed: u64) -> anyhow::Result<String> {
    let began = Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::begin(&mut rng).await?;
    let mut unacknowledged = Vec::new();
    for round in 0..ROUNDS {
        world.proxy.set_faults(weather::of(round, rng.random()));
        let in_flight = world
            .round(round, rng.random_range(0.1..0.7))
            .await
            .with_context(|| format!("in round {round}"))?;
        unacknowledged.push(in_flight);
        verdict::settled(&mut world)
            .await
            .with_context(|| format!("after round {round}"))?;
    }
    let messages = verdict::complete(&world).await?;
    let sum = |count: fn(&kept::Tally) -> u64| {
        let tallies = world.apps.iter().map(App::tally);
        tallies.map(|tally| count(&tally)).sum::<u64>()
    };
    Ok(format!(
        "hostile network: {messages} messages in {CONVERSATIONS} conversations, {} s; {ROUNDS} kills with {} to {} \
         messages unacknowledged; {} app kills; {}; {} welcomes, {} duplicates, {} cursors moved",
        began.elapsed().as_secs(),
        unacknowledged.iter().min().unwrap_or(&0),
        unacknowledged.iter().max().unwrap_or(&0),
        APP_KILLS.len(),
        world.proxy.statistics(),
        sum(|tally| tally.welcomes),
        sum(|tally| tally.duplicates),
        world.people.iter().map(Person::cursors_moved).sum::<u64>(),
    ))
}

impl World {
    /// A server, two accounts, their conversations, and a client for each.
    async fn begin(rng: &mut StdRng) -> anyhow::Result<Self> {
        let program = env!("CARGO_BIN_EXE_tidemark");
        let limits = SERVER_LIMITS[rng.random_range(0..SERVER_LIMITS.len())];
        let node = Node::start(Launch::new(program, config(limits))).await?;
        let proxy = Proxy::start(node.address(), weather::of(0, rng.random())).await?;
        let ann = people::register(node.address(), "ann").await?;
        let bob = people::register(node.address(), "bob").await?;
        let mut conversations = Vec::new();
        for _ in 0..CONVERSATIONS {
            conversations.push(people::begin_conversation(&ann, "bob").await?);
        }
        let apps = [
            App::install(&ann, proxy.address(), &conversations)?,
            App::install(&bob, proxy.address(), &conversations)?,
        ];
        let mut person = |account| Person::new(account, &conversations, rng.random());
        let people = [person(ann), person(bob)];
        Ok(Self {
            node,
            proxy,
            apps,
            people,
            conversations,
        })
    }

    /// Both people talk, and the server is killed when the given part of what they say is acknowledged.
    /// How many messages had no answer then.
    async fn round(&mut self, round: u64, kill_at: f64) -> anyhow::Result<u64> {
        let [ann, bob] = &mut self.people;
        let [anns, bobs] = &self.apps;
        let app_killed = |person| APP_KILLS.contains(&(round, person));
        let before = anns.acknowledged() + bobs.acknowledged();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at = before + (2.0 * MESSAGES_IN_ROUND as f64 * kill_at) as u64;
        let kill = kill_the_server(&mut self.node, &self.proxy, &self.apps, at);
        let talk = async {
            let (in_flight, (), ()) = tokio::try_join!(
                kill,
                ann.talk(anns, MESSAGES_IN_ROUND, app_killed(0)),
                bob.talk(bobs, MESSAGES_IN_ROUND, app_killed(1)),
            )?;
            Ok(in_flight)
        };
        tokio::select! {
            in_flight = talk => in_flight,
            never = anns.second_device(&self.conversations, round) => match never? {},
            never = bobs.second_device(&self.conversations, round) => match never? {},
        }
    }
}

/// Kills the server when `at` messages are acknowledged, and starts it again on its data, elsewhere.
async fn kill_the_server(
    node: &mut Node,
    proxy: &Proxy,
    apps: &[App; 2],
    at: u64,
) -> anyhow::Result<u64> {
    let [anns, bobs] = apps;
    while anns.acknowledged() + bobs.acknowledged() < at {
        tokio::select! {
            moved = anns.progress() => moved?,
            moved = bobs.progress() => moved?,
        }
    }
    node.kill().await?;
    let in_flight = anns.in_flight() + bobs.in_flight();
    ensure!(in_flight > 0, "a kill hit a server that had nothing to do");
    node.restart(Listen::AnyPort).await?;
    proxy.retarget(node.address());
    Ok(in_flight)
}

/// Writes a line past the test runner, which keeps what passing tests print to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
