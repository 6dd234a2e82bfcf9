use std::io::Write;

use image::{DynamicImage, ImageFormat};
use tidemark_media::MediaError;

use super::samples::{H264, encode, film, gif, two_colors};
use super::{World, refused};

/// The smallest PNG that says that it is so large.
fn promising(width: u32, height: u32) -> Vec<u8> {
    let mut png = encode(&two_colors(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    png
}

#[tokio::test]
async fn a_header_that_promises_too_much_is_refused_unread() {
    for (width, height) in [(50_000, 50_000), (u32::MAX >> 1, u32::MAX >> 1)] {
        let error = refused(&promising(width, height)).await;
        let told = format!("{width} by {height} pixels");
        assert_eq!(error, MediaError::TooMuch(told));
    }
}

#[tokio::test]
async fn so_is_one_that_keeps_what_it_promises_in_a_few_bytes() {
    let white = DynamicImage::new_luma8(20_000, 20_000);
    let bomb = encode(&white, ImageFormat::Png);
    assert!(bomb.len() < 2_000_000, "{} bytes", bomb.len());
    assert!(matches!(refused(&bomb).await, MediaError::TooMuch(_)));
}

#[tokio::test]
async fn jpeg_gif_and_webp_are_bounded_the_same() {
    let world = World::with_limits(|limits| limits.pixels = 1000);
    for format in [ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP] {
        let bytes = encode(&two_colors(40, 30), format);
        let error = world.examine(&bytes, "image/png").await.unwrap_err();
        assert!(matches!(error, MediaError::TooMuch(_)), "{error}");
    }
}

#[tokio::test]
async fn so_are_films() {
    let world = World::with_limits(|limits| limits.pixels = 1000);
    let bytes = film("160x120", H264, "mp4");
    let error = world.examine(&bytes, "video/mp4").await.unwrap_err();
    assert!(matches!(error, MediaError::TooMuch(_)), "{error}");
}

#[tokio::test]
async fn an_animation_of_very_many_frames_is_refused() {
    // Each frame draws one pixel of a large screen.
    let mut bytes = gif(1, 1, 100_000);
    bytes[6..10].copy_from_slice(&[0xd0, 0x07, 0xd0, 0x07]);
    assert!(bytes.len() < 8_000_000, "{} bytes", bytes.len());
    let error = refused(&bytes).await;
    let told = "100000 frames of 2000 by 2000 pixels".to_owned();
    assert_eq!(error, MediaError::TooMuch(told));
}

#[tokio::test]
async fn what_is_cut_short_is_broken() {
    for format in [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ] {
        let whole = encode(&two_colors(300, 200), format);
        for kept in [12, whole.len() / 2, whole.len() - 1] {
            let error = refused(&whole[..kept]).await;
            assert!(
                matches!(error, MediaError::Broken(_)),
                "{format:?} {kept}: {error}"
            );
        }
    }
}

#[tokio::test]
async fn a_large_chunk_of_compressed_text_is_dropped_unread() {
    // Nobody unpacks what is said to be compressed text.
    let plain = encode(&two_colors(8, 8), ImageFormat::Png);
    let mut bytes = plain[..33].to_vec();
    let text = vec![b'x'; 1_000_000];
    bytes
        .write_all(&u32::try_from(text.len()).unwrap().to_be_bytes())
        .unwrap();
    bytes.extend_from_slice(b"zTXt");
    bytes.extend_from_slice(&text);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&plain[33..]);
    let world = World::new();
    let examined = world.examine(&bytes, "image/png").await.unwrap();
    let clean = std::fs::read(&examined.files[0].path).unwrap();
    assert_eq!(clean, plain);
}

#[tokio::test]
async fn a_picture_of_more_bytes_than_are_read_is_refused() {
    let world = World::with_limits(|limits| limits.picture_bytes = 100);
    let bytes = encode(&two_colors(100, 100), ImageFormat::Jpeg);
    let error = world.examine(&bytes, "image/png").await.unwrap_err();
    assert!(matches!(error, MediaError::TooMuch(_)), "{error}");
}
