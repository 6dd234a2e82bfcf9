//! The server is killed while files come, are looked at and go.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidemark_client::{UploadProgress, Wanted};
use tidemark_core::UploadId;
use tidemark_protocol::body::UploadStage;
use tidemark_simulator::node::Listen;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::world::{LOOK_AGAIN, PATIENCE, Person, Place, World};

const KILLS: u64 = 8;
const PEOPLE: usize = 4;
/// Two parts, of which the second is small.
const SIZE: usize = 16 * 1024 * 1024 + 1_000;

fn bytes_of(seed: usize) -> Vec<u8> {
    (0..SIZE)
        .map(|at| u8::try_from((at / 7 + seed * 31) % 251).unwrap())
        .collect()
}

/// Somebody who uploads one file after the other, and goes on with each until it is there.
struct Sender {
    person: Person,
    number: usize,
    directory: tempfile::TempDir,
    is_over: Arc<AtomicBool>,
}

impl Sender {
    /// What was uploaded, with what its bytes were made of.
    async fn upload_all(self) -> (Person, Vec<(UploadId, usize)>) {
        let mut done = Vec::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let seed = self.number + PEOPLE * done.len();
            let path = self.directory.path().join(format!("{seed}.bin"));
            std::fs::write(&path, bytes_of(seed)).unwrap();
            done.push((self.upload(&path).await, seed));
        }
        (self.person, done)
    }

    async fn upload(&self, path: &Path) -> UploadId {
        let file = tidemark_client::FileToUpload::at(path);
        let mut known: Option<UploadId> = None;
        loop {
            let mut begun = known;
            let note = |progress: UploadProgress| begun = Some(progress.upload);
            let http = &self.person.http;
            let sent = match known {
                Some(id) => http.resume_upload(id, path, note).await,
                None => http.upload(&file, note).await,
            };
            if let Ok(attachment) = sent {
                return attachment.upload_id.0;
            }
            known = begun;
            // The server is away, and the SDK has given up for now.
            sleep(LOOK_AGAIN).await;
        }
    }
}

/// Whatever is cut, what can be fetched is whole, what was begun can be finished, and what was deleted is gone.
pub(crate) async fn kills_lose_and_show_nothing_half(place: Place) {
    let mut world = World::start(place, "parts_from_bytes = 1000000\nmedia = false\n").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut senders = JoinSet::new();
    for number in 0..PEOPLE {
        let sender = Sender {
            person: world.person(&format!("p{number}")).await,
            number,
            directory: tempfile::tempdir().unwrap(),
            is_over: Arc::clone(&is_over),
        };
        senders.spawn(sender.upload_all());
    }
    for round in 0..KILLS {
        sleep(Duration::from_millis(200 + 90 * (round % 5))).await;
        world.node.kill().await.unwrap();
        world.node.restart(Listen::SamePort).await.unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    let mut finished = 0;
    while let Some(done) = senders.join_next().await {
        let (person, done) = done.unwrap();
        for (id, seed) in &done {
            person.until(*id, UploadStage::Ready).await;
            let bytes = person.bytes(&world, *id, Wanted::Original).await;
            assert!(bytes == bytes_of(*seed), "{id} has other bytes");
        }
        finished += done.len();
        // What was begun, given up and begun anew waits, and is shown as nothing else.
        let all = person.http.uploads(200, None).await.unwrap().uploads;
        for upload in all {
            let id = upload.attachment.upload_id.0;
            if !done.iter().any(|(known, _)| *known == id) {
                assert_eq!(upload.attachment.state, UploadStage::Waiting, "{upload:?}");
            }
            person.http.cancel_upload(id).await.unwrap();
        }
    }
    assert!(finished >= PEOPLE, "{finished}");
    // What was at its end when the server was killed goes after the restart.
    world.node.kill().await.unwrap();
    world.node.restart(Listen::SamePort).await.unwrap();
    let began = Instant::now();
    while !world.kept_files().is_empty() {
        assert!(began.elapsed() < PATIENCE, "{:?}", world.kept_files());
        sleep(LOOK_AGAIN).await;
    }
}
