//! What is kept and for how long: each kind of data has its days, and all of it its room. A little at a time, so that what comes in never waits long.

use std::time::Duration;

use super::database::{Pool, query};
use super::{Store, StoreError};
use crate::station::drift::{BETWEEN, REFERENCE, WEEK};

const DAY_MS: i64 = 86_400_000;
const FILE_BYTES: &str = "SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
/// PostgreSQL keeps the room of what was removed and uses it again: of pictures, which are most of it, those that are there are counted.
const SERVER_BYTES: &str = "SELECT pg_database_size(current_database()) - pg_total_relation_size('picture')
    + (SELECT coalesce(sum(octet_length(jpeg)), 0)::BIGINT FROM picture) AS bytes";
/// Rows that one commit removes.
const ROWS: i64 = 200;
/// Pages that are given back to the file system at once.
const PAGES: i64 = 2000;

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Alerts with their steps, acknowledgements and words, and commands, days.
    pub alerts_days: u32,
    /// Pictures, days; they show people, too.
    pub pictures_days: u32,
    /// What people labelled, with its pictures, days.
    pub labels_days: u32,
    /// What is known of the random sample, days; its pictures go with the others.
    pub samples_days: u32,
    /// What was told outside, and what came of it, days.
    pub notices_days: u32,
    /// Telemetry and what was refused, days.
    pub telemetry_days: u32,
    /// Lines of the audit log, days.
    pub audit_days: u32,
    /// Most room that the database may take, bytes: beyond, the oldest pictures go before their time.
    pub most_bytes: i64,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            alerts_days: 365,
            pictures_days: 30,
            labels_days: 365,
            samples_days: 365,
            notices_days: 365,
            telemetry_days: 30,
            audit_days: 730,
            most_bytes: 20_000_000_000,
        }
    }
}

/// The identity of a database, and when the broker was last heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// By which brokers know it again.
    pub id: String,
    /// Milliseconds since 1970; `None` where it is new.
    pub heard_ms: Option<i64>,
}

/// What is removed, oldest first: `$1` is the first time that is kept, `$2` how many go at once.
const ALERTS: [&str; 4] = [
    "DELETE FROM word WHERE id IN (SELECT word.id FROM word JOIN alert ON alert.id = word.alert WHERE alert.changed_ms < $1 LIMIT $2)",
    "DELETE FROM step WHERE (camera, boot, seq) IN (SELECT step.camera, step.boot, step.seq FROM step JOIN alert ON alert.id = step.alert WHERE alert.changed_ms < $1 LIMIT $2)",
    "DELETE FROM ack WHERE (camera, boot, seq) IN (SELECT camera, boot, seq FROM ack WHERE heard_ms < $1 LIMIT $2)",
    "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE changed_ms < $1
         AND NOT EXISTS (SELECT 1 FROM step WHERE step.alert = alert.id) AND NOT EXISTS (SELECT 1 FROM word WHERE word.alert = alert.id) LIMIT $2)",
];
/// What somebody labelled has days of its own: others learn from it.
const PICTURES: [&str; 1] = ["DELETE FROM picture WHERE id IN (SELECT id FROM picture WHERE heard_ms < $1
     AND NOT EXISTS (SELECT 1 FROM judged WHERE judged.camera = picture.camera AND judged.boot = picture.boot AND judged.seq = picture.seq)
     ORDER BY heard_ms LIMIT $2)"];
const LABELLED: [&str; 1] = [
    "DELETE FROM picture WHERE id IN (SELECT id FROM picture WHERE heard_ms < $1 ORDER BY heard_ms LIMIT $2)",
];
const LABELS: [&str; 2] = [
    "DELETE FROM judged WHERE (camera, boot, seq) IN (SELECT camera, boot, seq FROM judged WHERE judged_ms < $1 LIMIT $2)",
    "DELETE FROM label WHERE id IN (SELECT id FROM label WHERE labelled_ms < $1 LIMIT $2)",
];
const SAMPLES: [&str; 2] = [
    "DELETE FROM sample WHERE (camera, boot, seq) IN (SELECT camera, boot, seq FROM sample WHERE heard_ms < $1 LIMIT $2)",
    "DELETE FROM challenge WHERE (camera, boot, seq) IN (SELECT camera, boot, seq FROM challenge WHERE heard_ms < $1 LIMIT $2)",
];
const NOTICES: [&str; 1] =
    ["DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE made_ms < $1 ORDER BY id LIMIT $2)"];
const TELEMETRY: [&str; 2] = [
    "DELETE FROM telemetry WHERE (camera, boot, seq) IN (SELECT camera, boot, seq FROM telemetry WHERE heard_ms < $1 LIMIT $2)",
    "DELETE FROM refusal WHERE (topic, reason) IN (SELECT topic, reason FROM refusal WHERE last_ms < $1 LIMIT $2)",
];
const COMMANDS: [&str; 1] =
    ["DELETE FROM command WHERE id IN (SELECT id FROM command WHERE asked_ms < $1 ORDER BY id LIMIT $2)"];
