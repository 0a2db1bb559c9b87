//! What people say of alerts at the desk: kept before it is sent, and sent until the camera has answered.

use super::database::{Connection, Row, query};
use super::notify::touch_known;
use super::trail::{Deed, append};
use super::{Store, StoreError};
use crate::publish::reply::{Head, Judgement};
use crate::publish::settings::Site;

/// A camera that does not answer for so long is not asked any more, milliseconds.
const GIVEN_UP_MS: i64 = 86_400_000;
/// Letters that go out at once.
const AT_ONCE: i64 = 100;

/// What somebody says of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its id.
    pub alert: String,
    /// What it was.
    pub verdict: Judgement,
    /// Who says so.
    pub by: String,
    /// What else there is to say.
    pub note: Option<String>,
}

/// A word that its camera has not answered to.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its number.
    pub id: i64,
    /// To whom.
    pub site: Site,
    /// What it says.
    pub word: Word,
    /// The command that carries it: the answer bears it, too.
    pub command: String,
}

impl Store {
    /// Keeps a word; `false` where there is no such alert.
    ///
    /// # Errors
    /// Where the database is away: nothing is kept then.
    pub async fn say(&self, word: &Word, command: &str, deed: &Deed) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = say(&mut line, word, command, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// Words that cameras have not answered to, the oldest first. Those that have waited too long are given up.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn letters(&self, now_ms: i64) -> Result<Vec<Letter>, StoreError> {
        let found = async {
            let given_up = "UPDATE word SET fate = 'given-up' WHERE fate = 'waits' AND said_ms < $1";
            query(given_up).bind(now_ms - GIVEN_UP_MS).execute(&self.writing).await?;
            let rows = query(
                "SELECT word.*, site, name FROM word JOIN alert ON alert.id = word.alert JOIN camera ON camera.id = alert.camera
                 WHERE fate = 'waits' ORDER BY word.id LIMIT $1",
            )
            .bind(AT_ONCE)
            .fetch_all(&self.reading)
            .await?;
            rows.iter().map(letter).collect::<sqlx::Result<_>>()
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// A letter is sent now; `false` where it has gone out after `since_ms`, from here or from another station.
    ///
    /// # Errors
    /// Where the database is away: it is not sent then.
    pub async fn sending(&self, letter: i64, since_ms: i64, now_ms: i64) -> Result<bool, StoreError> {
        let done = query(
            "UPDATE word SET tries = tries + 1, sent_ms = $2 WHERE id = $1 AND fate = 'waits' AND (coalesce(sent_ms, 0) <= $3 OR sent_ms > $2)",
        )
        .bind(letter)
        .bind(now_ms)
        .bind(since_ms)
        .execute(&self.writing)
        .await;
        done.map(|done| done.rows_affected() > 0).map_err(|error| self.fault(&error))
    }
}

async fn say(db: &mut Connection, word: &Word, command: &str, deed: &Deed) -> sqlx::Result<Option<Head>> {
    let mut work = db.begin().await?;
    let written = query(
        "INSERT INTO word (alert, verdict, said_by, note, said_ms, command) SELECT id, $2, $3, $4, $5, $6 FROM alert WHERE id = $1",
    )
    .bind(&word.alert)
    .bind(word.verdict.name())
    .bind(&word.by)
    .bind(&word.note)
    .bind(deed.now.unix_ms)
    .bind(command)
    .execute(&mut *work)
    .await?;
    if written.rows_affected() == 0 {
        work.rollback().await?;
        return Ok(None);
    }
    touch_known(&mut work, &word.alert).await?;
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(Some(head))
}

fn letter(row: &Row) -> sqlx::Result<Letter> {
    let verdict: String = row.try_get("verdict")?;
    Ok(Letter {
        id: row.try_get("id")?,
        site: Site { name: row.try_get("site")?, camera: row.try_get("name")? },
        word: Word {
            alert: row.try_get("alert")?,
            verdict: Judgement::from_name(&verdict).unwrap_or(Judgement::Unsure),
            by: row.try_get("said_by")?,
            note: row.try_get("note")?,
        },
        command: row.try_get("command")?,
    })
}
