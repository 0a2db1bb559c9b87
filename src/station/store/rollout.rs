//! Rollouts: kept before anything of them is sent, and what was watched in them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::database::{Connection, Row, query};
use super::trail::{Deed, append};
use super::{Store, StoreError};
use crate::perceive::observation::Regime;
use crate::publish::reply::Head;
use crate::station::review::Seen;
use crate::station::rollout::course::{Ring, Stage};
use crate::station::rollout::criteria::Criteria;
use crate::station::rollout::hour::{Hour, Judged, Looks, Part};

pub(super) const HOUR_MS: i64 = 3_600_000;
/// Rollouts that are shown, the newest.
const SHOWN: i64 = 50;
/// Disagreements that are shown, the newest.
const PICTURES: i64 = 12;

/// A rollout.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rollout {
    /// Its number; 0 before it has one.
    pub id: i64,
    /// SHA-256 of its bundle.
    pub bundle: String,
    /// What it must show.
    pub criteria: Criteria,
    /// Where.
    pub rings: Vec<Ring>,
    /// How far it has come.
    #[serde(flatten)]
    pub stage: Stage,
    /// Who wrote it.
    pub made_by: String,
    /// When, milliseconds since 1970, as all times here.
    pub made_ms: i64,
    /// When its first ring began.
    pub started_ms: Option<i64>,
    /// When its present ring began.
    pub ring_ms: i64,
    /// When its present stage began.
    pub since_ms: i64,
    /// Who let it.
    pub moved_by: String,
    /// Why.
    pub reason: String,
}

/// What was watched.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// By camera, hour and light.
    pub hours: Vec<Hour>,
    /// Hours with disagreements that wait for people.
    pub unjudged: u32,
}

/// A picture on which two models disagree, and people have said what is there.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Disagreement {
    /// Names it for the review.
    pub key: String,
    /// "site/camera".
    pub camera: String,
    /// Milliseconds since 1970.
    pub heard_ms: i64,
    /// The light.
    pub regime: String,
    /// Who saw a bear: `before` or `new`.
    pub saw: &'static str,
    /// What people say is there.
    pub said: String,
}

