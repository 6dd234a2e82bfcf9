use std::net::TcpListener;

use tidemark_media::{MediaError, Variant};

use super::samples::{H264, SECRET, ffmpeg, film};
use super::{Seen, World, holds, refused};

#[tokio::test]
async fn a_film_has_a_length_a_size_and_a_poster() {
    let seen = Seen::of(&film("320x180", H264, "mp4")).await;
    assert_eq!(seen.examined.content_type, "video/mp4");
    assert_eq!(seen.size(), (320, 180));
    assert_eq!(seen.examined.facts.duration_ms, Some(2000));
    assert!(seen.examined.facts.blur.is_some());
    assert_eq!(
        seen.made(Variant::Thumbnail).unwrap().content_type,
        "image/jpeg"
    );
    assert_eq!(seen.thumbnail().dimensions(), (320, 180));
}

#[tokio::test]
async fn where_a_film_was_taken_is_gone_and_it_begins_to_play_at_once() {
    let bytes = film("320x180", H264, "mp4");
    assert!(holds(&bytes, SECRET));
    let seen = Seen::of(&bytes).await;
    let clean = seen.bytes(Variant::Clean);
    assert!(!holds(&clean, SECRET));
    let place = |name: &[u8]| clean.windows(4).position(|window| window == name).unwrap();
    assert!(place(b"moov") < place(b"mdat"));
    let again = Seen::of(&clean).await;
    assert_eq!(again.made(Variant::Clean), None, "there is more to remove");
    assert_eq!(again.examined.facts, seen.examined.facts);
}

#[tokio::test]
async fn every_container_loses_its_words() {
    let vp8 = &["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"];
    for (codecs, kind, content_type) in [
        (H264, "mov", "video/quicktime"),
        (H264, "matroska", "video/x-matroska"),
        (&vp8[..], "webm", "video/webm"),
        (&["-c:v", "mpeg4", "-c:a", "mp3"], "avi", "video/x-msvideo"),
    ] {
        let bytes = film("160x120", codecs, kind);
        assert!(holds(&bytes, SECRET), "{kind}");
        let seen = Seen::of(&bytes).await;
        assert_eq!(seen.examined.content_type, content_type);
        let made = seen.made(Variant::Clean).unwrap();
        assert_eq!(made.content_type, content_type);
        assert!(!holds(&seen.bytes(Variant::Clean), SECRET), "{kind}");
        let rendition = seen.made(Variant::Rendition).unwrap();
        assert_eq!(rendition.content_type, "video/mp4");
        assert!(!holds(&seen.bytes(Variant::Rendition), SECRET), "{kind}");
    }
}

#[tokio::test]
async fn what_every_browser_plays_is_not_encoded_again() {
    let seen = Seen::of(&film("320x180", H264, "mp4")).await;
    assert_eq!(seen.made(Variant::Rendition), None);
    let large = Seen::of(&film("2560x1440", H264, "mp4")).await;
    let rendition = large.made(Variant::Rendition).unwrap();
    assert_eq!((rendition.width, rendition.height), (Some(1280), Some(720)));
    let again = Seen::of(&large.bytes(Variant::Rendition)).await;
    assert_eq!(again.made(Variant::Rendition), None);
    let duration = again.examined.facts.duration_ms.unwrap();
    assert!(duration.abs_diff(2000) < 100, "{duration}");
}

#[tokio::test]
async fn odd_sizes_and_pixels_that_are_not_square_are_played_as_they_are_meant() {
    let codecs = &[
        "-vf",
        "scale=101:77,setsar=2",
        "-pix_fmt",
        "yuv444p",
        "-c:v",
        "ffv1",
        "-c:a",
        "flac",
    ];
    let seen = Seen::of(&film("101x77", codecs, "matroska")).await;
    assert_eq!(seen.size(), (202, 77));
    assert_eq!(seen.thumbnail().dimensions(), (202, 77));
    let rendition = seen.made(Variant::Rendition).unwrap();
    assert_eq!((rendition.width, rendition.height), (Some(202), Some(76)));
}

