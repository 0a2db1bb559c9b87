//! What cameras tell of their models, and what of that belongs to a rollout.

use std::collections::BTreeMap;

use super::database::{Connection, Row, query};
use super::rollout::HOUR_MS;
use super::write::number;
use super::{Store, StoreError};
use crate::perceive::model::Class;
use crate::publish::audit::AuditNote;
use crate::publish::incoming::Snapshot;
use crate::publish::models::{Comparison, Do, ModelsDraft, ModelsMessage};
use crate::publish::settings::Site;
use crate::station::judge::Entry;
use crate::station::rollout::course::Stage;
use crate::station::rollout::tally::{Added, added, comparison};

/// A camera and its models.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its number here.
    pub camera: i64,
    /// Who it is.
    pub site: Site,
    /// What it said last; `None` where it never spoke of models.
    pub told: Option<ModelsDraft>,
    /// When, milliseconds since 1970.
    pub heard_ms: Option<i64>,
}

/// A command on models.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What a camera was to do.
    pub word: Do,
    /// What became of it: see the table.
    pub fate: String,
    /// When, milliseconds since 1970.
    pub asked_ms: i64,
}

#[derive(serde::Deserialize)]
struct Fields {
    #[serde(rename = "do")]
    word: Do,
}

/// Files what a camera tells of its models, and what was counted since it was heard last.
pub(super) async fn heard(
    db: &mut Connection,
    camera: i64,
    message: &ModelsMessage,
    entry: &Entry,
) -> sqlx::Result<()> {
    query(
        "INSERT INTO models (camera, heard_ms, message) VALUES ($1, $2, $3)
         ON CONFLICT (camera) DO UPDATE SET heard_ms = excluded.heard_ms, message = excluded.message
         WHERE models.heard_ms <= excluded.heard_ms",
    )
    .bind(camera)
    .bind(entry.heard_ms)
    .bind(&entry.text)
    .execute(&mut *db)
    .await?;
    // What the broker had kept was counted when it was said.
    if entry.retained {
        return Ok(());
    }
    let rows = query("SELECT id, bundle, stage FROM rollout WHERE started_ms IS NOT NULL")
        .fetch_all(&mut *db)
        .await?;
    for row in rows {
        let (rollout, bundle, stage): (i64, String, String) =
            (row.try_get("id")?, row.try_get("bundle")?, row.try_get("stage")?);
        let watched = serde_json::from_str::<Stage>(&stage).is_ok_and(|stage| stage.ring().is_some());
        if let Some((now, decides)) = comparison(&message.models, &bundle).filter(|_| watched) {
            count(db, (rollout, camera), now, decides, entry.heard_ms).await?;
        }
    }
    Ok(())
}

async fn count(
    db: &mut Connection,
    (rollout, camera): (i64, i64),
    now: &Comparison,
    decides: bool,
    heard_ms: i64,
) -> sqlx::Result<()> {
    let part = part(decides);
    let before = query("SELECT counts FROM rollout_count WHERE rollout = $1 AND camera = $2 AND part = $3")
        .bind(rollout)
        .bind(camera)
        .bind(part)
        .fetch_optional(&mut *db)
        .await?;
    let before: Option<String> = before.map(|row| row.try_get("counts")).transpose()?;
    let before = before.and_then(|text| serde_json::from_str(&text).ok());
    let added = added(now, before.as_ref(), decides);
    query(
        "INSERT INTO rollout_count (rollout, camera, part, counts) VALUES ($1, $2, $3, $4)
         ON CONFLICT (rollout, camera, part) DO UPDATE SET counts = excluded.counts",
    )
    .bind(rollout)
    .bind(camera)
    .bind(part)
    .bind(serde_json::to_string(now).unwrap_or_default())
    .execute(&mut *db)
    .await?;
    hour(db, (rollout, camera), &added, heard_ms.div_euclid(HOUR_MS)).await
}

