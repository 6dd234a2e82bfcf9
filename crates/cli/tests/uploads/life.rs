//! From the file of one person to the file of another.

use tidemark_client::{TransferError, Wanted};
use tidemark_protocol::body::UploadStage;
use tokio::time::{Instant, sleep};

use crate::world::{LOOK_AGAIN, PATIENCE, Place, World};

pub(crate) async fn a_file_reaches_those_who_see_the_message(place: Place) {
    let world = World::start(place, "").await;
    let (ann, bob, cem) = (
        world.person("ann").await,
        world.person("bob").await,
        world.person("cem").await,
    );
    let room = ann.group(&[&bob]).await;
    let text = b"minutes of the meeting\n".repeat(1_000);
    let file = world.file("minutes \u{202e}txt.exe.txt", &text);
    let mut told = Vec::new();
    let uploaded = ann.http.upload(&file, |progress| told.push(progress.sent));
    let id = uploaded.await.unwrap().upload_id.0;
    assert!(
        told.is_sorted() && told.last() == Some(&(text.len() as u64)),
        "{told:?}"
    );
    let ready = ann.until(id, UploadStage::Ready).await;
    assert_eq!(ready.attachment.name, "minutes txt.exe.txt");
    assert!(ann.gets(id).await && !bob.gets(id).await);
    let seq = ann.show(room, &[id]).await;
    assert_eq!(bob.shown(room, seq).await, [ready.attachment]);
    assert!(bob.gets(id).await && !cem.gets(id).await);
    assert_eq!(bob.bytes(&world, id, Wanted::Original).await, text);
    // The same bytes are not sent again.
    let again = ann.http.upload(&file, |_| {}).await.unwrap();
    assert_eq!(again.state, UploadStage::Ready);
    assert_eq!(
        ann.bytes(&world, again.upload_id.0, Wanted::Original).await,
        text
    );
}

pub(crate) async fn a_large_file_goes_on_after_a_cut(place: Place) {
    const PART: usize = 16 * 1024 * 1024;
    let world = World::start(place, "parts_from_bytes = 1000000\n").await;
    let ann = world.person("ann").await;
    let bytes: Vec<u8> = (0..3 * PART + 77)
        .map(|at| u8::try_from(at % 253).unwrap())
        .collect();
    let file = world.file("large.bin", &bytes);
    let mut begun = None;
    {
        // The future is dropped in the middle of a part, as a program that is closed drops it.
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let uploading = ann.http.upload(&file, move |progress| {
            let _ = tell.send(progress);
        });
        tokio::pin!(uploading);
        while begun.is_none() {
            tokio::select! {
                done = &mut uploading => panic!("{done:?} before it was cut"),
                Some(progress) = told.recv() => {
                    if progress.sent > PART as u64 {
                        begun = Some(progress.upload);
                    }
                }
            }
        }
    }
    let id = begun.unwrap();
    assert!(!ann.gets(id).await);
    let shorter = world.file("large.bin", &bytes[..PART]);
    let other = ann.http.resume_upload(id, &shorter.path, |_| {}).await;
    assert!(matches!(other, Err(TransferError::Changed)), "{other:?}");
    let mut told = Vec::new();
    let resumed = ann
        .http
        .resume_upload(id, &file.path, |progress| told.push(progress.sent));
    assert_eq!(resumed.await.unwrap().size, bytes.len() as u64);
    // Nothing is known at first, and then that the first part is there.
    let is_sent_again = |sent: &u64| (1..PART as u64).contains(sent);
    assert!(!told.iter().any(is_sent_again), "{told:?}");
    ann.until(id, UploadStage::Ready).await;
    assert!(ann.bytes(&world, id, Wanted::Original).await == bytes);
}

pub(crate) async fn what_is_deleted_is_gone_with_all_that_was_made_of_it(place: Place) {
    let world = World::start(place, "").await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = ann.group(&[&bob]).await;
    let picture = crate::looks::picture_with_gps();
    let ready = ann.ready(&world.file("cat.jpg", &picture)).await;
    let id = ready.attachment.upload_id.0;
    let seq = ann.show(room, &[id]).await;
    let mut urls = Vec::new();
    for wanted in [Wanted::Original, Wanted::Thumbnail] {
        urls.push(bob.http.upload_url(id, wanted).await.unwrap().url);
    }
    ann.http.delete_message(room, seq, None).await.unwrap();
    assert!(!bob.gets(id).await);
    let began = Instant::now();
    for url in urls {
        while reqwest::get(&url).await.unwrap().status() != 404 {
            assert!(began.elapsed() < PATIENCE, "{url} is still there");
            sleep(LOOK_AGAIN).await;
        }
    }
    assert!(world.kept_files().is_empty(), "{:?}", world.kept_files());
}
