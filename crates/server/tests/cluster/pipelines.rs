//! Who follows the feed: on one node at a time, and every node may say what it is to do.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::servers::Cluster;
use crate::world::eventually;

const SETTINGS: [(&str, &str); 2] = [("bus.repair_ms", "300"), ("background.lease_ms", "1500")];
const ACTIVE: &str = r#"tidemark_runner_active{runner="audit"}"#;

async fn audit(cluster: &Cluster, node: usize) -> Value {
    let operator = cluster.nodes[node].operator();
    let answer = operator.get("/v1/pipelines/audit").await;
    answer.expect(200)
}

async fn is_at_work_once(cluster: &Cluster) -> bool {
    (cluster.metric(ACTIVE).await - 1.0).abs() < 0.5
}

fn is_done(audit: &Value) -> bool {
    audit["position"] == audit["head"] && audit["lag_events"] == 0
}

#[tokio::test]
async fn one_node_runs_a_pipeline_and_every_node_decides_about_it() {
    let mut cluster = Cluster::new(2, &SETTINGS).await;
    let ann = cluster.person("ann", 0);
    let group = ann.group(&[]).await;
    ann.say(&group, "one").await;
    eventually(async || is_at_work_once(&cluster).await).await;
    eventually(async || is_done(&audit(&cluster, 0).await)).await;
    let (one, other) = (audit(&cluster, 0).await, audit(&cluster, 1).await);
    assert_eq!(one["node"], other["node"]);
    let port = |node: usize| format!(":{}", cluster.nodes[node].address.port());
    let runs = |audit: &Value, node| audit["node"].as_str().unwrap().ends_with(&port(node));
    let (at_work, idle) = if runs(&one, 0) { (0, 1) } else { (1, 0) };
    assert!(runs(&one, at_work));

    // It is paused by the node that does not run it.
    let operator = cluster.nodes[idle].operator();
    let reason = json!({"reason": "a test"});
    let paused = operator.post("/v1/pipelines/audit/pause", &reason).await;
    assert_eq!(paused.expect(200)["state"], "paused");
    sleep(Duration::from_millis(2_500)).await;
    let before = audit(&cluster, at_work).await["position"].clone();
    ann.say(&group, "two").await;
    sleep(Duration::from_millis(2_500)).await;
    let still = audit(&cluster, at_work).await;
    assert_eq!(
        (&still["position"], &still["lag_events"]),
        (&before, &json!(1))
    );
    let resumed = operator
        .post("/v1/pipelines/audit/resume", &json!({}))
        .await;
    resumed.expect(200);
    eventually(async || is_done(&audit(&cluster, at_work).await)).await;

    // The node that runs it is rewound by the other one, and goes on from there.
    let back = operator
        .post("/v1/pipelines/audit/rewind", &json!({"to": 0}))
        .await;
    back.expect(200);
    let looked = "tidemark_audit_events_total";
    eventually(async || cluster.metric(looked).await >= 8.0).await;
    eventually(async || is_done(&audit(&cluster, idle).await)).await;

    // It dies without a word: its lease ends, and the other one goes on where it was.
    let dead = cluster.nodes.remove(at_work);
    dead.running.abort();
    eventually(async || is_at_work_once(&cluster).await).await;
    let ann = cluster.person("ann", 0);
    ann.say(&group, "three").await;
    eventually(async || is_done(&audit(&cluster, 0).await)).await;
    let violations = cluster.metric("tidemark_audit_violations_total").await;
    assert!(violations < 1.0, "{violations}");
}
