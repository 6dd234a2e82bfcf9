//! What people keep of conversations for themselves.
//!
//! A change is read, decided, and written if nothing of the same person was changed in between; otherwise it begins
//! anew. So no transaction stays open while this node thinks, and versions become visible in their order: the row of
//! the person is locked from the moment that a version is taken until it can be seen.

use std::collections::BTreeMap;

use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::Membership;
use tidemark_core::personal::{self, Draft, Kept, Personal, PersonalChange, Versioned};
use tidemark_core::{ConversationId, Limits, Seq, Timestamp, UserId};
use tokio_postgres::Row;

use crate::personal_page::Changes;
use crate::{PageLimits, PersonalChanged, PersonalPage};

use super::column::{self, page_size, signed};
use super::fault::Trouble;
use super::pool::Connections;
use super::reads::{Access, Read, permitted};
use super::rows::{
    self, CONVERSATION_COLUMNS, MEMBER_COLUMNS, conversation_columns, member_columns, sent_join,
};
use super::statement::Statement;
use super::text;

/// The columns that [`seen`] reads, in its order, for use with `concat!`: of the row `o`.
macro_rules! personal_columns {
    (with_draft) => {
        "o.version, o.joined, o.read, o.sent, o.muted_until, o.archived, o.favourite, \
         o.marked_unread_at, o.draft_text, o.draft_reply_to"
    };
    (without_draft) => {
        "o.version, o.joined, o.read, o.sent, o.muted_until, o.archived, o.favourite, \
         o.marked_unread_at, NULL::text, NULL::bigint"
    };
}
pub(super) use personal_columns;

/// How many columns that is.
pub(super) const PERSONAL_COLUMNS: usize = 10;

/// Where they come from: what the person `p` keeps of the conversation `c`.
macro_rules! personal_join {
    () => {
        " LEFT JOIN tidemark.personal AS o ON o.person = p.key AND o.conversation = c.key"
    };
}
pub(super) use personal_join;

/// How often a change begins anew. Each time somebody else's was done, and one person has few devices.
const TRIES_MAX: usize = 100;

const STANDING: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    ", ",
    personal_columns!(with_draft),
    ", p.key, p.personal_version
    FROM tidemark.conversation AS c
    LEFT JOIN tidemark.person AS p ON p.id = $2
    LEFT JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key",
    sent_join!(),
    personal_join!(),
    " WHERE c.id = $1"
);
const STANDING_PERSONAL: usize = CONVERSATION_COLUMNS + MEMBER_COLUMNS;
const STANDING_PERSON: usize = STANDING_PERSONAL + PERSONAL_COLUMNS;

const CHANGE: &str = "WITH counted AS (
        UPDATE tidemark.person SET personal_version = personal_version + 1
        WHERE key = $1 AND personal_version = $2
        RETURNING key, personal_version)
    INSERT INTO tidemark.personal (person, version, conversation, joined, read, sent, muted_until,
        archived, favourite, marked_unread_at, draft_text, draft_reply_to)
    SELECT counted.*, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM counted
    ON CONFLICT (person, conversation) DO UPDATE SET version = excluded.version,
        joined = excluded.joined, read = excluded.read, sent = excluded.sent,
        muted_until = excluded.muted_until, archived = excluded.archived,
        favourite = excluded.favourite, marked_unread_at = excluded.marked_unread_at,
        draft_text = excluded.draft_text, draft_reply_to = excluded.draft_reply_to
    RETURNING version";

const FORGET: &str = "DELETE FROM tidemark.personal AS o
    USING unnest($1::bigint[], $2::bigint[]) AS u(conversation, person)
    WHERE o.person = u.person AND o.conversation = u.conversation";

const CHANGES: &str = concat!(
    "SELECT c.id, ",
    member_columns!(),
    ", ",
    personal_columns!(with_draft),
    " FROM (
        SELECT o.* FROM tidemark.personal AS o
        JOIN tidemark.member AS m ON m.conversation = o.conversation AND m.person = o.person
            AND m.joined = o.joined AND m.departed IS NULL
        WHERE o.person = (SELECT key FROM tidemark.person WHERE id = $1) AND o.version > $2
        ORDER BY o.version LIMIT $3) AS o
    JOIN tidemark.person AS p ON p.key = o.person
    JOIN tidemark.conversation AS c ON c.key = o.conversation
    JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key",
    sent_join!(),
    " ORDER BY o.version"
);

/// What a member keeps, from the columns that begin at `first`; the default where that is nothing.
pub(super) fn seen(
    row: &Row,
    first: usize,
    membership: Option<&Membership>,
) -> Result<Versioned, Trouble> {
    Ok(match (kept(row, first)?, membership) {
        (Some(kept), Some(membership)) => kept.seen_by(membership),
        _ => Versioned::default(),
    })
}

