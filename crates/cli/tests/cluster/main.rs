//! Two hundred people talk in fifty conversations through a cluster in which everything breaks, again and again:
//! nodes are killed, NATS servers are killed one by one and all at once, PostgreSQL is killed and fails over to
//! its standby, and connections between any two parts are delayed, stalled and cut. At the end everybody has the
//! same.
//!
//! What happens is drawn from a seed, which is printed. It takes five minutes; for longer, and to draw the same again:
//!
//! ```text
//! CLUSTER_SECONDS=1800 CLUSTER_SEED=1234 cargo test --package tidemark --test cluster
//! ```

mod consumer;
mod crowd;
mod disturbance;
mod person;
mod rolling;
mod verdict;

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tidemark_simulator::cluster::{Cluster, Plan, Weather};
use tidemark_simulator::nats::program_beside;
use tidemark_simulator::proxy::Faults;

use consumer::Consumer;
use crowd::Crowd;
use disturbance::Disturbances;

const SEED_VARIABLE: &str = "CLUSTER_SEED";
const SECONDS_VARIABLE: &str = "CLUSTER_SECONDS";
/// How long the disturbances go on, unless the variable says otherwise.
const SECONDS: u64 = 300;

const API_KEY: &str = "the-key-of-the-cluster-test";
const JWT_SECRET: &str = "a secret that only this test needs to know";

/// Accepts what an embedding application signs, and limits nobody.
fn config() -> String {
    format!(
        r#"
        trusted_proxies = ["127.0.0.1"]
        api_keys = ["{API_KEY}"]
        [auth.jwt]
        hs256_secret = "{JWT_SECRET}"
        [limits]
        sends_per_second = 0
        logins_per_minute = 0
        [socket]
        # So that a half-open connection is noticed soon.
        heartbeat_ms = 2_000
        idle_timeout_ms = 8_000
        "#
    )
}

/// A network on which connections live for a while.
fn weather(seed: u64) -> Weather {
    Weather::Proxied(Faults {
        seed,
        delay_probability: 0.005,
        delay_max: Duration::from_millis(20),
        bytes_until_cut: Some(20_000..8_000_000),
        stall_max: Duration::from_secs(2),
    })
}

fn plan(weather: Weather) -> Plan {
    Plan {
        program: env!("CARGO_BIN_EXE_tidemark").into(),
        nats_program: program_beside(env!("CARGO_TARGET_TMPDIR")),
        gateways: 3,
        buses: 3,
        postgres_settings: Vec::new(),
        config: config(),
        port: None,
        weather,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_has_the_same_whatever_breaks() -> anyhow::Result<()> {
    let seed = match std::env::var(SEED_VARIABLE) {
        Ok(text) => text.parse().context("the seed is a whole number")?,
        Err(_) => rand::random(),
    };
    let seconds = match std::env::var(SECONDS_VARIABLE) {
        Ok(text) => text.parse().context("the seconds are a whole number")?,
        Err(_) => SECONDS,
    };
    say(&format!("cluster: {SEED_VARIABLE}={seed}"));
    let told = run(seed, Duration::from_secs(seconds))
        .await
        .with_context(|| format!("with {SEED_VARIABLE}={seed}"))?;
    say(&told);
    Ok(())
}

async fn run(seed: u64, duration: Duration) -> anyhow::Result<String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut cluster = Cluster::start(plan(weather(rng.random()))).await?;
    let crowd = Crowd::gather(&cluster, &mut rng).await?;
    let consumer = Consumer::start(&cluster)?;
    let began = Instant::now();
    let mut disturbances = Disturbances::new(rng.random());
    while began.elapsed() < duration {
        disturbances
            .next(&mut cluster)
            .await
            .with_context(|| format!("after {disturbances}"))?;
        crowd
            .check()
            .with_context(|| format!("after {disturbances}"))?;
    }
    cluster.network.heal();
    crowd.fall_silent().await;
    verdict::settled(&cluster, &crowd)
        .await
        .with_context(|| format!("after {disturbances}"))?;
    let sum = verdict::complete(&cluster, &crowd, consumer).await?;
    let links = cluster.network.links();
    Ok(format!(
        "cluster: {} s; {disturbances}; {} cuts by the network on {} links; {sum}",
        began.elapsed().as_secs(),
        links
            .iter()
            .map(|link| link.proxy().statistics().cuts())
            .sum::<u64>(),
        links.len(),
    ))
}

/// Writes a line past the test runner, which keeps what passing tests print to itself.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
