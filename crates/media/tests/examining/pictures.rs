use image::{DynamicImage, ImageFormat, Rgba, RgbaImage};
use tidemark_media::Variant;

use super::samples::{encode, gif, two_colors};
use super::{Seen, World};

const FORMATS: [ImageFormat; 4] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Gif,
];

#[tokio::test]
async fn a_large_picture_gets_a_small_one_of_the_same_shape() {
    for format in FORMATS {
        let seen = Seen::of(&encode(&two_colors(1600, 400), format)).await;
        assert_eq!(seen.examined.content_type, format.to_mime_type());
        assert_eq!(seen.size(), (1600, 400));
        let made = seen.made(Variant::Thumbnail).unwrap();
        assert_eq!((made.width, made.height), (Some(640), Some(160)));
        assert_eq!(made.content_type, "image/jpeg");
        let thumbnail = seen.thumbnail();
        assert_eq!(thumbnail.dimensions(), (640, 160));
        assert!(thumbnail.get_pixel(100, 80).0[0] > 240, "the left is red");
        assert!(thumbnail.get_pixel(540, 80).0[2] > 240, "the right is blue");
        let blur = seen.examined.facts.blur.as_deref().unwrap();
        let tiny = blurhash::decode(blur, 8, 2, 1.0).unwrap();
        assert!(tiny[0] > 150 && tiny[4 * 7 + 2] > 150, "{tiny:?}");
    }
}

#[tokio::test]
async fn a_small_picture_is_not_made_larger() {
    let seen = Seen::of(&encode(&two_colors(30, 20), ImageFormat::Png)).await;
    assert_eq!(seen.thumbnail().dimensions(), (30, 20));
}

#[tokio::test]
async fn a_picture_as_thin_as_a_thread_has_a_thumbnail() {
    let seen = Seen::of(&encode(&two_colors(3000, 1), ImageFormat::Png)).await;
    assert_eq!(seen.thumbnail().dimensions(), (640, 1));
}

#[tokio::test]
async fn what_is_transparent_stays_transparent() {
    let glass = RgbaImage::from_pixel(800, 800, Rgba([0, 255, 0, 100]));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let seen = Seen::of(&encode(&DynamicImage::from(glass.clone()), format)).await;
        let made = seen.made(Variant::Thumbnail).unwrap();
        assert_eq!(made.content_type, "image/png");
        assert_eq!(seen.thumbnail().get_pixel(5, 5).0, [0, 255, 0, 100]);
    }
}

#[tokio::test]
async fn all_depths_and_grays_are_read() {
    let color = two_colors(64, 32);
    for picture in [
        DynamicImage::from(color.to_rgb16()),
        DynamicImage::from(color.to_rgba16()),
        DynamicImage::from(color.to_luma8()),
        DynamicImage::from(color.to_luma_alpha16()),
    ] {
        let seen = Seen::of(&encode(&picture, ImageFormat::Png)).await;
        assert_eq!(seen.thumbnail().dimensions(), (64, 32));
    }
}

#[tokio::test]
async fn what_has_nothing_to_remove_has_no_clean_variant() {
    for format in FORMATS {
        let seen = Seen::of(&encode(&two_colors(64, 32), format)).await;
        assert_eq!(seen.made(Variant::Clean), None, "{format:?}");
    }
    assert_eq!(Seen::of(&gif(20, 10, 5)).await.made(Variant::Clean), None);
}

#[tokio::test]
async fn the_type_is_that_of_the_bytes_whatever_was_declared() {
    let png = encode(&two_colors(8, 8), ImageFormat::Png);
    for declared in ["text/html", "image/jpeg", "", "video/mp4; codecs=x"] {
        let examined = World::new().examine(&png, declared).await.unwrap();
        assert_eq!(examined.content_type, "image/png");
    }
}
