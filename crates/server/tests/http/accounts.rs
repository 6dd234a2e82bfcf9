//! Accounts and sessions.

use serde_json::json;

use crate::world::{World, password};

#[tokio::test]
async fn a_new_account_is_signed_in_and_can_sign_in_again() {
    let world = World::new().await;
    let account = json!({"username": "ann", "password": "long enough", "display_name": "Ann"});
    let registered = world.stranger().post("/v1/accounts", account).await;
    assert_eq!(registered.status, 201);
    let profile = json!({"id": "ann", "username": "ann", "display_name": "Ann", "avatar": null});
    assert_eq!(registered.body["user"], profile);

    let credentials = json!({"username": "ANN", "password": "long enough", "device_name": "phone"});
    let signed_in = world.stranger().post("/v1/sessions", credentials).await;
    assert_eq!(signed_in.status, 201);
    assert_eq!(signed_in.body["user"], profile);
    assert_ne!(signed_in.body["token"], registered.body["token"]);

    let ann = world.caller(Some(signed_in.text("token")));
    let sessions = ann.get("/v1/sessions").await.body;
    let sessions = sessions["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["id"], registered.body["session_id"]);
    assert_eq!(sessions[0]["current"], false);
    assert_eq!(sessions[1]["device_name"], "phone");
    assert_eq!(sessions[1]["current"], true);
}

#[tokio::test]
async fn a_revoked_session_is_over_at_once_and_only_its_owner_can_revoke_it() {
    let world = World::new().await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let sessions = ann.get("/v1/sessions").await;
    let id = sessions.body["sessions"][0]["id"].as_str().unwrap();
    let path = format!("/v1/sessions/{id}");
    assert!(bob.delete(&path).await.is_problem(404, "not_found"));
    assert_eq!(ann.get("/v1/users/me").await.status, 200);
    assert_eq!(ann.delete(&path).await.status, 204);
    assert!(
        ann.get("/v1/users/me")
            .await
            .is_problem(401, "unauthorized")
    );
    assert!(ann.delete(&path).await.is_problem(401, "unauthorized"));
}

#[tokio::test]
async fn a_taken_name_a_weak_password_and_a_bad_name_are_refused() {
    let world = World::new().await;
    world.person("ann").await;
    for (name, secret, status, code) in [
        ("Ann", "long enough", 409, "conflict"),
        ("bob", "short", 400, "invalid"),
        ("bob bob", "long enough", 400, "invalid"),
        ("tidemark:bob", "long enough", 400, "invalid"),
        ("", "long enough", 400, "invalid"),
    ] {
        let account = json!({"username": name, "password": secret});
        let answer = world.stranger().post("/v1/accounts", account).await;
        assert!(answer.is_problem(status, code), "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_apart_by_nobody() {
    let world = World::new().await;
    world.person("ann").await;
    let mut answers = Vec::new();
    for (name, secret) in [("ann", "not the password"), ("nobody", "not the password")] {
        let credentials = json!({"username": name, "password": secret});
        answers.push(world.stranger().post("/v1/sessions", credentials).await);
    }
    assert!(answers[0].is_problem(401, "unauthorized"));
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn where_registration_is_closed_only_the_operator_makes_accounts() {
    let world = World::with("[auth]\nregistration = 'closed'").await;
    let account = json!({"username": "ann", "password": password("ann")});
    let refused = world.stranger().post("/v1/accounts", account.clone()).await;
    assert!(refused.is_problem(403, "forbidden"));
    let made = world.operator().post("/v1/accounts", account).await;
    assert_eq!(made.status, 201);
    let ann = world.caller(Some(made.text("token")));
    let bob = json!({"username": "bob", "password": password("bob")});
    assert!(
        ann.post("/v1/accounts", bob)
            .await
            .is_problem(403, "forbidden")
    );
}

#[tokio::test]
async fn an_address_has_so_many_tries_and_hears_how_long_to_wait() {
    let world = World::with("[limits]\nlogins_per_minute = 2").await;
    let credentials = json!({"username": "nobody", "password": "whatever it is"});
    for _ in 0..2 {
        let answer = world
            .stranger()
            .post("/v1/sessions", credentials.clone())
            .await;
        assert_eq!(answer.status, 401);
    }
    let body = Some(credentials);
    let response = world
        .stranger()
        .request(reqwest::Method::POST, "/v1/sessions", body)
        .await;
    assert_eq!(response.status(), 429);
    let wait: u64 = response.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait));
}

#[tokio::test]
async fn a_token_is_needed_and_has_to_be_good() {
    let world = World::new().await;
    assert!(
        world
            .stranger()
            .get("/v1/users/me")
            .await
            .is_problem(401, "unauthorized")
    );
    for token in ["nonsense", "tms_nonsense", "tmk_nonsense", "a.b.c", ""] {
        let caller = world.caller(Some(token.to_owned()));
        let answer = caller.get("/v1/users/me").await;
        assert!(
            answer.is_problem(401, "unauthorized"),
            "{token}: {answer:?}"
        );
    }
}
