//! From the first frame to `welcome`, and how long a socket is borne with.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::Socket;
use crate::world::{World, jwt, now_seconds};

#[tokio::test]
async fn welcome_says_who_where_and_how_much() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let group = ann.group(&["bob"]).await;
    let direct = ann.begin("direct", &["bob"]).await;
    let message = json!({
        "client_id": uuid::Uuid::now_v7(), "text": "for you", "mentions": ["bob"],
    });
    let path = format!("/v1/conversations/{group}/messages");
    ann.post(&path, &message).await.expect(201);
    ann.say(&group, "hello").await;

    let (_socket, welcome) = bob.online().await;
    assert_eq!(welcome["user"]["id"], "bob");
    assert_eq!(welcome["user"]["username"], "bob");
    assert!(welcome["user"]["display_name"].is_null());
    assert!(
        welcome["session_id"]
            .as_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
    assert!(!welcome["epoch"].as_str().unwrap().is_empty());
    assert_eq!(welcome["heartbeat_ms"], 30_000);
    let limits = &welcome["limits"];
    assert_eq!(limits["text_bytes_max"], 16 * 1024);
    assert_eq!(limits["frame_bytes_max"], 64 * 1024);
    assert_eq!(limits["page_events_max"], 1_000);
    assert_eq!(limits["cursors_max"], 1_000);
    assert_eq!(limits["receipt_members_max"], 100);
    assert_eq!(welcome["more"], false);
    assert_eq!(
        welcome["conversations"],
        json!([
            {"id": group, "kind": "group", "head_seq": 4, "read_seq": 2, "unread": 2, "mentions": 1,
                "member_count": 2},
            {"id": direct, "kind": "direct", "head_seq": 2, "read_seq": 2, "unread": 0, "mentions": 0,
                "member_count": 2},
        ])
    );
    let epoch = bob.post("/v1/sync", &json!({})).await.expect(200)["epoch"].clone();
    assert_eq!(welcome["epoch"], epoch);
}

#[tokio::test]
async fn a_signed_in_device_hears_its_own_session() {
    let world = World::new().await;
    let (ann, session) = world.register("ann").await;
    let (_socket, welcome) = ann.online().await;
    assert_eq!(welcome["session_id"], session);
}

#[tokio::test]
async fn welcome_has_the_200_last_active_conversations() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut made = Vec::new();
    for _ in 0..201 {
        made.push(ann.group(&[]).await);
    }
    // The one that was made first becomes the one that was active last.
    ann.say(&made[0], "still here").await;
    let (mut socket, welcome) = ann.hello(json!({"cursors": {made[1].clone(): 1}})).await;
    assert_eq!(welcome["more"], true);
    let shown: Vec<&str> = welcome["conversations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].as_str().unwrap())
        .collect();
    assert_eq!(shown.len(), 200);
    assert_eq!(shown[0], made[0]);
    assert_eq!(shown[1], made[200]);
    assert!(!shown.contains(&made[1].as_str()));
    // What has no room in the welcome is caught up on, and live, all the same.
    let page = socket.expect("events").await;
    assert_eq!(page["conversation"], made[1]);
    assert_eq!(page["events"][0]["seq"], 2);
    ann.say(&made[1], "live").await;
    assert_eq!(socket.expect("event").await["seq"], 3);
}

#[tokio::test]
async fn the_token_may_come_in_the_header() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut socket = with_header(&world, &ann.token).await.unwrap();
    socket.send(json!({"type": "hello"})).await;
    assert_eq!(socket.expect("welcome").await["user"]["id"], "ann");

    // One in the frame says more.
    let mut socket = with_header(&world, &ann.token).await.unwrap();
    socket
        .say_hello(&world.person("bob").token, json!({}))
        .await;
    assert_eq!(socket.expect("welcome").await["user"]["id"], "bob");
}

#[tokio::test]
async fn a_bad_token_is_no_way_in() {
    let world = World::new().await;
    let (ann, session) = world.register("ann").await;
    ann.delete(&format!("/v1/sessions/{session}")).await;
    let expired = jwt("bob", now_seconds() - 1.0);
    let forged = format!("{}x", world.person("bob").token);
    for token in ["", "nonsense", "tms_AAAA", &ann.token, &expired, &forged] {
        let mut socket = Socket::open(world.address).await;
        socket.say_hello(token, json!({})).await;
        let bye = socket.expect_close("unauthorized", 4001).await;
        assert_eq!(bye["reconnect"], false);

        match with_header(&world, token).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 401, "{token}"),
            other => panic!("{token}: {:?}", other.map(|_| "a socket")),
        }
    }
    let mut socket = Socket::open(world.address).await;
    socket.send(json!({"type": "hello"})).await;
    socket.expect_close("unauthorized", 4001).await;
}

