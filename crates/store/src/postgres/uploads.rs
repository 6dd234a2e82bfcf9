//! What there is to know of uploads.
//!
//! A change is read, decided, and written if nothing of the same upload was changed in between; otherwise it begins anew.
//! What it locks, it locks in the order of the commits: the conversations of the messages that show the upload, then the
//! upload.

use tidemark_core::access::{Caller, Operation};
use tidemark_core::upload::{
    self, Attachment, Held, NewUpload, Sha256, Upload, UploadChange, UploadState, UploadUse,
};
use tidemark_core::{ConversationId, Limits, Refusal, Seq, Timestamp, UploadId, UserId};
use tokio_postgres::Row;

use crate::columns::{Origin, uploads};
use crate::{UploadChanged, UploadsPage};

use super::column::{self, page_size, signed};
use super::fault::{Fault, Trouble};
use super::pool::Connections;
use super::reads::{self, Read};
use super::statement::Statement;
use super::text;

/// The columns that [`kept`] reads, in its order, for use with `concat!`: of the upload `up` of the person `owner`.
macro_rules! upload_columns {
    () => {
        "up.id, owner.id, up.name, up.content_type, up.size, up.sha256, up.state, up.content, \
         up.facts, up.reason, up.created_at, up.expires_at, up.parts, up.attempts, up.retry_at, \
         up.shown, up.key, up.version"
    };
}
pub(super) use upload_columns;

/// Selects uploads, with conditions behind it, for use with `concat!`.
macro_rules! select_uploads {
    ($conditions:literal) => {
        concat!(
            "SELECT ",
            upload_columns!(),
            " FROM tidemark.upload AS up JOIN tidemark.person AS owner ON owner.key = up.owner ",
            $conditions
        )
    };
}

/// How often a change begins anew. Each time somebody else's was done.
const TRIES_MAX: usize = 100;

const BY_ID: &str = select_uploads!("WHERE up.id = $1");

/// A ready upload of the same owner with these bytes.
const TWIN: &str = select_uploads!(
    "WHERE owner.id = $1 AND up.sha256 = $2 AND up.size = $3 AND up.state = 'ready'
     ORDER BY up.key LIMIT 1"
);

const HELD: &str = "SELECT count(*), coalesce(sum(size), 0)::bigint FROM tidemark.upload
    WHERE owner = (SELECT key FROM tidemark.person WHERE id = $1)
        AND state NOT IN ('refused', 'deleting')";

const ENSURE_OWNER: &str = "INSERT INTO tidemark.person (id, origin, created_at)
    VALUES ($1, $2::bigint::smallint, $3) ON CONFLICT DO NOTHING";

/// Of one owner only one upload begins at a time.
const LOCK_OWNER: &str = "SELECT key FROM tidemark.person WHERE id = $1 FOR NO KEY UPDATE";

/// What is lent is not taken away before that is done.
const KEEP_LENDER: &str = "SELECT key FROM tidemark.upload WHERE id = $1 FOR SHARE";

const BEGIN: &str =
    "INSERT INTO tidemark.upload (id, owner, name, content_type, size, sha256, state,
        content, facts, created_at, expires_at)
    SELECT $1, owner.key, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM tidemark.person AS owner
    WHERE owner.id = $2
        AND (SELECT count(*) FROM tidemark.upload
            WHERE owner = owner.key AND state NOT IN ('refused', 'deleting')) = $12
        AND ($13::uuid IS NULL
            OR EXISTS (SELECT FROM tidemark.upload WHERE id = $13 AND state = 'ready'))
    RETURNING key";

const LOCK_ROOMS: &str = "SELECT c.key FROM tidemark.conversation AS c
    WHERE c.key IN (SELECT conversation FROM tidemark.attachment WHERE upload = $1)
    ORDER BY c.id FOR UPDATE";