/// The columns are null where nothing is kept.
fn kept(row: &Row, first: usize) -> Result<Option<Kept>, Trouble> {
    if column::get::<Option<i64>>(row, first)?.is_none() {
        return Ok(None);
    }
    let reply_to = column::optional_seq(row, first + 9)?;
    let draft = column::prose(row, first + 8)?.map(|text| Draft { text, reply_to });
    Ok(Some(Kept {
        state: Versioned {
            version: column::count(row, first)?,
            personal: Personal {
                muted_until: column::get::<Option<i64>>(row, first + 4)?.map(Timestamp),
                archived: column::get(row, first + 5)?,
                favourite: column::get(row, first + 6)?,
                marked_unread_at: column::optional_seq(row, first + 7)?,
                draft,
            },
        },
        joined: column::seq(row, first + 1)?,
        read: column::seq(row, first + 2)?,
        sent: column::count(row, first + 3)?,
    }))
}

pub(crate) fn standing_statement(user: &UserId, id: ConversationId) -> Statement {
    Statement::new(STANDING).uuid(id.0).text(user.to_string())
}

pub(crate) async fn change(
    connections: &Connections,
    user: &UserId,
    id: ConversationId,
    change: &PersonalChange,
    limits: &Limits,
) -> Read<PersonalChanged> {
    let caller = Caller::User(user.clone());
    for _ in 0..TRIES_MAX {
        let answers = connections.read(&[standing_statement(user, id)]).await?;
        let rows = answers.into_iter().next().unwrap_or_default();
        let Access { kept, membership } = permitted(Operation::MoveCursor, &caller, &rows)?;
        let membership = membership.as_ref();
        let before = seen(&rows[0], STANDING_PERSONAL, membership)?;
        let conversation = Some(&kept.state);
        let wish = change.clone();
        let personal = &before.personal;
        let after = personal::change(&caller, conversation, membership, personal, wish, limits)?;
        let Some(membership) = membership.filter(|_| after != before.personal) else {
            return Ok(PersonalChanged {
                state: before,
                changed: false,
            });
        };
        let person = Person {
            key: column::get(&rows[0], STANDING_PERSON)?,
            version: column::get(&rows[0], STANDING_PERSON + 1)?,
        };
        let statement = change_statement(&person, kept.key, membership, &after);
        let written = connections.change(statement).await?;
        if let Some(row) = written.first() {
            let state = Versioned {
                version: column::count(row, 0)?,
                personal: after,
            };
            return Ok(PersonalChanged {
                state,
                changed: true,
            });
        }
    }
    Err(Trouble::TooLate.into())
}

/// Who changes something, and how often they had before.
struct Person {
    key: i64,
    version: i64,
}

/// Returns no row if the person has changed something else meanwhile.
fn change_statement(
    person: &Person,
    conversation: i64,
    membership: &Membership,
    after: &Personal,
) -> Statement {
    let seq = |seq: Seq| signed(seq.get());
    let draft = after.draft.as_ref();
    Statement::new(CHANGE)
        .number(person.key)
        .number(person.version)
        .number(conversation)
        .number(seq(membership.joined))
        .number(seq(membership.read))
        .number(signed(membership.sent))
        .number(after.muted_until.map(|until| until.0))
        .flag(after.archived)
        .flag(after.favourite)
        .number(after.marked_unread_at.map(seq))
        .text(draft.map(|draft| text::kept(&draft.text).into_owned()))
        .number(draft.and_then(|draft| draft.reply_to).map(seq))
}

/// Drops what those have kept who left.
pub(super) fn forget_statement(
    members: &BTreeMap<(i64, UserId), Membership>,
    key: impl Fn(&UserId) -> i64,
) -> Option<Statement> {
    let left = members.iter().filter(|(_, member)| !member.is_current());
    let (conversations, people): (Vec<i64>, Vec<i64>) = left
        .map(|((conversation, user), _)| (*conversation, key(user)))
        .unzip();
    (!people.is_empty()).then(|| {
        Statement::new(FORGET)
            .numbers(conversations)
            .numbers(people)
    })
}

pub(crate) fn changes_statements(user: &UserId, after: u64, entries: usize) -> [Statement; 2] {
    [
        Statement::new("SELECT personal_version FROM tidemark.person WHERE id = $1")
            .text(user.to_string()),
        Statement::new(CHANGES)
            .text(user.to_string())
            .number(signed(after))
            .number(page_size(entries)),
    ]
}

pub(crate) async fn changes(
    connections: &Connections,
    user: &UserId,
    after: u64,
    limits: PageLimits,
) -> Read<PersonalPage> {
    let wanted = limits.entries_max.max(1).saturating_add(1);
    let answers = connections
        .read(&changes_statements(user, after, wanted))
        .await?;
    let [person, rows] = &answers[..] else {
        return Err(column::damaged("changes without an answer").into());
    };
    let last = match person.first() {
        Some(row) => column::count(row, 0)?,
        None => 0,
    };
    let mut page = Changes::new(limits, last);
    for row in rows {
        let membership = rows::membership(row, 1)?;
        let kept = kept(row, 1 + MEMBER_COLUMNS)?;
        let (Some(membership), Some(kept)) = (membership, kept) else {
            continue;
        };
        if !page.take(column::conversation_id(row, 0)?, kept, &membership) {
            break;
        }
    }
    Ok(page.finish())
}
