//! Trials: written once, stopped at most once, and who took part.

use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection, query};

use super::trail::append;
use super::{Deed, Store, StoreError};
use crate::publish::reply::Head;
use crate::station::trial::{Member, Plan, Stopped, Trial, hash};

/// Trials that are shown, the newest.
const SHOWN: i64 = 100;

impl Store {
    /// Writes one down, with its line of the audit log; `false` where the name was used before.
    ///
    /// # Errors
    /// Where nothing was written.
    pub async fn write_trial(&self, plan: &Plan, by: &str, deed: &Deed) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = write(&mut line, plan, by, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// Ends one, or takes it back, with its line of the audit log; `false` where it is over already.
    ///
    /// # Errors
    /// Where nothing was written.
    pub async fn stop_trial(&self, id: i64, stopped: &Stopped, deed: &Deed) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = stop(&mut line, id, stopped, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// The newest, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trials(&self) -> Result<Vec<Trial>, StoreError> {
        self.trials_where("id > $1", -1).await
    }

    /// One; `None` where there is none of that number.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trial(&self, id: i64) -> Result<Option<Trial>, StoreError> {
        Ok(self.trials_where("id = $1", id).await?.pop())
    }

    /// Those that have not had their time.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trials_on(&self, now_ms: i64) -> Result<Vec<Trial>, StoreError> {
        self.trials_where("end_ms > $1", now_ms).await
    }

    async fn trials_where(&self, filter: &str, value: i64) -> Result<Vec<Trial>, StoreError> {
        let found = async {
            let rows = query(&format!(
                "SELECT * FROM trial WHERE {filter} ORDER BY begin_ms DESC, id DESC LIMIT $2"
            ))
            .bind(value)
            .bind(SHOWN)
            .fetch_all(&self.reading)
            .await?;
            let mut trials = Vec::new();
            for row in &rows {
                let members = query("SELECT * FROM trial_camera WHERE trial = $1 ORDER BY camera")
                    .bind(row.try_get::<i64, _>("id")?)
                    .fetch_all(&self.reading)
                    .await?;
                let members = members.iter().map(member).collect::<sqlx::Result<_>>()?;
                trials.extend(trial(row, members)?);
            }
            Ok(trials)
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// A camera says that it takes part, or does not any more; `true` where that is news.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn took_part(
        &self,
        trial: &Trial,
        camera: &str,
        is_in: bool,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let Some(known) = trial.members.iter().find(|member| member.camera == camera) else {
            return Ok(false);
        };
        let sql = match (is_in, known.joined_ms, known.left_ms) {
            (true, None, _) => {
                "UPDATE trial_camera SET joined_ms = $1, left_ms = NULL WHERE trial = $2 AND camera = $3"
            }
            (true, Some(_), Some(_)) => {
                "UPDATE trial_camera SET left_ms = NULL WHERE $1 > 0 AND trial = $2 AND camera = $3"
            }
            (false, Some(_), None) => "UPDATE trial_camera SET left_ms = $1 WHERE trial = $2 AND camera = $3",
            _ => return Ok(false),
        };
        self.is_there()?;
        let done = query(sql).bind(now_ms).bind(trial.id).bind(camera).execute(&self.writing).await;
        done.map(|_| true).map_err(|error| self.fault(&error))
    }

    /// What a camera answered last to being told of a trial, where it refused: why.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trial_refusal(
        &self,
        site: &str,
        camera: &str,
        since_ms: i64,
    ) -> Result<Option<String>, StoreError> {
        let row = query(
            "SELECT fate, reason FROM command JOIN camera ON camera.id = command.camera
             WHERE site = $1 AND name = $2 AND word IN ('trial', 'end-trial') AND asked_ms >= $3 ORDER BY command.id DESC LIMIT 1",
        )
        .bind(site)
        .bind(camera)
        .bind(since_ms)
        .fetch_optional(&self.reading)
        .await;
        let refusal = |row: SqliteRow| {
            let refused = row.try_get::<String, _>("fate")? == "refused";
            Ok(row.try_get::<Option<String>, _>("reason")?.filter(|_| refused))
        };
        row.and_then(|row| row.map_or(Ok(None), refusal)).map_err(|error| self.fault(&error))
    }
}

async fn write(db: &mut SqliteConnection, plan: &Plan, by: &str, deed: &Deed) -> sqlx::Result<Option<Head>> {
    let (text, sha256) = plan.text();
    let mut work = db.begin_with("BEGIN IMMEDIATE").await?;
    let row = query(
        "INSERT INTO trial (name, plan, sha256, begin_ms, end_ms, written_by, written_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (name) DO NOTHING RETURNING id",
    )
    .bind(&plan.name)
    .bind(text)
    .bind(sha256)
    .bind(plan.begin_ms)
    .bind(plan.end_ms)
    .bind(by)
    .bind(deed.now.unix_ms)
    .fetch_optional(&mut *work)
    .await?;
    let Some(row) = row else {
        work.rollback().await?;
        return Ok(None);
    };
    let id: i64 = row.try_get("id")?;
    for camera in &plan.cameras {
        query("INSERT INTO trial_camera (trial, camera) VALUES ($1, $2)")
            .bind(id)
            .bind(camera)
            .execute(&mut *work)
            .await?;
    }
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(Some(head))
}

async fn stop(
    db: &mut SqliteConnection,
    id: i64,
    stopped: &Stopped,
    deed: &Deed,
) -> sqlx::Result<Option<Head>> {
    let mut work = db.begin_with("BEGIN IMMEDIATE").await?;
    let done = query(
        "UPDATE trial SET stopped_ms = $2, stopped_by = $3, stop_reason = $4 WHERE id = $1 AND stopped_ms IS NULL AND end_ms > $2",
    )
    .bind(id)
    .bind(stopped.at_ms)
    .bind(&stopped.by)
    .bind(&stopped.reason)
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

/// `None` where its plan cannot be read: a newer station wrote it, or somebody changed it.
fn trial(row: &SqliteRow, members: Vec<Member>) -> sqlx::Result<Option<Trial>> {
    let (text, sha256): (String, String) = (row.try_get("plan")?, row.try_get("sha256")?);
    let Ok(plan) = serde_json::from_str::<Plan>(&text) else { return Ok(None) };
    let same_time = (plan.begin_ms, plan.end_ms) == (row.try_get("begin_ms")?, row.try_get("end_ms")?);
    let stopped = match row.try_get::<Option<i64>, _>("stopped_ms")? {
        Some(at_ms) => Some(Stopped {
            at_ms,
            by: row.try_get::<Option<String>, _>("stopped_by")?.unwrap_or_default(),
            reason: row.try_get::<Option<String>, _>("stop_reason")?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Some(Trial {
        id: row.try_get("id")?,
        is_as_written: hash(&text) == sha256 && same_time,
        plan,
        sha256,
        written_by: row.try_get("written_by")?,
        written_ms: row.try_get("written_ms")?,
        stopped,
        members,
    }))
}

fn member(row: &SqliteRow) -> sqlx::Result<Member> {
    Ok(Member {
        camera: row.try_get("camera")?,
        joined_ms: row.try_get("joined_ms")?,
        left_ms: row.try_get("left_ms")?,
    })
}