const CHANGE: &str = "UPDATE tidemark.upload SET content_type = $3, sha256 = $4, state = $5,
        content = $6, facts = $7, reason = $8, parts = $9,
        expires_at = coalesce($10, expires_at), attempts = $11, retry_at = $12,
        version = version + 1
    WHERE key = $1 AND version = $2
        AND ($13::uuid IS NULL
            OR EXISTS (SELECT FROM tidemark.upload WHERE id = $13 AND state = 'ready'))
    RETURNING key";

/// Has the messages that show the upload say what it is.
const NOTE: &str = "UPDATE tidemark.event AS e SET detail = jsonb_set(e.detail::jsonb, '{attachments}', (
        SELECT jsonb_agg(CASE WHEN a ->> 'upload' = $3 THEN $4::text::jsonb ELSE a END ORDER BY place)
        FROM jsonb_array_elements(e.detail::jsonb -> 'attachments') WITH ORDINALITY AS t(a, place)
    ))::text
    FROM tidemark.attachment AS s
    WHERE s.upload = $1 AND e.conversation = s.conversation AND e.seq = s.seq
        AND EXISTS (SELECT FROM tidemark.upload WHERE key = $1 AND version = $2)";

const SHOWN: &str = "SELECT c.id, s.seq FROM tidemark.attachment AS s
    JOIN tidemark.conversation AS c ON c.key = s.conversation
    WHERE s.upload = $1 ORDER BY c.id, s.seq";

const FORGET: &str = "DELETE FROM tidemark.upload WHERE id = $1 AND state = 'deleting'";

const OF_OWNER: &str = select_uploads!(
    "WHERE up.owner = (SELECT key FROM tidemark.person WHERE id = $1) AND up.id < $2
        AND up.state <> 'deleting'
     ORDER BY up.id DESC LIMIT $3"
);

const DUE: &str = select_uploads!(
    "WHERE up.state IN ('uploaded', 'scanning') AND up.retry_at <= $1
     ORDER BY up.retry_at, up.id LIMIT $2"
);

const EXPIRED: &str = select_uploads!(
    "WHERE up.shown = 0 AND up.expires_at <= $1 ORDER BY up.expires_at, up.id LIMIT $2"
);

const IN_USE: &str = "SELECT u.id FROM unnest($1::uuid[]) AS u(id)
    WHERE EXISTS (SELECT FROM tidemark.upload WHERE content = u.id AND state <> 'deleting')";

/// An upload with what only this engine knows of it.
pub(crate) struct Kept {
    pub(crate) upload: Upload,
    pub(crate) shown: u64,
    key: i64,
    version: i64,
}

pub(crate) fn kept(row: &Row) -> Result<Kept, Trouble> {
    let shown = column::count(row, 15)?;
    let expires_at = column::timestamp(row, 11)?;
    let retry_at: i64 = column::get(row, 14)?;
    let sha256: Option<&[u8]> = column::get(row, 5)?;
    let sha256 = sha256.map(Sha256::try_from).transpose();
    let facts: Option<&str> = column::get(row, 8)?;
    Ok(Kept {
        upload: Upload {
            id: UploadId(column::get(row, 0)?),
            owner: column::user_id(row, 1)?,
            name: column::get(row, 2)?,
            content_type: column::get(row, 3)?,
            size: column::count(row, 4)?,
            sha256: sha256.map_err(column::damaged)?,
            state: column::named(row, 6)?,
            content: UploadId(column::get(row, 7)?),
            facts: uploads::read_facts(facts).map_err(column::damaged)?,
            reason: column::get(row, 9)?,
            created_at: column::timestamp(row, 10)?,
            expires_at: (shown == 0).then_some(expires_at),
            parts: column::get(row, 12)?,
            attempts: u32::try_from(column::count(row, 13)?).map_err(column::damaged)?,
            retry_at: (retry_at != 0).then_some(Timestamp(retry_at)),
        },
        shown,
        key: column::get(row, 16)?,
        version: column::get(row, 17)?,
    })
}

