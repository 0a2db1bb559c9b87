//! What is worth a look, who has it before them, and what they say of it.
//!
//! A picture is lent to one person at a time, for a while. Whoever keeps it longer loses nothing: what people say is only ever added, and two who said
//! something of one picture are two opinions.

use std::fmt;
use std::str::FromStr;

use super::database::{Connection, Row, query};
use super::{Store, StoreError};
use serde::Serialize;

/// A picture is lent for so long, milliseconds; the page asks for it again while somebody works on it.
const LENT_MS: i64 = 300_000;
/// An alert below this score is uncertain.
const UNCERTAIN: f64 = 0.6;

/// Names a picture for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PictureKey {
    /// Number of its camera here.
    pub camera: i64,
    /// Life of the camera's daemon.
    pub boot: String,
    /// Number of its message in that life.
    pub seq: i64,
}

impl PictureKey {
    pub(super) fn of(row: &Row) -> sqlx::Result<PictureKey> {
        Ok(PictureKey {
            camera: row.try_get("camera")?,
            boot: row.try_get("boot")?,
            seq: row.try_get("seq")?,
        })
    }
}

impl fmt::Display for PictureKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.camera, self.boot, self.seq)
    }
}

impl FromStr for PictureKey {
    type Err = ();

    fn from_str(text: &str) -> Result<PictureKey, ()> {
        let (camera, rest) = text.split_once('.').ok_or(())?;
        let (boot, seq) = rest.rsplit_once('.').ok_or(())?;
        Ok(PictureKey {
            camera: camera.parse().map_err(|_| ())?,
            boot: boot.into(),
            seq: seq.parse().map_err(|_| ())?,
        })
    }
}

/// Who asks for a picture, or speaks of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reviewer {
    /// Their name.
    pub by: String,
    /// Names the page that they look at: one person may have two of them open.
    pub page: String,
}

impl Reviewer {
    fn holder(&self) -> String {
        format!("{}/{}", self.by, self.page)
    }
}

/// A picture that is worth a look; nothing of what the model said is in it.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    key: String,
    picture: i64,
    site: String,
    camera: String,
    captured_ms: Option<i64>,
    heard_ms: i64,
    /// The model's box is drawn on it: whoever looks is told.
    marked: bool,
}

/// How much there is to do.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    /// Pictures of the random sample that nobody has looked at, and those that somebody has.
    pub sample_waits: i64,
    pub sample_done: i64,
    /// Alerts that are worth a look.
    pub alerts_wait: i64,
    /// Pictures that cameras kept beside the sample and that nobody has looked at.
    pub kept_wait: i64,
    /// Pictures that another person is to look at.
    pub another: i64,
    /// What this person has said.
    pub yours: i64,
}

/// Why an alert is worth a look; the order of the words is that of their weight.
pub(super) const WHY: &str = "CASE
    WHEN alert.verdict = 'unsure' OR EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id AND word.verdict = 'unsure')
        OR (SELECT count(DISTINCT said) FROM (SELECT word.verdict AS said FROM word WHERE word.alert = alert.id
            UNION SELECT alert.verdict WHERE alert.verdict IS NOT NULL) AS all_said) > 1 THEN 'doubt'
    WHEN alert.verdict = 'not-bear' OR EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id AND word.verdict = 'not-bear') THEN 'false-alarm'
    WHEN alert.audience = 'reviewers' AND alert.verdict IS NULL AND NOT EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id) THEN 'assist'
    WHEN alert.verdict IS NULL AND NOT EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id) AND alert.score < 0.6 THEN 'uncertain' END";

/// Pictures of alerts that are worth a look, one of each: without a box drawn where there is one, as near to the alert as can be.
fn alerts() -> String {
    debug_assert!(WHY.contains(&UNCERTAIN.to_string()));
    format!(
        "SELECT picture.*, {WHY} AS why FROM alert JOIN picture ON picture.id = (SELECT id FROM picture AS shown WHERE shown.alert = alert.id
             ORDER BY shown.marked, CASE WHEN shown.marked THEN shown.captured_ms ELSE -shown.captured_ms END NULLS FIRST, shown.id LIMIT 1)
         WHERE NOT alert.drill AND {WHY} IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM picture AS other JOIN judged ON judged.camera = other.camera AND judged.boot = other.boot AND judged.seq = other.seq
                 WHERE other.alert = alert.id)"
    )
}

const SAMPLE: &str = "SELECT picture.*, sample.draw AS why FROM sample
    JOIN picture ON picture.camera = sample.camera AND picture.boot = sample.boot AND picture.seq = sample.seq
    WHERE NOT EXISTS (SELECT 1 FROM judged WHERE judged.camera = sample.camera AND judged.boot = sample.boot AND judged.seq = sample.seq)";
/// What cameras kept beside the sample.
const KEPT: &str = "SELECT picture.*, picture.kept AS why FROM picture WHERE picture.kept IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM judged WHERE judged.camera = picture.camera AND judged.boot = picture.boot AND judged.seq = picture.seq)";
const ANOTHER: &str = "SELECT picture.*, 'second' AS why FROM judged
    JOIN picture ON picture.camera = judged.camera AND picture.boot = judged.boot AND picture.seq = judged.seq
    WHERE judged.another";
/// Who has spoken is not asked again, and what is lent to somebody else is not lent.
const FREE: &str = "NOT EXISTS (SELECT 1 FROM label WHERE label.camera = picture.camera AND label.boot = picture.boot AND label.seq = picture.seq
        AND label.labelled_by = $1)
    AND NOT EXISTS (SELECT 1 FROM lease WHERE lease.camera = picture.camera AND lease.boot = picture.boot AND lease.seq = picture.seq
        AND lease.holder <> $2 AND lease.until_ms > $3)";

