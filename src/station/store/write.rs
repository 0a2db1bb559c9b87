//! What comes in is filed: each message once, however often it comes.

use std::collections::BTreeMap;

use super::command::answered;
use super::database::{Connection, query};
use super::news::tell_changes;
use super::notify::touch_known;
use super::sample::{sample, version};
use super::steps::{acknowledge, step};
use super::{Store, StoreError, drift, models};
use crate::publish::field::Reason;
use crate::publish::incoming::{Body, Snapshot};
use crate::publish::reply::{AckMessage, AnswerMessage, Verdict};
use crate::publish::settings::Site;
use crate::station::claims::{self, speaks_for};
use crate::station::judge::{Entry, Refusal};

/// Refusals that are kept apart; the oldest go.
const REFUSALS: i64 = 1000;
/// How often a transaction is tried again that collided with one of another station.
const AGAIN: u32 = 3;

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
    /// Lives that are not whose this station took them for.
    pub owners: Vec<(String, Site)>,
    /// Cameras that told of their models.
    pub models: Vec<Site>,
}

impl Changes {
    /// Those of another commit, too.
    pub fn add(&mut self, other: Changes) {
        self.repeated += other.repeated;
        self.days |= other.days;
        self.refused.extend(other.refused);
        self.owners.extend(other.owners);
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
        // In one order: two stations that file messages of the same cameras never wait for each other.
        let mut in_order: Vec<&Filed> = filed.iter().collect();
        in_order.sort_by(|a, b| place(a).cmp(&place(b)));
        let mut tried = 0;
        loop {
            let mut line = self.line().await?;
            match transaction(&mut line, &self.life, &in_order, refusals).await {
                Err(error) if tried < AGAIN && collided(&error) => tried += 1,
                done => return self.settle(line, done).await,
            }
        }
    }
}

fn place(filed: &Filed) -> (&str, &str) {
    (&filed.entry.site.name, &filed.entry.site.camera)
}

/// PostgreSQL gave up this one of two transactions that waited for each other (deadlock_detected, serialization_failure): nothing is wrong with it.
fn collided(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40P01" | "40001"))
}

/// Two stations that file messages of one camera come one after the other, since each begins with the camera's row: what is read of its alerts holds
/// until what comes of it is written.
async fn transaction(
    db: &mut Connection,
    life: &str,
    filed: &[&Filed],
    refusals: &[Refusal],
) -> sqlx::Result<Changes> {
    let mut changes = Changes::default();
    let mut transaction = db.begin_beside().await?;
    for one in filed {
        file(&mut transaction, one, &mut changes).await?;
    }
    for refusal in refusals.iter().chain(&changes.refused) {
        refuse(&mut transaction, refusal).await?;
    }
    tell_changes(&mut transaction, life, &changes).await?;
    transaction.commit().await?;
    Ok(changes)
}

async fn file(db: &mut Connection, filed: &Filed, changes: &mut Changes) -> sqlx::Result<()> {
    let entry = &filed.entry;
    let camera = camera(db, &entry.site, entry.heard_ms, !entry.retained).await?;
    for life in &filed.lives {
        if let Some(owner) = claimed(db, life, camera, entry.heard_ms).await? {
            changes.refused.push(foreign(entry, life, &owner));
            changes.owners.push((life.clone(), owner));
            return Ok(());
        }
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
            newest(db, camera, "UPDATE camera SET status = $1, status_ms = $2 WHERE id = $3 AND coalesce(status_ms, 0) <= $2", entry).await
        }
        Body::State(_) => newest(
            db,
            camera,
            "UPDATE camera SET orders = $1, orders_ms = $2 WHERE id = $3 AND coalesce(orders_ms, 0) <= $2",
            entry,
        )
        .await,
        Body::Models(message) => {
            changes.models.push(entry.site.clone());
            models::heard(db, camera, message, entry).await
        }
        Body::Telemetry(_) if entry.late => history(db, camera, entry).await,
        Body::Telemetry(_) => {
            newest(db, camera, "UPDATE camera SET telemetry = $1, telemetry_ms = $2 WHERE id = $3 AND coalesce(telemetry_ms, 0) <= $2", entry)
                .await?;
            if filed.history { history(db, camera, entry).await } else { Ok(()) }
        }
    }
}

