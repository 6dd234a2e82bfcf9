//! The rows of invites: asked for before a change, written with it, and read.

use std::collections::BTreeMap;

use tidemark_core::access::{Caller, Operation};
use tidemark_core::conversation::{CodeHash, Invite, open_to};
use tidemark_core::{ConversationId, InviteId, Refusal, Timestamp, UserId};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::Invitation;

use super::column::{self, signed};
use super::fault::Trouble;
use super::pool::Connections;
use super::reads::{Read, access, permitted};
use super::rows::{
    self, CONVERSATION_COLUMNS, MEMBER_COLUMNS, conversation_columns, member_columns, sent_join,
};
use super::statement::Statement;

/// The columns that [`invite`] reads, in its order, for use with `concat!`: of the invite `i` and its author `a`.
macro_rules! invite_columns {
    () => {
        "i.id, i.code, a.id, i.at, i.role, i.expires_at, i.uses_max, i.uses"
    };
}

const KEPT: &str = concat!(
    "SELECT ",
    invite_columns!(),
    ", c.id FROM tidemark.conversation AS c
    JOIN tidemark.invite AS i ON i.conversation = c.key
    JOIN tidemark.person AS a ON a.key = i.author
    WHERE c.id = ANY($1) ORDER BY i.at, i.id"
);

const INVITATION: &str = concat!(
    "SELECT ",
    conversation_columns!(),
    ", ",
    member_columns!(),
    ", ",
    invite_columns!(),
    " FROM tidemark.invite AS i
    JOIN tidemark.person AS a ON a.key = i.author
    JOIN tidemark.conversation AS c ON c.key = i.conversation
    LEFT JOIN tidemark.person AS p ON p.id = $2
    LEFT JOIN tidemark.member AS m ON m.conversation = c.key AND m.person = p.key",
    sent_join!(),
    " WHERE i.code = $1"
);

const INSERT: &str = "INSERT INTO tidemark.invite
        (id, conversation, code, author, at, role, expires_at, uses_max, uses)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const COUNT_USES: &str = "UPDATE tidemark.invite SET uses = $2 WHERE id = $1";

const FORGET: &str = "DELETE FROM tidemark.invite WHERE id = $1";

fn invite(row: &Row, first: usize) -> Result<Invite, Trouble> {
    let code: &[u8] = column::get(row, first + 1)?;
    Ok(Invite {
        id: InviteId(column::get(row, first)?),
        code: CodeHash(code.try_into().map_err(column::damaged)?),
        by: column::user_id(row, first + 2)?,
        at: column::timestamp(row, first + 3)?,
        role: column::named(row, first + 4)?,
        expires_at: column::get::<Option<i64>>(row, first + 5)?.map(Timestamp),
        uses_max: column::get::<Option<i64>>(row, first + 6)?
            .map(u64::try_from)
            .transpose()
            .map_err(column::damaged)?,
        uses: column::count(row, first + 7)?,
    })
}

/// Asks for the invites of these conversations, oldest first.
pub(crate) fn kept_statement(conversations: Vec<Uuid>) -> Statement {
    Statement::new(KEPT).uuids(conversations)
}

pub(crate) fn kept(row: &Row) -> Result<(ConversationId, Invite), Trouble> {
    Ok((column::conversation_id(row, 8)?, invite(row, 0)?))
}

/// What a batch does to invites.
#[derive(Default)]
pub(crate) struct Invites(BTreeMap<InviteId, Written>);

enum Written {
    /// It is new, in the conversation with this key.
    New(i64, Invite),
    /// So many have joined by it.
    Uses(u64),
    /// It is not kept any longer.
    Ended,
}

impl Invites {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn make(&mut self, conversation: i64, invite: &Invite) {
        let new = Written::New(conversation, invite.clone());
        self.0.insert(invite.id, new);
    }

    pub(crate) fn count_uses(&mut self, id: InviteId, uses: u64) {
        match self.0.get_mut(&id) {
            Some(Written::New(_, invite)) => invite.uses = uses,
            _ => {
                self.0.insert(id, Written::Uses(uses));
            }
        }
    }

    pub(crate) fn forget(&mut self, invite: InviteId) {
        self.0.insert(invite, Written::Ended);
    }

    pub(crate) fn statements(&self, key: impl Fn(&UserId) -> i64) -> Vec<Statement> {
        let written = self.0.iter().map(|(id, written)| match written {
            Written::Ended => Statement::new(FORGET).uuid(id.0),
            Written::Uses(uses) => Statement::new(COUNT_USES).uuid(id.0).number(signed(*uses)),
            Written::New(conversation, invite) => Statement::new(INSERT)
                .uuid(invite.id.0)
                .number(*conversation)
                .bytes(invite.code.0)
                .number(key(&invite.by))
                .number(invite.at.0)
                .text(invite.role.to_string())
                .number(invite.expires_at.map(|at| at.0))
                .number(invite.uses_max.map(signed))
                .number(signed(invite.uses)),
        });
        written.collect()
    }
}

pub(crate) async fn list(
    connections: &Connections,
    caller: &Caller,
    conversation: ConversationId,
) -> Read<Vec<Invite>> {
    let statements = [
        access(caller, conversation),
        kept_statement(vec![conversation.0]),
    ];
    let answers = connections.read(&statements).await?;
    permitted(Operation::ManageInvites, caller, &answers[0])?;
    let rows = answers[1].iter();
    Ok(rows.map(|row| invite(row, 0)).collect::<Result<_, _>>()?)
}

pub(crate) async fn invitation(
    connections: &Connections,
    caller: &Caller,
    code: CodeHash,
    now: Timestamp,
) -> Read<Invitation> {
    let user = caller.user().map(UserId::to_string);
    let statement = Statement::new(INVITATION).bytes(code.0).text(user);
    let answers = connections.read(&[statement]).await?;
    let Some(row) = answers.iter().flatten().next() else {
        return Err(open_to(None, None, now)
            .err()
            .unwrap_or_else(Refusal::no_such_conversation)
            .into());
    };
    let membership = rows::membership(row, CONVERSATION_COLUMNS)?;
    let invite = invite(row, CONVERSATION_COLUMNS + MEMBER_COLUMNS)?;
    open_to(Some(&invite), membership.as_ref(), now)?;
    Ok(Invitation {
        conversation: rows::kept_conversation(row)?.state,
        invite,
    })
}
