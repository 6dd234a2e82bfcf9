//! What belongs to one user, on devices at different nodes.

use std::time::Instant;

use serde_json::{Value, json};

use crate::servers::{Cluster, NEVER, find, so_far, was_prompt};

#[tokio::test]
async fn a_draft_written_on_one_node_appears_on_the_users_device_on_another() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let room = ann.group(&["bob"]).await;
    let mut tablet = cluster.person("ann", 1).socket().await;
    let mut other = bob.socket().await;
    let began = Instant::now();
    let path = format!("/v1/conversations/{room}/personal");
    let wish = json!({"draft": {"text": "Tomorrow at"}});
    ann.put(&path, &wish).await.expect(200);
    let heard = find(&mut tablet, "personal").await;
    was_prompt(began);
    assert_eq!(
        (&heard["conversation"], &heard["version"]),
        (&json!(room), &json!(1))
    );
    assert_eq!(heard["draft"], wish["draft"]);
    // And back: each device of the user may change the same state.
    let mut phone = ann.socket().await;
    let tablet_side = cluster.person("ann", 1);
    tablet_side
        .put(&path, &json!({"draft": null}))
        .await
        .expect(200);
    for socket in [&mut phone, &mut tablet] {
        let heard = find(socket, "personal").await;
        assert_eq!(
            (&heard["version"], &heard["draft"]),
            (&json!(2), &json!(null))
        );
    }
    assert_eq!(so_far(&mut other).await, [] as [Value; 0]);
    assert_eq!(
        cluster.network.heard(2),
        [],
        "a node without the user hears nothing"
    );
}

#[tokio::test]
async fn what_the_bus_lost_is_found_by_the_version() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let ann = cluster.person("ann", 0);
    let room = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{room}/personal");
    let (_socket, before) = cluster.person("ann", 1).online().await;
    assert_eq!(before["personal_version"], 0);
    ann.put(&path, &json!({"archived": true})).await.expect(200);
    ann.put(&path, &json!({"draft": {"text": "begun"}}))
        .await
        .expect(200);
    let tablet = cluster.person("ann", 1);
    let (_socket, welcome) = tablet.online().await;
    assert_eq!(welcome["personal_version"], 2);
    let page = tablet.get("/v1/personal?after=0").await.expect(200);
    assert_eq!(page["version"], 2);
    assert_eq!(page["changes"][0]["draft"], json!({"text": "begun"}));
}
