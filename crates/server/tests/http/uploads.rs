//! Files: announced, sent, shown by messages, fetched, taken away.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_LENGTH;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::{Answer, Caller, World};

/// Nothing looks into files, so that what a test waits for is soon.
const PLAIN: &str = "[uploads]\nmedia = false\n";
/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn announcement(name: &str, bytes: &[u8]) -> Value {
    json!({"name": name, "size": bytes.len(), "content_type": "image/png"})
}

impl Caller {
    async fn announce(&self, name: &str, bytes: &[u8]) -> Value {
        let answer = self.post("/v1/uploads", announcement(name, bytes)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.body
    }

    /// Announces a file and sends its bytes; its id.
    async fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let begun = self.announce(name, bytes).await;
        assert_eq!(begun["state"], "waiting");
        let sent = send(&begun, bytes.to_vec()).await;
        assert!(sent.status().is_success(), "{sent:?}");
        begun["upload_id"].as_str().unwrap().to_owned()
    }

    async fn upload_until(&self, id: &str, state: &str) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(&format!("/v1/uploads/{id}")).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            if answer.body["state"] == state {
                return answer.body;
            }
            assert!(began.elapsed() < PATIENCE, "{answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ready(&self, name: &str, bytes: &[u8]) -> String {
        let id = self.upload(name, bytes).await;
        self.upload_until(&id, "ready").await;
        id
    }

    async fn show(&self, conversation: &str, uploads: &[&str]) -> Answer {
        let message = json!({"client_id": Uuid::now_v7(), "text": "", "attachments": uploads});
        let path = format!("/v1/conversations/{conversation}/messages");
        self.post(&path, message).await
    }

    async fn fetch(&self, id: &str) -> Response {
        let url = self.get(&format!("/v1/uploads/{id}/url")).await;
        assert_eq!(url.status, 200, "{url:?}");
        assert_eq!(url.body["method"], "GET");
        reqwest::get(url.body["url"].as_str().unwrap())
            .await
            .unwrap()
    }

    async fn gets(&self, id: &str) -> bool {
        let state = self.get(&format!("/v1/uploads/{id}")).await;
        let url = self.get(&format!("/v1/uploads/{id}/url")).await;
        if state.status == 200 {
            return url.status == 200;
        }
        for answer in [&state, &url] {
            assert!(answer.is_problem(404, "not_found"), "{answer:?}");
            assert_eq!(answer.body["detail"], "there is no such upload");
        }
        false
    }
}

