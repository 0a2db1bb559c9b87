-- The random sample of what cameras looked at, what people say is on pictures, and who has which picture before them. A picture is named by camera,
-- life and number of its message, which never come again: its row in "picture" may be gone long before what was said of it.

-- Nothing is drawn on a picture that says so; older cameras do not say.
ALTER TABLE picture ADD COLUMN marked BOOLEAN NOT NULL DEFAULT TRUE;

CREATE TABLE sample (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    captured_ms BIGINT,
    heard_ms BIGINT NOT NULL,
    -- 'random' or 'suspected', and how probable it was that the frame is chosen.
    draw TEXT NOT NULL,
    probability DOUBLE PRECISION NOT NULL,
    -- Seconds that it stands for, and that were looked at up to it in this life.
    stands_s DOUBLE PRECISION NOT NULL,
    watched_s DOUBLE PRECISION NOT NULL,
    -- Counts those that were chosen in this life.
    number BIGINT NOT NULL,
    -- What alerts were subject to.
    mode TEXT NOT NULL,
    regime TEXT NOT NULL,
    model TEXT NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    clock_synced BOOLEAN NOT NULL,
    simulated BOOLEAN NOT NULL,
    -- What the model saw, JSON.
    detections TEXT NOT NULL,
    -- In this order people are shown them: at random, so that what was looked at so far is a random part.
    place BIGINT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);
CREATE INDEX sample_heard ON sample (heard_ms);
CREATE INDEX sample_place ON sample (place);

-- Ever only added to: who changes their mind says so again, and the newest word of a person counts.
CREATE TABLE label (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    labelled_by TEXT NOT NULL,
    labelled_ms BIGINT NOT NULL,
    -- 'bear', 'person', 'animal', 'nothing' or 'cannot-tell': the first of these that is there.
    verdict TEXT NOT NULL,
    -- JSON: [{"class", "bbox": [x, y, w, h] in fractions of the picture, or null}].
    things TEXT NOT NULL,
    -- Nothing of what the model said was to be seen.
    blind BOOLEAN NOT NULL
);
CREATE INDEX label_picture ON label (camera, boot, seq);
CREATE INDEX label_at ON label (labelled_ms);

-- What the labels of a picture come to.
CREATE TABLE judged (
    camera BIGINT NOT NULL REFERENCES camera (id),
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    -- Whether another person is to look at it, and the label that holds where not.
    another BOOLEAN NOT NULL,
    label BIGINT REFERENCES label (id) ON DELETE SET NULL,
    judged_ms BIGINT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);
CREATE INDEX judged_another ON judged (another);

-- Who has a picture before them, so that nobody else is given it meanwhile.
CREATE TABLE lease (
    camera BIGINT NOT NULL,
    boot TEXT NOT NULL,
    seq BIGINT NOT NULL,
    holder TEXT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (camera, boot, seq)
);

-- When a camera was first heard with a version.
CREATE TABLE version (
    camera BIGINT NOT NULL REFERENCES camera (id),
    version TEXT NOT NULL,
    first_ms BIGINT NOT NULL,
    PRIMARY KEY (camera, version)
);
