//! Runs a whole cluster on loopback until it is told to stop, or measures it: `cargo xtask cluster`.

mod measure;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use tidemark_simulator::cluster::{Cluster, Plan, Weather};
use tokio::signal::unix::{SignalKind, signal};

/// Open to everybody who can reach loopback, and trusting the balancer about where they come from.
const CONFIG: &str = "trusted_proxies = [\"127.0.0.1\"]\n[auth]\nregistration = \"open\"\n";

#[derive(Parser)]
#[command(name = "cargo xtask cluster")]
struct Arguments {
    /// The tidemark program
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// The nats-server program
    #[arg(long, value_name = "FILE")]
    nats_program: PathBuf,
    /// How many nodes
    #[arg(long, default_value_t = 3, value_name = "NUMBER")]
    gateways: usize,
    /// How many NATS servers
    #[arg(long, default_value_t = 3, value_name = "NUMBER")]
    buses: usize,
    /// Where the load balancer listens; a free port if it is not said
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// A setting of PostgreSQL, such as `max_connections=500`
    #[arg(long, value_name = "NAME=VALUE")]
    postgres_setting: Vec<String>,
    /// Measure one node, two nodes and so on, and the embedded store, so many times each, and stop then
    #[arg(long, value_name = "ROUNDS")]
    measure: Option<usize>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut stop = signal(SignalKind::terminate())?;
    // As safe as the real thing, unless whoever starts it says otherwise.
    let durable = ["fsync=on", "full_page_writes=on"].map(str::to_owned);
    let plan = Plan {
        program: arguments.program,
        nats_program: arguments.nats_program,
        gateways: arguments.gateways,
        buses: arguments.buses,
        postgres_settings: durable
            .into_iter()
            .chain(arguments.postgres_setting)
            .collect(),
        config: CONFIG.to_owned(),
        port: arguments.port,
        weather: Weather::Direct,
    };
    if let Some(rounds) = arguments.measure {
        tokio::select! {
            measured = measure::run(&plan, rounds) => return measured,
            _ = stop.recv() => return Ok(()),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
    let cluster = tokio::select! {
        started = Cluster::start(plan) => started?,
        _ = stop.recv() => return Ok(()),
        _ = tokio::signal::ctrl_c() => return Ok(()),
    };
    tell(&cluster).context("cannot print the addresses")?;
    tokio::select! {
        _ = stop.recv() => {}
        told = tokio::signal::ctrl_c() => told?,
    }
    Ok(())
}

/// Prints where everything is, the entrance last: whoever reads up to there knows that it accepts.
fn tell(cluster: &Cluster) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let [primary, standby] = cluster.databases.addresses();
    writeln!(
        out,
        "PostgreSQL      {primary} (primary), {standby} (synchronous standby)"
    )?;
    for bus in &cluster.buses {
        writeln!(out, "NATS            {}", bus.address())?;
    }
    for gateway in &cluster.gateways {
        let process = gateway.process_id().unwrap_or_default();
        writeln!(
            out,
            "node            http://{} (process {process})",
            gateway.address()
        )?;
    }
    writeln!(out, "load balancer   http://{}", cluster.entrance())?;
    out.flush()
}
