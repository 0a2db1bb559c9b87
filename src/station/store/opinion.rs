//! What people say of a picture, and what was said of it by others and by the model.

use super::database::{Connection, Row, query};
use super::review::{PictureKey, WHY};
use super::{Store, StoreError};
use crate::perceive::model::Class;
use crate::publish::audit::Sighting;
use crate::station::review::{Label, Outcome, Seen, TWICE, Thing, outcome};
use serde::Serialize;

/// What was said of a picture by others and by the model, for whoever has spoken.
#[derive(Clone, Debug, Serialize)]
pub struct Revealed {
    /// Why it was worth a look: `second`, `doubt`, `uncertain`, `false-alarm`, `random`, `suspected`.
    pub why: String,
    /// What the model saw; `None` where that is not known of this very picture.
    pub detections: Option<Vec<Sighting>>,
    /// Pixels of the picture, in which the detections are given.
    pub size: Option<(i64, i64)>,
    /// Operating point for bears.
    pub threshold: Option<f64>,
    /// Of the alert that it belongs to: the score.
    pub alert_score: Option<f64>,
    /// What others said, newest of each.
    pub others: Vec<Opinion>,
    /// Whether another person is asked.
    pub another: bool,
}

/// What somebody said.
#[derive(Clone, Debug, Serialize)]
pub struct Opinion {
    /// Who.
    pub by: String,
    /// In a word.
    pub seen: Seen,
}

impl Store {
    /// Keeps what somebody says of a picture, and tells them then what the model and others said; `None` where there is no such picture. Whoever has it
    /// before them meanwhile or has spoken before loses nothing.
    ///
    /// # Errors
    /// Where the database is away: nothing is kept then.
    pub async fn label(
        &self,
        key: &PictureKey,
        label: &Label,
        now_ms: i64,
    ) -> Result<Option<Revealed>, StoreError> {
        self.is_there().await?;
        let kept = async {
            let mut connection = self.writing.acquire().await?;
            let mut db = connection.begin().await?;
            let Some(mut revealed) = revealed(&mut db, key, &label.by).await? else { return Ok(None) };
            add(&mut db, key, label).await?;
            let model = model_saw(&revealed);
            let labels = labels(&mut db, key).await?;
            let twice = is_twice(key);
            let Outcome { another, holds } = outcome(&labels, model, twice);
            query(
                "INSERT INTO judged (camera, boot, seq, another, label, judged_ms) VALUES ($1, $2, $3, $4, $5, $6)
                 ON CONFLICT (camera, boot, seq) DO UPDATE SET another = excluded.another, label = excluded.label, judged_ms = excluded.judged_ms",
            )
            .bind(key.camera)
            .bind(&key.boot)
            .bind(key.seq)
            .bind(another)
            .bind(holds)
            .bind(now_ms)
            .execute(&mut *db)
            .await?;
            query(
                "DELETE FROM lease WHERE camera = $1 AND boot = $2 AND seq = $3 AND substr(holder, 1, length($4) + 1) = $4 || '/'",
            )
            .bind(key.camera)
            .bind(&key.boot)
            .bind(key.seq)
            .bind(&label.by)
            .execute(&mut *db)
            .await?;
            db.commit().await?;
            revealed.another = another;
            Ok(Some(revealed))
        };
        kept.await.map_err(|error: sqlx::Error| self.fault(&error))
    }
}

/// Whether a picture is looked at twice in any case.
pub(super) fn is_twice(key: &PictureKey) -> bool {
    // The number of a message says nothing of what is on its picture.
    key.seq % TWICE == 0
}

async fn add(db: &mut Connection, key: &PictureKey, label: &Label) -> sqlx::Result<()> {
    query(
        "INSERT INTO label (camera, boot, seq, labelled_by, labelled_ms, verdict, things, blind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(key.camera)
    .bind(&key.boot)
    .bind(key.seq)
    .bind(&label.by)
    .bind(label.at_ms)
    .bind(label.seen.name())
    .bind(serde_json::to_string(&label.things).unwrap_or_else(|_| "[]".into()))
    .bind(label.blind)
    .execute(db)
    .await
    .map(|_| ())
}

/// All labels of a picture, in the order in which they were given.
async fn labels(db: &mut Connection, key: &PictureKey) -> sqlx::Result<Vec<Label>> {
    let rows = query("SELECT * FROM label WHERE camera = $1 AND boot = $2 AND seq = $3 ORDER BY id")
        .bind(key.camera)
        .bind(&key.boot)
        .bind(key.seq)
        .fetch_all(db)
        .await?;
    rows.iter().map(label).collect()
}

pub(super) fn label(row: &Row) -> sqlx::Result<Label> {
    let (verdict, things): (String, String) = (row.try_get("verdict")?, row.try_get("things")?);
    Ok(Label {
        id: row.try_get("id")?,
        by: row.try_get("labelled_by")?,
        at_ms: row.try_get("labelled_ms")?,
        seen: Seen::from_name(&verdict).unwrap_or(Seen::CannotTell),
        things: serde_json::from_str::<Vec<Thing>>(&things).unwrap_or_default(),
        blind: row.try_get("blind")?,
    })
}

/// Whether the model saw a bear, where that is known: on a picture of the sample, or by the alert that it belongs to.
fn model_saw(revealed: &Revealed) -> Option<bool> {
    match (&revealed.detections, revealed.threshold) {
        (Some(detections), Some(threshold)) => {
            Some(detections.iter().any(|d| d.class == Class::Bear && f64::from(d.score) >= threshold))
        }
        _ => revealed.alert_score.map(|_| true),
    }
}

async fn revealed(db: &mut Connection, key: &PictureKey, by: &str) -> sqlx::Result<Option<Revealed>> {
    let row = query(&format!(
        "SELECT sample.draw, sample.detections, sample.width, sample.height, sample.threshold, picture.kept, alert.score, {WHY} AS doubt,
             EXISTS (SELECT 1 FROM judged WHERE judged.camera = picture.camera AND judged.boot = picture.boot AND judged.seq = picture.seq AND judged.another) AS second
         FROM picture LEFT JOIN sample ON sample.camera = picture.camera AND sample.boot = picture.boot AND sample.seq = picture.seq
             LEFT JOIN alert ON alert.id = picture.alert
         WHERE picture.camera = $1 AND picture.boot = $2 AND picture.seq = $3"
    ))
    .bind(key.camera)
    .bind(&key.boot)
    .bind(key.seq)
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (detections, draw): (Option<String>, Option<String>) =
        (row.try_get("detections")?, row.try_get("draw")?);
    let (width, height): (Option<i64>, Option<i64>) = (row.try_get("width")?, row.try_get("height")?);
    let why = if row.try_get::<bool, _>("second")? {
        Some("second".to_owned())
    } else {
        draw.or(row.try_get("kept")?).or(row.try_get("doubt")?)
    };
    let others = labels(db, key).await?.into_iter().rev().filter(|label| label.by != by);
    let mut opinions: Vec<Opinion> = Vec::new();
    for Label { by, seen, .. } in others {
        if opinions.iter().all(|known| known.by != by) {
            opinions.push(Opinion { by, seen });
        }
    }
    Ok(Some(Revealed {
        why: why.unwrap_or_else(|| "uncertain".into()),
        detections: detections.map(|text| serde_json::from_str(&text).unwrap_or_default()),
        size: width.zip(height),
        threshold: row.try_get("threshold")?,
        alert_score: row.try_get("score")?,
        others: opinions,
        another: false,
    }))
}
