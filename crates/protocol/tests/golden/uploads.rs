//! Uploads, in frames and in messages.

use tidemark_core::upload::{Attachment, UploadState};
use tidemark_protocol::body::{self, UploadChanged};
use tidemark_protocol::frame::ServerFrame;
use tidemark_protocol::wire::Wire;

use crate::file::{Case, Golden};
use crate::samples::{harbour, picture, recording, seq};

pub(crate) fn files() -> Vec<Golden> {
    vec![
        Golden::new("server/upload.json", changed()),
        Golden::new("http/attachment.json", attachments()),
    ]
}

fn attachments() -> Vec<Case> {
    vec![
        Case::body(
            "a picture",
            "it is ready, and has a smaller one",
            body::Attachment::from(picture()),
        ),
        Case::body(
            "a recording",
            "it is still looked at",
            body::Attachment::from(recording()),
        ),
    ]
}

fn changed() -> Vec<Case> {
    let shown = ServerFrame::from(UploadChanged {
        conversation: Some(Wire(harbour())),
        seq: Some(Wire(seq(42))),
        attachment: picture().into(),
        reason: None,
    });
    let refused = Attachment {
        state: UploadState::Refused,
        ..recording()
    };
    let own = ServerFrame::from(UploadChanged {
        conversation: None,
        seq: None,
        attachment: refused.into(),
        reason: Some("a scanner found: Eicar-Test-Signature".to_owned()),
    });
    let in_message = "the message at 42 shows an upload that is ready now";
    let of_owner =
        "one of the user's own uploads; why it was refused is for them and for moderators";
    vec![
        Case::server("in a message", in_message, shown),
        Case::server("the user's own", of_owner, own),
    ]
}
