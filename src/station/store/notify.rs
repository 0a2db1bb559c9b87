//! The outbox of what is told outside: planned in one commit, noted before it is sent and after.

use super::database::{Connection, Row, query};

use super::steps::alert;
use super::{Store, StoreError};
use crate::publish::reply::StateMessage;
use crate::station::notify::rule::{Cause, Plan, Subject, Told, severity};

mod view;
mod work;

pub use view::{ChannelView, NoticeView, Record};

/// Alerts that are looked at in one go, and what a channel is given at once.
const LOOKS: i64 = 200;
const AT_ONCE: i64 = 500;
/// An attempt whose end was not noted for so long has none: the station that made it is gone, milliseconds. No service is waited for so long.
const UNDER_WAY_MS: i64 = 120_000;
/// What somebody must hear of, as a list of SQL.
const MATTERS: &str = "('opened', 'worse', 'escalated', 'unacknowledged')";
/// What follows the opening.
const FOLLOWS: &str = "('picture', 'acknowledged', 'closed')";
/// Its time is over.
const EXPIRED: &str = "fate = 'queued' AND expires_ms <= $1";
/// It follows an opening that nobody heard of.
const LEFT_ALONE: &str = "fate = 'queued' AND cause IN ('picture', 'acknowledged', 'closed') AND EXISTS
     (SELECT 1 FROM notice AS opening WHERE opening.alert = notice.alert AND opening.channel = notice.channel
      AND opening.cause = 'opened' AND opening.fate IN ('refused', 'expired'))";
/// An alert as the rules see it.
const SUBJECT: &str = "SELECT alert.*, telling.since_ms, telling.looks, camera.site, camera.name, camera.orders,
     (SELECT min(picture.id) FROM picture WHERE picture.alert = alert.id) AS first_picture,
     (SELECT word.verdict FROM word WHERE word.alert = alert.id ORDER BY word.id DESC LIMIT 1) AS said_verdict,
     (SELECT word.said_by FROM word WHERE word.alert = alert.id ORDER BY word.id DESC LIMIT 1) AS said_by
     FROM alert JOIN camera ON camera.id = alert.camera LEFT JOIN telling ON telling.alert = alert.id";

/// Something that waits for its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Never given again.
    pub id: i64,
    /// Of which alert.
    pub alert: String,
    /// Why.
    pub cause: Cause,
    /// How often it was tried.
    pub tries: i64,
    /// Since when it waits.
    pub made_ms: i64,
}

/// Something that did not get through in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Never given again.
    pub id: i64,
    /// Of which alert.
    pub alert: String,
    /// Where.
    pub channel: String,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// `delivered` or `refused`; `None` where it is tried again.
    pub fate: Option<&'static str>,
    /// What came back.
    pub words: String,
    /// By what the service knows it.
    pub receipt: Option<String>,
}

/// The rules are to be held against this alert.
pub(super) async fn touch(db: &mut Connection, alert: &str, since_ms: i64) -> sqlx::Result<()> {
    query(
        "INSERT INTO telling (alert, since_ms) VALUES ($1, $2) ON CONFLICT (alert) DO UPDATE SET looks = telling.looks + 1",
    )
    .bind(alert)
    .bind(since_ms)
    .execute(db)
    .await
    .map(|_| ())
}

/// The same where they have seen it before.
pub(super) async fn touch_known(db: &mut Connection, alert: &str) -> sqlx::Result<()> {
    query("UPDATE telling SET looks = looks + 1 WHERE alert = $1").bind(alert).execute(db).await.map(|_| ())
}

