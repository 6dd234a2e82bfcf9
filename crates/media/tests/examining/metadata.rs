use std::io::Cursor;

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, ExtendedColorType, ImageDecoder, ImageEncoder, ImageReader};
use tidemark_media::Variant;

use super::samples::{
    SECRET, TAIL, talkative_gif, talkative_jpeg, talkative_png, talkative_webp, two_colors,
};
use super::{Seen, holds};

fn orientation(bytes: &[u8]) -> Orientation {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .unwrap();
    reader.into_decoder().unwrap().orientation().unwrap()
}

/// The clean variant of a file, which has neither its secrets nor its tail, shows the same, and is clean.
async fn cleaned(bytes: &[u8]) -> (Seen, Vec<u8>) {
    assert!(holds(bytes, SECRET));
    let seen = Seen::of(bytes).await;
    let clean = seen.bytes(Variant::Clean);
    for gone in [SECRET, TAIL, "xmpmeta", "PK\u{3}\u{4}"] {
        assert!(!holds(&clean, gone), "{gone} is still there");
    }
    assert_eq!(
        image::load_from_memory(&clean).unwrap(),
        image::load_from_memory(bytes).unwrap(),
        "it does not look the same"
    );
    let made = seen.made(Variant::Clean).unwrap();
    assert_eq!(made.content_type, seen.examined.content_type);
    let again = Seen::of(&clean).await;
    assert_eq!(again.made(Variant::Clean), None, "there is more to remove");
    assert_eq!(again.examined.facts, seen.examined.facts);
    (seen, clean)
}

#[tokio::test]
async fn where_a_picture_was_taken_is_gone_and_how_it_is_turned_is_not() {
    for (bytes, size) in [
        (talkative_jpeg(6), (500, 1000)),
        (talkative_png(6), (50, 100)),
        (talkative_webp(6), (50, 100)),
    ] {
        let (seen, clean) = cleaned(&bytes).await;
        assert_eq!(orientation(&clean), Orientation::Rotate90);
        assert_eq!(seen.size(), size);
        let thumbnail = seen.thumbnail();
        let (width, height) = thumbnail.dimensions();
        assert!(width < height);
        // What was left is above.
        assert!(thumbnail.get_pixel(width / 2, height / 8).0[0] > 240);
        assert!(thumbnail.get_pixel(width / 2, height * 7 / 8).0[2] > 240);
    }
}

#[tokio::test]
async fn a_picture_that_is_not_turned_has_no_exif_at_all() {
    for bytes in [talkative_jpeg(1), talkative_png(1), talkative_webp(1)] {
        let (_, clean) = cleaned(&bytes).await;
        assert!(!holds(&clean, "Exif") && !holds(&clean, "eXIf") && !holds(&clean, "EXIF"));
    }
}

#[tokio::test]
async fn an_animation_keeps_its_frames_and_forgets_the_rest() {
    let bytes = talkative_gif();
    let (_, clean) = cleaned(&bytes).await;
    let frames = |bytes: &[u8]| {
        let decoder = GifDecoder::new(Cursor::new(bytes.to_vec())).unwrap();
        let frames = decoder.into_frames().collect_frames().unwrap();
        let shown = frames
            .iter()
            .map(|frame| (frame.delay(), frame.buffer().clone()));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(frames(&clean), frames(&bytes));
    assert!(holds(&clean, "NETSCAPE2.0"), "it is shown for ever");
}

#[tokio::test]
async fn what_the_colors_mean_is_kept() {
    let mut profile = vec![0; 200];
    profile[16..20].copy_from_slice(b"RGB ");
    profile[36..40].copy_from_slice(b"acsp");
    profile[100..104].copy_from_slice(b"mine");
    let picture = two_colors(64, 32).to_rgb8();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_icc_profile(profile.clone()).unwrap();
    encoder
        .write_image(&picture, 64, 32, ExtendedColorType::Rgb8)
        .unwrap();
    bytes.extend_from_slice(SECRET.as_bytes());
    let (seen, clean) = cleaned(&bytes).await;
    for bytes in [clean, seen.bytes(Variant::Thumbnail)] {
        let reader = ImageReader::new(Cursor::new(bytes))
            .with_guessed_format()
            .unwrap();
        let kept = reader.into_decoder().unwrap().icc_profile().unwrap();
        assert_eq!(kept.as_ref(), Some(&profile));
    }
}

#[tokio::test]
async fn a_picture_inside_the_metadata_is_gone() {
    let hidden = talkative_jpeg(1);
    let length = u16::try_from(hidden.len() + 8).unwrap().to_be_bytes();
    let shown = silent_jpeg();
    let bytes = [
        &shown[..2],
        &[0xff, 0xe1],
        &length,
        b"Exif\0\0",
        &hidden,
        &shown[2..],
    ]
    .concat();
    let (_, clean) = cleaned(&bytes).await;
    assert!(clean.len() < bytes.len() - hidden.len() + 100);
}

fn silent_jpeg() -> Vec<u8> {
    super::samples::encode(&two_colors(64, 32), image::ImageFormat::Jpeg)
}