#[tokio::test]
async fn a_session_that_is_revoked_between_the_header_and_the_hello_is_no_way_in() {
    let world = World::new().await;
    let (ann, session) = world.register("ann").await;
    let mut socket = with_header(&world, &ann.token).await.unwrap();
    ann.delete(&format!("/v1/sessions/{session}")).await;
    socket.send(json!({"type": "hello"})).await;
    assert_eq!(socket.expect("bye").await["code"], "unauthorized");
}

#[tokio::test]
async fn a_jwt_that_ends_between_the_header_and_the_hello_is_no_way_in() {
    let world = World::new().await;
    let expires = now_seconds() + 1.5;
    let mut socket = with_header(&world, &jwt("ann", expires)).await.unwrap();
    let left = Duration::try_from_secs_f64(expires - now_seconds()).unwrap_or_default();
    tokio::time::sleep(left).await;
    socket.send(json!({"type": "hello"})).await;
    assert_eq!(socket.expect("bye").await["code"], "unauthorized");
}

#[tokio::test]
async fn revoking_a_session_closes_its_sockets_and_no_others() {
    let world = World::new().await;
    let (phone, session) = world.register("ann").await;
    let body = json!({"username": "ann", "password": "correct horse battery"});
    let body = phone.post("/v1/sessions", &body).await.expect(201);
    let laptop = world.caller("ann", body["token"].as_str().unwrap().to_owned());
    let group = laptop.group(&[]).await;
    let (mut one, mut two, mut other) = (
        phone.socket().await,
        phone.socket().await,
        laptop.socket().await,
    );
    assert_eq!(
        laptop
            .delete(&format!("/v1/sessions/{session}"))
            .await
            .status,
        204
    );
    for socket in [&mut one, &mut two] {
        let bye = socket.expect_close("revoked", 4002).await;
        assert_eq!(bye["reconnect"], false);
    }
    assert_eq!(phone.get("/v1/users/me").await.status, 401);
    let id = other.say(&group, "still here").await;
    assert_eq!(other.expect("ack").await["id"], id);
}

#[tokio::test]
async fn a_socket_does_not_outlive_its_jwt() {
    let world = World::new().await;
    let expires = now_seconds() + 1.5;
    let ann = world.caller("ann", jwt("ann", expires));
    let (mut socket, _) = ann.online().await;
    socket.expect_close("unauthorized", 4001).await;
    assert!(now_seconds() >= expires);
}

#[tokio::test]
async fn whoever_does_not_say_hello_in_time_is_closed() {
    let world = World::with(&[("socket.hello_timeout_ms", "600")]).await;
    let began = Instant::now();
    let mut silent = Socket::open(world.address).await;
    silent.expect_close("protocol_error", 4003).await;
    assert!(began.elapsed() >= Duration::from_millis(590));

    // Pings and half a hello are no hello.
    let mut chatty = Socket::open(world.address).await;
    for _ in 0..3 {
        chatty.stream.get_mut().set_nodelay(true).unwrap();
        futures_util::SinkExt::send(&mut chatty.stream, Message::Ping("".into()))
            .await
            .unwrap();
    }
    chatty.send(json!({"type": "hello", "token": 7})).await;
    assert_eq!(chatty.expect("refused").await["code"], "invalid");
    chatty.expect_close("protocol_error", 4003).await;
}

#[tokio::test]
async fn the_first_frame_is_a_hello_and_no_other_is() {
    let world = World::new().await;
    let ann = world.person("ann");
    for first in [
        json!({"type": "ping"}),
        json!({"type": "sail"}),
        json!([]),
        json!({}),
    ] {
        let mut socket = Socket::open(world.address).await;
        socket.send(first).await;
        let bye = socket.expect_close("protocol_error", 4003).await;
        assert_eq!(bye["reconnect"], false);
    }
    let mut socket = ann.socket().await;
    socket.say_hello(&ann.token, json!({})).await;
    socket.expect_close("protocol_error", 4003).await;
}

