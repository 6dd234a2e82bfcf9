//! The server is killed while files come, are looked at and go.

use std::time::Duration;

use tidemark_client::Wanted;
use tidemark_core::UploadId;
use tidemark_protocol::body::UploadStage;
use tidemark_simulator::node::Listen;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::world::{Place, World};

const KILLS: usize = 6;
const PEOPLE: usize = 6;

/// Whatever is cut, what can be fetched is whole, what was sent can be finished, and what was deleted is gone.
pub(crate) async fn kills_lose_and_show_nothing_half(place: Place) {
    let mut world = World::start(place, "parts_from_bytes = 1000000\nmedia = false\n").await;
    let mut senders = JoinSet::new();
    for number in 0..PEOPLE {
        let person = world.person(&format!("p{number}")).await;
        let size = 17 * 1024 * 1024 + number;
        let bytes: Vec<u8> = (0..size)
            .map(|at| ((at * 7 + number) % 251) as u8)
            .collect();
        let file = world.file(&format!("{number}.bin"), &bytes);
        senders.spawn(async move {
            let mut known: Option<UploadId> = None;
            loop {
                let mut begun = known;
                let note = |progress: tidemark_client::UploadProgress| {
                    begun = Some(progress.upload);
                };
                let sent = match known {
                    Some(id) => person.http.resume_upload(id, &file.path, note).await,
                    None => person.http.upload(&file, note).await,
                };
                if let Ok(attachment) = sent {
                    return (person, attachment.upload_id.0, bytes);
                }
                known = begun;
                // The server is away; the SDK has given up for now.
                sleep(Duration::from_millis(100)).await;
            }
        });
    }
    for round in 0..KILLS {
        sleep(Duration::from_millis(150 + 130 * (round as u64 % 4))).await;
        world.node.kill().await.unwrap();
        world.node.restart(Listen::SamePort).await.unwrap();
    }
    let mut finished = 0;
    while let Some(done) = senders.join_next().await {
        let (person, id, bytes) = done.unwrap();
        person.until(id, UploadStage::Ready).await;
        assert!(person.bytes(&world, id, Wanted::Original).await == bytes);
        // Whatever else was begun and given up is not shown as anything but waiting.
        for upload in uploads_of(&person).await {
            let is_it = upload.0 == id;
            assert_eq!(upload.1 == UploadStage::Ready, is_it, "{upload:?}");
        }
        person.http.cancel_upload(id).await.unwrap();
        finished += 1;
    }
    assert_eq!(finished, PEOPLE);
    // A kill between the row and the bytes: what was at its end goes after the restart.
    world.node.kill().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    let began = tokio::time::Instant::now();
    while !world.kept_files().is_empty() {
        assert!(
            began.elapsed() < crate::world::PATIENCE,
            "{:?}",
            world.kept_files()
        );
        sleep(Duration::from_millis(50)).await;
    }
}

async fn uploads_of(person: &crate::world::Person) -> Vec<(UploadId, UploadStage)> {
    let page = person.http.uploads(200).await.unwrap();
    let uploads = page.uploads.into_iter();
    uploads
        .map(|it| (it.attachment.upload_id.0, it.attachment.state))
        .collect()
}
