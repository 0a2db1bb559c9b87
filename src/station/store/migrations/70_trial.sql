-- Whom alerts are for, what cameras kept for training and review, and trials.

-- 'everybody', or 'reviewers' where the camera was in assist mode: nobody on duty hears of it.
ALTER TABLE alert ADD COLUMN audience TEXT NOT NULL DEFAULT 'everybody';
-- Why its camera kept a picture: 'alert', 'near-miss', 'challenger', 'asked'.
ALTER TABLE picture ADD COLUMN kept TEXT;
CREATE INDEX picture_kept ON picture (kept) WHERE kept IS NOT NULL;
-- How probable it was that the camera still had it when it could be sent; it is part of "probability".
ALTER TABLE sample ADD COLUMN room DOUBLE PRECISION NOT NULL DEFAULT 1;

-- Never changed once it is written but for its being stopped. Cameras know the trial by its name.
CREATE TABLE trial (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- JSON: mode, begin, end, cameras, and what it must show.
    plan TEXT NOT NULL,
    -- Of that text, as it stands in the audit log.
    sha256 TEXT NOT NULL,
    begin_ms BIGINT NOT NULL,
    end_ms BIGINT NOT NULL,
    written_by TEXT NOT NULL,
    written_ms BIGINT NOT NULL,
    stopped_ms BIGINT,
    stopped_by TEXT,
    stop_reason TEXT
);
CREATE INDEX trial_end ON trial (end_ms);

-- When a camera was first seen to take part, and to take part no more.
CREATE TABLE trial_camera (
    trial BIGINT NOT NULL REFERENCES trial (id),
    camera TEXT NOT NULL,
    joined_ms BIGINT,
    left_ms BIGINT,
    PRIMARY KEY (trial, camera)
);
