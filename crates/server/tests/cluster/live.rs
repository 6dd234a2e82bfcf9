//! The bus works, and no node compares itself with the store: everything is heard over the bus, at once.

use std::time::Instant;

use serde_json::json;
use tidemark_core::{ConversationId, UserId};
use tidemark_server::bus::Topic;

use crate::servers::{Cluster, NEVER, find, places_up_to, so_far, was_prompt};
use crate::world::eventually;

#[tokio::test]
async fn what_is_sent_on_one_node_arrives_on_the_sockets_of_all() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let people = [
        cluster.person("ann", 0),
        cluster.person("bob", 1),
        cluster.person("cem", 2),
    ];
    let group = people[0].group(&["bob", "cem"]).await;
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(person.socket().await);
    }
    let began = Instant::now();
    // One says it over a socket, one over HTTP.
    sockets[0].say(&group, "over a socket").await;
    let ack = sockets[0].expect("ack").await;
    assert_eq!(ack["seq"], 3);
    for socket in &mut sockets[1..] {
        let event = socket.expect("event").await;
        assert_eq!(event["seq"], 3);
        assert_eq!(event["text"], "over a socket");
        assert_eq!(event["sender"], "ann");
    }
    people[2].say(&group, "over HTTP").await;
    for socket in &mut sockets {
        let event = socket.expect("event").await;
        assert_eq!(
            (event["seq"].as_u64(), event["text"].as_str()),
            (Some(4), Some("over HTTP"))
        );
    }
    was_prompt(began);
    assert!(
        cluster
            .metric(r#"tidemark_bus_messages_total{direction="out"}"#)
            .await
            >= 2.0
    );
    assert!(
        cluster
            .metric(r#"tidemark_bus_messages_total{direction="in"}"#)
            .await
            >= 4.0
    );
}

#[tokio::test]
async fn changes_of_messages_arrive_on_all_nodes_with_what_is_unread() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let (mut socket, mut other) = (ann.socket().await, bob.socket().await);
    let began = Instant::now();
    socket.say(&group, "hello").await;
    assert_eq!(other.expect("event").await["seq"], 3);
    let about = json!({"conversation": group, "target": 3});
    for (more, kind) in [
        (json!({"type": "edit", "text": "hello all"}), "edit"),
        (
            json!({"type": "react", "emoji": "👍", "on": true}),
            "reaction",
        ),
        (json!({"type": "pin", "on": true}), "pin"),
        (json!({"type": "delete"}), "delete"),
    ] {
        let mut wish = about.clone();
        for (field, value) in more.as_object().unwrap() {
            wish[field] = value.clone();
        }
        socket.ask(wish).await;
        let event = other.expect("event").await;
        assert_eq!(
            (&event["kind"], &event["target"]),
            (&json!(kind), &json!(3))
        );
    }
    let read = other.expect("read").await;
    assert_eq!((&read["user"], &read["unread"]), (&json!("bob"), &json!(0)));
    was_prompt(began);
}

#[tokio::test]
async fn whoever_is_added_and_removed_on_another_node_hears_of_it() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let mut socket = bob.socket().await;
    let own = bob.group(&[]).await;
    find(&mut socket, "added").await;

    let began = Instant::now();
    let group = ann.group(&[]).await;
    ann.say(&group, "not for bob").await;
    let joined = ann.add(&group, &["bob"]).await;
    let added = socket.expect("added").await;
    assert_eq!(added["conversation"]["id"], group);
    assert_eq!(added["conversation"]["head_seq"], joined);
    let said = ann.say(&group, "for bob").await;
    assert_eq!(socket.expect("event").await["seq"], said);
    was_prompt(began);

    let began = Instant::now();
    ann.remove(&group, "bob").await;
    assert_eq!(socket.expect("removed").await["conversation"], group);
    was_prompt(began);
    for _ in 0..20 {
        ann.say(&group, "again not for bob").await;
    }
    assert_eq!(socket.drain(&own).await, [] as [serde_json::Value; 0]);

    // And back: nothing of what was said meanwhile is live.
    let back = ann.add(&group, &["bob"]).await;
    let added = socket.expect("added").await;
    assert_eq!(added["conversation"]["head_seq"], back);
    let said = ann.say(&group, "for bob").await;
    assert_eq!(socket.expect("event").await["seq"], said);
}

