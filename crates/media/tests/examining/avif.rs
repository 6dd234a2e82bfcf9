use tidemark_media::{MediaError, Variant};

use super::samples::{SECRET, TAIL, exif, ffmpeg, xmp};
use super::{Seen, holds, refused};

fn iso(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap();
    [&length.to_be_bytes()[..], &name, content].concat()
}

/// The same with a version, and no flags.
fn full(name: [u8; 4], version: u8, content: &[u8]) -> Vec<u8> {
    iso(name, &[&[version, 0, 0, 0], content].concat())
}

/// A picture of 320 by 200 pixels, red on the left and blue on the right, as AV1 alone.
fn coded() -> Vec<u8> {
    let graph = "color=red:size=160x200[l];color=blue:size=160x200[r];[l][r]hstack,format=yuv420p";
    let arguments = [
        "-filter_complex",
        graph,
        "-frames:v",
        "1",
        "-c:v",
        "libaom-av1",
        "-cpu-used",
        "8",
    ];
    let obus = ffmpeg(&arguments, "obu");
    // What begins a moment of a film has no place in a picture.
    obus.strip_prefix(&[0x12, 0x00]).unwrap().to_vec()
}

/// AVIF with EXIF, XMP, bytes that belong to nothing, boxes that nobody knows, and a tail, turned to the left so often.
fn talkative(quarters_left: u8) -> Vec<u8> {
    let coded = coded();
    let exif = [&[0; 4], exif(6).as_slice()].concat();
    let xmp = xmp();
    let parts = [coded.as_slice(), &exif, xmp.as_bytes()];
    let lengths = parts.map(|part| u32::try_from(part.len()).unwrap());
    let item = |id: u8, kind: &[u8; 4], words: &str| {
        full(
            *b"infe",
            2,
            &[&[0, id, 0, 0], &kind[..], words.as_bytes(), &[0]].concat(),
        )
    };
    let mut kinds = vec![0, 3];
    kinds.extend(item(1, b"av01", "Color"));
    kinds.extend(item(2, b"Exif", SECRET));
    kinds.extend(item(3, b"mime", "XMP\0application/rdf+xml"));
    let refers = |from: u8| iso(*b"cdsc", &[0, from, 0, 1, 0, 1]);
    let properties = [
        full(*b"ispe", 0, &[0, 0, 1, 64, 0, 0, 0, 200]),
        iso(*b"av1C", &[0x81, 0, 0x0c, 0]),
        iso(*b"irot", &[quarters_left]),
        full(*b"udes", 0, SECRET.as_bytes()),
    ];
    let associated = full(*b"ipma", 0, &[0, 0, 0, 1, 0, 1, 4, 1, 0x82, 0x83, 4]);
    let meta = |begin: u32| {
        let mut places = vec![0x44, 0, 0, 3];
        let mut offset = begin;
        for (id, length) in [1_u8, 2, 3].into_iter().zip(lengths) {
            places.extend_from_slice(&[0, id, 0, 0, 0, 1]);
            places.extend_from_slice(&offset.to_be_bytes());
            places.extend_from_slice(&length.to_be_bytes());
            offset += length;
        }
        let parts = [
            full(*b"hdlr", 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            full(*b"pitm", 0, &[0, 1]),
            full(*b"iloc", 0, &places),
            full(*b"iinf", 0, &kinds),
            full(*b"iref", 0, &[refers(2), refers(3)].concat()),
            iso(
                *b"iprp",
                &[iso(*b"ipco", &properties.concat()), associated.clone()].concat(),
            ),
            iso(*b"uuid", SECRET.as_bytes()),
        ];
        full(*b"meta", 0, &parts.concat())
    };
    let header = [
        iso(*b"ftyp", b"avif\0\0\0\0avifmif1miaf"),
        iso(*b"free", SECRET.as_bytes()),
    ]
    .concat();
    let begin = u32::try_from(header.len() + meta(0).len() + 8).unwrap();
    let data = iso(
        *b"mdat",
        &[parts.concat().as_slice(), SECRET.as_bytes()].concat(),
    );
    let unknown = iso(*b"evil", SECRET.as_bytes());
    [
        &header,
        &meta(begin),
        &data,
        &unknown,
        TAIL.as_bytes(),
        SECRET.as_bytes(),
    ]
    .concat()
}

#[tokio::test]
async fn an_avif_is_decoded_and_turned() {
    for (quarters_left, size) in [(0, (320, 200)), (1, (200, 320)), (2, (320, 200))] {
        let seen = Seen::of(&talkative(quarters_left)).await;
        assert_eq!(seen.examined.content_type, "image/avif");
        assert_eq!(seen.size(), size);
        let thumbnail = seen.thumbnail();
        assert_eq!(thumbnail.dimensions(), size);
        // Turned to the left once, what was left is below.
        let red = [(10, 100), (100, 310), (310, 100)][usize::from(quarters_left)];
        let [red, green, blue, _] = thumbnail.get_pixel(red.0, red.1).0;
        assert!(red > 240 && green < 20 && blue < 20, "{red} {green} {blue}");
    }
}

#[tokio::test]
async fn an_avif_says_no_more_than_its_picture() {
    let bytes = talkative(1);
    let seen = Seen::of(&bytes).await;
    let clean = seen.bytes(Variant::Clean);
    for gone in [SECRET, TAIL, "xmpmeta", "Exif", "evil", "MM\0*"] {
        assert!(holds(&bytes, gone) && !holds(&clean, gone), "{gone}");
    }
    let again = Seen::of(&clean).await;
    assert_eq!(again.made(Variant::Clean), None, "there is more to remove");
    assert_eq!(again.examined.facts, seen.examined.facts);
    assert_eq!(again.thumbnail(), seen.thumbnail());
}

#[tokio::test]
async fn what_another_program_wrote_is_read_too() {
    let source = "testsrc2=size=300x100,format=yuv444p10";
    for codec in ["libaom-av1", "libsvtav1"] {
        let arguments = [
            "-f",
            "lavfi",
            "-i",
            source,
            "-frames:v",
            "1",
            "-c:v",
            codec,
            "-pix_fmt",
            "yuv420p10",
        ];
        let seen = Seen::of(&ffmpeg(&arguments, "avif")).await;
        assert_eq!(seen.size(), (300, 100));
        assert_eq!(seen.thumbnail().dimensions(), (300, 100));
        assert_eq!(seen.made(Variant::Clean), None);
    }
}

#[tokio::test]
async fn an_avif_that_is_cut_short_is_broken() {
    let bytes = talkative(0);
    let end = bytes
        .windows(4)
        .position(|window| window == b"evil")
        .unwrap();
    for kept in [40, 200, end / 2, end - 40] {
        let error = refused(&bytes[..kept]).await;
        assert!(matches!(error, MediaError::Broken(_)), "{kept}: {error}");
    }
}

#[tokio::test]
async fn an_avif_that_promises_too_much_is_refused() {
    let mut bytes = talkative(0);
    let size = bytes
        .windows(4)
        .position(|window| window == b"ispe")
        .unwrap();
    bytes[size + 8..size + 16].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    assert!(matches!(refused(&bytes).await, MediaError::TooMuch(_)));
}