impl Store {
    /// Keeps a rollout that was written; its number.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn write_rollout(&self, rollout: &Rollout, deed: &Deed) -> Result<i64, StoreError> {
        let mut line = self.line().await?;
        let done = write(&mut line, rollout, deed).await;
        let (id, head) = self.settle(line, done).await?;
        self.tell(deed, &head);
        Ok(id)
    }

    /// Moves a rollout on; `false` where somebody else has moved it meanwhile.
    ///
    /// # Errors
    /// Where the database is away: it is not moved then.
    pub async fn move_rollout(&self, rollout: &Rollout, to: Stage, deed: &Deed) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = go(&mut line, rollout, to, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// Rollouts, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn rollouts(&self) -> Result<Vec<Rollout>, StoreError> {
        let rows = query("SELECT * FROM rollout ORDER BY id DESC LIMIT $1")
            .bind(SHOWN)
            .fetch_all(&self.reading)
            .await;
        let read = rows.and_then(|rows| rows.iter().filter_map(|row| rollout(row).transpose()).collect());
        read.map_err(|error| self.fault(&error))
    }

    /// What was watched in a rollout of the model with this SHA-256, and what people say of it.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn watched(&self, rollout: &Rollout, model: &str) -> Result<Watched, StoreError> {
        let found = async {
            let mut hours = self.hours(rollout).await?;
            let unjudged = self.verdicts(rollout, model, &mut hours).await?;
            self.false_alarms(rollout, &mut hours).await?;
            Ok(Watched { hours: hours.into_values().collect(), unjudged })
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    async fn hours(&self, rollout: &Rollout) -> sqlx::Result<Hours> {
        let rows = query("SELECT * FROM rollout_hour WHERE rollout = $1")
            .bind(rollout.id)
            .fetch_all(&self.reading)
            .await?;
        let slower = rollout.criteria.slower;
        rows.iter().filter_map(|row| hour(row, slower).transpose()).collect()
    }

    /// Enters what people say of disagreements; tells of how many hours nobody has said anything.
    async fn verdicts(&self, rollout: &Rollout, model: &str, hours: &mut Hours) -> sqlx::Result<u32> {
        let rows = query(
            "SELECT challenge.camera, challenge.heard_ms, challenge.regime, challenge.challenger, challenge.saw, label.verdict, judged.another
             FROM challenge LEFT JOIN judged ON judged.camera = challenge.camera AND judged.boot = challenge.boot AND judged.seq = challenge.seq
             LEFT JOIN label ON label.id = judged.label
             WHERE challenge.heard_ms >= $1 AND (challenge.challenger = $2 OR challenge.running = $2)",
        )
        .bind(rollout.started_ms.unwrap_or(i64::MAX))
        .bind(model)
        .fetch_all(&self.reading)
        .await?;
        let (mut waiting, mut known) = (BTreeSet::new(), BTreeSet::new());
        for row in &rows {
            let (camera, heard_ms): (i64, i64) = (row.try_get("camera")?, row.try_get("heard_ms")?);
            let (challenger, saw): (String, String) = (row.try_get("challenger")?, row.try_get("saw")?);
            let Some(light) = regime(&row.try_get::<String, _>("regime")?) else { continue };
            // Where it decides the one before is the challenger on the wire.
            let decides = challenger != model;
            let at = (camera, heard_ms.div_euclid(HOUR_MS), light, decides);
            let verdict: Option<String> = row.try_get("verdict")?;
            let Some(bear) = verdict.as_deref().and_then(Seen::from_name).map(Seen::bear) else {
                waiting.insert(at);
                continue;
            };
            known.insert(at);
            if let Some(bear) = bear {
                let hour = hours.entry(at).or_insert_with(|| empty(camera, light, decides));
                enter(&mut hour.judged, (saw == "running") != decides, bear);
            }
        }
        Ok(waiting.difference(&known).count() as u32)
    }

    /// Alerts of the new model, where it decides, that people call no bear.
    async fn false_alarms(&self, rollout: &Rollout, hours: &mut Hours) -> sqlx::Result<()> {
        let rows = query(
            "SELECT camera, heard_ms FROM alert WHERE heard_ms >= $1 AND drill = FALSE
             AND (verdict = 'not-bear' OR EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id AND word.verdict = 'not-bear'))",
        )
        .bind(rollout.started_ms.unwrap_or(i64::MAX))
        .fetch_all(&self.reading)
        .await?;
        for row in &rows {
            let (camera, at) =
                (row.try_get::<i64, _>("camera")?, row.try_get::<i64, _>("heard_ms")?.div_euclid(HOUR_MS));
            let mut own =
                hours.range_mut((camera, at, Regime::Day, false)..=(camera, at, Regime::Infrared, true));
            if let Some((_, hour)) = own.find(|(_, hour)| hour.decides()) {
                hour.part = Part::Decides { false_alarm: true };
            }
        }
        Ok(())
    }

    /// That the new model decides at a camera in an hour, where nobody compares any more.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn decides(
        &self,
        rollout: i64,
        camera: i64,
        light: Regime,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.is_there().await?;
        let done = query(
            "INSERT INTO rollout_hour (rollout, camera, hour, regime, part, by_both, only_running, only_challenger, neither)
             VALUES ($1, $2, $3, $4, 'decides', 0, 0, 0, 0) ON CONFLICT DO NOTHING",
        )
        .bind(rollout)
        .bind(camera)
        .bind(now_ms.div_euclid(HOUR_MS))
        .bind(light.name())
        .execute(&self.writing)
        .await;
        done.map(|_| ()).map_err(|error| self.fault(&error))
    }

    /// The newest pictures on which the model with this SHA-256 and another one disagree, as far as people have judged them: who has not is to look without
    /// knowing what either saw.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn disagreements(
        &self,
        rollout: &Rollout,
        model: &str,
    ) -> Result<Vec<Disagreement>, StoreError> {
        let rows = query(
            "SELECT challenge.*, camera.site, camera.name, label.verdict FROM challenge JOIN camera ON camera.id = challenge.camera
             JOIN judged ON judged.camera = challenge.camera AND judged.boot = challenge.boot AND judged.seq = challenge.seq
             JOIN label ON label.id = judged.label
             WHERE challenge.heard_ms >= $1 AND (challenge.challenger = $2 OR challenge.running = $2)
             AND EXISTS (SELECT 1 FROM picture WHERE picture.camera = challenge.camera AND picture.boot = challenge.boot AND picture.seq = challenge.seq)
             ORDER BY challenge.heard_ms DESC LIMIT $3",
        )
        .bind(rollout.started_ms.unwrap_or(i64::MAX))
        .bind(model)
        .bind(PICTURES)
        .fetch_all(&self.reading)
        .await;
        rows.and_then(|rows| rows.iter().map(|row| disagreement(row, model)).collect())
            .map_err(|error| self.fault(&error))
    }
}

/// Camera, hour since 1970, light, and whether the new model decides there.
type At = (i64, i64, Regime, bool);
type Hours = BTreeMap<At, Hour>;

/// An hour of which nothing is known yet.
fn empty(camera: i64, light: Regime, decides: bool) -> Hour {
    let part = if decides { Part::Decides { false_alarm: false } } else { Part::Beside };
    Hour { camera, light, part, looks: Looks::default(), judged: Judged::default(), slow: None }
}

/// Who saw a bear alone, and whether people see one.
fn enter(judged: &mut Judged, before: bool, bear: bool) {
    *match (before, bear) {
        (true, true) => &mut judged.missed,
        (true, false) => &mut judged.ghosts,
        (false, true) => &mut judged.found,
        (false, false) => &mut judged.invented,
    } += 1;
}