#[tokio::test]
async fn a_cursor_that_moves_on_one_node_is_seen_on_others() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let (ann, bob) = (cluster.person("ann", 0), cluster.person("bob", 1));
    let group = ann.group(&["bob"]).await;
    let first = ann.say(&group, "one").await;
    ann.say(&group, "two").await;
    let mut phone = bob.socket().await;
    let mut laptop = cluster.person("bob", 2).socket().await;
    let mut other = ann.socket().await;
    let id = phone
        .ask(json!({"type": "read", "conversation": group, "seq": first}))
        .await;
    let began = Instant::now();
    let answer = json!({
        "type": "read", "id": id, "conversation": group, "user": "bob", "read_seq": first,
        "head_seq": first + 1, "unread": 1, "mentions": 0,
    });
    assert_eq!(phone.expect("read").await, answer);
    let mut own = answer.clone();
    own.as_object_mut().unwrap().remove("id");
    assert_eq!(laptop.expect("read").await, own);
    let others = json!({"type": "read", "conversation": group, "user": "bob", "read_seq": first});
    assert_eq!(other.expect("read").await, others);
    was_prompt(began);
    for socket in [&mut phone, &mut laptop, &mut other] {
        assert_eq!(so_far(socket).await, [] as [serde_json::Value; 0]);
    }
}

#[tokio::test]
async fn a_session_that_is_revoked_on_one_node_ends_on_all() {
    let cluster = Cluster::new(2, &[NEVER]).await;
    let (ann, session) = cluster.nodes[0].register("ann").await;
    let elsewhere = cluster.nodes[1].caller("ann", ann.token.clone());
    elsewhere.get("/v1/users/me").await.expect(200);
    let mut sockets = [ann.socket().await, elsewhere.socket().await];
    let began = Instant::now();
    let revoked = ann.delete(&format!("/v1/sessions/{session}")).await;
    assert_eq!(revoked.status, 204);
    for socket in &mut sockets {
        socket.expect_close("revoked", 4002).await;
    }
    assert_eq!(elsewhere.get("/v1/users/me").await.status, 401);
    was_prompt(began);
}

#[tokio::test]
async fn a_node_hears_only_of_conversations_and_users_that_it_has_sockets_of() {
    let cluster = Cluster::new(3, &[NEVER]).await;
    let ann = cluster.person("ann", 0);
    let bob = cluster.person("bob", 1);
    let group = ann.group(&["bob", "cem"]).await;
    let (mut here, mut there) = (ann.socket().await, bob.socket().await);
    let elsewhere = cluster.person("eve", 2).socket().await;
    let said = ann.say(&group, "for ann, bob and cem").await;
    bob.put(
        &format!("/v1/conversations/{group}/read"),
        &json!({"seq": said}),
    )
    .await
    .expect(200);
    find(&mut here, "read").await;
    find(&mut there, "read").await;
    assert_eq!(cluster.network.heard(2), []);

    let (topic, user) = (topic_of(&group), Topic::User(UserId::parse("bob").unwrap()));
    assert!(cluster.network.heard(1).contains(&topic));
    let followed = cluster.network.followed(1);
    assert!(followed.contains(&topic) && followed.contains(&user));
    // With the last socket that is in them, nobody follows them any more.
    drop((there, elsewhere));
    eventually(async || cluster.network.followed(1).is_empty()).await;
    eventually(async || cluster.network.followed(2).is_empty()).await;
    let heard = cluster.network.heard(1).len();
    ann.say(&group, "who hears?").await;
    places_up_to(&mut here, &group, said + 1).await;
    assert_eq!(cluster.network.heard(1).len(), heard);
}

fn topic_of(conversation: &str) -> Topic {
    Topic::Conversation(conversation.parse::<ConversationId>().unwrap())
}
