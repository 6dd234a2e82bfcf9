//! A disk without room.

use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tidemark_blobs::BlobError;

use crate::world::{World, bytes, code, content_type};

/// Says to the test below that it has a small disk, and where.
const SMALL_DISK: &str = "TIDEMARK_TEST_SMALL_DISK";

/// Runs the next test with a disk of 1 MiB, in name spaces of its own. Where those are not to be had, it says so.
#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let directory = TempDir::new().unwrap();
    let itself = std::env::current_exe().unwrap();
    let mounted = "mount -t tmpfs -o size=1m tmpfs \"$1\" || exit 77; shift; exec \"$@\"";
    let output = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            mounted,
            "sh",
        ])
        .arg(directory.path())
        .arg(itself)
        .args(["--exact", "--ignored", "local_full::on_a_small_disk"])
        .env(SMALL_DISK, directory.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains("1 passed"), "{said}");
        }
        Ok(output) if output.status.code() == Some(101) => {
            panic!("{}", String::from_utf8_lossy(&output.stdout));
        }
        without => eprintln!("not tested: there is no mounting here ({without:?})"),
    }
}

#[tokio::test]
#[ignore = "needs a small disk, which the test above makes"]
async fn on_a_small_disk() {
    let directory = std::env::var_os(SMALL_DISK).expect("run by the test above");
    let files = Arc::new(TempDir::new().unwrap());
    let world = World::local_at(directory.as_ref(), Arc::clone(&files), &[]).await;
    let (key, sent) = (world.key("a"), bytes(2_000_000));
    let signed = world.upload_url(&key, sent.len(), "image/png").await;
    let answer = world.send(&signed, sent.clone()).await;
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(code(answer).await, "507 unavailable");
    let file = files.path().join("file");
    std::fs::write(&file, &sent).unwrap();
    let put = world
        .blobs
        .put_file(&key, &file, &content_type("a/b"))
        .await;
    assert!(matches!(put, Err(BlobError::Full)), "{put:?}");
    assert!(!world.is_there(&key).await);
    // What was written is gone, so that there is room for something smaller.
    let small = world.key("b");
    world.store(&small, &sent[..800_000]).await;
    assert!(world.read(&small).await == sent[..800_000]);
}
