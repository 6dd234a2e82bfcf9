//! Who blocks whom.
//!
//! A change is read, decided, and written if the person blocks as many people as when it was read; otherwise it begins
//! anew. The rows of the two people are its lock, and those of whoever begins a direct conversation: so a pair cannot
//! begin one that does not say what was changed at the same time. Whoever takes both these locks and those of
//! conversations takes these first.

use std::collections::BTreeSet;

use tidemark_core::conversation::{BlockFacts, change_block};
use tidemark_core::{Limits, Timestamp, UserId};

use crate::{Blocked, BlocksPage};

use super::column::{self, page_size};
use super::fault::Trouble;
use super::pool::Connections;
use super::reads::Read;
use super::statement::Statement;

/// How often a change begins anew. Each time somebody else's was done.
const TRIES_MAX: usize = 100;

/// Somebody (the first), and whom they may block.
pub(crate) type Block = (UserId, UserId);

const STANDING: &str = "SELECT
        me.key IS NOT NULL
            AND EXISTS (SELECT FROM tidemark.person WHERE id = $2 AND origin <> 2),
        EXISTS (SELECT FROM tidemark.block WHERE person = me.key AND other_id = $2),
        (SELECT count(*) FROM tidemark.block WHERE person = me.key)
    FROM (VALUES ($1)) AS asked(id)
    LEFT JOIN tidemark.person AS me ON me.id = asked.id";

const LOCK_PAIR: &str = "SELECT key FROM tidemark.person WHERE id IN ($1, $2)
    ORDER BY id FOR NO KEY UPDATE";

const BLOCK: &str = "INSERT INTO tidemark.block (person, other_id, at)
    SELECT me.key, $2, $3 FROM tidemark.person AS me
    WHERE me.id = $1
        AND (SELECT count(*) FROM tidemark.block WHERE person = me.key) = $4
    ON CONFLICT DO NOTHING
    RETURNING person";

const UNBLOCK: &str = "DELETE FROM tidemark.block
    WHERE person = (SELECT key FROM tidemark.person WHERE id = $1) AND other_id = $2
    RETURNING person";

/// Has the conversation of a pair, in the order of their ids, say whether one of them blocks the other.
const NOTE: &str = "UPDATE tidemark.conversation AS c SET blocked =
        EXISTS (SELECT FROM tidemark.block WHERE person = one.key AND other_id = other.id)
        OR EXISTS (SELECT FROM tidemark.block WHERE person = other.key AND other_id = one.id)
    FROM tidemark.person AS one, tidemark.person AS other, tidemark.direct AS d
    WHERE one.id = $1 AND other.id = $2 AND d.one = one.key AND d.other = other.key
        AND c.key = d.conversation";

/// Keeps the blocks between these people as they are. Others may do the same at the same time.
const KEEP_PAIRS: &str = "SELECT key FROM tidemark.person WHERE id = ANY($1) ORDER BY id FOR SHARE";

const HELD: &str = "SELECT u.person, u.other
    FROM unnest($1::text[], $2::text[]) AS u(person, other)
    JOIN tidemark.person AS p ON p.id = u.person
    JOIN tidemark.block AS b ON b.person = p.key AND b.other_id = u.other";

const PAGE: &str = "SELECT other_id, at FROM tidemark.block
    WHERE person = (SELECT key FROM tidemark.person WHERE id = $1) AND other_id > $2
    ORDER BY other_id LIMIT $3";

pub(crate) fn keep_pairs_statement(pairs: &BTreeSet<(UserId, UserId)>) -> Statement {
    let people = pairs.iter().flat_map(|(one, other)| [one, other]);
    Statement::new(KEEP_PAIRS).texts(people.map(UserId::to_string).collect())
}

/// Which of these blocks there are.
pub(crate) fn held_statement(asked: &BTreeSet<Block>) -> Statement {
    let asked = asked.iter();
    let (people, others) = asked
        .map(|(user, other)| (user.to_string(), other.to_string()))
        .unzip();
    Statement::new(HELD).texts(people).texts(others)
}

pub(crate) async fn change(
    connections: &Connections,
    user: &UserId,
    other: &UserId,
    on: bool,
    at: Timestamp,
    limits: &Limits,
) -> Read<bool> {
    for _ in 0..TRIES_MAX {
        let standing = Statement::new(STANDING)
            .text(user.to_string())
            .text(other.to_string());
        let answers = connections.read(&[standing]).await?;
        let row = answers.iter().flatten().next();
        let row = row.ok_or_else(|| column::damaged("a question without an answer"))?;
        let blocks = column::count(row, 2)?;
        let facts = BlockFacts {
            both_exist: column::get(row, 0)?,
            is_blocked: column::get(row, 1)?,
            blocks: usize::try_from(blocks).map_err(column::damaged)?,
        };
        if !change_block(user, other, on, facts, limits)? {
            return Ok(false);
        }
        let write = if on {
            Statement::new(BLOCK)
                .text(user.to_string())
                .text(other.to_string())
                .number(at.0)
                .number(page_size(facts.blocks))
        } else {
            Statement::new(UNBLOCK)
                .text(user.to_string())
                .text(other.to_string())
        };
        let pair = UserId::pair(user.clone(), other.clone());
        let about_pair = |sql| {
            Statement::new(sql)
                .text(pair.0.to_string())
                .text(pair.1.to_string())
        };
        let statements = vec![about_pair(LOCK_PAIR), write, about_pair(NOTE)];
        match connections.change_in_order(statements).await {
            Ok(answers) if answers.get(1).is_some_and(|rows| !rows.is_empty()) => return Ok(true),
            Ok(_) => {}
            Err(trouble) if trouble.is_conflict() => {}
            Err(trouble) => return Err(trouble.into()),
        }
    }
    Err(Trouble::TooLate.into())
}

pub(crate) fn page_statement(user: &UserId, after: Option<&UserId>, entries: usize) -> Statement {
    Statement::new(PAGE)
        .text(user.to_string())
        .text(after.map_or_else(String::new, UserId::to_string))
        .number(page_size(entries))
}

pub(crate) async fn page(
    connections: &Connections,
    user: &UserId,
    after: Option<&UserId>,
    entries_max: usize,
) -> Read<BlocksPage> {
    let entries_max = entries_max.max(1);
    let statement = page_statement(user, after, entries_max.saturating_add(1));
    let answers = connections.read(&[statement]).await?;
    let mut users = Vec::new();
    for row in answers.iter().flatten() {
        users.push(Blocked {
            user: column::user_id(row, 0)?,
            at: column::timestamp(row, 1)?,
        });
    }
    let more = users.len() > entries_max;
    users.truncate(entries_max);
    Ok(BlocksPage { users, more })
}
