use proptest::prelude::*;

use super::{HEAD_BYTES, Kind, UNKNOWN, sniff};

fn said(head: &[u8], declared: &str) -> String {
    sniff(head, declared).content_type
}

#[test]
fn what_a_browser_would_run_is_never_called_a_picture() {
    for page in [
        "<html><script>alert(1)</script>",
        "\n\t <!DOCTYPE html><p>",
        "\u{feff}<ScRiPt>x",
        "<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>",
        "<?xml version='1.0'?><svg/>",
        "<?xml version='1.0'?><x/>",
        "#!/bin/sh\nrm -r .",
        "harmless text",
    ] {
        for declared in [
            "image/png",
            "image/jpeg",
            "video/mp4",
            "audio/mpeg",
            "application/pdf",
        ] {
            assert_eq!(
                said(page.as_bytes(), declared),
                UNKNOWN,
                "{page} {declared}"
            );
        }
    }
}

#[test]
fn what_fits_the_bytes_is_believed() {
    for (head, declared) in [
        (&b"%PDF-1.7\n"[..], "application/pdf"),
        (
            b"PK\x03\x04....",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (b"<html>", "text/html"),
        (b"<html>", "text/plain"),
        (b"<svg/>", "image/svg+xml"),
        (b"{\"a\":1}", "application/json"),
        (b"a,b\n1,2\n", "text/csv"),
        (b"\x00\x01\x02\x03", "application/x-something"),
    ] {
        assert_eq!(said(head, declared), declared);
    }
}

#[test]
fn what_does_not_fit_the_bytes_is_not_believed() {
    for (head, declared) in [
        (&b"%PDF-1.7\n"[..], "application/zip"),
        (b"PK\x03\x04....", "application/pdf"),
        (b"\x00\x01\x02\x03", "image/tiff"),
        (b"\x00\x01\x02\x03", "text/plain"),
        (b"\x00\x01\x02\x03", "application/pdf"),
        (b"MZ\x90\0", "application/zip"),
        (b"#EXTM3U\nhttp://127.0.0.1/", "video/mp4"),
        (b"x", "no type"),
        (b"x", "text/plain\r\nX-Evil: 1"),
    ] {
        assert_eq!(said(head, declared), UNKNOWN, "{declared}");
    }
}

#[test]
fn parameters_and_capitals_are_dropped() {
    assert_eq!(said(b"hello", "Text/Plain; charset=utf-8"), "text/plain");
}

#[test]
fn pictures_and_films_are_what_their_bytes_say() {
    for (head, found) in [
        (&b"GIF89a<script>"[..], "image/gif"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1", "image/avif"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0avif", "image/avif"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1", "image/heic"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isom", "video/mp4"),
        (b"\0\0\0\x18ftypM4A \0\0\0\0isom", "audio/mp4"),
        (b"\xff\xfb\x90\x64", "audio/mpeg"),
        (b"\xff\xf1\x50\x80", "audio/aac"),
    ] {
        assert_eq!(said(head, "text/html"), found);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_something(
        head in proptest::collection::vec(any::<u8>(), 0..HEAD_BYTES),
        declared in ".*",
    ) {
        let sniffed = sniff(&head, &declared);
        prop_assert!(sniffed.content_type.is_ascii());
        prop_assert!(sniffed.kind != Kind::Document || !sniffed.content_type.starts_with("video/"));
    }
}
