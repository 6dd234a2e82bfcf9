//! What no sensible client sends over HTTP.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::world::{World, jwt, now_seconds, within};

/// Everything that the server answers to these bytes, until it closes.
async fn conversation(world: &World, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    for part in parts {
        // It may have heard enough already.
        if stream.write_all(part).await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

async fn is_well(world: &World) {
    assert_eq!(world.person("zoe").get("/v1/users/me").await.status, 200);
}

/// Every call under a conversation, with a body that is right.
fn calls() -> Vec<(Method, &'static str, Option<String>)> {
    let body = |value: serde_json::Value| Some(value.to_string());
    vec![
        (Method::GET, "", None),
        (Method::PATCH, "", body(json!({"title": "Mine"}))),
        (Method::POST, "/join", None),
        (Method::POST, "/leave", None),
        (Method::GET, "/members", None),
        (Method::GET, "/members?limit=1&after=a", None),
        (Method::POST, "/members", body(json!({"users": ["bob"]}))),
        (Method::POST, "/members", body(json!({"users": []}))),
        (
            Method::PATCH,
            "/members/bob",
            body(json!({"role": "admin"})),
        ),
        (Method::DELETE, "/members/bob", None),
        (Method::DELETE, "/members/nobody", None),
        (Method::DELETE, "/members/ann", None),
        (
            Method::POST,
            "/messages",
            body(json!({"client_id": Uuid::now_v7(), "text": "x"})),
        ),
        (
            Method::POST,
            "/messages",
            body(json!({"client_id": Uuid::now_v7(), "text": ""})),
        ),
        (Method::GET, "/messages", None),
        (Method::GET, "/messages?around=1", None),
        (Method::GET, "/messages?before=99", None),
        (Method::GET, "/events", None),
        (Method::GET, "/events?after=99", None),
        (Method::PUT, "/read", body(json!({"seq": 1}))),
        (Method::PUT, "/read", body(json!({"seq": 99}))),
        (Method::GET, "/readers?seq=1", None),
        (Method::GET, "/readers?seq=99", None),
    ]
}

#[tokio::test]
async fn what_one_may_not_see_answers_as_if_it_did_not_exist() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    ann.get("/v1/users/me").await.expect(200);
    let former = bob.group(&["ann"]).await;
    bob.remove(&former, "ann").await;
    let hidden = [
        bob.group(&[]).await,
        bob.begin("channel", &[]).await,
        former,
    ];
    for (method, rest, body) in calls() {
        let unknown = format!("/v1/conversations/{}{rest}", Uuid::now_v7());
        let unknown = ann.call(method.clone(), &unknown, body.clone()).await;
        unknown.expect_problem(404, "not_found");
        for id in &hidden {
            let path = format!("/v1/conversations/{id}{rest}");
            let answer = ann.call(method.clone(), &path, body.clone()).await;
            assert_eq!(answer, unknown, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn nothing_is_to_be_had_without_a_good_token() {
    let world = World::new().await;
    let (gone, session) = world.register("gone").await;
    assert_eq!(
        gone.delete(&format!("/v1/sessions/{session}")).await.status,
        204
    );
    let id = world.person("bob").group(&[]).await;
    let tokens = [
        String::new(),
        "nonsense".to_owned(),
        "tms_nonsense".to_owned(),
        "tmk_nonsense".to_owned(),
        "x".repeat(20_000),
        gone.token,
        jwt("ann", now_seconds() - 1.0),
        jwt("not an id", now_seconds() + 60.0),
        format!("{}x", world.person("ann").token),
    ];
    let mut paths = vec![
        (Method::GET, "/v1/users/me".to_owned(), None),
        (Method::GET, "/v1/users?prefix=a".to_owned(), None),
        (Method::GET, "/v1/conversations".to_owned(), None),
        (
            Method::POST,
            "/v1/conversations".to_owned(),
            Some(json!({"kind": "group"}).to_string()),
        ),
        (Method::GET, "/v1/sessions".to_owned(), None),
        (Method::POST, "/v1/sync".to_owned(), Some("{}".to_owned())),
        (Method::GET, "/v1/feed".to_owned(), None),
    ];
    for (method, rest, body) in calls() {
        paths.push((method, format!("/v1/conversations/{id}{rest}"), body));
    }
    for token in tokens {
        let caller = world.caller("", token);
        for (method, path, body) in &paths {
            let answer = caller.call(method.clone(), path, body.clone()).await;
            answer.expect_problem(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn bodies_are_small_text_and_of_the_right_shape() {
    let world = World::new().await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let path = format!("/v1/conversations/{group}/messages");
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let id = Uuid::now_v7();
    for body in [
        "",
        "null",
        "[]",
        "7",
        "{",
        "{}",
        "nonsense",
        &deep,
        &"[".repeat(200_000),
        r#"{"client_id":"x","text":"x"}"#,
        &format!(r#"{{"client_id":"{id}","text":7}}"#),
        &format!(r#"{{"client_id":"{id}","text":"\ud800"}}"#),
        &format!(r#"{{"client_id":"{id}","text":"x","reply_to":0}}"#),
        &format!(r#"{{"client_id":"{id}","text":"x","reply_to":1.5}}"#),
        &format!(r#"{{"client_id":"{id}","text":"x","mentions":"some"}}"#),
        &format!(r#"{{"client_id":"{id}","text":"x"}} {{}}"#),
        &format!(r#"[{{"client_id":"{id}","text":"x"}}]"#),
    ] {
        let answer = ann.call(Method::POST, &path, Some(body.to_owned())).await;
        let problem = answer.expect_problem(400, "invalid");
        assert!(problem["detail"].as_str().unwrap().len() < 1_000);
    }
    // What is unknown is ignored, however deep it is.
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"client_id":"{id}","text":"x","x":{open}{close}}}"#);
    ann.call(Method::POST, &path, Some(body)).await.expect(201);

    let long = json!({"client_id": Uuid::now_v7(), "text": "x".repeat(16 * 1024 + 1)});
    ann.post(&path, &long)
        .await
        .expect_problem(413, "too_large");
    for bytes in [512 * 1024 + 1, 15 * 1024 * 1024] {
        let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes));
        let answer = ann.call(Method::POST, &path, Some(body)).await;
        answer.expect_problem(413, "too_large");
    }
    let not_utf8 = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-length: 4\r\n\r\n",
        ann.token
    );
    let answer = conversation(&world, &[not_utf8.as_bytes(), b"{\"\xff\""]).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("UTF-8"), "{answer}");
    is_well(&world).await;
}

#[tokio::test]
async fn parameters_and_ids_are_in_their_range() {
    let world = World::new().await;
    let ann = world.person("ann");
    let group = ann.group(&[]).await;
    let at = |rest: &str| format!("/v1/conversations/{group}{rest}");
    for path in [
        at("/events?after=-1"),
        at("/events?after=x"),
        at("/events?after=1.5"),
        at("/events?after="),
        at("/events?after=9007199254740992"),
        at("/events?after=18446744073709551616"),
        at("/events?after=1&after=2"),
        at("/events?limit=0"),
        at("/events?limit=-1"),
        at("/events?limit=x"),
        at("/events?limit=99999999999999999999999"),
        at("/messages?before=-1"),
        at("/messages?before=1&after=1"),
        at("/messages?limit=0"),
        at("/members?limit=0"),
        at("/members?after=no%20spaces"),
        at("/members?after=%ff"),
        at("/readers"),
        at("/readers?seq=-1"),
        "/v1/conversations?limit=0".to_owned(),
        "/v1/conversations?before=x".to_owned(),
        "/v1/conversations?before=-1".to_owned(),
        "/v1/users?limit=0".to_owned(),
        "/v1/conversations/7".to_owned(),
        "/v1/conversations/not-a-uuid/events".to_owned(),
        "/v1/conversations/%00/events".to_owned(),
        "/v1/conversations/%ff".to_owned(),
        "/v1/users/no%20spaces".to_owned(),
        format!("/v1/users/{}", "x".repeat(65)),
    ] {
        let answer = ann.get(&path).await;
        let problem = answer.expect_problem(400, "invalid");
        assert!(problem["detail"].as_str().unwrap().len() < 1_000, "{path}");
    }
    // More than there is to give is no mistake.
    for path in [
        at("/events?limit=4294967295"),
        at("/events?after=9007199254740991"),
        at("/messages?limit=1000000&before=9007199254740991"),
        at("/members?limit=4294967295"),
        at("/messages?unknown=1"),
        "/v1/users?prefix=%00%27%25_".to_owned(),
        format!("/v1/users?prefix={}", "x".repeat(10_000)),
    ] {
        assert_eq!(ann.get(&path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn methods_and_paths_that_do_not_exist_are_said_so() {
    let world = World::new().await;
    let ann = world.person("ann");
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/users/me",
        "/v1/users/me/",
        "/v1/nothing",
        "//",
        "/%2e%2e/x",
    ] {
        ann.get(path).await.expect_problem(404, "not_found");
    }
    for (method, path) in [
        (Method::DELETE, "/v1/users/me"),
        (Method::PUT, "/v1/conversations"),
        (Method::OPTIONS, "/v1/conversations"),
        (Method::POST, "/health"),
        (Method::TRACE, "/health"),
        (Method::from_bytes(b"SAIL").unwrap(), "/health"),
        (Method::POST, "/v1/socket"),
        (Method::GET, "/v1/sync"),
    ] {
        let answer = ann.call(method.clone(), path, None).await;
        answer.expect_problem(405, "invalid");
    }
    // What there is instead is in a header (RFC 9110, section 15.5.6).
    let answer = conversation(
        &world,
        &[b"PUT /v1/conversations HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"],
    )
    .await
    .to_lowercase();
    assert!(answer.contains("allow: get,head,post"), "{answer}");
    let head = ann.call(Method::HEAD, "/v1/users/me", None).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    // The socket's path is for sockets.
    ann.get("/v1/socket").await.expect_problem(400, "invalid");
}

#[tokio::test]
async fn what_is_no_http_is_answered_shortly() {
    let world = World::new().await;
    let long = format!(
        "GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(1024 * 1024)
    );
    let many = format!("GET /health HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(500));
    let path = format!(
        "GET /{} HTTP/1.1\r\nhost: x\r\n\r\n",
        "x".repeat(1024 * 1024)
    );
    for bad in [
        "\r\n\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET /health HTTP/9.9\r\n\r\n",
        "GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /v1/sync HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{0}\u{5}hello",
        &long,
        &many,
        &path,
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let _ = stream.write_all(bad.as_bytes()).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = within(stream.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer} for {}",
            &bad[..bad.len().min(100)]
        );
    }
    is_well(&world).await;
}

#[tokio::test]
async fn a_request_that_never_arrives_is_not_waited_for() {
    let world = World::with(&[
        ("http.header_timeout_ms", "1000"),
        ("http.body_timeout_ms", "300"),
    ])
    .await;
    let ann = world.person("ann");
    let post = |rest: &str| {
        format!(
            "POST /v1/sync HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{rest}",
            ann.token
        )
    };
    let answer = conversation(&world, &[post("content-length: 100\r\n\r\n{").as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let chunked = post("transfer-encoding: chunked\r\n\r\n1\r\n{\r\n");
    let answer = conversation(&world, &[chunked.as_bytes()]).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    // Nor is one whose head does not end, or does not begin.
    for head in ["GET /health HTTP/1.1\r\nhost: x\r\n", "G", ""] {
        let answer = conversation(&world, &[head.as_bytes()]).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    // Drop by drop is no faster.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream
        .write_all(post("content-length: 1000\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let dripping = async {
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(dripping).await;
    is_well(&world).await;
}

#[tokio::test]
async fn many_who_send_half_a_request_bother_nobody() {
    let world = World::with(&[("http.header_timeout_ms", "500")]).await;
    let mut half = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream
            .write_all(b"GET /health HTTP/1.1\r\nx: ")
            .await
            .unwrap();
        half.push(stream);
    }
    is_well(&world).await;
    for stream in &mut half {
        let mut rest = Vec::new();
        let _ = within(stream.read_to_end(&mut rest)).await;
    }
    is_well(&world).await;
}