fn all_kept(rows: &[Row]) -> Result<Vec<Upload>, Trouble> {
    rows.iter().map(|row| Ok(kept(row)?.upload)).collect()
}

pub(crate) fn by_id(id: UploadId) -> Statement {
    Statement::new(BY_ID).uuid(id.0)
}

pub(crate) fn twin_statement(owner: &UserId, sha256: Sha256, size: u64) -> Statement {
    Statement::new(TWIN)
        .text(owner.to_string())
        .bytes(sha256)
        .number(signed(size))
}

pub(crate) fn held_statement(owner: &UserId) -> Statement {
    Statement::new(HELD).text(owner.to_string())
}

pub(crate) fn shown_statement(upload: i64) -> Statement {
    Statement::new(SHOWN).number(upload)
}

pub(crate) fn page_statement(
    owner: &UserId,
    before: Option<UploadId>,
    entries: usize,
) -> Statement {
    Statement::new(OF_OWNER)
        .text(owner.to_string())
        .uuid(before.map_or(uuid::Uuid::max(), |before| before.0))
        .number(page_size(entries))
}

pub(crate) fn due_statement(now: Timestamp, entries: usize) -> Statement {
    Statement::new(DUE).number(now.0).number(page_size(entries))
}

pub(crate) fn expired_statement(now: Timestamp, entries: usize) -> Statement {
    Statement::new(EXPIRED)
        .number(now.0)
        .number(page_size(entries))
}

pub(crate) fn in_use_statement(contents: &[UploadId]) -> Statement {
    Statement::new(IN_USE).uuids(contents.iter().map(|id| id.0).collect())
}

fn held(rows: &[Row]) -> Result<Held, Trouble> {
    let row = rows
        .first()
        .ok_or_else(|| column::damaged("a count without an answer"))?;
    Ok(Held {
        count: column::count(row, 0)?,
        bytes: column::count(row, 1)?,
    })
}

fn first(rows: Option<&Vec<Row>>) -> Result<Option<Kept>, Trouble> {
    rows.and_then(|rows| rows.first()).map(kept).transpose()
}

