//! Pictures, films, and what pretends to be one.

use std::io::Cursor;
use std::process::Command;

use image::{DynamicImage, ImageFormat, RgbImage};
use tidemark_client::{HttpError, Wanted};
use tidemark_protocol::body::{Upload, UploadStage};

use crate::world::{Person, Place, World};

/// Where somebody lives.
const SECRET: &[u8] = b"48 51 24.5 N 2 21 3.2 E";

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let shade = |at: u32| u8::try_from(at % 256).unwrap();
        image::Rgb([shade(x), shade(y), 128])
    });
    let mut bytes = Vec::new();
    DynamicImage::from(picture)
        .write_to(&mut Cursor::new(&mut bytes), ImageFormat::Jpeg)
        .unwrap();
    bytes
}

/// A picture on its side, with what a camera writes into it.
pub(crate) fn picture_with_gps() -> Vec<u8> {
    // One directory with the orientation 6 (to be turned to the right) and a description.
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    tiff.extend(b"\x01\x0e\0\x02");
    tiff.extend(u32::try_from(SECRET.len()).unwrap().to_be_bytes());
    tiff.extend(38u32.to_be_bytes());
    tiff.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0");
    tiff.extend(0u32.to_be_bytes());
    tiff.extend(SECRET);
    let mut segment = b"Exif\0\0".to_vec();
    segment.extend(tiff);
    let length = u16::try_from(segment.len() + 2).unwrap();
    let plain = jpeg(900, 600);
    let mut picture = plain[..2].to_vec();
    picture.extend(b"\xff\xe1");
    picture.extend(length.to_be_bytes());
    picture.extend(segment);
    picture.extend(&plain[2..]);
    picture
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

async fn content_type(person: &Person, upload: &Upload, wanted: Wanted) -> (String, String) {
    let url = person
        .http
        .upload_url(upload.attachment.upload_id.0, wanted)
        .await
        .unwrap();
    let answer = reqwest::get(&url.url).await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    (header("content-type"), header("content-disposition"))
}

pub(crate) async fn a_picture_loses_its_maker_and_gains_a_thumbnail(place: Place) {
    let world = World::start(place, "").await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let room = ann.group(&[&bob]).await;
    let sent = picture_with_gps();
    assert!(has(&sent, SECRET));
    let file = world.file("cat.jpg", &sent);
    // Shown before anybody has looked, so that the message learns of it.
    let id = ann.upload(&file).await;
    let seq = ann.show(room, &[id]).await;
    let ready = ann.until(id, UploadStage::Ready).await;
    let shown = bob.shown(room, seq).await;
    assert_eq!(shown, std::slice::from_ref(&ready.attachment));
    let shown = &shown[0];
    assert_eq!(
        (shown.width, shown.height),
        (Some(600), Some(900)),
        "as it is to be shown"
    );
    assert!(shown.blur.is_some());
    let original = bob.bytes(&world, id, Wanted::Original).await;
    assert!(!has(&original, SECRET));
    let seen = image::load_from_memory(&original).unwrap();
    assert_eq!(
        (seen.width(), seen.height()),
        (900, 600),
        "the pixels are as they were"
    );
    let thumbnail = bob.bytes(&world, id, Wanted::Thumbnail).await;
    let thumbnail = image::load_from_memory(&thumbnail).unwrap();
    let told = shown.thumbnail.as_ref().unwrap();
    assert_eq!(
        (told.width, told.height),
        (Some(thumbnail.width()), Some(thumbnail.height()))
    );
    assert_eq!(thumbnail.height(), 640);
    let (kind, disposition) = content_type(&bob, &ready, Wanted::Original).await;
    assert_eq!(kind, "image/jpeg");
    assert!(disposition.starts_with("inline"), "{disposition}");
    let none = bob.http.upload_url(id, Wanted::Rendition).await;
    assert!(matches!(none, Err(HttpError::Refused { .. })), "{none:?}");
}

pub(crate) async fn what_is_no_picture_is_never_shown_as_one(place: Place) {
    let world = World::start(place, "").await;
    let ann = world.person("ann").await;
    let script = b"<html><script>alert(1)</script></html>";
    let drawing = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    let mut gif =
        b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b"
            .to_vec();
    gif.extend(script);
    for (name, declared, bytes) in [
        ("a.html", "text/html", &script[..]),
        ("a.png", "image/png", script),
        ("a.svg", "image/svg+xml", drawing),
        ("b.png", "image/png", drawing),
        (
            "broken.jpg",
            "image/jpeg",
            b"\xff\xd8\xff\xe0 and then nothing",
        ),
    ] {
        let mut file = world.file(name, bytes);
        file.content_type = Some(declared.to_owned());
        let ready = ann.ready(&file).await;
        let (kind, disposition) = content_type(&ann, &ready, Wanted::Original).await;
        assert_eq!(kind, "application/octet-stream", "{name}");
        assert!(
            disposition.starts_with("attachment"),
            "{name} {disposition}"
        );
        assert_eq!(ready.attachment.thumbnail, None, "{name}");
    }
    // A picture that is a page as well is only a picture afterwards.
    let ready = ann.ready(&world.file("both.gif", &gif)).await;
    let id = ready.attachment.upload_id.0;
    let served = ann.bytes(&world, id, Wanted::Original).await;
    assert!(served.starts_with(b"GIF89a") && !has(&served, b"script"));
}

pub(crate) async fn a_bomb_harms_nobody(place: Place) {
    let world = World::start(place, "media_time_ms = 20000\n").await;
    let ann = world.person("ann").await;
    // A header that promises 50,000 by 50,000 pixels, and one whose checksum is right.
    let mut promises = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = b"IHDR".to_vec();
    header.extend(50_000u32.to_be_bytes());
    header.extend(50_000u32.to_be_bytes());
    header.extend(b"\x08\x06\0\0\0");
    promises.extend(13u32.to_be_bytes());
    promises.extend(&header);
    promises.extend(crc32(&header).to_be_bytes());
    let process = world.node.process_id();
    let bomb = ann.ready(&world.file("bomb.png", &promises)).await;
    assert_eq!(
        (bomb.attachment.width, bomb.attachment.thumbnail),
        (None, None)
    );
    assert_eq!(bomb.attachment.content_type, "application/octet-stream");
    assert!(world.metric("tidemark_upload_media_failures").await >= 1.0);
    // The server has not even blinked, and looks at what comes next.
    assert_eq!(world.node.process_id(), process);
    let next = ann.ready(&world.file("cat.jpg", &jpeg(40, 30))).await;
    assert_eq!(next.attachment.width, Some(40));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

pub(crate) async fn a_film_has_a_poster_and_plays_everywhere(place: Place) {
    let world = World::start(place, "").await;
    let ann = world.person("ann").await;
    let target = world.target();
    let target = target.to_str().unwrap();
    let film = format!("{target}.mkv");
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=10:duration=2",
        ])
        .args(["-f", "lavfi", "-i", "sine=duration=2", "-metadata"])
        .arg(format!("title={}", String::from_utf8_lossy(SECRET)))
        .args(["-c:v", "mpeg4", "-c:a", "flac", &film])
        .status();
    assert!(
        made.unwrap().success(),
        "ffmpeg is installed by `cargo xtask test`"
    );
    let sent = std::fs::read(&film).unwrap();
    assert!(has(&sent, SECRET));
    let ready = ann.ready(&world.file("film.mkv", &sent)).await;
    let shown = &ready.attachment;
    assert_eq!((shown.width, shown.height), (Some(320), Some(240)));
    assert!(
        (1_900..=2_200).contains(&shown.duration_ms.unwrap()),
        "{shown:?}"
    );
    let id = shown.upload_id.0;
    let poster = ann.bytes(&world, id, Wanted::Thumbnail).await;
    assert_eq!(image::load_from_memory(&poster).unwrap().width(), 320);
    let (kind, disposition) = content_type(&ann, &ready, Wanted::Rendition).await;
    assert_eq!(kind, "video/mp4");
    assert!(disposition.starts_with("inline"));
    for wanted in [Wanted::Original, Wanted::Rendition] {
        assert!(
            !has(&ann.bytes(&world, id, wanted).await, SECRET),
            "{wanted:?}"
        );
    }
}
