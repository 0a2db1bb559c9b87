-- What cameras told, and what people said of it. Every *_ms is milliseconds since 1970; by the station's clock, unless it is captured_ms, which is the
-- camera's.

CREATE TABLE station (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- By which brokers know this database again.
    id TEXT NOT NULL,
    -- When the broker was last heard.
    heard_ms BIGINT NOT NULL
);

CREATE TABLE camera (
    id INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    name TEXT NOT NULL,
    first_ms BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    -- The newest of each kind, as it came.
    status TEXT,
    status_ms BIGINT,
    telemetry TEXT,
    telemetry_ms BIGINT,
    orders TEXT,
    UNIQUE (site, name)
);

-- Lives of cameras' daemons: whose a name is decides who used it first.
CREATE TABLE boot (
    id TEXT PRIMARY KEY,
    camera BIGINT NOT NULL REFERENCES camera (id),
    first_ms BIGINT NOT NULL
);

CREATE TABLE alert (
    id TEXT PRIMARY KEY,
    camera BIGINT NOT NULL REFERENCES camera (id),
    -- First heard of, and last.
    heard_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    captured_ms BIGINT,
    -- 'set', 'unset' or 'ahead': what captured_ms is worth.
    clock TEXT NOT NULL,
    state TEXT NOT NULL,
    class TEXT NOT NULL,
    severity TEXT NOT NULL,
    score DOUBLE PRECISION NOT NULL,
    regime TEXT NOT NULL,
    latency_ms BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    drill BOOLEAN NOT NULL,
    simulated BOOLEAN NOT NULL,
    -- The step of the ladder that it has reached, of how many, and whom that reaches.
    step BIGINT,
    steps BIGINT,
    level TEXT,
    -- What the camera told of an acknowledgement.
    verdict TEXT,
    acked_by TEXT,
    acked_ms BIGINT
);
CREATE INDEX alert_heard ON alert (heard_ms);

CREATE TABLE step (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    alert TEXT NOT NULL REFERENCES alert (id),
    heard_ms BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);
CREATE INDEX step_alert ON step (alert);

CREATE TABLE picture (
    id INTEGER PRIMARY KEY,
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    -- Of an alert, or of what is wrong with the camera, or because a command asked for it.
    alert TEXT,
    impairment TEXT,
    request TEXT,
    captured_ms BIGINT,
    heard_ms BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    jpeg BLOB NOT NULL,
    UNIQUE (camera, boot, seq)
);
CREATE INDEX picture_alert ON picture (alert);
CREATE INDEX picture_heard ON picture (heard_ms);

CREATE TABLE ack (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    alert TEXT NOT NULL,
    heard_ms BIGINT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);

CREATE INDEX ack_alert ON ack (alert);

-- What people at this desk said of alerts, and whether the camera knows.
CREATE TABLE word (
    id INTEGER PRIMARY KEY,
    alert TEXT NOT NULL REFERENCES alert (id),
    verdict TEXT NOT NULL,
    said_by TEXT NOT NULL,
    note TEXT,
    said_ms BIGINT NOT NULL,
    -- The command that carries it, and how often it was sent.
    command TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    -- 'waits', 'heard', 'refused' or 'given-up', and the camera's reason.
    fate TEXT NOT NULL DEFAULT 'waits',
    reason TEXT
);
CREATE INDEX word_alert ON word (alert);
CREATE INDEX word_fate ON word (fate);

-- A bounded history: one row of a camera every few minutes.
CREATE TABLE telemetry (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    late BOOLEAN NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);
CREATE INDEX telemetry_heard ON telemetry (heard_ms);

-- Messages that were not believed.
CREATE TABLE refusal (
    topic TEXT NOT NULL,
    reason TEXT NOT NULL,
    times BIGINT NOT NULL,
    first_ms BIGINT NOT NULL,
    last_ms BIGINT NOT NULL,
    -- Size of the last one, and how it began.
    bytes BIGINT NOT NULL,
    beginning TEXT NOT NULL,
    PRIMARY KEY (topic, reason)
);
CREATE INDEX refusal_last ON refusal (last_ms);
