//! What comes in is filed: each message once, however often it comes.

use std::collections::BTreeMap;

use sqlx::{Connection, Row, SqliteConnection, query};

use super::command::answered;
use super::sample::{sample, version};
use super::steps::{acknowledge, step};
use super::{Store, StoreError, drift, models};
use crate::publish::incoming::{Body, Snapshot};
use crate::publish::reply::{AckMessage, AnswerMessage, Verdict};
use crate::publish::settings::Site;
use crate::station::judge::{Entry, Refusal};

/// Refusals that are kept apart; the oldest go.
const REFUSALS: i64 = 1000;

/// What is to be filed.
#[derive(Clone, Debug)]
pub struct Filed {
    /// The message.
    pub entry: Entry,
    /// Lives of its camera that it names first.
    pub lives: Vec<String>,
    /// Whether telemetry goes into the history.
    pub history: bool,
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Worth a bell.
    pub rings: bool,
}

/// What a commit changed.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Alerts, by id.
    pub alerts: BTreeMap<String, Change>,
    /// Messages that were filed before: they came again.
    pub repeated: u64,
    /// What was known of days that are over.
    pub days: bool,
    /// Messages that contradict what was filed under their number.
    pub refused: Vec<Refusal>,
    /// Whether a camera answered to a command from here.
    pub answers: bool,
    /// Cameras that told of their models.
    pub models: Vec<Site>,
}

impl Changes {
    /// Those of another commit, too.
    pub fn add(&mut self, other: Changes) {
        self.repeated += other.repeated;
        self.days |= other.days;
        self.refused.extend(other.refused);
        self.answers |= other.answers;
        self.models.extend(other.models);
        for (alert, change) in other.alerts {
            self.touch(&alert, change.rings);
        }
    }

    pub(super) fn touch(&mut self, alert: &str, rings: bool) {
        let change = self.alerts.entry(alert.into()).or_default();
        change.rings |= rings;
    }
}

impl Store {
    /// Files messages and refusals, all or none; what this returns for is on the medium.
    ///
    /// # Errors
    /// Where nothing was filed.
    pub async fn commit(&self, filed: &[Filed], refusals: &[Refusal]) -> Result<Changes, StoreError> {
        let mut line = self.line().await?;
        let done = transaction(&mut line, filed, refusals).await;
        self.settle(line, done).await
    }
}

async fn transaction(
    db: &mut SqliteConnection,
    filed: &[Filed],
    refusals: &[Refusal],
) -> sqlx::Result<Changes> {
    let mut changes = Changes::default();
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    for one in filed {
        file(&mut transaction, one, &mut changes).await?;
    }
    for refusal in refusals.iter().chain(&changes.refused) {
        refuse(&mut transaction, refusal).await?;
    }
    transaction.commit().await?;
    Ok(changes)
}