/// A life is its camera's from now on; whose it was before, where it was another's: one that another station heard first.
async fn claimed(db: &mut Connection, life: &str, camera: i64, heard_ms: i64) -> sqlx::Result<Option<Site>> {
    let new = query("INSERT INTO boot (id, camera, first_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(life)
        .bind(camera)
        .bind(heard_ms)
        .execute(&mut *db)
        .await?;
    if new.rows_affected() > 0 {
        return Ok(None);
    }
    let row = query(
        "SELECT site, name FROM boot JOIN camera ON camera.id = boot.camera WHERE boot.id = $1 AND boot.camera <> $2",
    )
    .bind(life)
    .bind(camera)
    .fetch_optional(db)
    .await?;
    row.map(|row| Ok(Site { name: row.try_get("site")?, camera: row.try_get("name")? })).transpose()
}

fn foreign(entry: &Entry, life: &str, owner: &Site) -> Refusal {
    Refusal {
        topic: format!("bearwatch/v1/{}/{}/{}", entry.site.name, entry.site.camera, entry.body.kind().name()),
        reason: speaks_for(life, &claims::place(owner)),
        bytes: entry.text.len(),
        beginning: entry.text.chars().take(120).collect(),
        heard_ms: entry.heard_ms,
    }
}

/// Its number here; `lives` where it was heard just now.
async fn camera(db: &mut Connection, site: &Site, heard_ms: i64, lives: bool) -> sqlx::Result<i64> {
    let row = query(
        "INSERT INTO camera (site, name, first_ms, heard_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site, name) DO UPDATE SET heard_ms = CASE WHEN excluded.heard_ms > camera.heard_ms THEN excluded.heard_ms ELSE camera.heard_ms END RETURNING id",
    )
    .bind(&site.name)
    .bind(&site.camera)
    .bind(heard_ms)
    .bind(if lives { heard_ms } else { 0 })
    .fetch_one(db)
    .await?;
    row.try_get("id")
}

async fn newest(db: &mut Connection, camera: i64, sql: &'static str, entry: &Entry) -> sqlx::Result<()> {
    query(sql).bind(&entry.text).bind(entry.heard_ms).bind(camera).execute(db).await.map(|_| ())
}

async fn history(db: &mut Connection, camera: i64, entry: &Entry) -> sqlx::Result<()> {
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
    db: &mut Connection,
    camera: i64,
    snapshot: &Snapshot,
    entry: &Entry,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    let alert = Some(&snapshot.alert).filter(|alert| !alert.is_empty());
    if filed_before(db, camera, snapshot).await? {
        changes.repeated += 1;
        return Ok(());
    }
    let filed = query(
        "INSERT INTO picture (camera, boot, seq, alert, impairment, request, captured_ms, heard_ms, late, jpeg, marked, kept)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
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
    .bind(snapshot.kept.map(Reason::name))
    .execute(&mut *db)
    .await?;
    match (filed.rows_affected(), alert) {
        (0, _) => changes.repeated += 1,
        (_, Some(alert)) => {
            changes.touch(alert, false);
            touch_known(db, alert).await?;
        }
        _ => {
            if let Some(note) = &snapshot.audit {
                sample(db, camera, snapshot, note, entry).await?;
                models::challenge(db, camera, snapshot, note, entry.heard_ms).await?;
            }
        }
    }
    Ok(())
}

/// Asked first: the bytes need not go to the database again.
async fn filed_before(db: &mut Connection, camera: i64, snapshot: &Snapshot) -> sqlx::Result<bool> {
    let row = query("SELECT 1 FROM picture WHERE camera = $1 AND boot = $2 AND seq = $3")
        .bind(camera)
        .bind(&snapshot.boot.0)
        .bind(number(snapshot.seq))
        .fetch_optional(db)
        .await?;
    Ok(row.is_some())
}

async fn ack(
    db: &mut Connection,
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
async fn answer(db: &mut Connection, message: &AnswerMessage, changes: &mut Changes) -> sqlx::Result<()> {
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

async fn refuse(db: &mut Connection, refusal: &Refusal) -> sqlx::Result<()> {
    query(
        "INSERT INTO refusal (topic, reason, times, first_ms, last_ms, bytes, beginning) VALUES ($1, $2, 1, $3, $3, $4, $5)
         ON CONFLICT (topic, reason) DO UPDATE SET times = refusal.times + 1, last_ms = excluded.last_ms, bytes = excluded.bytes,
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
