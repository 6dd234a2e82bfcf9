//! What is so only at S3.

use tidemark_blobs::BlobError;

use crate::world::{World, config, expected, now_ms, started};

/// On a server of its own: others have begun uploads in parts, too.
#[tokio::test]
async fn uploads_that_nobody_finished_are_swept_and_a_dead_server_is_unavailable() {
    let mut server = tokio::task::spawn_blocking(started).await.unwrap();
    let world = World::s3_at(config(&server.url()));
    let key = world.key("a");
    let expected = expected(100, "image/png");
    let mut uploads = Vec::new();
    for _ in 0..3 {
        uploads.push(
            world
                .blobs
                .begin_parts(&key, &expected, 5 << 20)
                .await
                .unwrap(),
        );
    }
    assert_eq!(
        world
            .blobs
            .sweep_unfinished(now_ms() - 60_000)
            .await
            .unwrap(),
        0
    );
    assert!(world.blobs.parts(&uploads[0]).await.unwrap().is_empty());
    assert_eq!(
        world
            .blobs
            .sweep_unfinished(now_ms() + 60_000)
            .await
            .unwrap(),
        3
    );
    for upload in &uploads {
        let parts = world.blobs.parts(upload).await;
        assert!(matches!(parts, Err(BlobError::NotFound)), "{parts:?}");
    }

    server.kill().unwrap();
    let head = world.blobs.head(&key).await;
    let Err(BlobError::Unavailable(head)) = head else {
        panic!("{head:?}")
    };
    let parts = world.blobs.parts(&uploads[0]).await;
    let Err(BlobError::Unavailable(parts)) = parts else {
        panic!("{parts:?}")
    };
    // Neither has what could be used.
    let words = format!("{head}{parts}{:?}", world.blobs);
    assert!(
        !words.contains("Signature") && !words.contains(tidemark_simulator::seaweedfs::SECRET_KEY),
        "{words}"
    );
    // Signing asks nobody.
    world.upload_url(&key, 5, "image/png").await;
}

#[tokio::test]
async fn another_key_is_let_in_nowhere() {
    let world = World::s3().await;
    let stranger = world.with_secret("guessed");
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let read = stranger.download_url(&key).await;
    assert_eq!(world.get(&read, &[]).await.status(), 403);
    let head = stranger.blobs.head(&key).await;
    assert!(matches!(head, Err(BlobError::Unavailable(_))), "{head:?}");
}