/// Counts by day; `$1` is a day here. What has shifted goes with the alerts.
const COUNTS: [&str; 1] = [
    "DELETE FROM drift_day WHERE (camera, boot, day) IN (SELECT camera, boot, day FROM drift_day WHERE day < $1 LIMIT $2)",
];
const SHIFTS: [&str; 1] = [
    "DELETE FROM shift WHERE id IN (SELECT id FROM shift WHERE told_ms < $1 AND ended IS NOT NULL LIMIT $2)",
];
/// Days of counts that are kept: a reference and a week, and as many again so that a life is not taken for younger than it is.
const COUNTS_DAYS: i64 = 2 * (REFERENCE + BETWEEN + WEEK);
/// A life is forgotten once nothing of it is left.
const LIVES: [&str; 1] = ["DELETE FROM boot WHERE id IN (SELECT id FROM boot WHERE first_ms < $1
     AND NOT EXISTS (SELECT 1 FROM step WHERE step.camera = boot.camera AND step.boot = boot.id)
     AND NOT EXISTS (SELECT 1 FROM telemetry WHERE telemetry.camera = boot.camera AND telemetry.boot = boot.id) LIMIT $2)"];

impl Store {
    /// The identity of the database; given at its first start.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn identity(&self, new_id: &str, now_ms: i64) -> Result<Kept, StoreError> {
        let found = async {
            query("INSERT INTO station (one, id, heard_ms) VALUES (1, $1, $2) ON CONFLICT DO NOTHING")
                .bind(new_id)
                .bind(now_ms)
                .execute(&self.writing)
                .await?;
            let made = query("INSERT INTO instance (name, heard_ms) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(&self.instance)
                .bind(now_ms)
                .execute(&self.writing)
                .await?;
            let row =
                query("SELECT station.id, instance.heard_ms FROM station, instance WHERE instance.name = $1")
                    .bind(&self.instance)
                    .fetch_one(&self.writing)
                    .await?;
            let heard_ms: i64 = row.try_get("heard_ms")?;
            Ok(Kept { id: row.try_get("id")?, heard_ms: (made.rows_affected() == 0).then_some(heard_ms) })
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// The broker is heard now.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn broker_heard(&self, now_ms: i64) -> Result<(), StoreError> {
        self.still_held().await;
        self.is_there().await?;
        let done = query("UPDATE instance SET heard_ms = $1 WHERE name = $2")
            .bind(now_ms)
            .bind(&self.instance)
            .execute(&self.writing)
            .await;
        done.map(|_| ()).map_err(|error| self.fault(&error))
    }

    /// Removes some of what has had its time; tells how many rows. Again, with a pause, until that is none.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn tidy(&self, retention: &Retention, now_ms: i64) -> Result<u64, StoreError> {
        self.is_there().await?;
        let before = |days: u32| now_ms.saturating_sub(i64::from(days) * DAY_MS);
        let done = async {
            let mut removed = 0;
            for (statements, from_ms) in [
                (&ALERTS[..], before(retention.alerts_days)),
                (&SHIFTS[..], before(retention.alerts_days)),
                (&COUNTS[..], now_ms / DAY_MS - COUNTS_DAYS),
                (&PICTURES[..], before(retention.pictures_days)),
                (&LABELLED[..], before(retention.labels_days.max(retention.pictures_days))),
                (&LABELS[..], before(retention.labels_days)),
                (&SAMPLES[..], before(retention.samples_days)),
                (&NOTICES[..], before(retention.notices_days)),
                (&TELEMETRY[..], before(retention.telemetry_days)),
                (&COMMANDS[..], before(retention.alerts_days)),
                (&LIVES[..], before(retention.alerts_days.max(retention.telemetry_days))),
            ] {
                removed += self.remove(statements, from_ms).await?;
            }
            if self.bytes().await? > retention.most_bytes {
                let room = self.remove(&PICTURES, i64::MAX).await?;
                removed += if room > 0 { room } else { self.remove(&LABELLED, i64::MAX).await? };
            }
            self.give_back().await?;
            Ok(removed)
        };
        done.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    async fn remove(&self, statements: &[&str], before_ms: i64) -> sqlx::Result<u64> {
        let mut removed = 0;
        for statement in statements {
            let done = query(statement).bind(before_ms).bind(ROWS).execute(&self.writing).await?;
            removed += done.rows_affected();
        }
        Ok(removed)
    }

    /// Room that the data take, without what is free among them.
    async fn bytes(&self) -> sqlx::Result<i64> {
        let row = query(match self.reading {
            Pool::Sqlite(_) => FILE_BYTES,
            Pool::Postgres(..) => SERVER_BYTES,
        });
        row.fetch_one(&self.reading).await?.try_get("bytes")
    }

    /// Gives free room back to the file system, some at a time. PostgreSQL sees to its own.
    async fn give_back(&self) -> sqlx::Result<()> {
        if let Pool::Sqlite(_) = self.writing {
            query(&format!("PRAGMA incremental_vacuum({PAGES})")).execute(&self.writing).await?;
        }
        Ok(())
    }
}

impl Retention {
    /// Pause from one look to the next where nothing had to go.
    pub const REST: Duration = Duration::from_secs(600);
    /// And where something had.
    pub const BREATH: Duration = Duration::from_millis(200);
}
