//! What there is to know of uploads, and which messages show them.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use tidemark_core::access::Caller;
use tidemark_core::conversation::UploadFacts;
use tidemark_core::upload::{
    self, Attachment, Held, NewUpload, Sha256, Upload, UploadChange, UploadState, UploadUse,
};
use tidemark_core::{ConversationId, Limits, Refusal, Seq, Timestamp, UploadId, UserId};
use uuid::Uuid;

use crate::columns::{detail, uploads};
use crate::{UploadChanged, UploadsPage};

use super::cache::Users;
use super::column;
use super::lookup;
use super::reads::{self, Read};

/// The columns that [`upload`] reads, in its order, of `upload AS u JOIN user AS owner`.
macro_rules! upload_columns {
    () => {
        "u.id, owner.id, u.name, u.content_type, u.size, u.sha256, u.state, u.content, u.facts, \
         u.reason, u.created_at, u.expires_at, u.parts, u.attempts, u.retry_at, u.shown, u.key"
    };
}

/// An upload with what only this engine knows of it.
struct Kept {
    upload: Upload,
    shown: u64,
    key: i64,
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let damaged = |index| move |what: detail::Damaged| column::damaged(index, what);
    let state: UploadState = row
        .get_ref(6)?
        .as_str()?
        .parse()
        .map_err(|what| column::damaged(6, what))?;
    let shown = row.get(15)?;
    let retry_at: i64 = row.get(14)?;
    let expires_at = Timestamp(row.get(11)?);
    Ok(Kept {
        upload: Upload {
            id: upload_id(row, 0)?,
            owner: column::user_id(row, 1)?,
            name: row.get(2)?,
            content_type: row.get(3)?,
            size: row.get(4)?,
            sha256: row.get(5)?,
            state,
            content: upload_id(row, 7)?,
            facts: uploads::read_facts(row.get_ref(8)?.as_str_or_null()?).map_err(damaged(8))?,
            reason: row.get(9)?,
            created_at: column::timestamp(row, 10)?,
            expires_at: (shown == 0).then_some(expires_at),
            parts: row.get(12)?,
            attempts: row.get(13)?,
            retry_at: (retry_at != 0).then_some(Timestamp(retry_at)),
        },
        shown,
        key: row.get(16)?,
    })
}

fn upload_id(row: &Row<'_>, index: usize) -> rusqlite::Result<UploadId> {
    row.get(index)
        .map(|bytes| UploadId(Uuid::from_bytes(bytes)))
}

fn find(connection: &Connection, id: UploadId) -> rusqlite::Result<Option<Kept>> {
    connection
        .prepare_cached(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload AS u JOIN user AS owner ON owner.key = u.owner WHERE u.id = ?1"
        ))?
        .query_row([id.0.into_bytes()], kept)
        .optional()
}

/// Those of the uploads that a message is to show that there are.
pub(crate) fn facts(
    connection: &Connection,
    ids: &[UploadId],
) -> rusqlite::Result<Vec<UploadFacts>> {
    let mut facts = Vec::with_capacity(ids.len());
    for id in ids {
        facts.extend(find(connection, *id)?.map(|kept| UploadFacts {
            upload: kept.upload,
            shown: kept.shown,
        }));
    }
    Ok(facts)
}

/// Notes that the message at `seq`, accepted at `at`, shows these. From then on they end when nothing shows them.
pub(crate) fn show(
    connection: &Connection,
    conversation: i64,
    seq: Seq,
    at: Timestamp,
    attachments: &[Attachment],
) -> rusqlite::Result<()> {
    for attachment in attachments {
        let id = attachment.upload.0.into_bytes();
        connection
            .prepare_cached(
                "INSERT INTO attachment (upload, conversation, seq)
                 SELECT key, ?2, ?3 FROM upload WHERE id = ?1",
            )?
            .execute((id, conversation, seq.get()))?;
        connection
            .prepare_cached(
                "UPDATE upload SET shown = shown + 1, expires_at = min(expires_at, ?2)
                 WHERE id = ?1",
            )?
            .execute((id, at.0))?;
    }
    Ok(())
}

/// Notes that the message at `seq` was deleted and shows nothing any more.
pub(crate) fn hide(connection: &Connection, conversation: i64, seq: Seq) -> rusqlite::Result<()> {
    let statements = [
        "UPDATE upload SET shown = shown - 1 WHERE key IN
            (SELECT upload FROM attachment WHERE conversation = ?1 AND seq = ?2)",
        "DELETE FROM attachment WHERE conversation = ?1 AND seq = ?2",
    ];
    for sql in statements {
        connection
            .prepare_cached(sql)?
            .execute((conversation, seq.get()))?;
    }
    Ok(())
}

