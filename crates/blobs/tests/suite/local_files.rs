//! What local files look like, and what is left behind.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::world::{World, content_type, expected, now_ms};

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// Gives everything below a directory the age of two days.
fn age(directory: &Path) {
    let old = SystemTime::now() - Duration::from_hours(48);
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        }
        let file = std::fs::File::open(&path).unwrap();
        file.set_modified(old).unwrap();
    }
}

#[tokio::test]
async fn no_directory_gets_all_blobs_and_no_file_can_be_written_again() {
    let world = World::local().await;
    for number in 0..40 {
        world.store(&world.key(&number.to_string()), b"bytes").await;
    }
    let stored = world.directory("stored");
    assert!(std::fs::read_dir(&stored).unwrap().count() > 20);
    let files = files_below(&stored);
    assert_eq!(files.len(), 40);
    for file in files {
        assert_eq!(file.file_name().unwrap(), "image:png");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o222, 0);
    }
}

#[tokio::test]
async fn what_is_fetched_is_the_stored_file_itself() {
    let world = World::local().await;
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let fetched = world.blobs.fetch(&key, world.files.path()).await.unwrap();
    let stored = &files_below(&world.directory("stored"))[0];
    let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
    assert_eq!(inode(fetched.path()), inode(stored));
    // Whoever looks at it is not disturbed by its end.
    world.blobs.delete(&key).await.unwrap();
    assert_eq!(std::fs::read(fetched.path()).unwrap(), b"bytes");
}

#[tokio::test]
async fn leftovers_are_swept_when_they_are_old() {
    let world = World::local().await;
    let (key, kept) = (world.key("a"), world.key("b"));
    let expected = expected(100, "image/png");
    let left = world
        .blobs
        .begin_parts(&key, &expected, 5 << 20)
        .await
        .unwrap();
    // As a kill in the middle of an upload leaves it.
    let temporary = world.directory("temporary");
    std::fs::create_dir_all(temporary.join("x/blob")).unwrap();
    std::fs::write(temporary.join("x/blob/image:png"), "half").unwrap();
    std::fs::write(temporary.join("stray"), "x").unwrap();
    world.store(&kept, b"bytes").await;
    let yesterday = now_ms() - 24 * 3_600_000;
    assert_eq!(world.blobs.sweep_unfinished(yesterday).await.unwrap(), 0);
    assert!(world.blobs.parts(&left).await.unwrap().is_empty());

    age(&world.directory(""));
    // Of an upload that is going on, only the file that grows is young.
    std::fs::create_dir_all(temporary.join("y/blob")).unwrap();
    age(&temporary);
    std::fs::write(temporary.join("y/blob/image:png"), "growing").unwrap();
    let young = world
        .blobs
        .begin_parts(&key, &expected, 5 << 20)
        .await
        .unwrap();
    assert_eq!(world.blobs.sweep_unfinished(yesterday).await.unwrap(), 3);
    assert!(world.blobs.parts(&left).await.is_err());
    assert!(world.blobs.parts(&young).await.is_ok());
    assert_eq!(files_below(&temporary).len(), 1);
    assert_eq!(world.read(&kept).await, b"bytes");
}

#[tokio::test]
async fn a_kill_between_the_steps_of_finishing_is_made_good() {
    let world = World::local().await;
    let key = world.key("a");
    let begun = world
        .blobs
        .begin_parts(&key, &expected(5, "image/png"), 5 << 20)
        .await;
    let upload = begun.unwrap();
    let signed = world
        .blobs
        .sign_part(&upload, 1, Duration::from_mins(1), &world.base)
        .await;
    assert_eq!(world.send(&signed.unwrap(), "bytes").await.status(), 200);
    world.blobs.finish_parts(&upload).await.unwrap();
    // The blob was renamed, and then came the kill.
    let left = world.directory("begun").join(upload.id.as_str());
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("1"), "").unwrap();
    let again = world.again().await;
    assert!(again.blobs.parts(&upload).await.is_err());
    again.blobs.finish_parts(&upload).await.unwrap();
    assert!(!left.exists());
    assert_eq!(again.read(&key).await, b"bytes");
}

#[tokio::test]
async fn of_many_at_the_same_time_one_is_first() {
    let world = World::local().await;
    let key = world.key("a");
    let puts = (0..16_u8).map(|number| {
        let file = world.files.path().join(number.to_string());
        std::fs::write(&file, [number; 10_000]).unwrap();
        let (blobs, key) = (world.blobs.clone(), key.clone());
        tokio::spawn(async move { blobs.put_file(&key, &file, &content_type("a/b")).await })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
    let there = world.read(&key).await;
    assert_eq!(there, vec![there[0]; 10_000]);
    assert_eq!(files_below(&world.directory("temporary")).len(), 0);
    assert_eq!(files_below(&world.directory("stored")).len(), 1);
}