#[tokio::test]
async fn a_turned_film_is_shown_and_kept_turned() {
    let world = World::new();
    let plain = world.directory.path().join("plain.mp4");
    std::fs::write(&plain, film("320x180", H264, "mp4")).unwrap();
    let input = ["-i", plain.to_str().unwrap(), "-c", "copy"];
    let turned = ffmpeg(
        &[&input[..], &["-metadata:s:v", "rotate=90"]].concat(),
        "mp4",
    );
    let seen = Seen::of(&turned).await;
    assert_eq!(seen.size(), (180, 320));
    assert_eq!(seen.thumbnail().dimensions(), (180, 320));
    let clean = Seen::of(&seen.bytes(Variant::Clean)).await;
    assert_eq!(clean.size(), (180, 320));
}

#[tokio::test]
async fn without_ffmpeg_only_the_type_is_known() {
    let mut world = World::new();
    world.workshop.ffmpeg = None;
    let bytes = film("160x120", H264, "mp4");
    let examined = world.examine(&bytes, "text/plain").await.unwrap();
    assert_eq!(examined.content_type, "video/mp4");
    assert_eq!(examined.facts, tidemark_media::Facts::default());
    assert!(examined.files.is_empty());
}

#[tokio::test]
async fn a_list_of_other_files_is_not_followed() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let world = World::new();
    let other = world.directory.path().join("other.mp4");
    std::fs::write(&other, film("160x120", H264, "mp4")).unwrap();
    let other = other.to_str().unwrap();
    let playlist = format!(
        "#EXTM3U\n#EXTINF:2,\nhttp://{address}/x.ts\n#EXTINF:2,\n{other}\n#EXT-X-ENDLIST\n"
    );
    let list = format!("ffconcat version 1.0\nfile '{other}'\nfile 'http://{address}/x'\n");
    for text in [playlist, list] {
        let declared = "application/vnd.apple.mpegurl";
        let examined = world.examine(text.as_bytes(), declared).await.unwrap();
        assert!(examined.files.is_empty());
        // Behind the first bytes of a film, too: nobody asks ffmpeg what it takes it for.
        for begin in [
            &b"\0\0\0\x14ftypisom\0\0\0\0isom"[..],
            b"RIFF\0\0\0\0AVI ",
            b"ID3",
        ] {
            let disguised = [begin, text.as_bytes()].concat();
            let error = world.examine(&disguised, declared).await.unwrap_err();
            assert!(matches!(error, MediaError::Broken(_)), "{error}");
        }
    }
    assert!(listener.accept().is_err(), "somebody called");
}

#[tokio::test]
async fn a_film_that_is_cut_short_is_broken_or_short() {
    // Its table of contents is at the end.
    let bytes = film("160x120", H264, "mp4");
    assert!(matches!(
        refused(&bytes[..bytes.len() / 2]).await,
        MediaError::Broken(_)
    ));
    assert!(matches!(refused(&bytes[..40]).await, MediaError::Broken(_)));
}

#[tokio::test]
async fn what_would_become_too_large_is_refused() {
    let world = World::with_limits(|limits| limits.written_bytes = 20_000);
    let bytes = film("640x480", H264, "mp4");
    assert!(bytes.len() > 40_000);
    let error = world.examine(&bytes, "video/mp4").await.unwrap_err();
    assert!(matches!(error, MediaError::TooMuch(_)), "{error}");
}

#[tokio::test]
async fn a_film_that_is_too_long_for_it_has_no_rendition_and_everything_else() {
    let world = World::with_limits(|limits| limits.rendition = std::time::Duration::from_secs(1));
    let bytes = film("160x120", H264, "matroska");
    let examined = world.examine(&bytes, "video/mp4").await.unwrap();
    let made: Vec<_> = examined.files.iter().map(|made| made.variant).collect();
    assert_eq!(made, [Variant::Thumbnail, Variant::Clean]);
}