impl Store {
    /// Lends the next picture that is worth a look; `None` where none is left for this person.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn lend(&self, reviewer: &Reviewer, now_ms: i64) -> Result<Option<Task>, StoreError> {
        self.is_there().await?;
        let lent = async {
            let mut connection = self.writing.acquire().await?;
            let mut db = connection.begin().await?;
            query("DELETE FROM lease WHERE until_ms < $1 OR holder = $2")
                .bind(now_ms)
                .bind(reviewer.holder())
                .execute(&mut *db)
                .await?;
            let said = query("SELECT count(*) FROM label WHERE labelled_by = $1")
                .bind(&reviewer.by)
                .fetch_one(&mut *db)
                .await?;
            // In turns, so that neither waits for ever behind the other.
            let sample_first = said.try_get::<i64, _>(0)? % 2 == 0;
            let mut found = pick(&mut db, ANOTHER, "judged.judged_ms", reviewer, now_ms).await?;
            for sample in [sample_first, !sample_first] {
                if found.is_none() {
                    found = match sample {
                        true => pick(&mut db, SAMPLE, "sample.place", reviewer, now_ms).await?,
                        false => {
                            let weight = format!(
                                "CASE {WHY} WHEN 'doubt' THEN 0 WHEN 'assist' THEN 1 WHEN 'uncertain' THEN 1 ELSE 2 END, picture.id DESC"
                            );
                            pick(&mut db, &alerts(), &weight, reviewer, now_ms).await?
                        }
                    };
                }
            }
            if found.is_none() {
                let order = "CASE picture.kept WHEN 'asked' THEN 0 WHEN 'challenger' THEN 1 WHEN 'near-miss' THEN 2 ELSE 3 END, picture.id DESC";
                found = pick(&mut db, KEPT, order, reviewer, now_ms).await?;
            }
            if let Some((key, _)) = &found {
                lease(&mut db, key, reviewer, now_ms).await?;
            }
            db.commit().await?;
            Ok(found.map(|(_, task)| task))
        };
        lent.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// Whoever works on a picture keeps it for a while longer.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn keep_lent(
        &self,
        key: &PictureKey,
        reviewer: &Reviewer,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.is_there().await?;
        let kept = query(
            "UPDATE lease SET until_ms = $1 WHERE camera = $2 AND boot = $3 AND seq = $4 AND holder = $5",
        )
        .bind(now_ms + LENT_MS)
        .bind(key.camera)
        .bind(&key.boot)
        .bind(key.seq)
        .bind(reviewer.holder())
        .execute(&self.writing)
        .await;
        kept.map(|_| ()).map_err(|error| self.fault(&error))
    }

    /// How much there is to do, and how much one person has done.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn review_counts(&self, by: &str) -> Result<Counts, StoreError> {
        let count = async |sql: String| {
            let row = query(&sql).bind(by).fetch_one(&self.reading).await?;
            row.try_get::<i64, _>(0)
        };
        let counted = async {
            let of = |sql: &str| format!("SELECT count(*) FROM ({sql}) AS found WHERE $1 = $1");
            let done = "SELECT 1 FROM sample JOIN judged ON judged.camera = sample.camera AND judged.boot = sample.boot AND judged.seq = sample.seq";
            Ok(Counts {
                sample_waits: count(of(SAMPLE)).await?,
                sample_done: count(of(done)).await?,
                alerts_wait: count(of(&alerts())).await?,
                kept_wait: count(of(KEPT)).await?,
                another: count(of(ANOTHER)).await?,
                yours: count("SELECT count(*) FROM label WHERE labelled_by = $1".into()).await?,
            })
        };
        counted.await.map_err(|error: sqlx::Error| self.fault(&error))
    }
}

async fn pick(
    db: &mut Connection,
    from: &str,
    order: &str,
    reviewer: &Reviewer,
    now_ms: i64,
) -> sqlx::Result<Option<(PictureKey, Task)>> {
    let sql = format!("{from} AND {FREE} ORDER BY {order} LIMIT 1");
    let row =
        query(&sql).bind(&reviewer.by).bind(reviewer.holder()).bind(now_ms).fetch_optional(&mut *db).await?;
    let Some(row) = row else { return Ok(None) };
    let key = PictureKey::of(&row)?;
    let camera = query("SELECT site, name FROM camera WHERE id = $1").bind(key.camera).fetch_one(db).await?;
    let task = Task {
        key: key.to_string(),
        picture: row.try_get("id")?,
        site: camera.try_get("site")?,
        camera: camera.try_get("name")?,
        captured_ms: row.try_get("captured_ms")?,
        heard_ms: row.try_get("heard_ms")?,
        marked: row.try_get::<bool, _>("marked")? && row.try_get::<Option<String>, _>("alert")?.is_some(),
    };
    Ok(Some((key, task)))
}

async fn lease(db: &mut Connection, key: &PictureKey, reviewer: &Reviewer, now_ms: i64) -> sqlx::Result<()> {
    query(
        "INSERT INTO lease (camera, boot, seq, holder, until_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (camera, boot, seq) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms",
    )
    .bind(key.camera)
    .bind(&key.boot)
    .bind(key.seq)
    .bind(reviewer.holder())
    .bind(now_ms + LENT_MS)
    .execute(db)
    .await
    .map(|_| ())
}
