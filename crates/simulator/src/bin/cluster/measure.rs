//! What a cluster takes with one, two and more nodes, beside one server with the embedded store, in one run.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tidemark_simulator::cluster::{Cluster, Plan};
use tokio::process::Command;

const API_KEY: &str = "the-key-of-a-measurement";
const JWT_SECRET: &str = "a secret that only this measurement needs";

/// Counts statements and what PostgreSQL writes from now on.
const BEGIN_COUNTING: &str = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
    SELECT pg_stat_statements_reset(); SELECT pg_stat_reset_shared('wal')";
/// Statements, commits, flushes of the log, and its bytes, since then.
const COUNTED: &str = "SELECT
    (SELECT sum(calls) FROM pg_stat_statements AS s
        JOIN pg_database AS d ON d.oid = s.dbid WHERE d.datname = current_database()),
    (SELECT sum(calls) FROM pg_stat_statements WHERE query = 'COMMIT'),
    (SELECT wal_sync FROM pg_stat_wal),
    (SELECT wal_bytes FROM pg_stat_wal)";

/// Every so many rounds each, one after the other, so that what else happens on the machine meets all of them.
pub(crate) async fn run(plan: &Plan, rounds: usize) -> anyhow::Result<()> {
    say(&format!(
        "{:22}{:>10}{:>14}{:>10}{:>10}{:>13}{:>10}{:>11}{:>12}",
        "",
        "sends/s",
        "per CPU s",
        "p50 ms",
        "p99 ms",
        "statements",
        "commits",
        "flushes",
        "log bytes"
    ))?;
    for _ in 0..rounds {
        let embedded = bench(&plan.program, "sends", &[]).await?;
        say(&row("embedded store", &embedded, None)?)?;
        for nodes in 1..=plan.gateways {
            let word = if nodes == 1 { "node" } else { "nodes" };
            say(&measured(plan, nodes, "sends", &format!("{nodes} {word}")).await?)?;
        }
        let name = format!("one conversation, {}", plan.gateways);
        say(&measured(plan, plan.gateways, "hot", &name).await?)?;
    }
    say("statements, commits, flushes and bytes of PostgreSQL's log are for each message")
}

/// A line about a scenario on a cluster of its own.
async fn measured(plan: &Plan, nodes: usize, scenario: &str, name: &str) -> anyhow::Result<String> {
    let keys = format!(
        "api_keys = [\"{API_KEY}\"]\n[auth.jwt]\nhs256_secret = \"{JWT_SECRET}\"\n\
         [limits]\nsends_per_second = 0\nlogins_per_minute = 0\n"
    );
    let mut settings = plan.postgres_settings.clone();
    settings.push("shared_preload_libraries=pg_stat_statements".to_owned());
    let cluster = Cluster::start(Plan {
        gateways: nodes,
        config: keys,
        postgres_settings: settings,
        ..plan.clone()
    })
    .await?;
    let mut flags = Vec::new();
    for gateway in &cluster.gateways {
        let process = gateway.process_id().context("a node has ended")?;
        flags.extend(["--url".to_owned(), format!("http://{}", gateway.address())]);
        flags.extend(["--server-pid".to_owned(), process.to_string()]);
    }
    cluster.databases.query(BEGIN_COUNTING)?;
    let result = bench(&plan.program, scenario, &flags).await?;
    row(name, &result, Some(&cluster.databases.query(COUNTED)?))
}

async fn bench(program: &Path, scenario: &str, flags: &[String]) -> anyhow::Result<Value> {
    let output = Command::new(program)
        .args(["bench", scenario, "--json"])
        .args(flags)
        .env("TIDEMARK_API_KEY", API_KEY)
        .env("TIDEMARK_JWT_SECRET", JWT_SECRET)
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn row(name: &str, result: &Value, counted: Option<&str>) -> anyhow::Result<String> {
    let number = |path: &str| {
        let value = result.pointer(path).and_then(Value::as_f64);
        value.with_context(|| format!("the result has no {path}"))
    };
    let mut row = format!(
        "{name:22}{:>10.0}{:>14.0}{:>10.2}{:>10.2}",
        number("/results/sends_per_second")?,
        number("/results/sends_per_server_cpu_second")?,
        number("/results/ack_latency/p50_ms")?,
        number("/results/ack_latency/p99_ms")?,
    );
    if let Some(counted) = counted {
        let messages = number("/results/verified_messages")?;
        let widths = [13, 10, 11, 12];
        for (count, width) in counted.trim().split('|').zip(widths) {
            let each = count.parse::<f64>().unwrap_or_default() / messages;
            write!(row, "{each:>width$.3}")?;
        }
    }
    Ok(row)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
