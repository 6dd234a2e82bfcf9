CREATE TABLE tidemark.meta (
    version integer NOT NULL,
    epoch uuid NOT NULL
);

-- Numbers are handed out in order and one by one (CACHE 1), and last_value says which was the last:
-- the feed depends on both. The first position is 1.
CREATE SEQUENCE tidemark.event_position MINVALUE 0 START 0 CACHE 1;
SELECT nextval('tidemark.event_position');

-- origin: 0 local, 1 external, 2 the server itself. In the collation C, order is that of bytes and
-- lower() folds ASCII and nothing else, which is what the contract asks for.
CREATE TABLE tidemark.person (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    origin smallint NOT NULL,
    display_name text COLLATE "C",
    avatar text,
    password_hash text,
    created_at bigint NOT NULL,
    -- How often they changed something of their own: see personal.
    personal_version bigint NOT NULL DEFAULT 0,
    -- What a local username looks like.
    skeleton text COLLATE "C",
    -- Whether others are shown when they were last there.
    shows_last_seen boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX person_by_skeleton ON tidemark.person (skeleton) WHERE origin = 0;
CREATE UNIQUE INDEX person_local_name ON tidemark.person (lower(id)) WHERE origin = 0;
-- Bots are local users without a password.
CREATE INDEX person_bot ON tidemark.person (id) WHERE origin = 0 AND password_hash IS NULL;
CREATE INDEX person_by_name ON tidemark.person (lower(id));
CREATE INDEX person_by_display_name ON tidemark.person (lower(display_name))
    WHERE display_name IS NOT NULL;

CREATE TABLE tidemark.session (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    token bytea NOT NULL UNIQUE,
    person bigint NOT NULL,
    device_name text,
    created_at bigint NOT NULL
);
CREATE INDEX session_by_person ON tidemark.session (person, created_at);

CREATE TABLE tidemark.api_key (
    name text COLLATE "C" PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    created_at bigint NOT NULL,
    -- As whom it acts, what for and where: as an administrator, for everything and everywhere, where that is null.
    acts_as text COLLATE "C",
    scopes text,
    conversation uuid
);

-- The row of a conversation is its lock, and ends with what every event changes: head is the seq,
-- messages the running count and active the position of the last event. No index covers those, and there
-- is room in the page, so that an update touches no index.
CREATE SEQUENCE tidemark.conversation_key;
CREATE TABLE tidemark.conversation (
    key bigint PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    kind text NOT NULL,
    visibility text NOT NULL,
    title text,
    topic text,
    retention_days bigint,
    created_at bigint NOT NULL,
    members bigint NOT NULL,
    head bigint NOT NULL,
    messages bigint NOT NULL,
    active bigint NOT NULL,
    history text NOT NULL DEFAULT 'all',
    slow_mode_seconds bigint NOT NULL DEFAULT 0,
    announcements_only boolean NOT NULL DEFAULT false,
    mention_all text NOT NULL DEFAULT 'member',
    -- Whether one of the pair of a direct one blocks the other: follows from block.
    blocked boolean NOT NULL DEFAULT false
) WITH (fillfactor = 70);

-- The log. kind: 0 created, 1 message, 2 members, 3 settings, 4 edit, 5 delete, 6 reaction, 7 pin. messages and own are the running counts
-- up to and including the event: of the conversation's messages and of those by the author. detail is
-- JSON with what a plain message does not have. target is the seq of the message that the event is about, or of the first message
-- of the thread that alone shows it; text is also what an edit says.
CREATE TABLE tidemark.event (
    conversation bigint NOT NULL,
    seq bigint NOT NULL,
    position bigint NOT NULL,
    at bigint NOT NULL,
    author bigint NOT NULL,
    messages bigint NOT NULL,
    own bigint NOT NULL,
    client_id uuid,
    kind smallint NOT NULL,
    text text,
    detail text,
    target bigint,
    PRIMARY KEY (conversation, seq)
) PARTITION BY HASH (conversation);
DO $$
BEGIN
    FOR part IN 0..15 LOOP
        EXECUTE format(
            'CREATE TABLE tidemark.event_%s PARTITION OF tidemark.event
             FOR VALUES WITH (MODULUS 16, REMAINDER %s)', part, part);
    END LOOP;
END
$$;
CREATE INDEX event_by_position ON tidemark.event (position);
-- Who came and went is read from one end, past all the messages in between.
CREATE INDEX event_of_members ON tidemark.event (position) WHERE kind = 2;
CREATE INDEX event_by_author ON tidemark.event (conversation, author, seq) WHERE kind = 1;
CREATE INDEX event_of_edit ON tidemark.event (conversation, target, seq) WHERE kind = 4;
-- client_id first: those of version 7 grow with time, so new entries land at the right edge.
CREATE UNIQUE INDEX event_by_client ON tidemark.event (client_id, conversation, author)
    WHERE client_id IS NOT NULL;

-- Who is mentioned where, but for authors who mention themselves; person 0 is everybody.
CREATE TABLE tidemark.mention (
    person bigint NOT NULL,
    conversation bigint NOT NULL,
    seq bigint NOT NULL,
    author bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (person, conversation, seq)
);
CREATE INDEX mention_by_position ON tidemark.mention (person, conversation, position);

-- Messages that were amended: the seqs of the last edit, of the deletion, and of the pin while there is one.
-- author is that of the message.
CREATE TABLE tidemark.amended (
    conversation bigint NOT NULL,
    seq bigint NOT NULL,
    author bigint NOT NULL,
    edited bigint,
    deleted bigint,
    pinned bigint,
    PRIMARY KEY (conversation, seq)
);
-- The deleted messages above a cursor.
CREATE INDEX amended_deleted ON tidemark.amended (conversation, seq, author)
    WHERE deleted IS NOT NULL;

-- The reactions that are there, each with the seq of its event.
CREATE TABLE tidemark.reaction (
    conversation bigint NOT NULL,
    target bigint NOT NULL,
    emoji text COLLATE "C" NOT NULL,
    person bigint NOT NULL,
    seq bigint NOT NULL,
    PRIMARY KEY (conversation, target, emoji, person)
);
-- How many they are. since is the seq of the one that brought the emoji up.
CREATE TABLE tidemark.reaction_count (
    conversation bigint NOT NULL,
    target bigint NOT NULL,
    emoji text COLLATE "C" NOT NULL,
    count bigint NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (conversation, target, emoji)
);

-- person_id repeats the person's id, which never changes, so that a page in its order is one range.
-- departed is the seq of the event that ended the membership, banned that of the one that keeps the person out.
CREATE TABLE tidemark.member (
    conversation bigint NOT NULL,
    person bigint NOT NULL,
    person_id text COLLATE "C" NOT NULL,
    role text NOT NULL,
    joined bigint NOT NULL,
    departed bigint,
    read bigint NOT NULL,
    -- Up to where a device of theirs has fetched.
    delivered bigint NOT NULL,
    banned bigint,
    PRIMARY KEY (conversation, person)
) WITH (fillfactor = 80);
CREATE INDEX member_by_person ON tidemark.member (person, conversation) WHERE departed IS NULL;
CREATE INDEX member_by_id ON tidemark.member (conversation, person_id) WHERE departed IS NULL;
CREATE INDEX member_owner ON tidemark.member (conversation)
    WHERE role = 'owner' AND departed IS NULL;
CREATE INDEX member_banned ON tidemark.member (conversation, person_id) WHERE banned IS NOT NULL;

-- code is the SHA-256 of the secret.
CREATE TABLE tidemark.invite (
    id uuid PRIMARY KEY,
    conversation bigint NOT NULL,
    code bytea NOT NULL UNIQUE,
    author bigint NOT NULL,
    at bigint NOT NULL,
    role text NOT NULL,
    expires_at bigint,
    uses_max bigint,
    uses bigint NOT NULL
);
CREATE INDEX invite_by_conversation ON tidemark.invite (conversation, at, id);

-- The pair in the order of their ids.
CREATE TABLE tidemark.direct (
    one bigint NOT NULL,
    other bigint NOT NULL,
    conversation bigint NOT NULL,
    PRIMARY KEY (one, other)
);

CREATE TABLE tidemark.created_by_client (
    author bigint NOT NULL,
    client_id uuid NOT NULL,
    conversation bigint NOT NULL,
    PRIMARY KEY (author, client_id)
);

-- What belongs to one person. joined, read and sent are those of the membership when the row was written.
CREATE TABLE tidemark.personal (
    person bigint NOT NULL,
    conversation bigint NOT NULL,
    version bigint NOT NULL,
    joined bigint NOT NULL,
    read bigint NOT NULL,
    sent bigint NOT NULL,
    muted_until bigint,
    archived boolean NOT NULL,
    favourite boolean NOT NULL,
    marked_unread_at bigint,
    draft_text text,
    draft_reply_to bigint,
    PRIMARY KEY (person, conversation)
);
CREATE INDEX personal_by_version ON tidemark.personal (person, version);

-- Replies in threads. replies and own are the running counts up to and including the reply: of the thread, and of those
-- by the author. deleted is the seq of the deletion.
CREATE TABLE tidemark.reply (
    conversation bigint NOT NULL,
    thread bigint NOT NULL,
    seq bigint NOT NULL,
    author bigint NOT NULL,
    replies bigint NOT NULL,
    own bigint NOT NULL,
    deleted bigint,
    PRIMARY KEY (conversation, thread, seq)
);
CREATE INDEX reply_by_author ON tidemark.reply (conversation, thread, author, seq);
-- The deleted replies above a cursor.
CREATE INDEX reply_deleted ON tidemark.reply (conversation, thread, seq, author)
    WHERE deleted IS NOT NULL;

-- seq is that of the first message, last that of the last reply, and active the position of that.
CREATE TABLE tidemark.thread (
    conversation bigint NOT NULL,
    seq bigint NOT NULL,
    replies bigint NOT NULL,
    deleted bigint NOT NULL,
    people bigint NOT NULL,
    last bigint NOT NULL,
    active bigint NOT NULL,
    PRIMARY KEY (conversation, seq)
) WITH (fillfactor = 80);

-- Who wrote in a thread, its first message counted. last is the seq of their last reply, 0 if there is none;
-- position that of what they wrote last.
CREATE TABLE tidemark.thread_person (
    conversation bigint NOT NULL,
    thread bigint NOT NULL,
    person bigint NOT NULL,
    replies bigint NOT NULL,
    last bigint NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (conversation, thread, person)
);
CREATE INDEX thread_person_by_last ON tidemark.thread_person (conversation, thread, last);
CREATE INDEX thread_person_by_position ON tidemark.thread_person (person, position);
CREATE INDEX thread_person_by_conversation
    ON tidemark.thread_person (person, conversation, position);

CREATE TABLE tidemark.thread_cursor (
    conversation bigint NOT NULL,
    thread bigint NOT NULL,
    person bigint NOT NULL,
    read bigint NOT NULL,
    PRIMARY KEY (conversation, thread, person)
) WITH (fillfactor = 80);

-- Who blocks whom, by the person's key and the other one's id, which never changes.
CREATE TABLE tidemark.block (
    person bigint NOT NULL,
    other_id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (person, other_id)
);

-- What people upload. shown is how many messages show it; its expires_at counts as long as none does. retry_at is 0 where
-- nobody has tried. version grows with every change, also of which messages show it.
CREATE TABLE tidemark.upload (
    key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    owner bigint NOT NULL,
    name text NOT NULL,
    content_type text NOT NULL,
    size bigint NOT NULL,
    sha256 bytea,
    state text NOT NULL,
    content uuid NOT NULL,
    facts text,
    reason text,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    parts text,
    attempts bigint NOT NULL DEFAULT 0,
    retry_at bigint NOT NULL DEFAULT 0,
    shown bigint NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 0
);
CREATE INDEX upload_by_owner ON tidemark.upload (owner, id) INCLUDE (size, state);
CREATE INDEX upload_by_digest ON tidemark.upload (owner, sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX upload_by_content ON tidemark.upload (content);
CREATE INDEX upload_due ON tidemark.upload (retry_at, id) WHERE state IN ('uploaded', 'scanning');
CREATE INDEX upload_expiring ON tidemark.upload (expires_at, id) WHERE shown = 0;

-- Which messages show an upload.
CREATE TABLE tidemark.attachment (
    conversation bigint NOT NULL,
    seq bigint NOT NULL,
    upload bigint NOT NULL,
    PRIMARY KEY (conversation, seq, upload)
);
CREATE INDEX attachment_by_upload ON tidemark.attachment (upload);
