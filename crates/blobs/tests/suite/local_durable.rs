//! What is answered is on the disk: the order of system calls, as strace sees them.

use std::process::Command;

use tempfile::TempDir;

use crate::world::{LONG, World, expected};

/// Runs the next test under strace. Where there is none, it says so.
#[test]
fn a_blob_is_flushed_before_it_is_answered() {
    let directory = TempDir::new().unwrap();
    let trace = directory.path().join("trace");
    let calls = "trace=fsync,rename,renameat,renameat2,write,writev,sendto,sendmsg";
    let output = Command::new("strace")
        .args(["-f", "-y", "-s", "64", "-e", calls, "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "local_durable::one_whole_and_one_in_parts",
        ])
        .output();
    let Ok(output) = output else {
        eprintln!("not tested: there is no strace here");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}");
    let trace = std::fs::read_to_string(trace).unwrap();
    let mut calls = trace.lines();
    let mut next = |what: &str, wanted: &[&str]| {
        let is_it = |call: &str| wanted.iter().all(|word| call.contains(word));
        assert!(
            calls.any(is_it),
            "{what} does not come in its turn:\n{trace}"
        );
    };
    let renamed = &["rename", "/blob\"", "/stored/", ".whole\""];
    next("the file", &["fsync(", "/blob/image:png>"]);
    next("its directory", &["fsync(", "/blob>"]);
    next("the name", renamed);
    next("the inner directory", &["fsync(", "/stored/"]);
    next("the outermost directory", &["fsync(", "/stored>"]);
    next("the answer", &["HTTP/1.1 200"]);

    next("the part", &["fsync(", "/begun/", "/blob/image:png>"]);
    next("its marker", &["fsync(", "/begun/"]);
    next("the answer to the part", &["HTTP/1.1 200"]);
    next(
        "the name of the whole",
        &["rename", "/begun/", "/stored/", ".parts\""],
    );
    next("the outermost directory again", &["fsync(", "/stored>"]);
}

#[tokio::test]
#[ignore = "is traced by the test above"]
async fn one_whole_and_one_in_parts() {
    let world = World::local().await;
    world.store(&world.key("whole"), b"bytes").await;
    let key = world.key("parts");
    let begun = world
        .blobs
        .begin_parts(&key, &expected(5, "image/png"), 5 << 20)
        .await;
    let upload = begun.unwrap();
    let signed = world.blobs.sign_part(&upload, 1, LONG, &world.base).await;
    assert_eq!(world.send(&signed.unwrap(), "bytes").await.status(), 200);
    world.blobs.finish_parts(&upload).await.unwrap();
}
