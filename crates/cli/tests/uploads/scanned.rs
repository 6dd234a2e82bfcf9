//! Files that a real scanner looks at.

use std::time::Duration;

use tidemark_client::Wanted;
use tidemark_protocol::body::UploadStage;
use tidemark_simulator::clamav::{Clamd, EICAR_NAME, eicar};
use tokio::time::sleep;

use crate::world::{Place, World};

const STREAM_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(crate) async fn a_harmful_file_reaches_nobody(place: Place) {
    let mut clamd = Clamd::start(STREAM_BYTES_MAX).unwrap();
    let scanner = format!("scanner = 'clamd://{}'\n", clamd.address());
    let world = World::start(place, &scanner).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = ann.group(&[&bob]).await;
    let harmless = ann.ready(&world.file("hello.txt", b"hello")).await;
    let harmless = harmless.attachment.upload_id.0;
    // Sent before the scanner has looked, as people do: whoever sees it waits.
    clamd.kill().unwrap();
    let harmful = ann.upload(&world.file("invoice.txt", &eicar())).await;
    let seq = ann.show(room, &[harmless, harmful]).await;
    assert!(!bob.gets(harmful).await, "nobody has looked");
    clamd.restart().unwrap();
    let refused = ann.until(harmful, UploadStage::Refused).await;
    assert!(refused.reason.unwrap().contains(EICAR_NAME));
    for person in [&ann, &bob] {
        assert!(!person.gets(harmful).await);
        let shown = person.shown(room, seq).await;
        let states = shown.iter().map(|it| it.state);
        assert!(
            states.eq([UploadStage::Ready, UploadStage::Refused]),
            "{shown:?}"
        );
    }
    assert_eq!(
        bob.bytes(&world, harmless, Wanted::Original).await,
        b"hello"
    );
    // Larger than what is scanned: nobody knows, so nobody gets it.
    let large = vec![7; usize::try_from(STREAM_BYTES_MAX).unwrap() + 1];
    let large = ann.upload(&world.file("large.bin", &large)).await;
    ann.until(large, UploadStage::Refused).await;
    // And soon its bytes are nowhere.
    while world.kept_files().len() != usize::from(place == Place::Files) {
        sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn without_the_scanner_uploads_wait(place: Place) {
    let mut clamd = Clamd::start(STREAM_BYTES_MAX).unwrap();
    let address = clamd.address();
    clamd.kill().unwrap();
    let scanner = format!("scanner = 'clamd://{address}'\n");
    let world = World::start(place, &scanner).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = ann.group(&[&bob]).await;
    let id = ann.upload(&world.file("hello.txt", b"hello")).await;
    ann.show(room, &[id]).await;
    while world.metric("tidemark_upload_scanner_failures").await < 1.0 {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(!bob.gets(id).await && ann.gets(id).await);
    clamd.restart().unwrap();
    ann.until(id, UploadStage::Ready).await;
    assert!(bob.gets(id).await);

    // Whoever wishes lets them pass instead.
    clamd.kill().unwrap();
    let world = World::start(place, &format!("{scanner}unscanned = 'pass'\n")).await;
    let ann = world.person("ann").await;
    ann.ready(&world.file("hello.txt", b"hello")).await;
    assert!(world.metric("tidemark_upload_scanner_failures").await >= 1.0);
}
