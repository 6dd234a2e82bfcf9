-- position is how far the work under the lease has come. It lies in the same row, so that granting the lease to
-- somebody else and moving the position wait for each other.
CREATE TABLE tidemark.lease (
    name text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL,
    ends_at timestamptz NOT NULL,
    position bigint NOT NULL,
    -- Of those who follow the feed. rewound is where an operator had one go back to, until it has heard of that.
    consumes boolean NOT NULL DEFAULT false,
    paused_at bigint,
    paused_why text,
    rewound bigint,
    trouble_since bigint,
    trouble_attempts bigint,
    trouble_why text,
    failures bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Events that a consumer could not do. at is when it gave up; replay, that it is to try again.
CREATE TABLE tidemark.dead_letter (
    consumer text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    conversation uuid NOT NULL,
    seq bigint NOT NULL,
    at bigint NOT NULL,
    attempts bigint NOT NULL,
    reason text NOT NULL,
    replay boolean NOT NULL DEFAULT false,
    PRIMARY KEY (consumer, position)
);
CREATE INDEX dead_letter_replay ON tidemark.dead_letter (consumer, position) WHERE replay;

-- Addresses of others that are told of events. kinds, conversations and secrets are words with spaces between them;
-- told is up to where one was told of everything that is for it.
CREATE TABLE tidemark.webhook (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    description text,
    kinds text,
    conversations text,
    secrets text NOT NULL,
    created_at bigint NOT NULL,
    disabled_at bigint,
    disabled_why text,
    told bigint NOT NULL
) WITH (fillfactor = 50);

-- Where bots are asked to do something. commands has a line for each, names their names.
CREATE TABLE tidemark.bot_endpoint (
    bot text COLLATE "C" PRIMARY KEY,
    url text NOT NULL,
    secrets text NOT NULL,
    commands text NOT NULL,
    names text[] NOT NULL
);
