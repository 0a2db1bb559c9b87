-- Who may do what at the station, what they did, and what they told cameras. Every *_ms is milliseconds since 1970 by the station's clock.

CREATE TABLE account (
    -- Never given again, so that nothing of one person becomes another's.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    -- The same in small letters: Anna and anna are one person.
    folded TEXT NOT NULL UNIQUE,
    -- 'viewer', 'ranger', 'reviewer' or 'administrator'.
    role TEXT NOT NULL,
    -- Argon2id, with its parameters and salt (a PHC string).
    password TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL
);

CREATE TABLE session (
    -- SHA-256 of what the browser has: who reads the database cannot enter by it.
    hash TEXT PRIMARY KEY,
    account BIGINT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    began_ms BIGINT NOT NULL,
    seen_ms BIGINT NOT NULL
);
CREATE INDEX session_account ON session (account);

-- Each line bears the SHA-256 of the line before.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    line TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at_ms);

CREATE TABLE command (
    id INTEGER PRIMARY KEY,
    -- Its id on the wire: the answer bears it.
    nonce TEXT NOT NULL UNIQUE,
    camera BIGINT NOT NULL REFERENCES camera (id),
    -- Last level of its topic, and its own fields as JSON.
    word TEXT NOT NULL,
    fields TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_ms BIGINT NOT NULL,
    sent_ms BIGINT,
    -- 'waits', 'sent', 'applied', 'refused', 'unsent' or 'unanswered', and why.
    fate TEXT NOT NULL DEFAULT 'waits',
    reason TEXT,
    answered_ms BIGINT,
    -- When it ends by itself, as the camera says (RFC 3339).
    until TEXT,
    -- Its line in the camera's audit log: by that its picture is known.
    request TEXT
);
CREATE INDEX command_fate ON command (fate);
CREATE INDEX command_asked ON command (asked_ms);
CREATE INDEX picture_request ON picture (camera, request) WHERE request IS NOT NULL;
