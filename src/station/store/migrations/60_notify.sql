-- Who is told of what outside this station, and what came of it. Every *_ms is milliseconds since 1970 by the station's clock.

-- Alerts that the rules are to be held against: new ones, and those that wait for somebody.
CREATE TABLE telling (
    alert TEXT PRIMARY KEY,
    since_ms BIGINT NOT NULL,
    -- Counts its changes, and those of them that the rules have seen.
    looks BIGINT NOT NULL DEFAULT 1,
    looked BIGINT NOT NULL DEFAULT 0,
    -- When the rules must see it again though nothing changes.
    next_ms BIGINT,
    -- Steps that come if nobody says anything: JSON, [{"at_ms", "channel"}].
    ahead TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX telling_next ON telling (next_ms);

-- The outbox: each cause is told once on each channel.
CREATE TABLE notice (
    -- Never given again: whoever gets a message twice knows it by that.
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    alert TEXT NOT NULL,
    channel TEXT NOT NULL,
    -- 'opened', 'worse', 'picture', 'escalated', 'unacknowledged', 'acknowledged', 'closed' or 'undelivered', and of which kind.
    cause TEXT NOT NULL,
    detail TEXT NOT NULL,
    severity TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    -- 'queued', 'delivered', 'refused', 'expired' or 'needless'.
    fate TEXT NOT NULL DEFAULT 'queued',
    tries BIGINT NOT NULL DEFAULT 0,
    ended_ms BIGINT,
    -- The one that it is sent along with.
    lead BIGINT,
    -- By what the service knows it.
    receipt TEXT,
    -- Whether the other channels were told that it did not get through.
    warned BIGINT NOT NULL DEFAULT 0,
    UNIQUE (alert, channel, cause, detail)
);
CREATE INDEX notice_queue ON notice (fate, channel);
CREATE INDEX notice_lead ON notice (lead);
CREATE INDEX notice_made ON notice (made_ms);

-- What came back, each time; nothing where the station ended before it knew.
CREATE TABLE attempt (
    notice BIGINT NOT NULL REFERENCES notice (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    ended_ms BIGINT,
    outcome TEXT,
    PRIMARY KEY (notice, number)
);

CREATE TABLE channel (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    -- Whether the file of today has it.
    known BIGINT NOT NULL,
    success_ms BIGINT,
    -- Since when it does not get through, whether somebody must change something ('configuration') or it may pass ('passing'), and why.
    failing_ms BIGINT,
    fault TEXT,
    reason TEXT
);
