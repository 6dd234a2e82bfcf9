//! What probes and dashboards ask, and how the server ends.

use crate::world::World;

#[tokio::test]
async fn probes_need_no_token() {
    let world = World::new().await;
    assert_eq!(world.stranger().get("/health").await.status, 200);
    assert_eq!(world.stranger().get("/ready").await.status, 200);
}

#[tokio::test]
async fn what_happened_is_counted_by_the_pattern_of_its_path() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    ann.say(&id, "hello").await;
    ann.get("/v1/users/nobody").await;
    let page = world.stranger().get("/metrics").await;
    let page = page.body.as_str().unwrap();
    for line in [
        "tidemark_sends_accepted_total 1",
        r#"tidemark_http_requests_total{method="GET",route="/v1/users/{id}",status="404"} 1"#,
        r#"tidemark_refusals_total{code="not_found"} 1"#,
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
    assert!(!page.contains("nobody"), "an id is in\n{page}");
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_a_problem_like_others() {
    let world = World::new().await;
    let stranger = world.stranger();
    assert!(
        stranger
            .get("/v1/nothing")
            .await
            .is_problem(404, "not_found")
    );
    assert!(stranger.delete("/v1/feed").await.is_problem(405, "invalid"));
}

#[tokio::test]
async fn a_server_that_comes_back_has_what_it_acknowledged_and_knows_its_tokens() {
    let world = World::new().await;
    let ann = world.person("ann").await;
    let id = ann.group(&[]).await;
    ann.say(&id, "the last word").await;
    let world = world.restart().await;
    let ann = world.caller(ann.token);
    let page = ann.get(&format!("/v1/conversations/{id}/messages")).await;
    assert_eq!(page.body["messages"][0]["text"], "the last word");
}
