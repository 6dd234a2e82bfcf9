//! The tables, by version. A version that was released is never edited: a change is a further step.

use rusqlite::Connection;
use uuid::Uuid;

use crate::OpenError;

/// The steps that lead from an empty file to the present schema; the file says in `user_version` how
/// many of them it has taken.
const MIGRATIONS: &[&str] = &[
    FOUNDATION,
    MEMBERSHIP_FEED,
    LEASES,
    AMENDMENTS,
    PERSONAL,
    ROLES,
    THREADS,
    SKELETONS,
    BLOCKS,
    UPLOADS,
    LAST_SEEN,
    OWNERS,
    CONSUMERS,
    WEBHOOKS,
];

const FOUNDATION: &str = "
CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- origin: 0 local, 1 external, 2 the server itself.
CREATE TABLE user (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    origin INTEGER NOT NULL,
    display_name TEXT,
    avatar TEXT,
    password_hash TEXT,
    created_at INTEGER NOT NULL
) STRICT;
-- NOCASE folds ASCII and nothing else, which is what the contract asks for.
CREATE UNIQUE INDEX user_local_name ON user (id COLLATE NOCASE) WHERE origin = 0;
CREATE INDEX user_by_name ON user (id COLLATE NOCASE);
CREATE INDEX user_by_display_name ON user (display_name COLLATE NOCASE)
    WHERE display_name IS NOT NULL;