pub(crate) fn begin(
    connection: &Connection,
    users: &mut Users,
    new: NewUpload,
    limits: &Limits,
) -> Read<Upload> {
    let owner = users.intern(connection, &new.owner, new.at)?;
    let twin = match &new.sha256 {
        Some(sha256) => twin(connection, owner, sha256, new.size)?,
        None => None,
    };
    let held = held(connection, owner)?;
    let upload = upload::begin(new, held, twin.as_ref(), limits)?;
    connection
        .prepare_cached(
            "INSERT INTO upload (id, owner, name, content_type, size, sha256, state, content, facts,
                created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute((
            upload.id.0.into_bytes(),
            owner,
            &upload.name,
            &upload.content_type,
            upload.size,
            upload.sha256,
            upload.state.as_str(),
            upload.content.0.into_bytes(),
            uploads::write_facts(&upload.facts),
            upload.created_at.0,
            upload.expires_at.map_or(0, |at| at.0),
        ))?;
    Ok(upload)
}

/// A ready upload of the owner with these bytes.
fn twin(
    connection: &Connection,
    owner: i64,
    sha256: &Sha256,
    size: u64,
) -> rusqlite::Result<Option<Upload>> {
    let found = connection
        .prepare_cached(concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload AS u JOIN user AS owner ON owner.key = u.owner
             WHERE u.owner = ?1 AND u.sha256 = ?2 AND u.size = ?3 AND u.state = 'ready'
             ORDER BY u.key LIMIT 1"
        ))?
        .query_row((owner, sha256, size), kept)
        .optional()?;
    Ok(found.map(|kept| kept.upload))
}

fn held(connection: &Connection, owner: i64) -> rusqlite::Result<Held> {
    connection
        .prepare_cached(
            "SELECT count(*), ifnull(sum(size), 0) FROM upload
             WHERE owner = ?1 AND state NOT IN ('refused', 'deleting')",
        )?
        .query_row([owner], |row| {
            Ok(Held {
                count: row.get(0)?,
                bytes: row.get(1)?,
            })
        })
}

pub(crate) fn change(
    connection: &Connection,
    id: UploadId,
    change: UploadChange,
) -> Read<UploadChanged> {
    let found = find(connection, id)?.ok_or_else(Refusal::no_such_upload)?;
    let twin = match &change {
        UploadChange::Identified(sha256) => {
            let owner = lookup::user_key(connection, &found.upload.owner)?;
            let owner = owner.expect("an upload has an owner");
            twin(connection, owner, sha256, found.upload.size)?
        }
        _ => None,
    };
    let used = UploadUse {
        is_shown: found.shown > 0,
        twin: twin.as_ref(),
    };
    let Some(next) = upload::change(&found.upload, change, used)? else {
        return Ok(UploadChanged {
            upload: found.upload,
            changed: false,
            shown: shown(connection, found.key)?,
        });
    };
    connection
        .prepare_cached(
            "UPDATE upload SET content_type = :content_type, sha256 = :sha256, state = :state,
                content = :content, facts = :facts, reason = :reason, parts = :parts,
                expires_at = ifnull(:expires_at, expires_at), attempts = :attempts,
                retry_at = :retry_at
             WHERE key = :key",
        )?
        .execute(named_params! {
            ":content_type": next.content_type,
            ":sha256": next.sha256,
            ":state": next.state.as_str(),
            ":content": next.content.0.into_bytes(),
            ":facts": uploads::write_facts(&next.facts),
            ":reason": next.reason,
            ":parts": next.parts,
            ":expires_at": next.expires_at.map(|at| at.0),
            ":attempts": next.attempts,
            ":retry_at": next.retry_at.map_or(0, |at| at.0),
            ":key": found.key,
        })?;
    let shown = shown(connection, found.key)?;
    if next.attachment() != found.upload.attachment() {
        for (conversation, seq) in &shown {
            note(connection, *conversation, *seq, &next.attachment())?;
        }
    }
    Ok(UploadChanged {
        upload: next,
        changed: true,
        shown,
    })
}

