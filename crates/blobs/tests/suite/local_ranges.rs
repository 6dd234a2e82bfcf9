//! Ranges and conditions at local files, where S3 may do otherwise.

use crate::world::{World, bytes, code, header};

#[tokio::test]
async fn ranges_that_cannot_be_given() {
    let world = World::local().await;
    let (key, sent) = (world.key("a"), bytes(1_000));
    world.store(&key, &sent).await;
    let signed = world.download_url(&key).await;
    for range in ["bytes=1000-", "bytes=-0"] {
        let answer = world.get(&signed, &[("range", range)]).await;
        assert_eq!(header(&answer, "content-range"), "bytes */1000");
        assert_eq!(code(answer).await, "416 invalid", "{range}");
    }
    // Several ranges, and what is none, are answered with the whole.
    for range in ["bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "nonsense"] {
        let answer = world.get(&signed, &[("range", range)]).await;
        assert_eq!(answer.status(), 200, "{range}");
        assert_eq!(header(&answer, "accept-ranges"), "bytes");
        assert!(answer.bytes().await.unwrap() == sent);
    }
}

#[tokio::test]
async fn a_range_is_of_what_the_client_has_the_rest_of() {
    let world = World::local().await;
    let key = world.key("a");
    world.store(&key, b"first").await;
    let signed = world.download_url(&key).await;
    let answer = world.get(&signed, &[]).await;
    let (etag, modified) = (
        header(&answer, "etag").to_owned(),
        header(&answer, "last-modified").to_owned(),
    );
    for same in [&etag, &modified] {
        let answer = world
            .get(&signed, &[("range", "bytes=1-2"), ("if-range", same)])
            .await;
        assert_eq!(answer.text().await.unwrap(), "ir");
    }
    world.blobs.delete(&key).await.unwrap();
    world.store(&key, b"other").await;
    let answer = world
        .get(&signed, &[("range", "bytes=1-2"), ("if-range", &etag)])
        .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "other");
}

#[tokio::test]
async fn conditions_are_looked_at() {
    let world = World::local().await;
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let signed = world.download_url(&key).await;
    let answer = world.get(&signed, &[]).await;
    let (etag, modified) = (
        header(&answer, "etag").to_owned(),
        header(&answer, "last-modified").to_owned(),
    );
    let weak = format!("\"x\", W/{etag}");
    let early = "Thu, 01 Jan 1970 00:00:01 GMT";
    for (headers, status) in [
        (vec![("if-none-match", etag.as_str())], 304),
        (vec![("if-none-match", &weak)], 304),
        (vec![("if-none-match", "*")], 304),
        (vec![("if-none-match", "\"x\"")], 200),
        (vec![("if-modified-since", modified.as_str())], 304),
        (vec![("if-modified-since", early)], 200),
        (vec![("if-modified-since", "yesterday")], 200),
        // The tag decides where there is one.
        (
            vec![("if-none-match", "\"x\""), ("if-modified-since", &modified)],
            200,
        ),
        (vec![("if-none-match", &etag), ("range", "bytes=0-1")], 304),
    ] {
        let answer = world.get(&signed, &headers).await;
        assert_eq!(answer.status(), status, "{headers:?}");
        assert_eq!(header(&answer, "etag"), etag);
    }
}

#[tokio::test]
async fn head_says_what_get_would() {
    let world = World::local().await;
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let signed = world.download_url(&key).await;
    let get = world.get(&signed, &[]).await;
    let head = world.http.head(signed.url.clone()).send().await.unwrap();
    assert_eq!(head.status(), 200);
    for name in [
        "content-length",
        "content-type",
        "content-disposition",
        "etag",
        "last-modified",
        "accept-ranges",
    ] {
        assert_eq!(head.headers().get(name), get.headers().get(name), "{name}");
        assert!(!header(&head, name).is_empty(), "{name}");
    }
    assert!(head.bytes().await.unwrap().is_empty());
}
