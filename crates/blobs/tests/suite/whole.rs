//! Blobs that are sent in one request.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::Method;
use tidemark_blobs::{BlobError, BlobKey, Shown, Signed};

use crate::world::{LONG, World, bytes, content_type, eventually, expected, header, now_ms};

pub(crate) async fn what_was_stored_is_given_back(world: World) {
    let (key, sent) = (world.key("a"), bytes(300_000));
    assert_eq!(world.blobs.head(&key).await.unwrap(), None);
    let signed = world.upload_url(&key, sent.len(), "Image/PNG; x=y").await;
    assert_eq!(signed.method, "PUT");
    assert!(signed.expires_at_ms > now_ms() && signed.expires_at_ms <= now_ms() + 600_000);
    let began_ms = now_ms();
    let answer = world.send(&signed, sent.clone()).await;
    assert_eq!(answer.status(), 200);

    let head = world.blobs.head(&key).await.unwrap().unwrap();
    assert_eq!(head.size, 300_000);
    assert_eq!(head.content_type.as_str(), "Image/PNG; x=y");
    assert!(head.modified_ms + 2_000 > began_ms && head.modified_ms < now_ms() + 2_000);

    let answer = world.get(&world.download_url(&key).await, &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(header(&answer, "etag"), head.etag);
    assert!(head.etag.starts_with('"') && head.etag.len() > 2);
    assert_eq!(header(&answer, "content-length"), "300000");
    assert_eq!(header(&answer, "content-type"), "image/png");
    assert_eq!(
        header(&answer, "content-disposition"),
        r#"inline; filename="a.png""#
    );
    let caching = header(&answer, "cache-control").strip_prefix("private, max-age=");
    assert!(caching.unwrap().parse::<u64>().unwrap() <= LONG.as_secs());
    assert!(answer.bytes().await.unwrap() == sent);
}

pub(crate) async fn a_blob_may_be_empty(world: World) {
    let key = world.key("a");
    world.store(&key, b"").await;
    assert_eq!(world.blobs.head(&key).await.unwrap().unwrap().size, 0);
    assert!(world.read(&key).await.is_empty());
}

pub(crate) async fn what_is_there_never_changes(world: World) {
    let key = world.key("a");
    let signed = world.upload_url(&key, 5, "image/png").await;
    assert_eq!(world.send(&signed, "first").await.status(), 200);
    let before = world.blobs.head(&key).await.unwrap();
    // A client whose connection broke before the answer hears that it is there.
    for again in ["first", "other"] {
        let status = world.send(&signed, again).await.status();
        assert!(status == 200 || status == 412, "{status}");
    }
    let longer = world.upload_url(&key, 9, "image/gif").await;
    let status = world.send(&longer, "different").await.status();
    assert!(status == 200 || status == 412, "{status}");
    let file = world.files.path().join("third");
    std::fs::write(&file, "third").unwrap();
    let put = world
        .blobs
        .put_file(&key, &file, &content_type("image/gif"))
        .await;
    put.unwrap();
    assert_eq!(world.read(&key).await, b"first");
    assert_eq!(world.blobs.head(&key).await.unwrap(), before);

    // To replace it, delete it.
    world.blobs.delete(&key).await.unwrap();
    assert_eq!(world.send(&signed, "other").await.status(), 200);
    assert_eq!(world.read(&key).await, b"other");
}

/// Sends a request that was not signed.
async fn is_refused(world: &World, method: Method, signed: &Signed, body: &'static str) {
    let mut request = world.http.request(method, signed.url.clone()).body(body);
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    let status = request.send().await.unwrap().status();
    assert!(
        status.is_client_error() && status != 404,
        "{status} of {}",
        signed.url
    );
}

pub(crate) async fn a_url_is_good_for_one_thing(world: World) {
    let (key, other) = (world.key("a"), world.key("b"));
    let signed = world.upload_url(&key, 5, "image/png").await;
    let altered = |from: &str, to: &str| {
        let url = signed.url.as_str().replace(from, to);
        assert_ne!(url, signed.url.as_str());
        let url = url.parse().unwrap();
        Signed {
            url,
            ..signed.clone()
        }
    };
    is_refused(
        &world,
        Method::PUT,
        &altered(key.as_str(), other.as_str()),
        "bytes",
    )
    .await;
    let query = signed.url.query().unwrap();
    is_refused(&world, Method::PUT, &altered(query, ""), "bytes").await;
    let middle = &query[query.len() - 9..query.len() - 6];
    is_refused(&world, Method::PUT, &altered(middle, "abc"), "bytes").await;
    is_refused(&world, Method::PUT, &signed, "longer").await;
    is_refused(&world, Method::PUT, &signed, "less").await;
    is_refused(&world, Method::PUT, &signed, "").await;
    let mut typed = signed.clone();
    typed.headers.retain(|(name, _)| name != "content-type");
    is_refused(&world, Method::PUT, &typed, "bytes").await;
    typed
        .headers
        .push(("content-type".to_owned(), "text/html".to_owned()));
    is_refused(&world, Method::PUT, &typed, "bytes").await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        is_refused(&world, method, &signed, "").await;
    }
    assert!(!world.is_there(&key).await && !world.is_there(&other).await);
    // None of it has used the URL up.
    assert_eq!(world.send(&signed, "bytes").await.status(), 200);

    let read = world.download_url(&key).await;
    for method in [Method::PUT, Method::DELETE] {
        is_refused(&world, method, &read, "other").await;
    }
    let shown = read.url.as_str().replace("inline", "attachment");
    assert_ne!(shown, read.url.as_str());
    let shown = Signed {
        url: shown.parse().unwrap(),
        ..read.clone()
    };
    is_refused(&world, Method::GET, &shown, "").await;
    assert_eq!(world.read(&key).await, b"bytes");
}

