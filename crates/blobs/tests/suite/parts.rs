//! Uploads in parts.

use reqwest::Response;
use tidemark_blobs::{BlobError, BlobKey, InParts, Part};

use crate::world::{LONG, World, bytes, expected};

/// The smallest that is taken, in bytes.
const PART: usize = 5 * 1024 * 1024;

/// Of two parts and a bit.
fn sent() -> Vec<u8> {
    bytes(2 * PART + 1_000)
}

async fn begin(world: &World, key: &BlobKey) -> InParts {
    let expected = expected(sent().len(), "video/mp4");
    let begun = world.blobs.begin_parts(key, &expected, PART as u64).await;
    let begun = begun.unwrap();
    assert_eq!(
        (&begun.key, &begun.expected, begun.count().unwrap()),
        (key, &expected, 3)
    );
    begun
}

/// Sends a part with these bytes.
async fn send(world: &World, upload: &InParts, number: u32, part: Vec<u8>) -> Response {
    let signed = world
        .blobs
        .sign_part(upload, number, LONG, &world.base)
        .await;
    world.send(&signed.unwrap(), part).await
}

/// Sends a part as it should be.
async fn send_part(world: &World, upload: &InParts, number: u32) {
    let (begin, size) = upload.place_of(number).unwrap();
    let [begin, size] = [begin, size].map(|place| usize::try_from(place).unwrap());
    let answer = send(world, upload, number, sent()[begin..begin + size].to_vec()).await;
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

async fn numbers(world: &World, upload: &InParts) -> Vec<u32> {
    let parts = world.blobs.parts(upload).await.unwrap();
    parts.iter().map(|part| part.number).collect()
}

pub(crate) async fn parts_come_in_any_order(world: World) {
    let key = world.key("a");
    let upload = begin(&world, &key).await;
    assert!(numbers(&world, &upload).await.is_empty());
    send_part(&world, &upload, 3).await;
    send_part(&world, &upload, 1).await;
    send_part(&world, &upload, 1).await;
    let size = PART as u64;
    let there = [
        Part { number: 1, size },
        Part {
            number: 3,
            size: 1_000,
        },
    ];
    assert_eq!(world.blobs.parts(&upload).await.unwrap(), there);
    let finished = world.blobs.finish_parts(&upload).await;
    assert!(
        matches!(finished, Err(BlobError::PartMissing { first: 2 })),
        "{finished:?}"
    );
    assert!(!world.is_there(&key).await);

    send_part(&world, &upload, 2).await;
    assert!(!world.is_there(&key).await);
    world.blobs.finish_parts(&upload).await.unwrap();
    let head = world.blobs.head(&key).await.unwrap().unwrap();
    assert_eq!(head.size, sent().len() as u64);
    assert_eq!(head.content_type.as_str(), "video/mp4");
    assert!(world.read(&key).await == sent());
    // Whoever did not hear that it is finished asks again.
    world.blobs.finish_parts(&upload).await.unwrap();
    let parts = world.blobs.parts(&upload).await;
    assert!(matches!(parts, Err(BlobError::NotFound)), "{parts:?}");
    // Nothing of a finished one can be changed.
    let late = send(&world, &upload, 3, vec![0; 1_000]).await;
    assert!(late.status().is_client_error(), "{}", late.status());
    assert!(world.read(&key).await == sent());
}

pub(crate) async fn a_part_is_what_was_asked_for(world: World) {
    let (key, other) = (world.key("a"), world.key("b"));
    for (size, part_bytes) in [(0, PART), (2 * PART, PART - 1), (10_001 * PART, PART)] {
        let expected = expected(size, "video/mp4");
        let begun = world
            .blobs
            .begin_parts(&key, &expected, part_bytes as u64)
            .await;
        assert!(matches!(begun, Err(BlobError::Division(_))), "{begun:?}");
    }
    let upload = begin(&world, &key).await;
    for number in [0, 4, u32::MAX] {
        let signed = world
            .blobs
            .sign_part(&upload, number, LONG, &world.base)
            .await;
        assert!(
            matches!(signed, Err(BlobError::NoSuchPart { .. })),
            "{signed:?}"
        );
    }
    for size in [0, 999, 1_001] {
        let answer = send(&world, &upload, 3, vec![0; size]).await;
        assert!(
            answer.status().is_client_error(),
            "{size}: {}",
            answer.status()
        );
    }
    let signed = world
        .blobs
        .sign_part(&upload, 3, LONG, &world.base)
        .await
        .unwrap();
    for (from, to) in [
        ("part=3", "part=2"),
        ("partNumber=3", "partNumber=2"),
        (key.as_str(), other.as_str()),
        ("offset=10485760", "offset=0"),
    ] {
        let url = signed.url.as_str().replace(from, to);
        if url != signed.url.as_str() {
            let answer = world
                .http
                .put(url)
                .body(vec![0; 1_000])
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 403, "{from}");
        }
    }
    assert!(numbers(&world, &upload).await.is_empty());
}

pub(crate) async fn another_instance_goes_on(world: World) {
    let key = world.key("a");
    let upload = begin(&world, &key).await;
    send_part(&world, &upload, 2).await;
    let again = world.again().await;
    assert_eq!(numbers(&again, &upload).await, [2]);
    send_part(&again, &upload, 1).await;
    send_part(&world, &upload, 3).await;
    again.blobs.finish_parts(&upload).await.unwrap();
    world.blobs.finish_parts(&upload).await.unwrap();
    assert!(world.read(&key).await == sent());
}

pub(crate) async fn what_was_given_up_is_gone(world: World) {
    let key = world.key("a");
    let upload = begin(&world, &key).await;
    send_part(&world, &upload, 1).await;
    world.blobs.abort_parts(&upload).await.unwrap();
    let parts = world.blobs.parts(&upload).await;
    assert!(matches!(parts, Err(BlobError::NotFound)), "{parts:?}");
    let finished = world.blobs.finish_parts(&upload).await;
    assert!(matches!(finished, Err(BlobError::NotFound)), "{finished:?}");
    world.blobs.abort_parts(&upload).await.unwrap();
    let late = send(&world, &upload, 3, vec![0; 1_000]).await;
    assert!(late.status().is_client_error(), "{}", late.status());
    assert!(!world.is_there(&key).await);
}

pub(crate) async fn a_blob_that_is_there_stays(world: World) {
    let key = world.key("a");
    let upload = begin(&world, &key).await;
    for number in 1..=3 {
        send_part(&world, &upload, number).await;
    }
    world.store(&key, b"first").await;
    world.blobs.finish_parts(&upload).await.unwrap();
    assert_eq!(world.read(&key).await, b"first");
    let parts = world.blobs.parts(&upload).await;
    assert!(matches!(parts, Err(BlobError::NotFound)), "{parts:?}");
}
