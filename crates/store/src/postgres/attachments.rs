//! Which messages show an upload: asked for before a message that is to show some, and written with it.

use std::collections::BTreeSet;

use tidemark_core::upload::Attachment;
use tidemark_core::{Seq, Timestamp, UploadId};
use uuid::Uuid;

use super::column::signed;
use super::statement::Statement;
use super::uploads::upload_columns;

/// Nobody changes these until the transaction ends. In the order of their ids, so that no two wait for each other in a
/// circle; behind the locks of conversations.
const WANTED: &str = concat!(
    "SELECT ",
    upload_columns!(),
    " FROM tidemark.upload AS up JOIN tidemark.person AS owner ON owner.key = up.owner
    WHERE up.id = ANY($1) ORDER BY up.id FOR UPDATE OF up"
);

const SHOW: &str = "INSERT INTO tidemark.attachment (conversation, seq, upload)
    SELECT u.conversation, u.seq, up.key
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS u(id, conversation, seq)
    JOIN tidemark.upload AS up ON up.id = u.id";

const COUNT: &str = "UPDATE tidemark.upload AS up SET shown = shown + u.count,
        expires_at = LEAST(expires_at, u.at), version = version + 1
    FROM (SELECT id, count(*) AS count, min(at) AS at
        FROM unnest($1::uuid[], $2::bigint[]) AS u(id, at) GROUP BY id) AS u
    WHERE up.id = u.id";

/// Takes away what a message showed that was deleted.
pub(crate) const HIDE: [&str; 2] = [
    "UPDATE tidemark.upload SET shown = shown - 1, version = version + 1
     WHERE key IN (SELECT upload FROM tidemark.attachment WHERE conversation = $1 AND seq = $2)",
    "DELETE FROM tidemark.attachment WHERE conversation = $1 AND seq = $2",
];

/// Asks for those of these that there are.
pub(crate) fn wanted_statement(ids: &BTreeSet<UploadId>) -> Statement {
    Statement::new(WANTED).uuids(ids.iter().map(|id| id.0).collect())
}

/// What new messages show.
#[derive(Default)]
pub(crate) struct AttachmentWrites {
    uploads: Vec<Uuid>,
    rooms: Vec<i64>,
    seqs: Vec<i64>,
    times: Vec<i64>,
}

impl AttachmentWrites {
    /// The message at `seq`, accepted at `at`, shows these.
    pub(crate) fn add(
        &mut self,
        conversation: i64,
        seq: Seq,
        at: Timestamp,
        attachments: &[Attachment],
    ) {
        for attachment in attachments {
            self.uploads.push(attachment.upload.0);
            self.rooms.push(conversation);
            self.seqs.push(signed(seq.get()));
            self.times.push(at.0);
        }
    }

    pub(crate) fn statements(self) -> Vec<Statement> {
        if self.uploads.is_empty() {
            return Vec::new();
        }
        let show = Statement::new(SHOW)
            .uuids(self.uploads.clone())
            .numbers(self.rooms)
            .numbers(self.seqs);
        let count = Statement::new(COUNT)
            .uuids(self.uploads)
            .numbers(self.times);
        vec![show, count]
    }
}
