//! What is shown: read beside the writing, from the last commit.

use super::database::{Row, query};
use super::notify::Record;
use super::steps::alert;
use super::{Store, StoreError};
use crate::publish::message::{AlertMessage, Escalation};
use crate::station::alert::Alert;
use serde::Serialize;

/// Alerts that are shown at once, and those beside them that wait for somebody.
const ALERTS: i64 = 40;
const WAITING: i64 = 100;
/// Nobody has said anything of it, here or to its camera.
pub(super) const WAITS: &str = "alert.audience = 'everybody' AND alert.acked_ms IS NULL AND NOT EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id)";
/// Pictures of an alert that are shown: what led to it and its opening, and the newest.
const FIRST: usize = 4;
const LAST: usize = 4;
/// Steps of an alert that are shown, the newest.
const STEPS: i64 = 12;
/// Refusals that are shown.
const REFUSALS: i64 = 50;
/// Pictures that show no alert and are told of with a camera go back so long, milliseconds.
const RECENT_MS: i64 = 86_400_000;

/// An alert as the page shows it.
#[derive(Debug, Serialize)]
pub struct AlertView {
    id: String,
    site: String,
    camera: String,
    class: String,
    state: String,
    severity: String,
    score: f64,
    regime: String,
    latency_ms: i64,
    /// When it was first and last heard of, milliseconds since 1970 by the station's clock.
    heard_ms: i64,
    changed_ms: i64,
    /// By the camera's clock, which is `set`, `unset` or `ahead`.
    captured_ms: Option<i64>,
    clock: String,
    late: bool,
    drill: bool,
    simulated: bool,
    escalation: Option<Escalation>,
    /// What its camera told of an acknowledgement.
    ack: Option<AckView>,
    /// What was said at this desk last.
    word: Option<WordView>,
    pictures: Vec<PictureView>,
    steps: Vec<StepView>,
    /// Who else was told of it, and who is next.
    told: Record,
}

impl AlertView {
    /// Unique for ever.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// An acknowledgement that a camera has told of.
#[derive(Debug, Serialize)]
pub struct AckView {
    verdict: String,
    by: String,
    at_ms: i64,
}

/// What somebody said at this desk.
#[derive(Debug, Serialize)]
pub struct WordView {
    verdict: String,
    by: String,
    note: Option<String>,
    at_ms: i64,
    /// `waits`, `heard`, `refused`, `given-up`.
    fate: String,
    tries: i64,
    reason: Option<String>,
}

/// A picture, without its bytes.
#[derive(Debug, Serialize)]
pub struct PictureView {
    id: i64,
    captured_ms: Option<i64>,
    late: bool,
}

/// A step of an alert.
#[derive(Debug, Serialize)]
pub struct StepView {
    heard_ms: i64,
    late: bool,
    state: String,
    severity: String,
    score: f32,
    escalation: Option<Escalation>,
}

/// Messages that were not believed.
#[derive(Debug, Serialize)]
pub struct RefusalView {
    topic: String,
    reason: String,
    times: i64,
    first_ms: i64,
    last_ms: i64,
    bytes: i64,
    beginning: String,
}

/// A camera as an earlier start of the station left it.
#[derive(Debug)]
pub struct KnownCamera {
    /// Site and camera.
    pub name: (String, String),
    /// When it was heard last, milliseconds since 1970.
    pub heard_ms: i64,
    /// Its newest status, telemetry and orders, as they came.
    pub status: Option<String>,
    /// Telemetry, some minutes old.
    pub telemetry: Option<String>,
    /// What is in force.
    pub orders: Option<String>,
}

impl Store {
    /// The newest alerts to everybody that were first heard of before `before_ms`, newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn alerts(&self, before_ms: i64) -> Result<Vec<AlertView>, StoreError> {
        let filter = "alert.heard_ms < $1 AND alert.audience = 'everybody'";
        self.views(filter, before_ms, ALERTS).await.map_err(|error| self.fault(&error))
    }