/// Sends bytes as an announcement says.
async fn send(begun: &Value, bytes: Vec<u8>) -> Response {
    let method = Method::from_bytes(begun["method"].as_str().unwrap().as_bytes()).unwrap();
    let mut request = reqwest::Client::new()
        .request(method, begun["url"].as_str().unwrap())
        .header(CONTENT_LENGTH, bytes.len());
    for (name, value) in begun["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    request.body(bytes).send().await.unwrap()
}

#[tokio::test]
async fn a_file_reaches_those_who_see_the_message_and_nobody_else() {
    let world = World::with(PLAIN).await;
    let (ann, bob, cem) = (
        world.person("ann").await,
        world.person("bob").await,
        world.person("cem").await,
    );
    let room = ann.group(&["bob"]).await;
    let bytes = b"\x89PNG not really".to_vec();
    let id = ann.ready("../../cat\u{202e}.png", &bytes).await;
    assert!(ann.gets(&id).await && !bob.gets(&id).await);
    let shown = ann.show(&room, &[&id]).await;
    assert_eq!(shown.status, 201, "{shown:?}");
    assert!(bob.gets(&id).await && !cem.gets(&id).await);

    let page = bob.get(&format!("/v1/conversations/{room}/messages")).await;
    let attachment = &page.body["messages"][0]["attachments"][0];
    assert_eq!(attachment["upload_id"], id);
    assert_eq!(attachment["name"], "cat.png");
    assert_eq!(attachment["size"], bytes.len());
    assert_eq!(attachment["state"], "ready");
    let fetched = bob.fetch(&id).await;
    assert_eq!(fetched.status(), 200);
    let headers = fetched.headers().clone();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(
        headers["content-disposition"]
            .to_str()
            .unwrap()
            .contains("cat.png")
    );
    assert_eq!(fetched.bytes().await.unwrap(), bytes);

    // And it goes with the message.
    let seq = shown.body["seq"].as_u64().unwrap();
    let path = format!("/v1/conversations/{room}/messages/{seq}");
    let url = bob.get(&format!("/v1/uploads/{id}/url")).await;
    assert_eq!(ann.delete(&path).await.status, 200);
    assert!(!bob.gets(&id).await);
    let began = Instant::now();
    while reqwest::get(url.body["url"].as_str().unwrap())
        .await
        .unwrap()
        .status()
        != 404
    {
        assert!(began.elapsed() < PATIENCE, "the bytes are still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!ann.gets(&id).await);
    let page = bob.get(&format!("/v1/conversations/{room}/messages")).await;
    assert_eq!(page.body["messages"][0].get("attachments"), None);
}

#[tokio::test]
async fn what_does_not_fit_the_announcement_is_refused() {
    let world = World::with(PLAIN).await;
    let ann = world.person("ann").await;
    for (wrong, code) in [
        (
            json!({"name": "", "size": 3, "content_type": "a/b"}),
            "invalid",
        ),
        (
            json!({"name": "a\0b", "size": 3, "content_type": "a/b"}),
            "invalid",
        ),
        (
            json!({"name": "a\r\nb", "size": 3, "content_type": "a/b"}),
            "invalid",
        ),
        (
            json!({"name": "a", "size": 0, "content_type": "a/b"}),
            "invalid",
        ),
        (
            json!({"name": "a", "size": -1, "content_type": "a/b"}),
            "invalid",
        ),
        (
            json!({"name": "a", "size": 3, "content_type": "nothing"}),
            "invalid",
        ),
        (
            json!({"name": "a", "size": 3, "content_type": "a/b", "sha256": "xyz"}),
            "invalid",
        ),
        (
            json!({"name": "a", "size": 1u64 << 50, "content_type": "a/b"}),
            "too_large",
        ),
    ] {
        let answer = ann.post("/v1/uploads", wrong.clone()).await;
        let status = if code == "invalid" { 400 } else { 413 };
        assert!(answer.is_problem(status, code), "{wrong} {answer:?}");
    }
    let begun = ann.announce("a.png", b"four").await;
    let url = begun["url"].as_str().unwrap();
    let altered = |what: &str, by: &str| {
        let mut other = begun.clone();
        other["url"] = json!(url.replacen(what, by, 1));
        other
    };
    let other = ann.announce("b.png", b"four").await;
    let (mine, others) = (&begun["upload_id"], &other["upload_id"]);
    let key = altered(mine.as_str().unwrap(), others.as_str().unwrap());
    let mut kind = begun.clone();
    kind["headers"]["content-type"] = json!("text/html");
    for (what, request, bytes) in [
        ("too much", &begun, &b"four and more"[..]),
        ("too little", &begun, b"fo"),
        ("another key", &key, b"four"),
        ("another type", &kind, b"four"),
    ] {
        let answer = send(request, bytes.to_vec()).await;
        assert!(answer.status().is_client_error(), "{what}: {answer:?}");
    }
    let id = mine.as_str().unwrap();
    assert_eq!(
        ann.get(&format!("/v1/uploads/{id}")).await.body["state"],
        "waiting"
    );
    let incomplete = ann
        .post(&format!("/v1/uploads/{id}/complete"), json!({}))
        .await;
    assert!(incomplete.is_problem(409, "conflict"), "{incomplete:?}");
    assert!(send(&begun, b"four".to_vec()).await.status().is_success());
    // By the same URL nobody puts other bytes there.
    send(&begun, b"evil".to_vec()).await;
    ann.upload_until(id, "ready").await;
    assert_eq!(ann.fetch(id).await.bytes().await.unwrap(), &b"four"[..]);
}

#[tokio::test]
async fn a_message_shows_only_what_has_come_and_is_its_senders() {
    let world = World::with(PLAIN).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = ann.group(&["bob"]).await;
    let foreign = bob.ready("b.png", b"of bob").await;
    let waiting = ann.announce("w.png", b"later").await;
    let waiting_id = waiting["upload_id"].as_str().unwrap();
    let unknown = Uuid::now_v7().to_string();
    for (id, status, code) in [
        (&*foreign, 400, "invalid"),
        (&unknown, 400, "invalid"),
        (waiting_id, 409, "conflict"),
    ] {
        let answer = ann.show(&room, &[id]).await;
        assert!(answer.is_problem(status, code), "{answer:?}");
    }
    // Nobody told the server that the bytes came: it looks before it says no.
    assert!(
        send(&waiting, b"later".to_vec())
            .await
            .status()
            .is_success()
    );
    assert_eq!(ann.show(&room, &[waiting_id]).await.status, 201);
    let message = json!({
        "client_id": Uuid::now_v7(),
        "text": "as objects, too",
        "attachments": [{"upload_id": waiting_id, "name": "whatever"}],
    });
    let path = format!("/v1/conversations/{room}/messages");
    assert_eq!(ann.post(&path, message.clone()).await.status, 201);
    assert_eq!(ann.post(&path, message).await.status, 200);
    // What a message shows is not deleted beside it.
    let deleted = ann.delete(&format!("/v1/uploads/{waiting_id}")).await;
    assert!(deleted.is_problem(409, "conflict"), "{deleted:?}");
    assert!(
        bob.delete(&format!("/v1/uploads/{waiting_id}"))
            .await
            .is_problem(404, "not_found")
    );
}

#[tokio::test]
async fn bytes_are_known_again_and_count_for_the_owners_share() {
    let world = World::with("[uploads]\nmedia = false\nquota_bytes = 20\n").await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let id = ann.ready("a.png", b"same bytes").await;
    let listed = ann.get("/v1/uploads").await.body;
    assert_eq!(
        (&listed["used_bytes"], &listed["quota_bytes"]),
        (&json!(10), &json!(20))
    );
    assert_eq!(listed["uploads"][0]["upload_id"], id);
    let digest = "df7b2e50e0ad0cb3c3d1d8b5a7fd61a4d0cc0a3b4ea5dc4b6e0b1d1d8a0d7b11";
    let mut known = announcement("b.png", b"same bytes");
    known["sha256"] = json!(sha256(b"same bytes"));
    let again = ann.post("/v1/uploads", known.clone()).await;
    assert_eq!((again.status, &again.body["state"]), (201, &json!("ready")));
    let copy = again.text("upload_id");
    assert_eq!(
        ann.fetch(&copy).await.bytes().await.unwrap(),
        &b"same bytes"[..]
    );
    let too_much = ann.post("/v1/uploads", announcement("c.png", b"x")).await;
    assert!(too_much.is_problem(413, "too_large"), "{too_much:?}");
    // The bytes stay for the other one.
    assert_eq!(ann.delete(&format!("/v1/uploads/{id}")).await.status, 204);
    assert!(!ann.gets(&id).await);
    assert_eq!(
        ann.fetch(&copy).await.bytes().await.unwrap(),
        &b"same bytes"[..]
    );
    // Somebody else does not get them by naming their digest.
    let foreign = bob.post("/v1/uploads", known.clone()).await;
    assert_eq!(foreign.body["state"], "waiting");
    // And whoever names another digest than that of the bytes has said what is not so.
    known["sha256"] = json!(digest);
    let liar = bob.post("/v1/uploads", known).await.body;
    assert!(
        send(&liar, b"same bytes".to_vec())
            .await
            .status()
            .is_success()
    );
    let refused = bob
        .upload_until(liar["upload_id"].as_str().unwrap(), "refused")
        .await;
    assert!(
        refused["reason"].as_str().unwrap().contains("sha256"),
        "{refused}"
    );
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut digits, byte| {
        use std::fmt::Write;
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

#[tokio::test]
async fn a_large_file_comes_in_parts_in_any_order() {
    const PART: usize = 16 * 1024 * 1024;
    let world = World::with("[uploads]\nmedia = false\nparts_from_bytes = 1000\n").await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let bytes: Vec<u8> = (0..PART + 1000)
        .map(|at| u8::try_from(at % 251).unwrap())
        .collect();
    let begun = ann.announce("film.mp4", &bytes).await;
    assert_eq!(begun["part_size"], PART);
    let id = begun["upload_id"].as_str().unwrap();
    let parts = format!("/v1/uploads/{id}/parts");
    let known = ann.get(&parts).await;
    assert_eq!(
        known.body,
        json!({"part_size": PART, "count": 2, "arrived": []})
    );
    assert!(bob.get(&parts).await.is_problem(404, "not_found"));
    for wrong in [json!([]), json!([0]), json!([3])] {
        let answer = ann.post(&parts, json!({"numbers": wrong})).await;
        assert!(answer.is_problem(400, "invalid"), "{answer:?}");
    }
    let signed = ann.post(&parts, json!({"numbers": [2, 1]})).await.body;
    let piece = |number: u64| match number {
        1 => bytes[..PART].to_vec(),
        _ => bytes[PART..].to_vec(),
    };
    for (at, number) in [(0, 2), (1, 1)] {
        let part = &signed["parts"][at];
        assert_eq!(
            (&part["number"], &part["size"]),
            (&json!(number), &json!(piece(number).len()))
        );
        assert!(send(part, piece(number)).await.status().is_success());
        let complete = ann
            .post(&format!("/v1/uploads/{id}/complete"), json!({}))
            .await;
        if number == 2 {
            assert!(complete.is_problem(409, "conflict"), "{complete:?}");
            assert_eq!(ann.get(&parts).await.body["arrived"], json!([2]));
        } else {
            assert_eq!(complete.status, 200, "{complete:?}");
        }
    }
    let again = ann
        .post(&format!("/v1/uploads/{id}/complete"), json!({}))
        .await;
    assert_eq!(again.status, 200);
    assert!(ann.get(&parts).await.is_problem(409, "conflict"));
    ann.upload_until(id, "ready").await;
    assert_eq!(ann.fetch(id).await.bytes().await.unwrap(), bytes);
}

#[tokio::test]
async fn what_nobody_uses_ends_and_a_url_ends_sooner() {
    let world = World::with(
        "[uploads]\nmedia = false\nwaiting_ms = 1000\nunused_ms = 1000\nurl_valid_ms = 1000\n",
    )
    .await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    let waiting = ann.announce("w.png", b"never").await;
    let unused = ann.ready("u.png", b"unused").await;
    let used = ann.ready("s.png", b"shown").await;
    assert_eq!(ann.show(&room, &[&used]).await.status, 201);
    let url = ann
        .get(&format!("/v1/uploads/{used}/url"))
        .await
        .text("url");
    let began = Instant::now();
    for id in [waiting["upload_id"].as_str().unwrap(), &unused] {
        while ann.get(&format!("/v1/uploads/{id}")).await.status == 200 {
            assert!(began.elapsed() < PATIENCE);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    while reqwest::get(&url).await.unwrap().status() == 200 {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        send(&waiting, b"never".to_vec()).await.status().as_u16() / 100,
        4
    );
    assert_eq!(ann.fetch(&used).await.bytes().await.unwrap(), &b"shown"[..]);
}

#[tokio::test]
async fn uploads_survive_a_restart() {
    let world = World::with(PLAIN).await;
    let ann = world.person("ann").await;
    let room = ann.group(&[]).await;
    let id = ann.ready("s.png", b"shown").await;
    assert_eq!(ann.show(&room, &[&id]).await.status, 201);
    let token = ann.token.clone();
    let world = world.restart().await;
    let ann = world.caller(token);
    assert_eq!(ann.fetch(&id).await.bytes().await.unwrap(), &b"shown"[..]);
}

#[tokio::test]
async fn files_may_have_a_host_of_their_own() {
    let config = "[uploads]\nmedia = false\n[blobs]\npublic_url = 'http://files.test'\n";
    let world = World::with(config).await;
    let ann = world.person("ann").await;
    let begun = ann.announce("a.png", b"four").await;
    let url = begun["url"].as_str().unwrap();
    assert!(url.starts_with("http://files.test/blobs/"), "{url}");
    let path = url.strip_prefix("http://files.test").unwrap();
    for (host, is_there) in [(None, false), (Some("files.test"), true)] {
        let mut request = reqwest::Client::new()
            .put(format!("{}{path}", world.url()))
            .header("content-type", "image/png")
            .body("four");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().is_success(), is_there, "{answer:?}");
    }
}
