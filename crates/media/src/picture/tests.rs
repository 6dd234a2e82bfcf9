//! Whatever the bytes are, reading their structure ends, and with an answer.

use proptest::prelude::*;

use super::parse;
use crate::sniff::Format;

const FORMATS: [Format; 6] = [
    Format::Jpeg,
    Format::Png,
    Format::Gif,
    Format::WebP,
    Format::Avif,
    Format::Heic,
];

/// Begins that lead further inside than chance does.
const BEGINS: &[&[u8]] = &[
    b"",
    b"\xff\xd8\xff\xe1\x00\x0aExif\0\0MM\xff\xc0\x00\x0b\x08\x00\x10\x00\x10",
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\0\0\0\0\0\0\0\x04eXIf",
    b"GIF89a\x10\0\x10\0\x80\0\0\0\0\0\xff\xff\xff\x21\xf9\x04\0\0\0\0\0\x2c",
    b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x0c\0\0\0\x0f\0\0\x0f\0\0EXIF",
    b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x2cmeta\0\0\0\0\0\0\0\x0epitm\0\0\0\0\0\x01\0\0\0\x12iloc\0\0\0\0\x44",
];

/// A file in the container of AVIF, of which numbers are as they come.
fn iso_file(numbers: &[u8]) -> Vec<u8> {
    let piece = |place: usize, count: usize| {
        let bytes = numbers.iter().cycle().skip(place).take(count);
        bytes.copied().collect::<Vec<u8>>()
    };
    let part = |name: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len() + 8).unwrap();
        [&length.to_be_bytes()[..], name, content].concat()
    };
    let properties = [part(b"ispe", &piece(3, 12)), part(b"colr", &piece(5, 11))].concat();
    let parts = [
        part(b"idat", &piece(1, 9)),
        part(b"pitm", &piece(0, 6)),
        part(
            b"iinf",
            &[
                &[0; 6],
                part(b"infe", &[&[2, 0, 0, 0], piece(7, 13).as_slice()].concat()).as_slice(),
            ]
            .concat(),
        ),
        part(
            b"iloc",
            &[&[1, 0, 0, 0, 0x44, 0x44, 0, 2], piece(11, 60).as_slice()].concat(),
        ),
        part(
            b"iref",
            &[&[0; 4], part(b"auxl", &piece(13, 10)).as_slice()].concat(),
        ),
        part(
            b"iprp",
            &[part(b"ipco", &properties), part(b"ipma", &piece(17, 30))].concat(),
        ),
    ];
    let meta = part(b"meta", &[&[0; 4], parts.concat().as_slice()].concat());
    [
        part(b"ftyp", b"avif\0\0\0\0"),
        meta,
        part(b"mdat", &piece(19, 40)),
    ]
    .concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_without_a_panic(
        begin in proptest::sample::select(BEGINS),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [begin, &rest].concat();
        for format in FORMATS {
            // What comes of it does not matter here.
            let _ = parse(&bytes, format);
        }
    }

    #[test]
    fn any_numbers_in_boxes_are_read_without_a_panic(
        numbers in proptest::collection::vec(prop_oneof![0_u8..4, any::<u8>()], 1..100),
    ) {
        let _ = parse(&iso_file(&numbers), Format::Avif);
    }

    #[test]
    fn what_is_clean_stays_as_it_is(
        begin in proptest::sample::select(BEGINS),
        rest in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [begin, &rest].concat();
        for format in FORMATS {
            if let Ok((parsed, _)) = parse(&bytes, format) {
                let (again, _) = parse(&parsed.clean, format).expect("a clean file is a file");
                prop_assert_eq!(again.clean, parsed.clean);
                prop_assert_eq!(again.orientation, parsed.orientation);
            }
        }
    }
}
