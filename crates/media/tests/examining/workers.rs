//! Workers that do not do what they should.

use std::path::Path;
use std::time::{Duration, Instant};

use image::ImageFormat;
use tidemark_media::MediaError;

use super::World;
use super::samples::{encode, ffmpeg, two_colors};

/// A world whose worker is a shell that does this.
fn doing(script: &str) -> World {
    let mut world = World::new();
    world.workshop.program = "/bin/sh".into();
    world.workshop.arguments = vec!["-c".into(), script.into()];
    world
}

async fn outcome(world: &World) -> MediaError {
    world.examine(b"hello", "text/plain").await.unwrap_err()
}

#[tokio::test]
async fn nonsense_is_not_believed() {
    for said in [
        "nonsense",
        "",
        r#"{"Ok":{"content_type":"text/plain","facts":{}}}"#,
        // A file that is not there.
        r#"{"Ok":{"content_type":"image/png","facts":{},"made":[{"variant":"Clean","content_type":"image/png"}]}}"#,
        // A type that would end a header.
        r#"{"Ok":{"content_type":"image/png\r\nX: y","facts":{},"made":[]}}"#,
        r#"{"Ok":{"content_type":"image/png","facts":{"waveform":[1,2]},"made":[]}}"#,
    ] {
        let error = outcome(&doing(&format!("cat >/dev/null; printf '%s' '{said}'"))).await;
        assert!(matches!(error, MediaError::Broken(_)), "{said}: {error}");
    }
}

#[tokio::test]
async fn a_file_made_elsewhere_is_not_believed() {
    let world = doing(
        r#"cat >/dev/null; ln -s /etc/passwd ../../out/clean
        printf '{"Ok":{"content_type":"image/png","facts":{},"made":[{"variant":"Clean","content_type":"image/png"}]}}'"#,
    );
    let error = outcome(&world).await;
    assert!(world.out.join("clean").is_symlink());
    assert!(matches!(error, MediaError::Broken(_)), "{error}");
}

#[tokio::test]
async fn one_that_talks_without_end_is_stopped() {
    let error = outcome(&doing("cat >/dev/null; exec yes")).await;
    assert_eq!(
        error,
        MediaError::Broken("the worker says too much".to_owned())
    );
}

#[tokio::test]
async fn one_that_dies_is_an_error_that_says_why() {
    for (signal, is_expected) in [
        (
            "SEGV",
            (|error| matches!(error, MediaError::Broken(_))) as fn(&MediaError) -> bool,
        ),
        ("ABRT", |error| matches!(error, MediaError::TooMuch(_))),
        ("KILL", |error| matches!(error, MediaError::TooMuch(_))),
        ("XFSZ", |error| matches!(error, MediaError::TooMuch(_))),
        ("XCPU", |error| matches!(error, MediaError::TimedOut)),
    ] {
        let error = outcome(&doing(&format!("kill -{signal} $$"))).await;
        assert!(is_expected(&error), "{signal}: {error}");
    }
    let error = outcome(&doing("exit 101")).await;
    assert!(matches!(error, MediaError::Broken(_)), "{error}");
}

#[tokio::test]
async fn one_that_does_not_end_is_killed_with_what_it_started() {
    let mut world = doing("sleep 1000 & echo $! >../../child; wait");
    world.workshop.limits.time = Duration::from_millis(500);
    assert_eq!(outcome(&world).await, MediaError::TimedOut);
    assert!(until_gone(&world.directory.path().join("child")).await);
}

#[tokio::test]
async fn one_that_nobody_waits_for_is_killed_with_what_it_started() {
    let world = doing("sleep 1000 & echo $! >../../child; wait");
    let child = world.directory.path().join("child");
    let started = async {
        while std::fs::read_to_string(&child)
            .unwrap_or_default()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = started => {}
        error = outcome(&world) => panic!("{error}"),
    }
    assert!(until_gone(&child).await);
    assert_eq!(
        std::fs::read_dir(&world.workshop.scratch).unwrap().count(),
        0
    );
}

/// Waits until the process is over whose number is in a file.
async fn until_gone(file: &Path) -> bool {
    let id = std::fs::read_to_string(file).unwrap();
    let state = Path::new("/proc").join(id.trim()).join("stat");
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        // The letter behind the name: Z is over, and only not yet looked after.
        match std::fs::read_to_string(&state) {
            Ok(state) if !state.contains(") Z ") => tokio::task::yield_now().await,
            _ => return true,
        }
    }
    false
}

#[tokio::test]
async fn one_that_wants_more_memory_than_there_is_ends_and_the_next_file_is_fine() {
    let world = World::with_limits(|limits| limits.address_space_bytes = 150 << 20);
    let large = encode(&two_colors(7000, 7000), ImageFormat::Png);
    let error = world.examine(&large, "image/png").await.unwrap_err();
    assert!(matches!(error, MediaError::TooMuch(_)), "{error}");
    let small = encode(&two_colors(70, 70), ImageFormat::Png);
    assert!(world.examine(&small, "image/png").await.is_ok());
}

#[tokio::test]
async fn a_film_that_takes_too_long_keeps_nobody_busy() {
    let source = "testsrc2=size=1920x1080:rate=30:duration=20";
    let bytes = ffmpeg(
        &["-f", "lavfi", "-i", source, "-c:v", "mpeg2video"],
        "matroska",
    );
    let world = World::with_limits(|limits| limits.time = Duration::from_millis(700));
    let begin = Instant::now();
    let examined = world.examine(&bytes, "video/mp4").await;
    assert!(begin.elapsed() < Duration::from_secs(10));
    // Where the rest is done in time, only the rendition is missing.
    if let Ok(examined) = examined {
        assert!(
            examined
                .files
                .iter()
                .all(|made| made.variant.name() != "rendition")
        );
    }
    let place = world.directory.path().to_str().unwrap().to_owned();
    let deadline = Instant::now() + Duration::from_secs(30);
    while is_busy(&place) {
        assert!(Instant::now() < deadline, "somebody is still working on it");
        tokio::task::yield_now().await;
    }
}

/// Whether the command of any process names this place.
fn is_busy(place: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut commands = processes.map(|process| std::fs::read(process.path().join("cmdline")));
    commands.any(|command| command.is_ok_and(|command| super::holds(&command, place)))
}

#[tokio::test]
async fn it_knows_nothing_of_our_environment() {
    let world = doing("env >../../environment");
    outcome(&world).await;
    let environment = std::fs::read_to_string(world.directory.path().join("environment")).unwrap();
    assert!(environment.contains("PATH="));
    for line in environment.lines() {
        let (name, _) = line.split_once('=').unwrap();
        // The shell's own.
        assert!(
            ["PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(&name),
            "{line}"
        );
    }
}

#[tokio::test]
async fn where_none_can_be_started_nothing_is_said_of_the_file() {
    let mut world = World::new();
    world.workshop.program = "/nowhere/at/all".into();
    assert!(matches!(outcome(&world).await, MediaError::Unavailable(_)));
    let world = World::new();
    let missing = world.directory.path().join("missing");
    let error = world
        .workshop
        .examine(&missing, "text/plain", &world.out)
        .await
        .unwrap_err();
    assert!(matches!(error, MediaError::Unavailable(_)), "{error}");
}
