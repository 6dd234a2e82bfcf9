//! An upgrade: every node is stopped and started, one after the other, while people talk.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tidemark_simulator::cluster::{Cluster, Weather};

use crate::consumer::Consumer;
use crate::crowd::Crowd;
use crate::{disturbance, plan, say, verdict};

/// Nobody notices: every message is acknowledged, and none is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_send_is_refused_while_every_node_is_restarted() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(plan(Weather::Direct)).await?;
    let crowd = Crowd::gather(&cluster, &mut StdRng::seed_from_u64(1)).await?;
    let consumer = Consumer::start(&cluster)?;
    disturbance::roll(&mut cluster).await?;
    crowd.fall_silent().await;
    verdict::settled(&cluster, &crowd).await?;
    let sum = verdict::complete(&cluster, &crowd, consumer).await?;
    say(&format!(
        "cluster: every node was restarted; 0 sends refused; {sum}"
    ));
    Ok(())
}