impl Store {
    /// Channels that there are from now on, with their kinds. An attempt that an earlier life did not see the end of has ended: how, nobody knows.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn channels_are(&self, channels: &[(&str, &str)], now_ms: i64) -> Result<(), StoreError> {
        // Of several stations another one may be at it.
        let ended_ms = if self.instance.is_empty() { i64::MAX } else { now_ms - UNDER_WAY_MS };
        let mut line = self.line().await?;
        let done = work::channels_are(&mut line, channels, ended_ms).await;
        self.settle(line, done).await
    }

    /// Alerts that the rules are to be held against now, and what was told of each.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn to_tell(&self, now_ms: i64) -> Result<Vec<(Subject, Vec<Told>)>, StoreError> {
        let found = async {
            let sql =
                format!("{SUBJECT} WHERE looks > looked OR next_ms <= $1 ORDER BY telling.since_ms LIMIT $2");
            let rows = query(&sql).bind(now_ms).bind(LOOKS).fetch_all(&self.reading).await?;
            let mut all = Vec::with_capacity(rows.len());
            for row in &rows {
                let subject = subject(row)?;
                let told = self.told(&subject.alert.id).await?;
                all.push((subject, told));
            }
            Ok(all)
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    async fn told(&self, alert: &str) -> sqlx::Result<Vec<Told>> {
        let rows = query("SELECT channel, cause, detail, severity FROM notice WHERE alert = $1")
            .bind(alert)
            .fetch_all(&self.reading)
            .await?;
        let told = |row: &Row| {
            let severity_: String = row.try_get("severity")?;
            Ok(Told { channel: row.try_get("channel")?, cause: cause(row)?, severity: severity(&severity_) })
        };
        rows.iter().map(told).collect()
    }

    /// One alert as the rules see it; `None` where it is not kept any more.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn subject(&self, id: &str) -> Result<Option<Subject>, StoreError> {
        let row =
            query(&format!("{SUBJECT} WHERE alert.id = $1")).bind(id).fetch_optional(&self.reading).await;
        row.and_then(|row| row.map(|row| subject(&row)).transpose()).map_err(|error| self.fault(&error))
    }

    /// Keeps what is due, all or nothing; `expires_ms` tells until when a channel may try. What is not needed any more since somebody has said something goes.
    ///
    /// # Errors
    /// Where the database is away: nothing is planned then.
    pub async fn plan(
        &self,
        plans: &[(Subject, Plan)],
        now_ms: i64,
        expires_ms: impl Fn(&str) -> i64,
    ) -> Result<(), StoreError> {
        if plans.is_empty() {
            return Ok(());
        }
        let mut line = self.line().await?;
        let done = work::plan(&mut line, plans, now_ms, expires_ms).await;
        self.settle(line, done).await
    }

    /// The clock was put forward by so much: what waits goes on to wait for as long.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn clock_was_set(&self, by_ms: i64) -> Result<(), StoreError> {
        let done = async {
            query("UPDATE telling SET since_ms = since_ms + $1, next_ms = next_ms + $1, looked = looks - 1")
                .bind(by_ms)
                .execute(&self.writing)
                .await?;
            query("UPDATE notice SET made_ms = made_ms + $1, expires_ms = expires_ms + $1 WHERE fate = 'queued'")
                .bind(by_ms)
                .execute(&self.writing)
                .await?;
            Ok(())
        };
        done.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// Gives up what could not be delivered in time, and what follows an opening that was given up; forgets alerts that are older than `before_ms`. Tells
    /// whether there was any of that.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn give_up(&self, now_ms: i64, before_ms: i64) -> Result<bool, StoreError> {
        // Nobody waits for the one connection that writes where there is nothing to write.
        let sql = format!(
            "SELECT (SELECT count(*) FROM notice WHERE {EXPIRED}) + (SELECT count(*) FROM notice WHERE {LEFT_ALONE}) + (SELECT count(*) FROM telling WHERE since_ms < $2) AS n"
        );
        let row = query(&sql).bind(now_ms).bind(before_ms).fetch_one(&self.reading).await;
        let n: i64 = row.and_then(|row| row.try_get("n")).map_err(|error| self.fault(&error))?;
        if n == 0 {
            return Ok(false);
        }
        let done = async {
            for (fate, which) in [("expired", EXPIRED), ("needless", LEFT_ALONE)] {
                let sql = format!("UPDATE notice SET fate = '{fate}', ended_ms = $1 WHERE {which}");
                query(&sql).bind(now_ms).execute(&self.writing).await?;
            }
            query("DELETE FROM telling WHERE since_ms < $1").bind(before_ms).execute(&self.writing).await?;
            Ok(true)
        };
        done.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// What matters and did not get through: given up, or tried in vain since before `since_ms`. Each is told of until [`Store::warned`].
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn overdue(&self, since_ms: i64) -> Result<Vec<Overdue>, StoreError> {
        let sql = format!(
            "SELECT id, alert, channel FROM notice WHERE warned = 0 AND cause IN {MATTERS}
             AND (fate IN ('refused', 'expired') OR (fate = 'queued' AND tries > 0 AND made_ms < $1)) ORDER BY id LIMIT $2"
        );
        let rows = query(&sql).bind(since_ms).bind(AT_ONCE).fetch_all(&self.reading).await;
        let overdue = |row: &Row| {
            Ok(Overdue {
                id: row.try_get("id")?,
                alert: row.try_get("alert")?,
                channel: row.try_get("channel")?,
            })
        };
        rows.and_then(|rows| rows.iter().map(overdue).collect()).map_err(|error| self.fault(&error))
    }

    /// Others are told, in the same commit, that it did not get through.
    ///
    /// # Errors
    /// Where the database is away: nothing is planned then.
    pub async fn warned(
        &self,
        overdue: &Overdue,
        told: &(Subject, Plan),
        now_ms: i64,
        expires_ms: impl Fn(&str) -> i64,
    ) -> Result<(), StoreError> {
        let mut line = self.line().await?;
        let done = work::warned(&mut line, overdue, told, now_ms, expires_ms).await;
        self.settle(line, done).await
    }

    /// What a channel is to send now, what was tried least first. What follows an opening waits for that, and what another station on this database has
    /// under way is its own.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn queued(&self, channel: &str, now_ms: i64) -> Result<Vec<Notice>, StoreError> {
        let sql = format!(
            "SELECT id, alert, cause, detail, tries, made_ms FROM notice WHERE channel = $1 AND fate = 'queued' AND (cause NOT IN {FOLLOWS} OR NOT EXISTS
                 (SELECT 1 FROM notice AS opening WHERE opening.alert = notice.alert AND opening.channel = notice.channel
                  AND opening.cause = 'opened' AND opening.fate = 'queued'))
             AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.notice = notice.id AND attempt.ended_ms IS NULL AND attempt.at_ms > $3)
             ORDER BY tries, id LIMIT $2"
        );
        let rows = query(&sql)
            .bind(channel)
            .bind(AT_ONCE)
            .bind(now_ms - UNDER_WAY_MS)
            .fetch_all(&self.reading)
            .await;
        rows.and_then(|rows| rows.iter().map(notice).collect()).map_err(|error| self.fault(&error))
    }

    /// They go out now, as one message; gives which of them still wait. On the medium before they are on the wire.
    ///
    /// # Errors
    /// Where the database is away: nothing may go out then.
    pub async fn going_out(&self, notices: &[i64], now_ms: i64) -> Result<Vec<i64>, StoreError> {
        let mut line = self.line().await?;
        let done = work::going_out(&mut line, notices, now_ms).await;
        self.settle(line, done).await
    }

    /// What came of that, for the channel as well.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn went_out(
        &self,
        channel: &str,
        notices: &[i64],
        ended: &Ended,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut line = self.line().await?;
        let done = work::went_out(&mut line, channel, notices, ended, now_ms).await;
        self.settle(line, done).await
    }

    /// What the service gave back for the opening of an alert.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn receipt(&self, alert: &str, channel: &str) -> Result<Option<String>, StoreError> {
        let row = query("SELECT receipt FROM notice WHERE alert = $1 AND channel = $2 AND cause = 'opened'")
            .bind(alert)
            .bind(channel)
            .fetch_optional(&self.reading)
            .await;
        let receipt = row.and_then(|row| row.map_or(Ok(None), |row| row.try_get("receipt")));
        receipt.map_err(|error| self.fault(&error))
    }
}

