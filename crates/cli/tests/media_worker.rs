//! The program looks into a file as the server lets it.

use tempfile::TempDir;
use tidemark_media::{Limits, Variant, Workshop};

/// A picture of one pixel, with a comment.
const PICTURE: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\0\x21\xfe\x05hello\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0\x3b";

#[tokio::test]
async fn the_program_is_its_own_worker() {
    let directory = TempDir::new().unwrap();
    let source = directory.path().join("source");
    let out = directory.path().join("out");
    std::fs::write(&source, PICTURE).unwrap();
    std::fs::create_dir(&out).unwrap();
    let workshop = Workshop {
        program: env!("CARGO_BIN_EXE_tidemark").into(),
        arguments: vec!["media-worker".into()],
        limits: Limits::default(),
        scratch: directory.path().to_owned(),
        ffmpeg: None,
    };
    let examined = workshop.examine(&source, "image/png", &out).await.unwrap();
    assert_eq!(examined.content_type, "image/gif");
    assert_eq!(
        (examined.facts.width, examined.facts.height),
        (Some(1), Some(1))
    );
    let made: Vec<_> = examined.files.iter().map(|made| made.variant).collect();
    assert_eq!(made, [Variant::Clean, Variant::Thumbnail]);
}