/// Has a message say what an upload is that it shows.
fn note(
    connection: &Connection,
    conversation: ConversationId,
    seq: Seq,
    attachment: &Attachment,
) -> rusqlite::Result<()> {
    let row: Option<(i64, String)> = connection
        .prepare_cached(
            "SELECT position, detail FROM event
             WHERE conversation = (SELECT key FROM conversation WHERE id = ?1) AND seq = ?2
                AND detail IS NOT NULL",
        )?
        .query_row((conversation.0.into_bytes(), seq.get()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((position, detail)) = row {
        let detail = detail::with_attachment(&detail, attachment)
            .map_err(|what| column::damaged(1, what))?;
        connection
            .prepare_cached("UPDATE event SET detail = ?2 WHERE position = ?1")?
            .execute((position, detail))?;
    }
    Ok(())
}

/// The messages that show an upload.
fn shown(connection: &Connection, upload: i64) -> rusqlite::Result<Vec<(ConversationId, Seq)>> {
    connection
        .prepare_cached(
            "SELECT c.id, a.seq FROM attachment AS a
             JOIN conversation AS c ON c.key = a.conversation
             WHERE a.upload = ?1 ORDER BY c.id, a.seq",
        )?
        .query_map([upload], |row| {
            Ok((column::conversation_id(row, 0)?, column::seq(row, 1)?))
        })?
        .collect()
}

pub(crate) fn forget(connection: &Connection, id: UploadId) -> Read<()> {
    connection
        .prepare_cached("DELETE FROM upload WHERE id = ?1 AND state = 'deleting'")?
        .execute([id.0.into_bytes()])?;
    Ok(())
}

pub(crate) fn get(connection: &Connection, id: UploadId) -> Read<Option<Upload>> {
    Ok(find(connection, id)?.map(|kept| kept.upload))
}

pub(crate) fn visible(connection: &Connection, caller: &Caller, id: UploadId) -> Read<Upload> {
    let found = find(connection, id)?.ok_or_else(Refusal::no_such_upload)?;
    if found.upload.state == UploadState::Deleting {
        return Err(Refusal::no_such_upload().into());
    }
    let is_own = found.upload.owner == caller.author();
    if is_own || *caller == Caller::Administrator || is_seen(connection, caller, found.key)? {
        return Ok(found.upload);
    }
    Err(Refusal::no_such_upload().into())
}

/// Whether `caller` sees a message that shows the upload.
fn is_seen(connection: &Connection, caller: &Caller, upload: i64) -> Read<bool> {
    for (conversation, seq) in shown(connection, upload)? {
        let operation = tidemark_core::access::Operation::Read;
        match reads::permitted(connection, operation, caller, conversation) {
            Ok(found) if found.horizon(caller).includes(seq) => return Ok(true),
            Ok(_) | Err(super::fault::Fault::Answer(_)) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(false)
}

pub(crate) fn of_owner(
    connection: &Connection,
    owner: &UserId,
    before: Option<UploadId>,
    entries_max: usize,
) -> Read<UploadsPage> {
    let Some(key) = lookup::user_key(connection, owner)? else {
        return Ok(UploadsPage::default());
    };
    let before = before.map_or([0xff; 16], |before| before.0.into_bytes());
    let mut uploads = select(
        connection,
        concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload AS u JOIN user AS owner ON owner.key = u.owner
             WHERE u.owner = ?1 AND u.id < ?2 AND u.state <> 'deleting'
             ORDER BY u.id DESC LIMIT ?3"
        ),
        (key, before, entries_max.max(1).saturating_add(1)),
    )?;
    let more = uploads.len() > entries_max.max(1);
    uploads.truncate(entries_max.max(1));
    Ok(UploadsPage {
        uploads,
        more,
        held: held(connection, key)?,
    })
}

pub(crate) fn due(
    connection: &Connection,
    now: Timestamp,
    entries_max: usize,
) -> Read<Vec<Upload>> {
    let due = select(
        connection,
        concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload AS u JOIN user AS owner ON owner.key = u.owner
             WHERE u.state IN ('uploaded', 'scanning') AND u.retry_at <= ?1
             ORDER BY u.retry_at, u.id LIMIT ?2"
        ),
        (now.0, entries_max),
    );
    Ok(due?)
}

pub(crate) fn expired(
    connection: &Connection,
    now: Timestamp,
    entries_max: usize,
) -> Read<Vec<Upload>> {
    let expired = select(
        connection,
        concat!(
            "SELECT ",
            upload_columns!(),
            " FROM upload AS u JOIN user AS owner ON owner.key = u.owner
             WHERE u.shown = 0 AND u.expires_at <= ?1
             ORDER BY u.expires_at, u.id LIMIT ?2"
        ),
        (now.0, entries_max),
    );
    Ok(expired?)
}

fn select(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<Upload>> {
    connection
        .prepare_cached(sql)?
        .query_map(parameters, |row| Ok(kept(row)?.upload))?
        .collect()
}

pub(crate) fn contents_in_use(
    connection: &Connection,
    contents: &[UploadId],
) -> Read<Vec<UploadId>> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM upload WHERE content = ?1 AND state <> 'deleting' LIMIT 1",
    )?;
    let mut used = Vec::new();
    for content in contents {
        if statement.exists([content.0.into_bytes()])? {
            used.push(*content);
        }
    }
    Ok(used)
}
