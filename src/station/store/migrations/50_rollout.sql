-- Bundles of models, what cameras tell of their models, and rollouts. Hours are hours since 1970, UTC.

-- A bundle in pieces: also one that is still being uploaded, which has no row in "bundle" yet.
CREATE TABLE bundle_piece (
    sha256 TEXT NOT NULL,
    -- Its number, from 0; all but the last are of one length.
    place BIGINT NOT NULL,
    bytes BLOB NOT NULL,
    given_ms BIGINT NOT NULL,
    PRIMARY KEY (sha256, place)
);

-- One whose signature was good, whole.
CREATE TABLE bundle (
    sha256 TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- SHA-256 of the ONNX file in it.
    model TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    -- JSON: the boards that it is for.
    boards TEXT NOT NULL,
    -- As its manifest says, RFC 3339.
    created TEXT NOT NULL,
    given_by TEXT NOT NULL,
    given_ms BIGINT NOT NULL
);

-- The newest of each camera, as it came.
CREATE TABLE models (
    camera BIGINT PRIMARY KEY REFERENCES camera (id),
    heard_ms BIGINT NOT NULL,
    message TEXT NOT NULL
);

CREATE TABLE rollout (
    id INTEGER PRIMARY KEY,
    bundle TEXT NOT NULL REFERENCES bundle (sha256),
    -- JSON: what it must show, and the rings.
    criteria TEXT NOT NULL,
    rings TEXT NOT NULL,
    -- JSON: how far it has come.
    stage TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    -- When its first ring began, when the present one did, and when its stage changed last; by whom, and why.
    started_ms BIGINT,
    ring_ms BIGINT NOT NULL,
    since_ms BIGINT NOT NULL,
    moved_by TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- What an hour of a camera said.
CREATE TABLE rollout_hour (
    rollout BIGINT NOT NULL REFERENCES rollout (id),
    camera BIGINT NOT NULL REFERENCES camera (id),
    hour BIGINT NOT NULL,
    -- 'day', 'dusk' or 'infrared'.
    regime TEXT NOT NULL,
    -- Of the new model: 'shadow' or 'decides'.
    part TEXT NOT NULL,
    -- Looks, by who saw a bear.
    by_both BIGINT NOT NULL,
    only_running BIGINT NOT NULL,
    only_challenger BIGINT NOT NULL,
    neither BIGINT NOT NULL,
    -- Slow looks (95 %) of the new model and of the one before, microseconds.
    challenger_us BIGINT,
    running_us BIGINT,
    PRIMARY KEY (rollout, camera, hour, regime, part)
);

-- What a camera had counted when it was heard last, JSON: what comes then is the difference.
CREATE TABLE rollout_count (
    rollout BIGINT NOT NULL REFERENCES rollout (id),
    camera BIGINT NOT NULL REFERENCES camera (id),
    part TEXT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (rollout, camera, part)
);

-- Pictures on which two models disagree; a picture is named as in "sample".
CREATE TABLE challenge (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    heard_ms BIGINT NOT NULL,
    regime TEXT NOT NULL,
    -- SHA-256 of the running model and of the challenger, and who of them saw a bear: 'running', 'challenger'.
    running TEXT NOT NULL,
    challenger TEXT NOT NULL,
    saw TEXT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);
CREATE INDEX challenge_heard ON challenge (heard_ms);
