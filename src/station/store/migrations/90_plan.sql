-- Plans of sites: a picture of each, and where its cameras stand on it.

-- A site is named as its cameras name it; it may have a plan before any of them is heard.
CREATE TABLE plan (
    site TEXT PRIMARY KEY,
    -- Of its picture.
    sha256 TEXT NOT NULL,
    width BIGINT NOT NULL,
    height BIGINT NOT NULL,
    jpeg BLOB NOT NULL,
    given_by TEXT NOT NULL,
    given_ms BIGINT NOT NULL
);

-- Shares of the picture's width and height, from its upper left corner.
CREATE TABLE plan_camera (
    site TEXT NOT NULL REFERENCES plan (site),
    camera TEXT NOT NULL,
    x DOUBLE PRECISION NOT NULL,
    y DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (site, camera)
);
