use super::samples::TAIL;
use super::{Seen, World};

#[tokio::test]
async fn nothing_is_made_of_a_document() {
    let examined = World::new()
        .examine(b"%PDF-1.7\n%...", "application/pdf")
        .await
        .unwrap();
    assert_eq!(examined.content_type, "application/pdf");
    assert_eq!(examined.facts, tidemark_media::Facts::default());
    assert!(examined.files.is_empty());
}

#[tokio::test]
async fn a_page_that_calls_itself_a_picture_is_nothing() {
    for declared in ["image/png", "image/svg+xml", "video/mp4"] {
        let examined = World::new()
            .examine(TAIL.as_bytes(), declared)
            .await
            .unwrap();
        assert_eq!(examined.content_type, "application/octet-stream");
        assert!(examined.files.is_empty());
    }
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    assert_eq!(
        Seen::of(b"").await.examined.content_type,
        "application/octet-stream"
    );
}
