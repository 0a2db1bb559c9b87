-- What cameras count of their pictures and finds, and what has shifted in that. Days are days since 1970, UTC.

-- The last that a life of a daemon told on a day, counted since it began.
CREATE TABLE drift_day (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    day BIGINT NOT NULL,
    -- By its own clock: what comes later and is older changes nothing.
    uptime_ms BIGINT NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (camera, boot, day)
);
CREATE INDEX drift_day_day ON drift_day (day);

CREATE TABLE shift (
    id INTEGER PRIMARY KEY,
    camera BIGINT NOT NULL REFERENCES camera (id),
    model TEXT NOT NULL,
    -- 'day', 'dusk', 'infrared', or 'all' of them together.
    regime TEXT NOT NULL,
    feature TEXT NOT NULL,
    -- From this day on it differs.
    since BIGINT NOT NULL,
    told_ms BIGINT NOT NULL,
    -- Means before and since, on the scale of the bins, and how often that comes by chance.
    was DOUBLE PRECISION NOT NULL,
    became DOUBLE PRECISION NOT NULL,
    p DOUBLE PRECISION NOT NULL,
    -- 'returned' to what it was, 'accepted' as it is by somebody, or so 'old' that it is how the camera is.
    ended TEXT,
    ended_ms BIGINT,
    ended_by TEXT
);
CREATE INDEX shift_told ON shift (told_ms);
CREATE UNIQUE INDEX shift_open ON shift (camera, model, regime, feature) WHERE ended IS NULL;