pub(crate) async fn begin(
    connections: &Connections,
    new: NewUpload,
    limits: &Limits,
) -> Read<Upload> {
    for _ in 0..TRIES_MAX {
        let mut questions = vec![held_statement(&new.owner)];
        if let Some(sha256) = new.sha256 {
            questions.push(twin_statement(&new.owner, sha256, new.size));
        }
        let answers = connections.read(&questions).await?;
        let held = held(answers.first().map_or(&[], Vec::as_slice))?;
        let twin = first(answers.get(1))?.map(|kept| kept.upload);
        let upload = upload::begin(new.clone(), held, twin.as_ref(), limits)?;
        let lender = twin
            .filter(|twin| upload.content == twin.content)
            .map(|twin| twin.id);
        let owner = upload.owner.to_string();
        let origin = if upload.owner.is_reserved() {
            Origin::Server
        } else {
            Origin::External
        };
        let mut statements = vec![
            Statement::new(ENSURE_OWNER)
                .text(owner.clone())
                .number(origin as i64)
                .number(upload.created_at.0),
            Statement::new(LOCK_OWNER).text(owner.clone()),
        ];
        statements.extend(lender.map(|id| Statement::new(KEEP_LENDER).uuid(id.0)));
        statements.push(
            Statement::new(BEGIN)
                .uuid(upload.id.0)
                .text(owner)
                .text(upload.name.clone())
                .text(upload.content_type.clone())
                .number(signed(upload.size))
                .optional_bytes(upload.sha256)
                .text(upload.state.to_string())
                .uuid(upload.content.0)
                .text(uploads::write_facts(&upload.facts))
                .number(upload.created_at.0)
                .number(upload.expires_at.map_or(0, |at| at.0))
                .number(signed(held.count))
                .optional_uuid(lender.map(|id| id.0)),
        );
        match connections.change_in_order(statements).await {
            Ok(answers) if answers.last().is_some_and(|rows| !rows.is_empty()) => {
                return Ok(upload);
            }
            Ok(_) => {}
            Err(trouble) if trouble.is_conflict() => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Err(Trouble::TooLate.into())
}

pub(crate) async fn change(
    connections: &Connections,
    id: UploadId,
    change: UploadChange,
) -> Read<UploadChanged> {
    for _ in 0..TRIES_MAX {
        let answers = connections.read(&[by_id(id)]).await?;
        let found = first(answers.first())?.ok_or_else(Refusal::no_such_upload)?;
        let twin = match &change {
            UploadChange::Identified(sha256) => {
                let upload = &found.upload;
                let twin = twin_statement(&upload.owner, *sha256, upload.size);
                first(connections.read(&[twin]).await?.first())?.map(|kept| kept.upload)
            }
            _ => None,
        };
        let used = UploadUse {
            is_shown: found.shown > 0,
            twin: twin.as_ref(),
        };
        let Some(next) = upload::change(&found.upload, change.clone(), used)? else {
            let shown = shown_statement(found.key);
            let answers = connections.read(&[shown]).await?;
            return Ok(UploadChanged {
                upload: found.upload,
                changed: false,
                shown: shown_of(answers.first().map_or(&[], Vec::as_slice))?,
            });
        };
        let lender = twin
            .filter(|twin| next.content == twin.content && next.content != found.upload.content)
            .map(|twin| twin.id);
        let mut answers = match write(connections, &found, &next, lender).await {
            Err(trouble) if trouble.is_conflict() => continue,
            answers => answers?,
        };
        let shown = answers.pop().unwrap_or_default();
        let changed = answers.pop().unwrap_or_default();
        if !changed.is_empty() {
            return Ok(UploadChanged {
                upload: next,
                changed: true,
                shown: shown_of(&shown)?,
            });
        }
    }
    Err(Trouble::TooLate.into())
}

/// Writes a change. The last two answers are whether it was written, and which messages show the upload.
async fn write(
    connections: &Connections,
    found: &Kept,
    next: &Upload,
    lender: Option<UploadId>,
) -> Result<Vec<Vec<Row>>, Trouble> {
    let mut statements = vec![Statement::new(LOCK_ROOMS).number(found.key)];
    statements.extend(lender.map(|id| Statement::new(KEEP_LENDER).uuid(id.0)));
    let change = Statement::new(CHANGE)
        .number(found.key)
        .number(found.version)
        .text(next.content_type.clone())
        .optional_bytes(next.sha256)
        .text(next.state.to_string())
        .uuid(next.content.0)
        .text(uploads::write_facts(&next.facts))
        .text(
            next.reason
                .as_deref()
                .map(|reason| text::kept(reason).into_owned()),
        )
        .text(next.parts.clone())
        .number(next.expires_at.map(|at| at.0))
        .number(i64::from(next.attempts))
        .number(next.retry_at.map_or(0, |at| at.0))
        .optional_uuid(lender.map(|id| id.0));
    statements.push(change);
    let written = statements.len() - 1;
    let attachment = next.attachment();
    if attachment != found.upload.attachment() {
        statements.push(note(found, &attachment));
    }
    statements.push(shown_statement(found.key));
    let mut answers = connections.change_in_order(statements).await?;
    let shown = answers.pop().unwrap_or_default();
    let changed = answers.into_iter().nth(written).unwrap_or_default();
    Ok(vec![changed, shown])
}

fn note(found: &Kept, attachment: &Attachment) -> Statement {
    Statement::new(NOTE)
        .number(found.key)
        .number(found.version + 1)
        .text(attachment.upload.to_string())
        .text(uploads::write_attachment(attachment))
}

fn shown_of(rows: &[Row]) -> Result<Vec<(ConversationId, Seq)>, Trouble> {
    rows.iter()
        .map(|row| Ok((column::conversation_id(row, 0)?, column::seq(row, 1)?)))
        .collect()
}

pub(crate) async fn forget(connections: &Connections, id: UploadId) -> Read<()> {
    connections
        .change(Statement::new(FORGET).uuid(id.0))
        .await?;
    Ok(())
}

pub(crate) async fn get(connections: &Connections, id: UploadId) -> Read<Option<Upload>> {
    let answers = connections.read(&[by_id(id)]).await?;
    Ok(first(answers.first())?.map(|kept| kept.upload))
}

pub(crate) async fn visible(
    connections: &Connections,
    caller: &Caller,
    id: UploadId,
) -> Read<Upload> {
    let answers = connections.read(&[by_id(id)]).await?;
    let found = first(answers.first())?;
    let found = found.filter(|found| found.upload.state != UploadState::Deleting);
    let found = found.ok_or_else(Refusal::no_such_upload)?;
    let is_own = found.upload.owner == caller.author();
    if is_own || *caller == Caller::Administrator || is_seen(connections, caller, &found).await? {
        return Ok(found.upload);
    }
    Err(Refusal::no_such_upload().into())
}

/// Whether `caller` sees a message that shows the upload.
async fn is_seen(connections: &Connections, caller: &Caller, found: &Kept) -> Read<bool> {
    /// Conversations to ask about at once.
    const AT_ONCE: usize = 50;
    let shown = shown_statement(found.key);
    let answers = connections.read(&[shown]).await?;
    let shown = shown_of(answers.first().map_or(&[], Vec::as_slice))?;
    for some in shown.chunks(AT_ONCE) {
        let questions: Vec<_> = some
            .iter()
            .map(|(conversation, _)| reads::access(caller, *conversation))
            .collect();
        let answers = connections.read(&questions).await?;
        for (rows, (_, seq)) in answers.iter().zip(some) {
            match reads::permitted(Operation::Read, caller, rows) {
                Ok(access) if access.horizon(caller).includes(*seq) => return Ok(true),
                Ok(_) | Err(Fault::Answer(_)) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    Ok(false)
}

pub(crate) async fn of_owner(
    connections: &Connections,
    owner: &UserId,
    before: Option<UploadId>,
    entries_max: usize,
) -> Read<UploadsPage> {
    let entries_max = entries_max.max(1);
    let page = page_statement(owner, before, entries_max.saturating_add(1));
    let answers = connections.read(&[page, held_statement(owner)]).await?;
    let mut uploads = all_kept(answers.first().map_or(&[], Vec::as_slice))?;
    let more = uploads.len() > entries_max;
    uploads.truncate(entries_max);
    Ok(UploadsPage {
        uploads,
        more,
        held: held(answers.get(1).map_or(&[], Vec::as_slice))?,
    })
}

pub(crate) async fn due(
    connections: &Connections,
    now: Timestamp,
    entries_max: usize,
) -> Read<Vec<Upload>> {
    all(connections, due_statement(now, entries_max)).await
}

pub(crate) async fn expired(
    connections: &Connections,
    now: Timestamp,
    entries_max: usize,
) -> Read<Vec<Upload>> {
    all(connections, expired_statement(now, entries_max)).await
}

async fn all(connections: &Connections, asked: Statement) -> Read<Vec<Upload>> {
    let answers = connections.read(&[asked]).await?;
    Ok(all_kept(answers.first().map_or(&[], Vec::as_slice))?)
}

pub(crate) async fn contents_in_use(
    connections: &Connections,
    contents: &[UploadId],
) -> Read<Vec<UploadId>> {
    let asked = in_use_statement(contents);
    let answers = connections.read(&[asked]).await?;
    let rows = answers.first().map_or(&[][..], Vec::as_slice);
    let used: Result<Vec<_>, Trouble> = rows
        .iter()
        .map(|row| Ok(UploadId(column::get(row, 0)?)))
        .collect();
    Ok(used?)
}