CREATE TABLE session (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    token BLOB NOT NULL UNIQUE,
    user INTEGER NOT NULL,
    device_name TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_user ON session (user, created_at);

CREATE TABLE api_key (
    name TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The head is not here: it is the last event of the conversation, so that a message changes no row.
CREATE TABLE conversation (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    visibility TEXT NOT NULL,
    title TEXT,
    topic TEXT,
    retention_days INTEGER,
    created_at INTEGER NOT NULL,
    members INTEGER NOT NULL
) STRICT;

-- The log. kind: 0 created, 1 message, 2 members, 3 settings. messages and own are the running counts
-- up to and including the event: of the conversation's messages and of those by the author. detail is
-- JSON with what a plain message does not have.
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    author INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    own INTEGER NOT NULL,
    client_id BLOB,
    text TEXT,
    detail TEXT
) STRICT;
CREATE UNIQUE INDEX event_by_seq ON event (conversation, seq);
CREATE INDEX event_by_author ON event (conversation, author, seq) WHERE kind = 1;
-- client_id first: those of version 7 grow with time, so new entries land at the right edge.
CREATE UNIQUE INDEX event_by_client ON event (client_id, conversation, author)
    WHERE client_id IS NOT NULL;

-- Who is mentioned where, but for authors who mention themselves; user 0 is everybody.
CREATE TABLE mention (
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    author INTEGER NOT NULL,
    PRIMARY KEY (user, conversation, seq)
) STRICT, WITHOUT ROWID;

-- user_id repeats the user's id, which never changes, so that a page in its order is one range.
-- departed is the seq of the event that ended the membership.
CREATE TABLE member (
    conversation INTEGER NOT NULL,
    user INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    role TEXT NOT NULL,
    joined INTEGER NOT NULL,
    departed INTEGER,
    read INTEGER NOT NULL,
    PRIMARY KEY (conversation, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_by_user ON member (user, conversation) WHERE departed IS NULL;
CREATE INDEX member_by_id ON member (conversation, user_id) WHERE departed IS NULL;

-- The pair in the order of their ids.
CREATE TABLE direct (
    one INTEGER NOT NULL,
    other INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;

CREATE TABLE created_by_client (
    author INTEGER NOT NULL,
    client_id BLOB NOT NULL,
    conversation INTEGER NOT NULL,
    PRIMARY KEY (author, client_id)
) STRICT, WITHOUT ROWID;
";

/// Who came and went is read from one end, past all the messages in between.
const MEMBERSHIP_FEED: &str = "
CREATE INDEX event_of_members ON event (position) WHERE kind = 2;
";

/// position is how far the work under the lease has come. When a lease ends is not here: with its process at the latest.
const LEASES: &str = "
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    token INTEGER NOT NULL,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What happens to messages. Further kinds: 4 edit, 5 delete, 6 reaction, 7 pin; target is the seq of the
/// message that the event is about, and text what an edit says.
const AMENDMENTS: &str = "
ALTER TABLE event ADD COLUMN target INTEGER;
CREATE INDEX event_of_edit ON event (conversation, target, seq) WHERE kind = 4;

-- Messages that were amended: the seqs of the last edit, of the deletion, and of the pin while there is one.
-- author is that of the message.
CREATE TABLE amended (
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    author INTEGER NOT NULL,
    edited INTEGER,
    deleted INTEGER,
    pinned INTEGER,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;
-- The deleted messages above a cursor.
CREATE INDEX amended_deleted ON amended (conversation, seq, author) WHERE deleted IS NOT NULL;

-- The reactions that are there, each with the seq of its event.
CREATE TABLE reaction (
    conversation INTEGER NOT NULL,
    target INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, target, emoji, user)
) STRICT, WITHOUT ROWID;
-- How many they are. since is the seq of the one that brought the emoji up.
CREATE TABLE reaction_count (
    conversation INTEGER NOT NULL,
    target INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    count INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (conversation, target, emoji)
) STRICT, WITHOUT ROWID;
";

/// What belongs to one user. joined, read and sent are those of the membership when the row was written.
const PERSONAL: &str = "
ALTER TABLE mention ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
UPDATE mention SET position = (SELECT event.position FROM event
    WHERE event.conversation = mention.conversation AND event.seq = mention.seq);
CREATE INDEX mention_by_position ON mention (user, conversation, position);

ALTER TABLE user ADD COLUMN personal_version INTEGER NOT NULL DEFAULT 0;
CREATE TABLE personal (
    user INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    version INTEGER NOT NULL,
    joined INTEGER NOT NULL,
    read INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    muted_until INTEGER,
    archived INTEGER NOT NULL,
    favourite INTEGER NOT NULL,
    marked_unread_at INTEGER,
    draft_text TEXT,
    draft_reply_to INTEGER,
    PRIMARY KEY (user, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX personal_by_version ON personal (user, version);
";

/// How people take part, who is kept out, and who may come in. banned is the seq of the event that banned somebody.
const ROLES: &str = "
ALTER TABLE conversation ADD COLUMN history TEXT NOT NULL DEFAULT 'all';
ALTER TABLE conversation ADD COLUMN slow_mode_seconds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN announcements_only INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN mention_all TEXT NOT NULL DEFAULT 'member';

ALTER TABLE member ADD COLUMN banned INTEGER;
CREATE INDEX member_banned ON member (conversation, user_id) WHERE banned IS NOT NULL;

-- code is the SHA-256 of the secret.
CREATE TABLE invite (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    conversation INTEGER NOT NULL,
    code BLOB NOT NULL UNIQUE,
    author INTEGER NOT NULL,
    at INTEGER NOT NULL,
    role TEXT NOT NULL,
    expires_at INTEGER,
    uses_max INTEGER,
    uses INTEGER NOT NULL
) STRICT;
CREATE INDEX invite_by_conversation ON invite (conversation, key);
";

/// Replies in threads. A reply that only its thread shows has the thread as the target of its event. delivered is up to
/// where a device of the member has fetched.
const THREADS: &str = "
-- replies and own are the running counts up to and including the reply: of the thread, and of those by the author.
-- deleted is the seq of the deletion.
CREATE TABLE reply (
    conversation INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    author INTEGER NOT NULL,
    replies INTEGER NOT NULL,
    own INTEGER NOT NULL,
    deleted INTEGER,
    PRIMARY KEY (conversation, thread, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX reply_by_author ON reply (conversation, thread, author, seq);
-- The deleted replies above a cursor.
CREATE INDEX reply_deleted ON reply (conversation, thread, seq, author) WHERE deleted IS NOT NULL;

-- seq is that of the first message, last that of the last reply, and active the position of that.
CREATE TABLE thread (
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    replies INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    people INTEGER NOT NULL,
    last INTEGER NOT NULL,
    active INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

-- Who wrote in a thread, its first message counted. last is the seq of their last reply, 0 if there is none;
-- position that of what they wrote last.
CREATE TABLE thread_person (
    conversation INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    user INTEGER NOT NULL,
    replies INTEGER NOT NULL,
    last INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (conversation, thread, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX thread_person_by_last ON thread_person (conversation, thread, last);
CREATE INDEX thread_person_by_position ON thread_person (user, position);
CREATE INDEX thread_person_by_conversation ON thread_person (user, conversation, position);

CREATE TABLE thread_cursor (
    conversation INTEGER NOT NULL,
    thread INTEGER NOT NULL,
    user INTEGER NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (conversation, thread, user)
) STRICT, WITHOUT ROWID;

ALTER TABLE member ADD COLUMN delivered INTEGER NOT NULL DEFAULT 0;
";

/// What usernames look like, as `tidemark_core::names::skeleton` says. Not unique: names that were there before stay.
const SKELETONS: &str = "
ALTER TABLE user ADD COLUMN skeleton TEXT;
UPDATE user SET skeleton = replace(replace(lower(replace(replace(replace(replace(
    id, '0', 'o'), 'O', 'o'), '1', 'l'), 'I', 'l')), 'rn', 'm'), 'vv', 'w') WHERE origin = 0;
CREATE INDEX user_by_skeleton ON user (skeleton) WHERE origin = 0;
";

/// Who blocks whom. What a conversation says of its pair follows from it, and is there so that a message costs no look
/// into it.
const BLOCKS: &str = "
ALTER TABLE conversation ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
CREATE TABLE block (
    user INTEGER NOT NULL,
    other_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (user, other_id)
) STRICT, WITHOUT ROWID;
";

/// What people upload. `shown` is how many messages show it; its `expires_at` counts as long as none does. `retry_at` is 0
/// where nobody has tried. Owner, id, size and state of all of somebody's uploads are in one index, so that what they come to
/// is read from it alone.
const UPLOADS: &str = "
CREATE TABLE upload (
    key INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB,
    state TEXT NOT NULL,
    content BLOB NOT NULL,
    facts TEXT,
    reason TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    parts TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at INTEGER NOT NULL DEFAULT 0,
    shown INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX upload_by_owner ON upload (owner, id, size, state);
CREATE INDEX upload_by_digest ON upload (owner, sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX upload_by_content ON upload (content);
CREATE INDEX upload_due ON upload (retry_at, id) WHERE state IN ('uploaded', 'scanning');
CREATE INDEX upload_expiring ON upload (expires_at, id) WHERE shown = 0;
CREATE TABLE attachment (
    upload INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq, upload)
) STRICT, WITHOUT ROWID;
CREATE INDEX attachment_by_upload ON attachment (upload);
";

/// Whether others are shown when somebody was last there.
const LAST_SEEN: &str = "
ALTER TABLE user ADD COLUMN shows_last_seen INTEGER NOT NULL DEFAULT 1;
";

/// Whether anybody else is an owner is asked of conversations of any size.
const OWNERS: &str = "
CREATE INDEX member_owner ON member (conversation) WHERE role = 'owner' AND departed IS NULL;
";

/// Those who follow the feed. rewound is where an operator had one go back to, until it has heard of that; replay, that an
/// event is to be tried again.
const CONSUMERS: &str = "
ALTER TABLE lease ADD COLUMN consumes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lease ADD COLUMN paused_at INTEGER;
ALTER TABLE lease ADD COLUMN paused_why TEXT;
ALTER TABLE lease ADD COLUMN rewound INTEGER;
ALTER TABLE lease ADD COLUMN trouble_since INTEGER;
ALTER TABLE lease ADD COLUMN trouble_attempts INTEGER;
ALTER TABLE lease ADD COLUMN trouble_why TEXT;
ALTER TABLE lease ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
CREATE TABLE dead_letter (
    consumer TEXT NOT NULL,
    position INTEGER NOT NULL,
    conversation BLOB NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    replay INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letter_replay ON dead_letter (consumer, position) WHERE replay = 1;
";

/// Addresses of others that are told of events. kinds, conversations and secrets are words with spaces between them; told is up to
/// where one was told of everything that is for it.
const WEBHOOKS: &str = "
CREATE TABLE webhook (
    id BLOB NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT,
    kinds TEXT,
    conversations TEXT,
    secrets TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    disabled_why TEXT,
    told INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Where bots are asked to do something. commands has a line for each.
CREATE TABLE bot_endpoint (
    bot TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    secrets TEXT NOT NULL,
    commands TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- As whom a key acts, what for and where: as an administrator, for everything and everywhere, where that is NULL.
ALTER TABLE api_key ADD COLUMN acts_as TEXT;
ALTER TABLE api_key ADD COLUMN scopes TEXT;
ALTER TABLE api_key ADD COLUMN conversation BLOB;
-- Bots are local users without a password.
CREATE INDEX user_bot ON user (id) WHERE origin = 0 AND password_hash IS NULL;
";

/// Brings the file to the present schema and returns its epoch, which the first opening makes.
pub(crate) fn prepare(connection: &mut Connection) -> Result<Uuid, OpenError> {
    let known = u32::try_from(MIGRATIONS.len()).expect("few migrations");
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(OpenError::TooNew { found, known });
    }
    if found < known {
        migrate(connection, found, known)?;
    }
    Ok(epoch(connection)?)
}

fn migrate(connection: &mut Connection, found: u32, known: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for step in &MIGRATIONS[found as usize..known as usize] {
        transaction.execute_batch(step)?;
    }
    if found == 0 {
        transaction.execute(
            "INSERT INTO meta (name, value) VALUES ('epoch', ?1)",
            [Uuid::new_v4().into_bytes()],
        )?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()
}

fn epoch(connection: &Connection) -> rusqlite::Result<Uuid> {
    connection
        .query_row("SELECT value FROM meta WHERE name = 'epoch'", [], |row| {
            row.get(0)
        })
        .map(Uuid::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_version_before_is_brought_up_to_date() {
        for version in 0..MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            let former = u32::try_from(version).unwrap();
            migrate_to(&mut connection, former);
            let epoch = prepare(&mut connection).unwrap();
            assert_eq!(prepare(&mut connection).unwrap(), epoch);
            let leases = "SELECT count(*) FROM lease";
            let leases: u32 = connection.query_row(leases, [], |row| row.get(0)).unwrap();
            assert_eq!(leases, 0, "after version {version}");
        }
    }

    fn migrate_to(connection: &mut Connection, version: u32) {
        for step in &MIGRATIONS[..version as usize] {
            connection.execute_batch(step).unwrap();
        }
        if version > 0 {
            let keep = "INSERT INTO meta (name, value) VALUES ('epoch', ?1)";
            connection.execute(keep, [[7_u8; 16]]).unwrap();
        }
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
    }

    #[test]
    fn names_of_an_older_file_get_their_skeletons() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 5);
        for name in ["BOB-O1", "Arnie", "vVvven", "biII", "0rn"] {
            let keep = "INSERT INTO user (id, origin, created_at) VALUES (?1, 0, 0)";
            connection.execute(keep, [name]).unwrap();
        }
        prepare(&mut connection).unwrap();
        let mut kept = connection
            .prepare("SELECT id, skeleton FROM user WHERE origin = 0")
            .unwrap();
        let mut rows = kept.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (name, skeleton): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
            assert_eq!(skeleton, tidemark_core::names::skeleton(&name));
        }
    }

    /// Mentions of before the step that gives them positions are in the list with all others.
    #[test]
    fn mentions_of_an_older_file_get_their_positions() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 2);
        connection
            .execute_batch(
                "INSERT INTO event (position, conversation, seq, at, kind, author, messages, own)
                    VALUES (40, 1, 3, 0, 1, 1, 1, 1), (41, 2, 3, 0, 1, 1, 1, 1);
                 INSERT INTO mention (user, conversation, seq, author)
                    VALUES (0, 2, 3, 1), (7, 1, 3, 1);",
            )
            .unwrap();
        prepare(&mut connection).unwrap();
        let position = |user: i64| {
            connection.query_row(
                "SELECT position FROM mention WHERE user = ?1",
                [user],
                |row| row.get::<_, i64>(0),
            )
        };
        assert_eq!((position(7), position(0)), (Ok(40), Ok(41)));
    }
}