async fn hour(
    db: &mut Connection,
    (rollout, camera): (i64, i64),
    added: &Added,
    hour: i64,
) -> sqlx::Result<()> {
    let micros = |ms: f64| (ms * 1000.0) as i64;
    for (light, looks) in &added.looks {
        query(
            "INSERT INTO rollout_hour (rollout, camera, hour, regime, part, by_both, only_running, only_challenger, neither, challenger_us, running_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (rollout, camera, hour, regime, part) DO UPDATE SET by_both = rollout_hour.by_both + excluded.by_both,
                 only_running = rollout_hour.only_running + excluded.only_running,
                 only_challenger = rollout_hour.only_challenger + excluded.only_challenger, neither = rollout_hour.neither + excluded.neither,
                 challenger_us = excluded.challenger_us, running_us = excluded.running_us",
        )
        .bind(rollout)
        .bind(camera)
        .bind(hour)
        .bind(light.name())
        .bind(part(added.decides))
        .bind(number(looks.both))
        .bind(number(looks.only_running))
        .bind(number(looks.only_challenger))
        .bind(number(looks.neither))
        .bind(added.p95_ms.map(|(challenger, _)| micros(challenger)))
        .bind(added.p95_ms.map(|(_, running)| micros(running)))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

/// The name of a part in the database.
pub(super) fn part(decides: bool) -> &'static str {
    if decides { "decides" } else { "shadow" }
}

/// A picture on which two models disagree.
pub(super) async fn challenge(
    db: &mut Connection,
    camera: i64,
    snapshot: &Snapshot,
    note: &AuditNote,
    heard_ms: i64,
) -> sqlx::Result<()> {
    let Some(challenger) = &note.challenger else { return Ok(()) };
    let bears = note.detections.iter().filter(|seen| seen.class == Class::Bear);
    let running = bears.map(|seen| f64::from(seen.score)).fold(0.0, f64::max) >= note.threshold;
    query(
        "INSERT INTO challenge (camera, boot, seq, heard_ms, regime, running, challenger, saw) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT DO NOTHING",
    )
    .bind(camera)
    .bind(&snapshot.boot.0)
    .bind(number(snapshot.seq))
    .bind(heard_ms)
    .bind(&note.regime)
    .bind(&note.model)
    .bind(&challenger.model)
    .bind(if running { "running" } else { "challenger" })
    .execute(db)
    .await
    .map(|_| ())
}

impl Store {
    /// Every camera with what it says of its models, by name.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        let rows = query(
            "SELECT camera.id, camera.site, camera.name, models.message, models.heard_ms AS told_ms FROM camera LEFT JOIN models ON models.camera = camera.id
             ORDER BY camera.site, camera.name",
        )
        .fetch_all(&self.reading)
        .await;
        rows.and_then(|rows| rows.iter().map(standing).collect()).map_err(|error| self.fault(&error))
    }

    /// The same of one.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn standing(&self, site: &Site) -> Result<Option<Standing>, StoreError> {
        let row = query(
            "SELECT camera.id, camera.site, camera.name, models.message, models.heard_ms AS told_ms FROM camera JOIN models ON models.camera = camera.id
             WHERE camera.site = $1 AND camera.name = $2",
        )
        .bind(&site.name)
        .bind(&site.camera)
        .fetch_optional(&self.reading)
        .await;
        row.and_then(|row| row.as_ref().map(standing).transpose()).map_err(|error| self.fault(&error))
    }

    /// Commands on models that cameras were told since `from_ms`, by camera, the oldest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn model_commands(&self, from_ms: i64) -> Result<BTreeMap<i64, Vec<Told>>, StoreError> {
        let rows = query("SELECT camera, fields, fate, asked_ms FROM command WHERE word = 'model' AND asked_ms >= $1 ORDER BY id")
            .bind(from_ms)
            .fetch_all(&self.reading)
            .await;
        let sorted = rows.and_then(|rows| {
            let mut sorted: BTreeMap<i64, Vec<Told>> = BTreeMap::new();
            for row in &rows {
                let fields: String = row.try_get("fields")?;
                let Ok(Fields { word }) = serde_json::from_str(&fields) else { continue };
                let told = Told { word, fate: row.try_get("fate")?, asked_ms: row.try_get("asked_ms")? };
                sorted.entry(row.try_get("camera")?).or_default().push(told);
            }
            Ok(sorted)
        });
        sorted.map_err(|error| self.fault(&error))
    }
}

fn standing(row: &Row) -> sqlx::Result<Standing> {
    let message: Option<String> = row.try_get("message")?;
    Ok(Standing {
        camera: row.try_get("id")?,
        site: Site { name: row.try_get("site")?, camera: row.try_get("name")? },
        told: message.and_then(|text| serde_json::from_str(&text).ok()),
        heard_ms: row.try_get("told_ms")?,
    })
}