fn subject(row: &Row) -> sqlx::Result<Subject> {
    let alert = alert(row)?;
    let said: Option<String> = row.try_get("said_verdict")?;
    let acked: Option<String> = row.try_get("verdict")?;
    let word = match (said, acked) {
        (Some(verdict), _) => Some((verdict, row.try_get("said_by")?)),
        (None, Some(verdict)) => {
            Some((verdict, row.try_get::<Option<String>, _>("acked_by")?.unwrap_or_default()))
        }
        (None, None) => None,
    };
    let orders: Option<String> = row.try_get("orders")?;
    let orders = orders.and_then(|text| serde_json::from_str::<StateMessage>(&text).ok());
    Ok(Subject {
        since_ms: row.try_get::<Option<i64>, _>("since_ms")?.unwrap_or(alert.heard_ms),
        looks: row.try_get::<Option<i64>, _>("looks")?.unwrap_or_default(),
        site: row.try_get("site")?,
        camera: row.try_get("name")?,
        picture: row.try_get("first_picture")?,
        mode: orders.map(|orders| orders.mode.name().to_owned()).unwrap_or_default(),
        word,
        alert,
    })
}

fn cause(row: &Row) -> sqlx::Result<Cause> {
    let (name, detail): (String, String) = (row.try_get("cause")?, row.try_get("detail")?);
    Ok(Cause::of(&name, &detail))
}

fn notice(row: &Row) -> sqlx::Result<Notice> {
    Ok(Notice {
        id: row.try_get("id")?,
        alert: row.try_get("alert")?,
        cause: cause(row)?,
        tries: row.try_get("tries")?,
        made_ms: row.try_get("made_ms")?,
    })
}

#[cfg(test)]
mod tests;