async fn write(db: &mut Connection, rollout: &Rollout, deed: &Deed) -> sqlx::Result<(i64, Head)> {
    let mut work = db.begin().await?;
    let row = query(
        "INSERT INTO rollout (bundle, criteria, rings, stage, made_by, made_ms, ring_ms, since_ms, moved_by, reason) VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $5, '')
         RETURNING id",
    )
    .bind(&rollout.bundle)
    .bind(serde_json::to_string(&rollout.criteria).unwrap_or_default())
    .bind(serde_json::to_string(&rollout.rings).unwrap_or_default())
    .bind(text(rollout.stage))
    .bind(&rollout.made_by)
    .bind(rollout.made_ms)
    .fetch_one(&mut *work)
    .await?;
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok((row.try_get("id")?, head))
}

async fn go(db: &mut Connection, rollout: &Rollout, to: Stage, deed: &Deed) -> sqlx::Result<Option<Head>> {
    let mut work = db.begin().await?;
    let done = query(
        "UPDATE rollout SET stage = $1, since_ms = $2, moved_by = $3, reason = $4, started_ms = $8, ring_ms = $7 WHERE id = $5 AND stage = $6",
    )
    .bind(text(to))
    .bind(deed.now.unix_ms)
    .bind(&deed.entry.who)
    .bind(&deed.entry.reason)
    .bind(rollout.id)
    .bind(text(rollout.stage))
    .bind(if to.ring() == rollout.stage.ring() { rollout.ring_ms } else { deed.now.unix_ms })
    // One that is dropped before it began never did.
    .bind(rollout.started_ms.or((to != Stage::Stopped).then_some(deed.now.unix_ms)))
    .execute(&mut *work)
    .await?;
    if done.rows_affected() == 0 {
        work.rollback().await?;
        return Ok(None);
    }
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(Some(head))
}

fn text(stage: Stage) -> String {
    serde_json::to_string(&stage).unwrap_or_default()
}

/// `None` where a later version wrote what this one does not know.
fn rollout(row: &Row) -> sqlx::Result<Option<Rollout>> {
    let text = |name: &str| row.try_get::<String, _>(name);
    let (criteria, rings, stage) = (text("criteria")?, text("rings")?, text("stage")?);
    let (Ok(criteria), Ok(rings), Ok(stage)) =
        (serde_json::from_str(&criteria), serde_json::from_str(&rings), serde_json::from_str(&stage))
    else {
        return Ok(None);
    };
    Ok(Some(Rollout {
        id: row.try_get("id")?,
        bundle: text("bundle")?,
        criteria,
        rings,
        stage,
        made_by: text("made_by")?,
        made_ms: row.try_get("made_ms")?,
        started_ms: row.try_get("started_ms")?,
        ring_ms: row.try_get("ring_ms")?,
        since_ms: row.try_get("since_ms")?,
        moved_by: text("moved_by")?,
        reason: text("reason")?,
    }))
}

fn hour(row: &Row, slower: f64) -> sqlx::Result<Option<(At, Hour)>> {
    let count = |name: &str| row.try_get::<i64, _>(name).map(i64::unsigned_abs);
    let Some(light) = regime(&row.try_get::<String, _>("regime")?) else { return Ok(None) };
    let decides = row.try_get::<String, _>("part")? == super::models::part(true);
    let (challenger, running): (Option<i64>, Option<i64>) =
        (row.try_get("challenger_us")?, row.try_get("running_us")?);
    let (camera, at): (i64, i64) = (row.try_get("camera")?, row.try_get("hour")?);
    let hour = Hour {
        looks: Looks {
            both: count("by_both")?,
            only_running: count("only_running")?,
            only_challenger: count("only_challenger")?,
            neither: count("neither")?,
        },
        slow: challenger
            .zip(running)
            .map(|(challenger, running)| challenger as f64 > slower * running as f64),
        ..empty(camera, light, decides)
    };
    Ok(Some(((camera, at, light, decides), hour)))
}

fn disagreement(row: &Row, model: &str) -> sqlx::Result<Disagreement> {
    let (site, name): (String, String) = (row.try_get("site")?, row.try_get("name")?);
    let (challenger, saw): (String, String) = (row.try_get("challenger")?, row.try_get("saw")?);
    let before = (saw == "running") == (challenger == model);
    Ok(Disagreement {
        key: super::review::PictureKey::of(row)?.to_string(),
        camera: format!("{site}/{name}"),
        heard_ms: row.try_get("heard_ms")?,
        regime: row.try_get("regime")?,
        saw: if before { "before" } else { "new" },
        said: row.try_get("verdict")?,
    })
}

fn regime(name: &str) -> Option<Regime> {
    [Regime::Day, Regime::Dusk, Regime::Infrared].into_iter().find(|known| known.name() == name)
}