#[tokio::test]
async fn a_hello_with_a_wrong_field_can_be_said_again() {
    let world = World::new().await;
    let ann = world.person("ann");
    let mut socket = Socket::open(world.address).await;
    for wrong in [
        json!({"cursors": {"not a uuid": 1}}),
        json!({"cursors": {uuid::Uuid::now_v7().to_string(): -1}}),
        json!({"cursors": []}),
        json!({"epoch": 7}),
    ] {
        socket.say_hello(&ann.token, wrong).await;
        assert_eq!(socket.expect("refused").await["code"], "invalid");
    }
    socket
        .say_hello(&ann.token, json!({"device": "phone", "future": [1]}))
        .await;
    socket.expect("welcome").await;
}

#[tokio::test]
async fn a_silent_client_is_closed_and_one_that_pings_is_not() {
    let world = World::with(&[
        ("socket.heartbeat_ms", "50"),
        ("socket.idle_timeout_ms", "1000"),
    ])
    .await;
    let ann = world.person("ann");
    let (mut silent, welcome) = ann.online().await;
    assert_eq!(welcome["heartbeat_ms"], 50);
    let mut alive = ann.socket().await;
    let mut web = ann.socket().await;
    let began = Instant::now();
    let mut beat = tokio::time::interval(Duration::from_millis(50));
    while began.elapsed() < Duration::from_millis(1_600) {
        beat.tick().await;
        alive.send(json!({"type": "ping"})).await;
        assert_eq!(alive.expect("pong").await, json!({"type": "pong"}));
        futures_util::SinkExt::send(&mut web.stream, Message::Ping("x".into()))
            .await
            .unwrap();
    }
    let bye = silent.expect_close("idle", 4010).await;
    assert_eq!(bye["reconnect"], true);
    let id = web.ask(json!({"type": "ping"})).await;
    assert_eq!(web.expect("pong").await, json!({"type": "pong", "id": id}));
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let world = World::new().await;
    let mut greeted = world.person("ann").socket().await;
    let mut new = Socket::open(world.address).await;
    for socket in [&mut greeted, &mut new] {
        socket.stream.close(None).await.unwrap();
        // Otherwise a browser tells its page that the connection broke.
        assert_eq!(socket.next_or_close().await, Err::<Value, u16>(1005));
    }
}

#[tokio::test]
async fn a_user_has_only_so_many_sockets() {
    let world = World::with(&[("limits.sockets_per_user", "2")]).await;
    let ann = world.person("ann");
    let (one, _two) = (ann.socket().await, ann.socket().await);
    let mut third = Socket::open(world.address).await;
    third.say_hello(&ann.token, json!({})).await;
    let bye = third.expect_close("overloaded", 4009).await;
    assert_eq!(bye["reconnect"], true);
    world.person("bob").socket().await;
    // A place becomes free with a socket that goes.
    drop(one);
    crate::world::eventually(async || {
        let mut again = Socket::open(world.address).await;
        again.say_hello(&ann.token, json!({})).await;
        again.next().await["type"] == "welcome"
    })
    .await;
}

async fn with_header(world: &World, token: &str) -> Result<Socket, Error> {
    let tcp = TcpStream::connect(world.address).await.unwrap();
    Socket::over(tcp, world.address, Some(token)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hello_does_not_slip_past_the_revocation_of_its_session() {
    let world = World::with(&[("drain_ms", "100")]).await;
    let (ann, _) = world.register("ann").await;
    for _ in 0..20 {
        let body = json!({"username": "ann", "password": "correct horse battery"});
        let body = ann.post("/v1/sessions", &body).await.expect(201);
        let device = world.caller("ann", body["token"].as_str().unwrap().to_owned());
        let mut socket = Socket::open(world.address).await;
        let path = format!("/v1/sessions/{}", body["session_id"].as_str().unwrap());
        let (revoked, ()) = tokio::join!(
            ann.delete(&path),
            socket.say_hello(&device.token, json!({}))
        );
        assert_eq!(revoked.status, 204);
        while let Ok(frame) = socket.next_or_close().await {
            assert!(
                frame["type"] == "welcome" || frame["type"] == "bye",
                "{frame}"
            );
        }
    }
}

#[tokio::test]
async fn a_client_whose_network_is_gone_has_done_nothing_wrong() {
    let world = World::new().await;
    drop(world.person("ann").socket().await);
    crate::world::eventually(async || world.metric("tidemark_sockets").await == 0.0).await;
    let gone = r#"tidemark_socket_closes_total{code="gone"}"#;
    assert!((world.metric(gone).await - 1.0).abs() < f64::EPSILON);
}
