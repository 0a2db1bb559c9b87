//! What people told cameras from here: kept before it is sent, sent once, and what the camera answered.

use super::database::{Connection, Row, query};
use super::trail::{Deed, append};
use super::write::Changes;
use super::{Store, StoreError};
use crate::publish::reply::{AnswerMessage, Head, Verdict};
use crate::publish::settings::Site;
use serde::Serialize;
use serde_json::Value;

/// A command that has not gone out by then does not go out any more, milliseconds: it was for now.
const UNSENT_MS: i64 = 15_000;
/// A camera that has not answered by then will not, milliseconds: the broker keeps the command for no longer.
const UNANSWERED_MS: i64 = 70_000;
/// Commands that go out at once.
const AT_ONCE: i64 = 50;
/// Commands that are shown, and how far back, milliseconds.
const SHOWN: i64 = 200;
const RECENT_MS: i64 = 86_400_000;
/// Longest reason that is kept, characters.
const REASON: usize = 300;

/// A command, as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its id on the wire.
    pub nonce: String,
    /// To whom.
    pub site: Site,
    /// Last level of its topic.
    pub word: String,
    /// Its own fields.
    pub fields: Value,
    /// Who asks.
    pub by: String,
}

/// A command as the page shows it.
#[derive(Debug, Serialize)]
pub struct CommandView {
    site: String,
    camera: String,
    word: String,
    fields: Value,
    by: String,
    asked_ms: i64,
    /// `waits`, `sent`, `applied`, `refused`, `unsent`, `unanswered`.
    fate: String,
    reason: Option<String>,
    answered_ms: Option<i64>,
    /// RFC 3339.
    until: Option<String>,
    /// The picture that came of it.
    picture: Option<i64>,
}

impl Store {
    /// Keeps a command; `false` where there is no such camera.
    ///
    /// # Errors
    /// Where the database is away: nothing is kept then, and nothing may be sent.
    pub async fn ask(&self, asked: &Asked, deed: &Deed) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = ask(&mut line, asked, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// Commands that are to go out, the oldest first. Those that are too late for that, or for an answer, are told so.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn due(&self, now_ms: i64) -> Result<Vec<Asked>, StoreError> {
        let found = async {
            query("UPDATE command SET fate = 'unsent' WHERE fate = 'waits' AND asked_ms < $1")
                .bind(now_ms - UNSENT_MS)
                .execute(&self.writing)
                .await?;
            query("UPDATE command SET fate = 'unanswered' WHERE fate = 'sent' AND sent_ms < $1")
                .bind(now_ms - UNANSWERED_MS)
                .execute(&self.writing)
                .await?;
            let rows = query(
                "SELECT command.*, site, name FROM command JOIN camera ON camera.id = command.camera
                 WHERE fate = 'waits' ORDER BY command.id LIMIT $1",
            )
            .bind(AT_ONCE)
            .fetch_all(&self.reading)
            .await?;
            rows.iter().map(asked).collect::<sqlx::Result<_>>()
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// It goes out now; `false` where it has gone out before. On the medium before it is on the wire: so it goes out once at most, whatever happens.
    ///
    /// # Errors
    /// Where the database is away: it must not go out then.
    pub async fn going(&self, nonce: &str, now_ms: i64) -> Result<bool, StoreError> {
        self.is_there().await?;
        let done =
            query("UPDATE command SET fate = 'sent', sent_ms = $2 WHERE nonce = $1 AND fate = 'waits'")
                .bind(nonce)
                .bind(now_ms)
                .execute(&self.writing)
                .await;
        done.map(|done| done.rows_affected() > 0).map_err(|error| self.fault(&error))
    }

    /// It does not reach its camera, and why.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn stopped(&self, nonce: &str, reason: &str, now_ms: i64) -> Result<(), StoreError> {
        let done = query(
            "UPDATE command SET fate = 'refused', reason = $2, answered_ms = $3 WHERE nonce = $1 AND fate IN ('waits', 'sent')",
        )
        .bind(nonce)
        .bind(reason.chars().take(REASON).collect::<String>())
        .bind(now_ms)
        .execute(&self.writing)
        .await;
        done.map(|_| ()).map_err(|error| self.fault(&error))
    }

    /// What was told to cameras in the last day, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn commands(&self, now_ms: i64) -> Result<Vec<CommandView>, StoreError> {
        let rows = query(
            "SELECT command.*, site, name,
                 (SELECT picture.id FROM picture WHERE picture.camera = command.camera AND picture.request = command.request
                  AND picture.heard_ms >= command.asked_ms AND command.word = 'snapshot' ORDER BY picture.id LIMIT 1) AS picture
             FROM command JOIN camera ON camera.id = command.camera WHERE asked_ms > $1 ORDER BY command.id DESC LIMIT $2",
        )
        .bind(now_ms - RECENT_MS)
        .bind(SHOWN)
        .fetch_all(&self.reading)
        .await;
        rows.and_then(|rows| rows.iter().map(view).collect()).map_err(|error| self.fault(&error))
    }
}

async fn ask(db: &mut Connection, asked: &Asked, deed: &Deed) -> sqlx::Result<Option<Head>> {
    let mut work = db.begin().await?;
    let done = query(
        "INSERT INTO command (nonce, camera, word, fields, asked_by, asked_ms) SELECT $1, id, $2, $3, $4, $5 FROM camera WHERE site = $6 AND name = $7",
    )
    .bind(&asked.nonce)
    .bind(&asked.word)
    .bind(asked.fields.to_string())
    .bind(&asked.by)
    .bind(deed.now.unix_ms)
    .bind(&asked.site.name)
    .bind(&asked.site.camera)
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

/// The camera's answer to a command of ours. One that comes late is the truth all the same.
pub(super) async fn answered(
    db: &mut Connection,
    camera: i64,
    message: &AnswerMessage,
    heard_ms: i64,
    changes: &mut Changes,
) -> sqlx::Result<()> {
    let Some(nonce) = &message.id else { return Ok(()) };
    let fate = if message.verdict == Verdict::Applied { "applied" } else { "refused" };
    let done = query(
        "UPDATE command SET fate = $3, reason = $4, answered_ms = $5, until = $6, request = $7
         WHERE nonce = $1 AND camera = $2 AND fate IN ('sent', 'unanswered')",
    )
    .bind(nonce)
    .bind(camera)
    .bind(fate)
    .bind(message.reason.chars().take(REASON).collect::<String>())
    .bind(heard_ms)
    .bind(&message.until)
    .bind(message.audit.seq.to_string())
    .execute(db)
    .await?;
    changes.answers |= done.rows_affected() > 0;
    Ok(())
}

fn asked(row: &Row) -> sqlx::Result<Asked> {
    Ok(Asked {
        nonce: row.try_get("nonce")?,
        site: Site { name: row.try_get("site")?, camera: row.try_get("name")? },
        word: row.try_get("word")?,
        fields: fields(row)?,
        by: row.try_get("asked_by")?,
    })
}

fn fields(row: &Row) -> sqlx::Result<Value> {
    let text: String = row.try_get("fields")?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn view(row: &Row) -> sqlx::Result<CommandView> {
    Ok(CommandView {
        site: row.try_get("site")?,
        camera: row.try_get("name")?,
        word: row.try_get("word")?,
        fields: fields(row)?,
        by: row.try_get("asked_by")?,
        asked_ms: row.try_get("asked_ms")?,
        fate: row.try_get("fate")?,
        reason: row.try_get("reason")?,
        answered_ms: row.try_get("answered_ms")?,
        until: row.try_get("until")?,
        picture: row.try_get("picture")?,
    })
}
