//! What was told outside, as the page shows it.

use std::collections::HashMap;

use crate::station::store::database::{Row, query};
use serde::Serialize;

use crate::station::notify::rule::Step;
use crate::station::store::{Store, StoreError};

/// Notices that are shown at once.
const SHOWN: i64 = 100;
/// Of an alert.
const OF_ALERT: i64 = 60;
/// What did not get through is counted so far back, milliseconds.
const RECENT_MS: i64 = 86_400_000;

/// What was told outside of an alert, and what comes next.
#[derive(Debug, Default, Serialize)]
pub struct Record {
    notices: Vec<NoticeView>,
    /// If nobody says anything.
    ahead: Vec<StepView>,
}

/// A step that is to come.
#[derive(Debug, Serialize)]
pub struct StepView {
    at_ms: i64,
    channel: String,
    kind: String,
}

/// Something that was told, or is to be.
#[derive(Debug, Serialize)]
pub struct NoticeView {
    id: i64,
    alert: String,
    /// Of which camera; empty where the alert is not kept any more.
    place: String,
    channel: String,
    /// `ntfy`, `webhook`, `email`, `earthranger`.
    kind: String,
    cause: String,
    detail: String,
    /// `queued`, `delivered`, `refused`, `expired`, `needless`.
    fate: String,
    made_ms: i64,
    ended_ms: Option<i64>,
    tries: i64,
    /// When it was tried last, and what came back; nothing where that is not known.
    tried_ms: Option<i64>,
    outcome: Option<String>,
    /// An attempt is under way.
    trying: bool,
    /// It went with others in one message.
    gathered: bool,
}

/// How a channel is.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelView {
    name: String,
    kind: String,
    success_ms: Option<i64>,
    /// Since when it does not get through; `None` where it does.
    failing_ms: Option<i64>,
    /// `configuration` or `passing`.
    fault: Option<String>,
    reason: Option<String>,
    /// Waiting now, and given up in the last day.
    queued: i64,
    given_up: i64,
}

impl ChannelView {
    /// Whether everybody who looks should know.
    pub fn is_in_trouble(&self) -> bool {
        let refused = self.fault.as_deref() == Some("configuration");
        self.given_up > 0 || (self.failing_ms.is_some() && (refused || self.queued > 0))
    }
}

const NOTICE: &str = "SELECT notice.*, channel.kind, camera.site, camera.name AS camera_name, attempt.at_ms, attempt.ended_ms AS tried_to, attempt.outcome,
     (SELECT count(*) FROM notice AS other WHERE other.lead = notice.lead AND other.id <> notice.id) AS others
     FROM notice LEFT JOIN channel ON channel.name = notice.channel LEFT JOIN alert ON alert.id = notice.alert
     LEFT JOIN camera ON camera.id = alert.camera LEFT JOIN attempt ON attempt.notice = notice.id AND attempt.number = notice.tries";

impl Store {
    /// What was told of an alert, and what comes.
    pub(in crate::station::store) async fn told_outside(&self, alert: &str) -> sqlx::Result<Record> {
        let sql = format!("{NOTICE} WHERE notice.alert = $1 ORDER BY notice.id LIMIT $2");
        let rows = query(&sql).bind(alert).bind(OF_ALERT).fetch_all(&self.reading).await?;
        let row = query("SELECT ahead FROM telling WHERE alert = $1")
            .bind(alert)
            .fetch_optional(&self.reading)
            .await?;
        let ahead: Option<String> = row.map(|row| row.try_get("ahead")).transpose()?;
        Ok(Record {
            notices: rows.iter().map(notice).collect::<sqlx::Result<_>>()?,
            ahead: self
                .ahead(ahead.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
                .await?,
        })
    }

    async fn ahead(&self, steps: Vec<Step>) -> sqlx::Result<Vec<StepView>> {
        let mut views = Vec::with_capacity(steps.len());
        for Step { at_ms, channel } in steps {
            let row = query("SELECT kind FROM channel WHERE name = $1")
                .bind(&channel)
                .fetch_optional(&self.reading)
                .await?;
            let kind = row.map(|row| row.try_get("kind")).transpose()?.unwrap_or_default();
            views.push(StepView { at_ms, channel, kind });
        }
        Ok(views)
    }

    /// The newest notices before one of this number, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn notices(&self, before: i64) -> Result<Vec<NoticeView>, StoreError> {
        let sql = format!("{NOTICE} WHERE notice.id < $1 ORDER BY notice.id DESC LIMIT $2");
        let rows = query(&sql).bind(before).bind(SHOWN).fetch_all(&self.reading).await;
        rows.and_then(|rows| rows.iter().map(notice).collect()).map_err(|error| self.fault(&error))
    }

    /// The channels of today's file.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn channels(&self, now_ms: i64) -> Result<Vec<ChannelView>, StoreError> {
        let found = async {
            let counts = query(
                "SELECT channel, fate, count(*) AS n FROM notice WHERE fate = 'queued' OR (fate IN ('refused', 'expired') AND ended_ms > $1) GROUP BY channel, fate",
            )
            .bind(now_ms - RECENT_MS)
            .fetch_all(&self.reading)
            .await?;
            let mut counted: HashMap<String, (i64, i64)> = HashMap::new();
            for row in &counts {
                let (fate, n): (String, i64) = (row.try_get("fate")?, row.try_get("n")?);
                let count = counted.entry(row.try_get("channel")?).or_default();
                if fate == "queued" { count.0 += n } else { count.1 += n }
            }
            let rows =
                query("SELECT * FROM channel WHERE known = 1 ORDER BY name").fetch_all(&self.reading).await?;
            rows.iter().map(|row| channel(row, &counted)).collect::<sqlx::Result<_>>()
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }
}

fn channel(row: &Row, counted: &HashMap<String, (i64, i64)>) -> sqlx::Result<ChannelView> {
    let name: String = row.try_get("name")?;
    let (queued, given_up) = counted.get(&name).copied().unwrap_or_default();
    Ok(ChannelView {
        kind: row.try_get("kind")?,
        success_ms: row.try_get("success_ms")?,
        failing_ms: row.try_get("failing_ms")?,
        fault: row.try_get("fault")?,
        reason: row.try_get("reason")?,
        name,
        queued,
        given_up,
    })
}

fn notice(row: &Row) -> sqlx::Result<NoticeView> {
    let (site, camera): (Option<String>, Option<String>) =
        (row.try_get("site")?, row.try_get("camera_name")?);
    let tried_ms: Option<i64> = row.try_get("at_ms")?;
    let tried_to: Option<i64> = row.try_get("tried_to")?;
    let (fate, lead): (String, Option<i64>) = (row.try_get("fate")?, row.try_get("lead")?);
    let others: i64 = row.try_get("others")?;
    Ok(NoticeView {
        id: row.try_get("id")?,
        alert: row.try_get("alert")?,
        place: site.zip(camera).map(|(site, camera)| format!("{site}/{camera}")).unwrap_or_default(),
        channel: row.try_get("channel")?,
        kind: row.try_get::<Option<String>, _>("kind")?.unwrap_or_default(),
        cause: row.try_get("cause")?,
        detail: row.try_get("detail")?,
        made_ms: row.try_get("made_ms")?,
        ended_ms: row.try_get("ended_ms")?,
        tries: row.try_get("tries")?,
        tried_ms,
        outcome: row.try_get("outcome")?,
        trying: fate == "queued" && tried_ms.is_some() && tried_to.is_none(),
        gathered: lead.is_some() && others > 0,
        fate,
    })
}
