//! What belongs to one user, as their devices hear of it.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn a_change_is_told_to_all_devices_of_the_user_and_to_nobody_else() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let room = ann.group(&["bob"]).await;
    let (mut phone, welcome) = ann.online().await;
    assert_eq!(welcome["personal_version"], 0);
    let (mut laptop, mut other) = (ann.socket().await, bob.socket().await);
    let path = format!("/v1/conversations/{room}/personal");
    let wish = json!({"draft": {"text": "Tomorrow at"}, "muted_until": 9_000_000_000_000_i64});
    let mut frame = ann.put(&path, &wish).await.expect(200);
    frame["type"] = json!("personal");
    assert_eq!(frame["version"], 1);
    for socket in [&mut phone, &mut laptop] {
        assert_eq!(socket.next().await, frame);
    }
    // What changes nothing is no news.
    ann.put(&path, &wish).await.expect(200);
    let archived = ann.put(&path, &json!({"archived": true})).await.expect(200);
    for socket in [&mut phone, &mut laptop] {
        let next = socket.next().await;
        assert_eq!(
            (&next["version"], &next["archived"]),
            (&archived["version"], &json!(true))
        );
        assert_eq!(next["draft"], wish["draft"], "all of it is told");
    }
    assert_eq!(other.drain(&room).await, [] as [Value; 0]);
    let (_socket, welcome) = ann.online().await;
    assert_eq!(welcome["personal_version"], 2);
    let (_socket, welcome) = world.operator().online().await;
    assert_eq!(
        welcome["personal_version"], 0,
        "a key has nothing of its own"
    );
}

#[tokio::test]
async fn a_mark_is_over_once_its_owner_reads_on_or_writes() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let room = ann.group(&["bob"]).await;
    let said = bob.say(&room, "come back to this").await;
    let path = format!("/v1/conversations/{room}/personal");
    let mark = json!({"marked_unread_at": said});
    let marked = async || {
        let view = ann
            .get(&format!("/v1/conversations/{room}"))
            .await
            .expect(200);
        view["marked_unread_at"].clone()
    };
    let read = format!("/v1/conversations/{room}/read");
    ann.put(&read, &json!({"seq": said})).await.expect(200);
    ann.put(&path, &mark).await.expect(200);
    assert_eq!(marked().await, said);
    let more = bob.say(&room, "more").await;
    assert_eq!(marked().await, said, "others do not end it");
    ann.put(&read, &json!({"seq": more})).await.expect(200);
    assert_eq!(marked().await, json!(null));
    ann.put(&path, &mark).await.expect(200);
    assert_eq!(marked().await, said);
    let mut socket = ann.socket().await;
    socket.say(&room, "my answer").await;
    socket.expect("ack").await;
    assert_eq!(marked().await, json!(null));
    let page = ann.get("/v1/personal").await.expect(200);
    assert_eq!(page["changes"][0]["marked_unread_at"], json!(null));
}

#[tokio::test]
async fn whoever_is_back_begins_anew() {
    let world = World::new().await;
    let [ann, bob] = world.people(["ann", "bob"]);
    let room = ann.group(&["bob"]).await;
    let path = format!("/v1/conversations/{room}/personal");
    let wish = json!({"draft": {"text": "of before"}, "archived": true});
    bob.put(&path, &wish).await.expect(200);
    let mut socket = bob.socket().await;
    ann.remove(&room, "bob").await;
    socket.find(|frame| frame["type"] == "removed").await;
    bob.put(&path, &wish).await.expect_problem(404, "not_found");
    let page = bob.get("/v1/personal").await.expect(200);
    assert_eq!(
        (&page["changes"], &page["version"]),
        (&json!([]), &json!(1))
    );
    ann.add(&room, &["bob"]).await;
    let added = socket.find(|frame| frame["type"] == "added").await;
    assert_eq!(added["conversation"]["archived"], false);
    let again = bob
        .put(&path, &json!({"favourite": true}))
        .await
        .expect(200);
    assert_eq!(
        (&again["draft"], &again["version"]),
        (&json!(null), &json!(2))
    );
}
