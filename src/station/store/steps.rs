//! Steps of alerts, and what becomes of the alerts by them.

use super::database::{Connection, Row, query};
use super::notify::{touch, touch_known};
use super::write::{Changes, number};
use crate::publish::Audience;
use crate::publish::message::{AlertMessage, Escalation};
use crate::publish::reply::AckMessage;
use crate::station::alert::{Alert, News};
use crate::station::judge::{Entry, Refusal};

/// A step of an alert is filed, and the alert is what it makes of it.
pub(super) async fn step(
    db: &mut Connection,
    camera: i64,
    message: &AlertMessage,
    entry: &Entry,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    let envelope = &message.envelope;
    let same = query("SELECT alert, message FROM step WHERE camera = $1 AND boot = $2 AND seq = $3")
        .bind(camera)
        .bind(&envelope.boot.0)
        .bind(number(envelope.seq))
        .fetch_optional(&mut *db)
        .await?;
    if let Some(row) = same {
        return again(&row, message, entry, changes);
    }
    let (alert, rings) = match known(db, &message.id).await? {
        Some(mut alert) => {
            let News { rings } = alert.step(message, entry);
            (alert, rings)
        }
        None => {
            let alert = Alert::new(message, entry);
            let rings = alert.may_ring();
            (alert, rings)
        }
    };
    write_alert(db, camera, &alert).await?;
    touch(db, &alert.id, entry.heard_ms).await?;
    acknowledged_before(db, &alert.id).await?;
    changes.touch(&alert.id, rings);
    query("INSERT INTO step (camera, boot, seq, alert, heard_ms, late, message) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(camera)
        .bind(&envelope.boot.0)
        .bind(number(envelope.seq))
        .bind(&message.id)
        .bind(entry.heard_ms)
        .bind(entry.late)
        .bind(&entry.text)
        .execute(db)
        .await
        .map(|_| ())
}

/// A number was used before: by the same message, which came again, or by another one, which is then not believed.
fn again(row: &Row, message: &AlertMessage, entry: &Entry, changes: &mut Changes) -> sqlx::Result<()> {
    let (alert, text): (String, String) = (row.try_get("alert")?, row.try_get("message")?);
    let state = serde_json::from_str::<AlertMessage>(&text).map(|known| known.state);
    if alert == message.id && state.is_ok_and(|state| state == message.state) {
        changes.repeated += 1;
        return Ok(());
    }
    changes.refused.push(Refusal {
        topic: format!("bearwatch/v1/{}/{}/alert", entry.site.name, entry.site.camera),
        reason: "its number was used before, for something else".into(),
        bytes: entry.text.len(),
        beginning: entry.text.chars().take(120).collect(),
        heard_ms: entry.heard_ms,
    });
    Ok(())
}

async fn known(db: &mut Connection, id: &str) -> sqlx::Result<Option<Alert>> {
    let row = query("SELECT * FROM alert WHERE id = $1").bind(id).fetch_optional(db).await?;
    row.map(|row| alert(&row)).transpose()
}

/// Whom an alert is for, by its name in the database.
pub(super) fn audience(name: &str) -> Audience {
    if name == Audience::Reviewers.name() { Audience::Reviewers } else { Audience::Everybody }
}

/// An alert as it stands in its row.
pub(super) fn alert(row: &Row) -> sqlx::Result<Alert> {
    let level: Option<String> = row.try_get("level")?;
    let (step, of): (Option<i64>, Option<i64>) = (row.try_get("step")?, row.try_get("steps")?);
    let count = |n: Option<i64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
    let escalation = level.map(|level| Escalation { level, step: count(step), of: count(of), after_s: 0 });
    Ok(Alert {
        id: row.try_get("id")?,
        heard_ms: row.try_get("heard_ms")?,
        changed_ms: row.try_get("changed_ms")?,
        captured_ms: row.try_get("captured_ms")?,
        clock: row.try_get("clock")?,
        state: row.try_get("state")?,
        class: row.try_get("class")?,
        severity: row.try_get("severity")?,
        score: row.try_get("score")?,
        regime: row.try_get("regime")?,
        latency_ms: row.try_get("latency_ms")?,
        late: row.try_get("late")?,
        drill: row.try_get("drill")?,
        simulated: row.try_get("simulated")?,
        audience: audience(&row.try_get::<String, _>("audience")?),
        escalation,
    })
}

async fn write_alert(db: &mut Connection, camera: i64, alert: &Alert) -> sqlx::Result<()> {
    let escalation = alert.escalation.as_ref();
    query(
        "INSERT INTO alert (id, camera, heard_ms, changed_ms, captured_ms, clock, state, class, severity, score, regime, latency_ms,
             late, drill, simulated, step, steps, level, audience)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
         ON CONFLICT (id) DO UPDATE SET changed_ms = excluded.changed_ms, captured_ms = excluded.captured_ms, state = excluded.state,
             severity = excluded.severity, score = excluded.score, step = excluded.step, steps = excluded.steps, level = excluded.level,
             audience = excluded.audience",
    )
    .bind(&alert.id)
    .bind(camera)
    .bind(alert.heard_ms)
    .bind(alert.changed_ms)
    .bind(alert.captured_ms)
    .bind(&alert.clock)
    .bind(&alert.state)
    .bind(&alert.class)
    .bind(&alert.severity)
    .bind(alert.score)
    .bind(&alert.regime)
    .bind(alert.latency_ms)
    .bind(alert.late)
    .bind(alert.drill)
    .bind(alert.simulated)
    .bind(escalation.map(|escalation| number(escalation.step as u64)))
    .bind(escalation.map(|escalation| number(escalation.of as u64)))
    .bind(escalation.map(|escalation| escalation.level.as_str()))
    .bind(alert.audience.name())
    .execute(db)
    .await
    .map(|_| ())
}

/// Its camera told of an acknowledgement.
pub(super) async fn acknowledge(
    db: &mut Connection,
    message: &AckMessage,
    heard_ms: i64,
) -> sqlx::Result<()> {
    touch_known(db, &message.alert).await?;
    query("UPDATE alert SET verdict = $1, acked_by = $2, acked_ms = $3 WHERE id = $4 AND coalesce(acked_ms, 0) <= $3")
        .bind(message.verdict.name())
        .bind(&message.by)
        .bind(heard_ms)
        .bind(&message.alert)
        .execute(db)
        .await
        .map(|_| ())
}

/// The acknowledgement may have come first.
async fn acknowledged_before(db: &mut Connection, alert: &str) -> sqlx::Result<()> {
    let rows = query("SELECT message, heard_ms FROM ack WHERE alert = $1 ORDER BY heard_ms")
        .bind(alert)
        .fetch_all(&mut *db)
        .await?;
    for row in rows {
        let (text, heard_ms): (String, i64) = (row.try_get("message")?, row.try_get("heard_ms")?);
        if let Ok(message) = serde_json::from_str::<AckMessage>(&text) {
            acknowledge(db, &message, heard_ms).await?;
        }
    }
    Ok(())
}
