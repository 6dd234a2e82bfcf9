//! What browsers are told about local files.

use reqwest::Method;

use crate::world::{World, header};

const PAGE: &str = "https://chat.example.com";

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_harm_out() {
    let world = World::local().await;
    let key = world.key("a");
    let signed = world.download_url(&key).await;
    let missing = world.get(&signed, &[]).await;
    world.store(&key, b"bytes").await;
    let whole = world.get(&signed, &[]).await;
    let range = world.get(&signed, &[("range", "bytes=0-0")]).await;
    let forged = world
        .http
        .get(world.base.join("/blobs/a?expires=1&signature=x").unwrap());
    let forged = forged.send().await.unwrap();
    let statuses = [404, 200, 206, 403];
    for (answer, status) in [missing, whole, range, forged].iter().zip(statuses) {
        assert_eq!(answer.status(), status);
        assert_eq!(header(answer, "x-content-type-options"), "nosniff");
        assert_eq!(
            header(answer, "content-security-policy"),
            "sandbox; default-src 'none'"
        );
        assert_eq!(
            header(answer, "cross-origin-resource-policy"),
            "same-origin"
        );
        assert!(!answer.headers().contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn pages_of_configured_origins_may_send_and_read() {
    let world = World::local_for(&[PAGE]).await;
    let key = world.key("a");
    let signed = world.upload_url(&key, 5, "image/png").await;
    let ask = |origin: &'static str| {
        let request = world.http.request(Method::OPTIONS, signed.url.clone());
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "PUT");
        async move { request.send().await.unwrap() }
    };
    let answer = ask(PAGE).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(header(&answer, "access-control-allow-origin"), PAGE);
    assert!(header(&answer, "access-control-allow-methods").contains("PUT"));
    assert!(header(&answer, "access-control-allow-headers").contains("content-type"));
    let answer = ask("https://evil.example.com").await;
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert!(
        !answer
            .headers()
            .contains_key("access-control-allow-methods")
    );

    world.store(&key, b"bytes").await;
    let read = world.download_url(&key).await;
    let answer = world.get(&read, &[("origin", PAGE)]).await;
    assert_eq!(header(&answer, "access-control-allow-origin"), PAGE);
    assert!(header(&answer, "access-control-expose-headers").contains("content-range"));
    assert_eq!(header(&answer, "vary"), "origin");
    assert_eq!(
        header(&answer, "cross-origin-resource-policy"),
        "cross-origin"
    );
    let answer = world
        .get(&read, &[("origin", "https://evil.example.com")])
        .await;
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn all_origins_may_be_let_in() {
    let world = World::local_for(&["*"]).await;
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let answer = world
        .get(&world.download_url(&key).await, &[("origin", "null")])
        .await;
    assert_eq!(header(&answer, "access-control-allow-origin"), "null");
}
