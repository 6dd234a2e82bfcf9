//! How blobs are given to whoever has a URL.

use tidemark_blobs::Shown;

use crate::world::{LONG, World, bytes, content_type, header};

pub(crate) async fn names_and_types_are_made_harmless(world: World) {
    let key = world.key("a");
    world.store(&key, b"<script>").await;
    for (name, shown_as) in [
        ("../../x", r#"attachment; filename="x""#),
        ("a\0b", r#"attachment; filename="ab""#),
        (
            "a\r\nSet-Cookie: b=c",
            r#"attachment; filename="aSet-Cookie_ b=c""#,
        ),
        ("a\u{202e}gpj.exe", r#"attachment; filename="agpj.exe""#),
        (
            "\"; filename=\"b.exe",
            r#"attachment; filename="_; filename=_b.exe""#,
        ),
        (
            "ü 概.png",
            r#"attachment; filename="_ _.png"; filename*=UTF-8''%C3%BC%20%E6%A6%82.png"#,
        ),
        (
            "100%41&x=y+z#.txt",
            r#"attachment; filename="100_41&x=y+z#.txt"; filename*=UTF-8''100%2541&x%3Dy+z#.txt"#,
        ),
        ("", r#"attachment; filename="file""#),
    ] {
        let shown = Shown {
            file_name: name.to_owned(),
            content_type: content_type("text/html; charset=utf-8"),
            inline: true,
        };
        let signed = world
            .blobs
            .sign_download(&key, &shown, LONG, &world.base)
            .await;
        let answer = world.get(&signed.unwrap(), &[]).await;
        assert_eq!(answer.status(), 200, "{name:?}");
        assert_eq!(header(&answer, "content-disposition"), shown_as, "{name:?}");
        assert_eq!(header(&answer, "content-type"), "application/octet-stream");
        assert!(!answer.headers().contains_key("set-cookie"));
    }
}

pub(crate) async fn ranges_are_given(world: World) {
    let (key, sent) = (world.key("a"), bytes(200_000));
    world.store(&key, &sent).await;
    let signed = world.download_url(&key).await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 0),
        ("bytes=100-150000", 100, 150_000),
        ("bytes=199990-", 199_990, 199_999),
        ("bytes=-5", 199_995, 199_999),
        ("bytes=100000-999999", 100_000, 199_999),
    ] {
        let answer = world.get(&signed, &[("range", range)]).await;
        assert_eq!(answer.status(), 206, "{range}");
        assert_eq!(
            header(&answer, "content-range"),
            format!("bytes {from}-{to}/200000")
        );
        assert_eq!(
            header(&answer, "content-length"),
            (to - from + 1).to_string()
        );
        assert!(answer.bytes().await.unwrap() == sent[from..=to], "{range}");
    }
    let answer = world.get(&signed, &[("range", "bytes=200000-")]).await;
    assert_eq!(answer.status(), 416);
}

pub(crate) async fn what_a_client_has_is_not_sent_again(world: World) {
    let key = world.key("a");
    world.store(&key, b"bytes").await;
    let signed = world.download_url(&key).await;
    let etag = world.blobs.head(&key).await.unwrap().unwrap().etag;
    let answer = world.get(&signed, &[("if-none-match", &etag)]).await;
    assert_eq!(answer.status(), 304);
    assert!(answer.bytes().await.unwrap().is_empty());
    let answer = world.get(&signed, &[("if-none-match", "\"other\"")]).await;
    assert_eq!(answer.text().await.unwrap(), "bytes");
}
