-- position is how far the work under the lease has come. It lies in the same row, so that granting the lease to
-- somebody else and moving the position wait for each other.
CREATE TABLE tidemark.lease (
    name text COLLATE "C" PRIMARY KEY,
    holder text NOT NULL,
    token bigint NOT NULL,
    ends_at timestamptz NOT NULL,
    position bigint NOT NULL
) WITH (fillfactor = 50);
