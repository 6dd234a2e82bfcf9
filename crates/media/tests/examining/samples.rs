//! Files to look into, all of them made here.

use std::io::Cursor;
use std::process::Command;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{DynamicImage, ExtendedColorType, Frame, ImageEncoder, ImageFormat, Rgba, RgbaImage};
use tempfile::TempDir;

/// What no clean file may say.
pub(crate) const SECRET: &str = "48.13743N-11.57549E";
/// What follows the end of a picture that is something else as well.
pub(crate) const TAIL: &str = "<html><script>alert('tail')</script></html>";

/// Red on the left, blue on the right.
pub(crate) fn two_colors(width: u32, height: u32) -> DynamicImage {
    let paint = |x, _| {
        if x < width / 2 {
            Rgba([255, 0, 0, 255])
        } else {
            Rgba([0, 0, 255, 255])
        }
    };
    RgbaImage::from_fn(width, height, paint).into()
}

pub(crate) fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = match format {
        ImageFormat::Jpeg => DynamicImage::from(picture.to_rgb8()),
        _ => picture.clone(),
    };
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// EXIF with a place where it was taken, and how it is to be turned.
pub(crate) fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    exif.extend_from_slice(&[0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    // The place is behind the directory, as text.
    let length = u8::try_from(SECRET.len()).unwrap();
    exif.extend_from_slice(&[0x01, 0x0e, 0, 2, 0, 0, 0, length, 0, 0, 0, 38]);
    exif.extend_from_slice(&[0; 4]);
    exif.extend_from_slice(SECRET.as_bytes());
    exif
}

pub(crate) fn xmp() -> String {
    format!("<x:xmpmeta><exif:GPSLatitude>{SECRET}</exif:GPSLatitude></x:xmpmeta>")
}

/// JPEG with everything that cameras and programs write into one, and a tail.
pub(crate) fn talkative_jpeg(orientation: u8) -> Vec<u8> {
    let plain = encode(&two_colors(1000, 500), ImageFormat::Jpeg);
    let segment = |marker: u8, content: &[u8]| {
        let length = u16::try_from(content.len() + 2).unwrap();
        [&[0xff, marker], &length.to_be_bytes()[..], content].concat()
    };
    let xmp = format!("http://ns.adobe.com/xap/1.0/\0{}", xmp());
    [
        &plain[..2],
        &segment(0xe1, &[b"Exif\0\0", exif(orientation).as_slice()].concat()),
        &segment(0xe1, xmp.as_bytes()),
        &segment(0xed, format!("Photoshop 3.0\0{SECRET}").as_bytes()),
        &segment(0xe5, SECRET.as_bytes()),
        &segment(0xfe, SECRET.as_bytes()),
        &plain[2..],
        b"PK\x03\x04",
        SECRET.as_bytes(),
    ]
    .concat()
}

/// Each chunk of a PNG behind its header, and a tail.
pub(crate) fn talkative_png(orientation: u8) -> Vec<u8> {
    let plain = encode(&two_colors(100, 50), ImageFormat::Png);
    let header = 8 + 25;
    let chunk = |name: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap();
        // Nobody looks at the checksums of chunks that are not read.
        [&length.to_be_bytes()[..], name, content, &[0; 4]].concat()
    };
    [
        &plain[..header],
        &chunk(b"tEXt", format!("Comment\0{SECRET}").as_bytes()),
        &chunk(b"eXIf", &exif(orientation)),
        &chunk(b"iTXt", xmp().as_bytes()),
        &chunk(b"prVt", SECRET.as_bytes()),
        &plain[header..],
        TAIL.as_bytes(),
        SECRET.as_bytes(),
    ]
    .concat()
}

pub(crate) fn talkative_webp(orientation: u8) -> Vec<u8> {
    let picture = two_colors(100, 50).into_rgba8();
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder
        .write_image(&picture, 100, 50, ExtendedColorType::Rgba8)
        .unwrap();
    let mut xmp = xmp().into_bytes();
    xmp.resize(xmp.len().next_multiple_of(2), b' ');
    bytes.extend_from_slice(b"XMP ");
    bytes.extend_from_slice(&u32::try_from(xmp.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&xmp);
    bytes[20] |= 0x04;
    let length = u32::try_from(bytes.len() - 8).unwrap();
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    [&bytes, TAIL.as_bytes(), SECRET.as_bytes()].concat()
}

/// An animation of so many frames, for ever.
pub(crate) fn gif(width: u32, height: u32, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
    encoder.set_repeat(Repeat::Infinite).unwrap();
    let frame = Frame::new(two_colors(width, height).into_rgba8());
    encoder
        .encode_frames((0..frames).map(|_| frame.clone()))
        .unwrap();
    drop(encoder);
    bytes
}

/// The same with words between the frames, and a tail.
pub(crate) fn talkative_gif() -> Vec<u8> {
    let plain = gif(40, 20, 3);
    let length = u8::try_from(SECRET.len()).unwrap();
    let words = [&[0x21, 0xfe, length], SECRET.as_bytes(), &[0]].concat();
    let block = [
        &[0x21, 0xff, 11],
        &b"XMP DataXMP"[..],
        &[length],
        SECRET.as_bytes(),
        &[0],
    ]
    .concat();
    let end = plain.len() - 1;
    [
        &plain[..end],
        &words,
        &block,
        &plain[end..],
        TAIL.as_bytes(),
        SECRET.as_bytes(),
    ]
    .concat()
}

/// What ffmpeg makes of these arguments, in a container of this kind.
pub(crate) fn ffmpeg(arguments: &[&str], kind: &str) -> Vec<u8> {
    let directory = TempDir::new().unwrap();
    let made = directory.path().join("made");
    let ended = Command::new(super::ffmpeg().ffmpeg)
        .args(["-v", "error", "-nostdin"])
        .args(arguments)
        .args(["-f", kind])
        .arg(&made)
        .status()
        .unwrap();
    assert!(ended.success(), "ffmpeg made nothing of {arguments:?}");
    std::fs::read(made).unwrap()
}

/// Two seconds of a moving pattern with a tone, and a secret.
pub(crate) fn film(size: &str, codecs: &[&str], kind: &str) -> Vec<u8> {
    let pattern = format!("testsrc2=size={size}:rate=10:duration=2");
    let location = format!("location={SECRET}");
    let title = format!("title={SECRET}");
    let input = [
        "-f",
        "lavfi",
        "-i",
        &pattern,
        "-f",
        "lavfi",
        "-i",
        "sine=duration=2",
    ];
    let words = ["-metadata", &location, "-metadata", &title];
    ffmpeg(&[&input[..], codecs, &words].concat(), kind)
}

pub(crate) const H264: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
];