pub(crate) async fn a_url_expires(world: World) {
    let (key, second) = (world.key("a"), Duration::from_secs(1));
    world.store(&key, b"bytes").await;
    let shown = Shown {
        file_name: "a".to_owned(),
        content_type: content_type("image/png"),
        inline: false,
    };
    let read = world.blobs.sign_download(&key, &shown, second, &world.base);
    let read = read.await.unwrap();
    let other = world.key("b");
    let expected = expected(5, "image/png");
    let write = world
        .blobs
        .sign_upload(&other, &expected, second, &world.base);
    let write = write.await.unwrap();
    eventually(async || world.get(&read, &[]).await.status() == 403).await;
    assert!(now_ms() >= read.expires_at_ms);
    eventually(async || now_ms() > write.expires_at_ms + 1_000).await;
    assert_eq!(world.send(&write, "bytes").await.status(), 403);
    assert!(!world.is_there(&other).await);
}

pub(crate) async fn no_url_is_good_for_ever(world: World) {
    let key = world.key("a");
    let week = Duration::from_hours(7 * 24);
    let expected = expected(5, "image/png");
    let signed = world
        .blobs
        .sign_upload(&key, &expected, week, &world.base)
        .await;
    assert!(signed.is_ok());
    let longer = week + Duration::from_secs(1);
    let signed = world
        .blobs
        .sign_upload(&key, &expected, longer, &world.base)
        .await;
    assert!(matches!(signed, Err(BlobError::ValidTooLong)), "{signed:?}");
}

pub(crate) async fn files_are_stored_and_fetched(world: World) {
    let (file, scratch) = (
        world.files.path().join("file"),
        world.files.path().join("scratch"),
    );
    std::fs::create_dir(&scratch).unwrap();
    // Of one piece and of several.
    for (name, size) in [("small", 10), ("large", 17 * 1024 * 1024)] {
        let (key, written) = (world.key(name), bytes(size));
        std::fs::write(&file, &written).unwrap();
        let kept = world
            .blobs
            .put_file(&key, &file, &content_type("video/mp4"))
            .await;
        kept.unwrap();
        std::fs::remove_file(&file).unwrap();
        let head = world.blobs.head(&key).await.unwrap().unwrap();
        assert_eq!(
            (head.size, head.content_type.as_str()),
            (size as u64, "video/mp4")
        );

        let fetched = world.blobs.fetch(&key, &scratch).await.unwrap();
        assert_eq!(fetched.path().parent(), Some(scratch.as_path()));
        assert_eq!(fetched.size(), size as u64);
        assert!(std::fs::read(fetched.path()).unwrap() == written);
        drop(fetched);
        assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
        assert!(world.read(&key).await == written);
    }
    let missing = world.blobs.fetch(&world.key("missing"), &scratch).await;
    assert!(matches!(missing, Err(BlobError::NotFound)), "{missing:?}");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
    let (other, kind) = (world.key("b"), content_type("video/mp4"));
    let unread = world.blobs.put_file(&other, &file, &kind).await;
    assert!(
        matches!(unread, Err(BlobError::Unavailable(_))),
        "{unread:?}"
    );
}

pub(crate) async fn what_is_deleted_is_gone(world: World) {
    let key = world.key("a");
    world.blobs.delete(&key).await.unwrap();
    world.store(&key, b"bytes").await;
    let signed = world.download_url(&key).await;
    world.blobs.delete(&key).await.unwrap();
    assert!(!world.is_there(&key).await);
    assert_eq!(world.get(&signed, &[]).await.status(), 404);
    world.blobs.delete(&key).await.unwrap();
    assert_eq!(
        world.blobs.list(&world.prefix(), None, 9).await.unwrap(),
        []
    );
}

pub(crate) async fn pages_of_a_list_have_everything_once(world: World) {
    let file = world.files.path().join("file");
    std::fs::write(&file, "bytes").unwrap();
    let keys: BTreeSet<BlobKey> = (0..7).map(|it| world.key(&format!("a/{it}"))).collect();
    for key in keys.iter().chain([&world.key("b/1"), &world.key("ab")]) {
        let put = world.blobs.put_file(key, &file, &content_type("a/b")).await;
        put.unwrap();
    }
    let prefix = format!("{}a/", world.prefix());
    let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = world.blobs.list(&prefix, after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        assert!(
            page.iter()
                .all(|it| it.modified_ms.abs_diff(now_ms()) < 60_000)
        );
        after = Some(last.key.clone());
        seen.extend(page.into_iter().map(|listed| listed.key));
        // Where a page ended may be gone when the next one is asked for.
        world.blobs.delete(seen.last().unwrap()).await.unwrap();
        pages += 1;
    }
    assert_eq!((seen.len(), pages), (7, 3));
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), keys);
    assert_eq!(
        world
            .blobs
            .list(&world.prefix(), None, 99)
            .await
            .unwrap()
            .len(),
        6
    );
}