async fn file(db: &mut SqliteConnection, filed: &Filed, changes: &mut Changes) -> sqlx::Result<()> {
    let entry = &filed.entry;
    let camera = camera(db, &entry.site, entry.heard_ms, !entry.retained).await?;
    for life in &filed.lives {
        query("INSERT INTO boot (id, camera, first_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(life)
            .bind(camera)
            .bind(entry.heard_ms)
            .execute(&mut *db)
            .await?;
    }
    if let Body::Telemetry(telemetry) = &entry.body
        && let Some(told) = &telemetry.drift
    {
        changes.days |= drift::file(db, camera, entry, &telemetry.envelope, told).await?;
    }
    match &entry.body {
        Body::Alert(message) => step(db, camera, message, entry, changes).await,
        Body::Snapshot(snapshot) => picture(db, camera, snapshot, entry, changes).await,
        Body::Ack(message) => ack(db, camera, message, entry, changes).await,
        Body::Answer(message) => {
            answered(db, camera, message, entry.heard_ms, changes).await?;
            answer(db, message, changes).await
        }
        Body::Status(status) => {
            version(db, camera, &status.version, entry.heard_ms).await?;
            newest(db, camera, "UPDATE camera SET status = $1, status_ms = $2 WHERE id = $3", entry).await
        }
        Body::State(_) => {
            newest(db, camera, "UPDATE camera SET orders = $1 WHERE id = $3 AND $2 > 0", entry).await
        }
        Body::Models(message) => {
            changes.models.push(entry.site.clone());
            models::heard(db, camera, message, entry).await
        }
        Body::Telemetry(_) if entry.late => history(db, camera, entry).await,
        Body::Telemetry(_) => {
            newest(db, camera, "UPDATE camera SET telemetry = $1, telemetry_ms = $2 WHERE id = $3", entry)
                .await?;
            if filed.history { history(db, camera, entry).await } else { Ok(()) }
        }
    }
}

/// Its number here; `lives` where it was heard just now.
async fn camera(db: &mut SqliteConnection, site: &Site, heard_ms: i64, lives: bool) -> sqlx::Result<i64> {
    let row = query(
        "INSERT INTO camera (site, name, first_ms, heard_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site, name) DO UPDATE SET heard_ms = max(heard_ms, excluded.heard_ms) RETURNING id",
    )
    .bind(&site.name)
    .bind(&site.camera)
    .bind(heard_ms)
    .bind(if lives { heard_ms } else { 0 })
    .fetch_one(db)
    .await?;
    row.try_get("id")
}

async fn newest(
    db: &mut SqliteConnection,
    camera: i64,
    sql: &'static str,
    entry: &Entry,
) -> sqlx::Result<()> {
    query(sql).bind(&entry.text).bind(entry.heard_ms).bind(camera).execute(db).await.map(|_| ())
}

async fn history(db: &mut SqliteConnection, camera: i64, entry: &Entry) -> sqlx::Result<()> {
    let Some(envelope) = entry.body.envelope() else { return Ok(()) };
    query(
        "INSERT INTO telemetry (camera, boot, seq, heard_ms, late, message) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(camera)
    .bind(&envelope.boot.0)
    .bind(number(envelope.seq))
    .bind(entry.heard_ms)
    .bind(entry.late)
    .bind(&entry.text)
    .execute(db)
    .await
    .map(|_| ())
}

async fn picture(
    db: &mut SqliteConnection,
    camera: i64,
    snapshot: &Snapshot,
    entry: &Entry,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    let alert = Some(&snapshot.alert).filter(|alert| !alert.is_empty());
    let filed = query(
        "INSERT INTO picture (camera, boot, seq, alert, impairment, request, captured_ms, heard_ms, late, jpeg, marked)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(camera)
    .bind(&snapshot.boot.0)
    .bind(number(snapshot.seq))
    .bind(alert)
    .bind(&snapshot.impairment)
    .bind(&snapshot.request)
    .bind(entry.captured_ms)
    .bind(entry.heard_ms)
    .bind(entry.late)
    .bind(snapshot.jpeg.as_slice())
    .bind(snapshot.marked.unwrap_or(alert.is_some()))
    .execute(&mut *db)
    .await?;
    match (filed.rows_affected(), alert) {
        (0, _) => changes.repeated += 1,
        (_, Some(alert)) => changes.touch(alert, false),
        _ => {
            if let Some(note) = &snapshot.audit {
                sample(db, camera, snapshot, note, entry).await?;
                models::challenge(db, camera, snapshot, note, entry.heard_ms).await?;
            }
        }
    }
    Ok(())
}

async fn ack(
    db: &mut SqliteConnection,
    camera: i64,
    message: &AckMessage,
    entry: &Entry,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    let filed = query(
        "INSERT INTO ack (camera, boot, seq, alert, heard_ms, message) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(camera)
    .bind(&message.envelope.boot.0)
    .bind(number(message.envelope.seq))
    .bind(&message.alert)
    .bind(entry.heard_ms)
    .bind(&entry.text)
    .execute(&mut *db)
    .await?;
    if filed.rows_affected() == 0 {
        changes.repeated += 1;
        return Ok(());
    }
    changes.touch(&message.alert, false);
    // Our word of the same has arrived, whether or not the answer to it has.
    query("UPDATE word SET fate = 'heard' WHERE alert = $1 AND verdict = $2 AND fate = 'waits'")
        .bind(&message.alert)
        .bind(message.verdict.name())
        .execute(&mut *db)
        .await?;
    acknowledge(db, message, entry.heard_ms).await
}

/// What a camera says to a word of ours.
async fn answer(
    db: &mut SqliteConnection,
    message: &AnswerMessage,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    let Some(command) = &message.id else { return Ok(()) };
    let fate = if message.verdict == Verdict::Applied { "heard" } else { "refused" };
    let row =
        query("UPDATE word SET fate = $1, reason = $2 WHERE command = $3 AND fate = 'waits' RETURNING alert")
            .bind(fate)
            .bind(message.reason.chars().take(300).collect::<String>())
            .bind(command)
            .fetch_optional(db)
            .await?;
    if let Some(row) = row {
        changes.touch(row.try_get("alert")?, false);
    }
    Ok(())
}

async fn refuse(db: &mut SqliteConnection, refusal: &Refusal) -> sqlx::Result<()> {
    query(
        "INSERT INTO refusal (topic, reason, times, first_ms, last_ms, bytes, beginning) VALUES ($1, $2, 1, $3, $3, $4, $5)
         ON CONFLICT (topic, reason) DO UPDATE SET times = times + 1, last_ms = excluded.last_ms, bytes = excluded.bytes,
             beginning = excluded.beginning",
    )
    .bind(&refusal.topic)
    .bind(&refusal.reason)
    .bind(refusal.heard_ms)
    .bind(number(refusal.bytes as u64))
    .bind(&refusal.beginning)
    .execute(&mut *db)
    .await?;
    query("DELETE FROM refusal WHERE last_ms < (SELECT last_ms FROM refusal ORDER BY last_ms DESC LIMIT 1 OFFSET $1)")
        .bind(REFUSALS)
        .execute(db)
        .await
        .map(|_| ())
}

/// Databases know no numbers beyond 63 bits; nobody counts so far.
pub(super) fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
