//! Membership.

use serde_json::{Value, json};

use crate::world::World;

#[tokio::test]
async fn members_come_get_roles_and_go() {
    let world = World::new().await;
    let (ann, bob, cid) = (
        world.person("ann").await,
        world.person("bob").await,
        world.person("cid").await,
    );
    let id = ann.group(&["bob"]).await;
    let members = format!("/v1/conversations/{id}/members");
    let added = ann.post(&members, json!({"users": ["cid"]})).await;
    assert_eq!((added.status, &added.body["seq"]), (200, &json!(3)));
    let page = cid.get(&members).await.body;
    let expected = json!([
        {"user": "ann", "role": "owner", "joined_seq": 2, "read_seq": 2},
        {"user": "bob", "role": "member", "joined_seq": 2, "read_seq": 2},
        {"user": "cid", "role": "member", "joined_seq": 3, "read_seq": 3},
    ]);
    assert_eq!(
        (&page["members"], &page["more"]),
        (&expected, &json!(false))
    );

    assert!(
        bob.delete(&format!("{members}/cid"))
            .await
            .is_problem(403, "forbidden")
    );
    let promoted = ann
        .patch(&format!("{members}/bob"), json!({"role": "admin"}))
        .await;
    assert_eq!(promoted.status, 200);
    assert_eq!(bob.delete(&format!("{members}/cid")).await.status, 200);
    assert!(
        bob.delete(&format!("{members}/cid"))
            .await
            .is_problem(404, "not_found")
    );
    assert!(cid.get(&members).await.is_problem(404, "not_found"));
    assert_eq!(bob.delete(&format!("{members}/bob")).await.status, 200);
    let left = ann.get(&members).await.body;
    assert_eq!(left["members"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn members_are_listed_page_by_page() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    for name in ["bob", "cid", "dan", "eve"] {
        world.person(name).await;
    }
    let id = ann.group(&["eve", "dan", "cid", "bob"]).await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/conversations/{id}/members?limit=2{after}");
        let page = ann.get(&path).await.body;
        for member in page["members"].as_array().unwrap() {
            seen.push(member["user"].as_str().unwrap().to_owned());
        }
        if page["more"] != Value::Bool(true) {
            break;
        }
        after = format!("&after={}", seen.last().unwrap());
    }
    assert_eq!(seen, ["ann", "bob", "cid", "dan", "eve"]);
}

#[tokio::test]
async fn a_room_of_thousands_is_made_in_one_call() {
    let secret = "a secret of at least thirty-two bytes";
    let world = World::with(&format!("[auth.jwt]\nhs256_secret = '{secret}'")).await;
    let members: Vec<_> = (0..5_000)
        .map(|number| format!("member-{number}"))
        .collect();
    let new = json!({"kind": "group", "members": members});
    let made = world.operator().post("/v1/conversations", new).await;
    assert_eq!(
        (made.status, &made.body["member_count"]),
        (201, &json!(5_000)),
        "{made:?}"
    );
    let one_more = json!({"users": ["somebody"]});
    let path = format!("/v1/conversations/{}/members", made.text("id"));
    let answer = world.operator().post(&path, one_more).await;
    assert!(answer.is_problem(413, "too_large"), "{answer:?}");
}
