//! Any file that a message may show.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tidemark_core::UploadId;
use tidemark_core::upload::{Attachment, MadeFile, MediaFacts, UploadState, Variant};

use crate::frames::{text, uuid};

pub(crate) fn attachment() -> impl Strategy<Value = Attachment> {
    let state = select(vec![
        UploadState::Waiting,
        UploadState::Scanning,
        UploadState::Ready,
        UploadState::Refused,
    ]);
    let facts = (
        option::of(any::<u32>()),
        option::of(any::<u64>()),
        option::of(text()),
        option::of(vec(any::<u8>(), 0..5)),
        any::<bool>(),
    );
    let facts = facts.prop_map(
        |(width, duration_ms, blur, waveform, has_thumbnail)| MediaFacts {
            width,
            height: width,
            duration_ms,
            blur,
            waveform,
            files: has_thumbnail
                .then(|| MadeFile {
                    variant: Variant::Thumbnail,
                    content_type: "image/jpeg".to_owned(),
                    width,
                    height: None,
                })
                .into_iter()
                .collect(),
        },
    );
    (uuid(), text(), any::<u64>(), state, facts).prop_map(|(id, name, size, state, facts)| {
        Attachment {
            upload: UploadId(id),
            name,
            content_type: "image/png".to_owned(),
            size,
            state,
            facts,
        }
    })
}
