//! The commits of the outbox.

use crate::station::store::database::{Connection, query};

use super::{Ended, Overdue};
use crate::station::notify::rule::{Plan, Subject};

/// Attempts that began until `ended_ms` have ended.
pub(super) async fn channels_are(
    db: &mut Connection,
    channels: &[(&str, &str)],
    ended_ms: i64,
) -> sqlx::Result<()> {
    let mut work = db.begin().await?;
    query("UPDATE channel SET known = 0").execute(&mut *work).await?;
    for (name, kind) in channels {
        query("INSERT INTO channel (name, kind, known) VALUES ($1, $2, 1) ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, known = 1")
            .bind(*name)
            .bind(*kind)
            .execute(&mut *work)
            .await?;
    }
    query("UPDATE attempt SET ended_ms = at_ms WHERE ended_ms IS NULL AND at_ms <= $1")
        .bind(ended_ms)
        .execute(&mut *work)
        .await?;
    // What a channel that is gone was to send, nobody sends; and the steps of another file are seen.
    query("UPDATE notice SET fate = 'needless' WHERE fate = 'queued' AND channel NOT IN (SELECT name FROM channel WHERE known = 1)")
        .execute(&mut *work)
        .await?;
    query("UPDATE telling SET next_ms = since_ms WHERE EXISTS (SELECT 1 FROM notice WHERE notice.alert = telling.alert)")
        .execute(&mut *work)
        .await?;
    work.commit().await
}

pub(super) async fn plan(
    db: &mut Connection,
    plans: &[(Subject, Plan)],
    now_ms: i64,
    expires_ms: impl Fn(&str) -> i64,
) -> sqlx::Result<()> {
    let mut work = db.begin().await?;
    for (subject, plan) in plans {
        enqueue(&mut work, subject, plan, now_ms, &expires_ms).await?;
        if subject.word.is_some() {
            needless(&mut work, &subject.alert.id, now_ms).await?;
        }
        query("UPDATE telling SET looked = $2, next_ms = $3, ahead = $4 WHERE alert = $1")
            .bind(&subject.alert.id)
            .bind(subject.looks)
            .bind(plan.next_ms)
            .bind(serde_json::to_string(&plan.ahead).unwrap_or_else(|_| "[]".into()))
            .execute(&mut *work)
            .await?;
    }
    work.commit().await
}

/// Somebody has said something: nobody need be called any more.
async fn needless(db: &mut Connection, alert: &str, now_ms: i64) -> sqlx::Result<()> {
    query(
        "UPDATE notice SET fate = 'needless', ended_ms = $2 WHERE alert = $1 AND fate = 'queued' AND cause IN ('escalated', 'unacknowledged', 'undelivered')",
    )
    .bind(alert)
    .bind(now_ms)
    .execute(db)
    .await
    .map(|_| ())
}

async fn enqueue(
    db: &mut Connection,
    subject: &Subject,
    plan: &Plan,
    now_ms: i64,
    expires_ms: &impl Fn(&str) -> i64,
) -> sqlx::Result<()> {
    for (channel, cause) in &plan.due {
        let (name, detail) = cause.parts();
        query(
            "INSERT INTO notice (alert, channel, cause, detail, severity, made_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(&subject.alert.id)
        .bind(channel)
        .bind(name)
        .bind(detail)
        .bind(subject.severity().name())
        .bind(now_ms)
        .bind(expires_ms(channel))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

pub(super) async fn warned(
    db: &mut Connection,
    overdue: &Overdue,
    (subject, plan): &(Subject, Plan),
    now_ms: i64,
    expires_ms: impl Fn(&str) -> i64,
) -> sqlx::Result<()> {
    let mut work = db.begin().await?;
    enqueue(&mut work, subject, plan, now_ms, &expires_ms).await?;
    query("UPDATE notice SET warned = 1 WHERE id = $1").bind(overdue.id).execute(&mut *work).await?;
    work.commit().await
}

pub(super) async fn going_out(db: &mut Connection, notices: &[i64], now_ms: i64) -> sqlx::Result<Vec<i64>> {
    let mut work = db.begin().await?;
    let mut waits = Vec::new();
    for id in notices {
        let row = query("UPDATE notice SET tries = tries + 1, lead = $2 WHERE id = $1 AND fate = 'queued' RETURNING tries")
            .bind(id)
            .bind(waits.first().unwrap_or(id))
            .fetch_optional(&mut *work)
            .await?;
        let Some(row) = row else { continue };
        let number: i64 = row.try_get("tries")?;
        query("INSERT INTO attempt (notice, number, at_ms) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(number)
            .bind(now_ms)
            .execute(&mut *work)
            .await?;
        waits.push(*id);
    }
    work.commit().await?;
    Ok(waits)
}

pub(super) async fn went_out(
    db: &mut Connection,
    channel: &str,
    notices: &[i64],
    ended: &Ended,
    now_ms: i64,
) -> sqlx::Result<()> {
    let mut work = db.begin().await?;
    for id in notices {
        query("UPDATE attempt SET ended_ms = $2, outcome = $3 WHERE notice = $1 AND ended_ms IS NULL")
            .bind(id)
            .bind(now_ms)
            .bind(&ended.words)
            .execute(&mut *work)
            .await?;
        if let Some(fate) = ended.fate {
            query("UPDATE notice SET fate = $2, ended_ms = $3, receipt = $4 WHERE id = $1")
                .bind(id)
                .bind(fate)
                .bind(now_ms)
                .bind(&ended.receipt)
                .execute(&mut *work)
                .await?;
        }
    }
    let well =
        "UPDATE channel SET success_ms = $2, failing_ms = NULL, fault = NULL, reason = NULL WHERE name = $1";
    let unwell =
        "UPDATE channel SET failing_ms = coalesce(failing_ms, $2), fault = $3, reason = $4 WHERE name = $1";
    match ended.fate {
        Some("delivered") => query(well).bind(channel).bind(now_ms),
        fate => {
            let fault = if fate.is_some() { "configuration" } else { "passing" };
            query(unwell).bind(channel).bind(now_ms).bind(fault).bind(&ended.words)
        }
    }
    .execute(&mut *work)
    .await?;
    work.commit().await
}