    /// The newest of those that nobody has dealt with, newest first, and how many there are.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn waiting(&self) -> Result<(Vec<AlertView>, i64), StoreError> {
        let found = async {
            let filter = format!("alert.heard_ms < $1 AND {WAITS}");
            let row =
                query(&format!("SELECT count(*) FROM alert WHERE {WAITS}")).fetch_one(&self.reading).await?;
            Ok((self.views(&filter, i64::MAX, WAITING).await?, row.try_get(0)?))
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    async fn views(&self, filter: &str, before_ms: i64, most: i64) -> sqlx::Result<Vec<AlertView>> {
        let sql = format!(
            "SELECT alert.*, camera.site, camera.name FROM alert JOIN camera ON camera.id = alert.camera
             WHERE {filter} ORDER BY alert.heard_ms DESC, alert.id LIMIT $2"
        );
        let rows = query(&sql).bind(before_ms).bind(most).fetch_all(&self.reading).await?;
        let mut views = Vec::with_capacity(rows.len());
        for row in rows {
            views.push(self.view(&row).await?);
        }
        Ok(views)
    }

    /// One alert; `None` where there is none of that id, or it is for reviewers: nobody on duty hears of it.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn alert(&self, id: &str) -> Result<Option<AlertView>, StoreError> {
        let found = async {
            let row = query("SELECT alert.*, camera.site, camera.name FROM alert JOIN camera ON camera.id = alert.camera WHERE alert.id = $1 AND alert.audience = 'everybody'")
                .bind(id)
                .fetch_optional(&self.reading)
                .await?;
            match row {
                Some(row) => self.view(&row).await.map(Some),
                None => Ok(None),
            }
        };
        found.await.map_err(|error| self.fault(&error))
    }

    async fn view(&self, row: &Row) -> sqlx::Result<AlertView> {
        let alert = alert(row)?;
        let (pictures, steps, word) =
            (self.pictures(&alert.id).await?, self.steps(&alert.id).await?, self.word(&alert.id).await?);
        let told = self.told_outside(&alert.id).await?;
        let acked: Option<i64> = row.try_get("acked_ms")?;
        let ack = match acked {
            Some(at_ms) => {
                Some(AckView { verdict: row.try_get("verdict")?, by: row.try_get("acked_by")?, at_ms })
            }
            None => None,
        };
        let (site, camera) = (row.try_get("site")?, row.try_get("name")?);
        let Alert { id, class, state, severity, score, regime, latency_ms, heard_ms, changed_ms, .. } = alert;
        let Alert { captured_ms, clock, late, drill, simulated, escalation, .. } = alert;
        Ok(AlertView {
            id,
            site,
            camera,
            class,
            state,
            severity,
            score,
            regime,
            latency_ms,
            heard_ms,
            changed_ms,
            captured_ms,
            clock,
            late,
            drill,
            simulated,
            escalation,
            ack,
            word,
            pictures,
            steps,
            told,
        })
    }

    /// The first and the last ones, in the order in which they were taken.
    async fn pictures(&self, alert: &str) -> sqlx::Result<Vec<PictureView>> {
        let rows =
            query("SELECT id, captured_ms, late FROM picture WHERE alert = $1 ORDER BY captured_ms NULLS FIRST, seq")
                .bind(alert)
                .fetch_all(&self.reading)
                .await?;
        let all = rows.len();
        let shown = rows.iter().enumerate().filter(|(at, _)| *at < FIRST || at + LAST >= all);
        shown.map(|(_, row)| picture(row)).collect()
    }

    async fn steps(&self, alert: &str) -> sqlx::Result<Vec<StepView>> {
        let rows = query("SELECT heard_ms, late, message FROM step WHERE alert = $1 ORDER BY heard_ms DESC, seq DESC LIMIT $2")
            .bind(alert)
            .bind(STEPS)
            .fetch_all(&self.reading)
            .await?;
        rows.iter().filter_map(|row| step(row).transpose()).collect()
    }

    async fn word(&self, alert: &str) -> sqlx::Result<Option<WordView>> {
        let row = query("SELECT * FROM word WHERE alert = $1 ORDER BY id DESC LIMIT 1")
            .bind(alert)
            .fetch_optional(&self.reading)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(WordView {
            verdict: row.try_get("verdict")?,
            by: row.try_get("said_by")?,
            note: row.try_get("note")?,
            at_ms: row.try_get("said_ms")?,
            fate: row.try_get("fate")?,
            tries: row.try_get("tries")?,
            reason: row.try_get("reason")?,
        }))
    }

    /// The bytes of a picture.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn jpeg(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let row =
            query("SELECT jpeg FROM picture WHERE id = $1").bind(id).fetch_optional(&self.reading).await;
        let jpeg = row.and_then(|row| row.map(|row| row.try_get("jpeg")).transpose());
        jpeg.map_err(|error| self.fault(&error))
    }

    /// The newest picture of what is wrong with a camera, of the last day.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trouble(
        &self,
        site: &str,
        camera: &str,
        now_ms: i64,
    ) -> Result<Option<PictureView>, StoreError> {
        let row = query(
            "SELECT picture.id, captured_ms, late FROM picture JOIN camera ON camera.id = picture.camera
             WHERE site = $1 AND name = $2 AND impairment IS NOT NULL AND picture.heard_ms > $3 ORDER BY picture.heard_ms DESC LIMIT 1",
        )
        .bind(site)
        .bind(camera)
        .bind(now_ms - RECENT_MS)
        .fetch_optional(&self.reading)
        .await;
        row.and_then(|row| row.map(|row| picture(&row)).transpose()).map_err(|error| self.fault(&error))
    }

    /// What was not believed, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn refusals(&self) -> Result<Vec<RefusalView>, StoreError> {
        let rows = query("SELECT * FROM refusal ORDER BY last_ms DESC LIMIT $1")
            .bind(REFUSALS)
            .fetch_all(&self.reading)
            .await;
        let views = rows.and_then(|rows| rows.iter().map(refusal).collect());
        views.map_err(|error| self.fault(&error))
    }

    /// Cameras as they were known when the station ended.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn cameras(&self) -> Result<Vec<KnownCamera>, StoreError> {
        let rows = query("SELECT * FROM camera").fetch_all(&self.reading).await;
        let cameras = rows.and_then(|rows| rows.iter().map(camera).collect());
        cameras.map_err(|error| self.fault(&error))
    }

    /// Whose lives are known: life, site, camera.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn lives(&self) -> Result<Vec<(String, String)>, StoreError> {
        let rows = query("SELECT boot.id, site, name FROM boot JOIN camera ON camera.id = boot.camera")
            .fetch_all(&self.reading)
            .await;
        let life = |row: &Row| {
            let (site, name): (String, String) = (row.try_get("site")?, row.try_get("name")?);
            Ok((row.try_get("id")?, format!("{site}/{name}")))
        };
        rows.and_then(|rows| rows.iter().map(life).collect()).map_err(|error| self.fault(&error))
    }
}

fn picture(row: &Row) -> sqlx::Result<PictureView> {
    Ok(PictureView {
        id: row.try_get("id")?,
        captured_ms: row.try_get("captured_ms")?,
        late: row.try_get("late")?,
    })
}

fn step(row: &Row) -> sqlx::Result<Option<StepView>> {
    let text: String = row.try_get("message")?;
    let Ok(message) = serde_json::from_str::<AlertMessage>(&text) else { return Ok(None) };
    let AlertMessage { state, severity, score, escalation, .. } = message;
    let (heard_ms, late) = (row.try_get("heard_ms")?, row.try_get("late")?);
    Ok(Some(StepView { heard_ms, late, state, severity, score, escalation }))
}

fn refusal(row: &Row) -> sqlx::Result<RefusalView> {
    Ok(RefusalView {
        topic: row.try_get("topic")?,
        reason: row.try_get("reason")?,
        times: row.try_get("times")?,
        first_ms: row.try_get("first_ms")?,
        last_ms: row.try_get("last_ms")?,
        bytes: row.try_get("bytes")?,
        beginning: row.try_get("beginning")?,
    })
}

fn camera(row: &Row) -> sqlx::Result<KnownCamera> {
    Ok(KnownCamera {
        name: (row.try_get("site")?, row.try_get("name")?),
        heard_ms: row.try_get("heard_ms")?,
        status: row.try_get("status")?,
        telemetry: row.try_get("telemetry")?,
        orders: row.try_get("orders")?,
    })
}
