//! The audit log: what people did here, a line each, in the same commit as the deed itself. The lines are a chain, as those of a camera.

use super::database::{Connection, Row, query};
use super::write::number;
use super::{Store, StoreError};
use crate::control::Now;
use crate::control::chain::{Entry, Examined, Line, link};
use crate::publish::reply::Head;

/// Lines that are shown at once.
const SHOWN: i64 = 100;
/// Lines that an examination reads at once.
const READ: i64 = 1000;
const DAY_MS: i64 = 86_400_000;

/// Something that was done, for the audit log.
#[derive(Clone, Debug)]
pub struct Deed {
    /// What.
    pub entry: Entry,
    /// Which life of the station, or of its command line.
    pub boot: String,
    /// When.
    pub now: Now,
}

impl Store {
    /// Writes down what needs nothing else; it is on the medium when this returns.
    ///
    /// # Errors
    /// Where it is not.
    pub async fn record(&self, deed: &Deed) -> Result<(), StoreError> {
        let mut line = self.line().await?;
        let done = alone(&mut line, deed).await;
        self.tell(deed, &self.settle(line, done).await?);
        Ok(())
    }

    /// The newest lines before one of this number, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn trail(&self, before: i64) -> Result<Vec<Line>, StoreError> {
        let rows = query("SELECT line FROM audit WHERE seq < $1 ORDER BY seq DESC LIMIT $2")
            .bind(before)
            .bind(SHOWN)
            .fetch_all(&self.reading)
            .await
            .map_err(|error| self.fault(&error))?;
        Ok(rows.iter().filter_map(|row| serde_json::from_str(row.try_get("line").ok()?).ok()).collect())
    }

    /// Follows the chain from the oldest line to the newest; `each` is given every line as it stands.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn examine(&self, mut each: impl FnMut(i64, &str)) -> Result<Examined, StoreError> {
        let mut found = Examined::default();
        let mut after = 0;
        loop {
            let rows = query("SELECT seq, line FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2")
                .bind(after)
                .bind(READ)
                .fetch_all(&self.reading)
                .await
                .map_err(|error| self.fault(&error))?;
            for row in &rows {
                let (seq, text) = numbered(row).map_err(|error| self.fault(&error))?;
                each(seq, &text);
                if let Err(fault) = found.line(text.as_bytes()) {
                    found.faults.push(format!("row {seq}: {fault}"));
                } else if found.head.seq != number_of(seq) {
                    found.faults.push(format!("row {seq}: holds line {}", found.head.seq));
                }
                after = seq;
            }
            if rows.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Removes lines older than so many days, from the oldest on, and says so in a line. Once a day at most, so that removing leaves little behind.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn shorten_trail(&self, days: u32, deed: &Deed) -> Result<(), StoreError> {
        let from_ms = deed.now.unix_ms.saturating_sub(i64::from(days) * DAY_MS);
        let old = query("SELECT seq FROM audit WHERE at_ms < $1 ORDER BY seq LIMIT 1")
            .bind(from_ms - DAY_MS)
            .fetch_optional(&self.reading)
            .await
            .map_err(|error| self.fault(&error))?;
        if old.is_none() {
            return Ok(());
        }
        let mut line = self.line().await?;
        let done = shorten(&mut line, from_ms, deed).await;
        self.tell(deed, &self.settle(line, done).await?);
        Ok(())
    }

    /// Into the log of the system, too, which whoever writes the database cannot change: by that a chain that was written anew shows.
    pub(super) fn tell(&self, deed: &Deed, head: &Head) {
        let Entry { event, who, command, reason, .. } = &deed.entry;
        if self.aloud {
            tracing::info!("audit {} {}: {event} {who} {command}: {reason}", head.seq, head.sha256);
        }
    }

    /// The connection that writes.
    pub(super) async fn line(&self) -> Result<Connection, StoreError> {
        self.is_there().await?;
        self.writing.acquire().await.map_err(|error| self.fault(&error))
    }

    /// What came of a transaction. After one that failed the connection is given up: SQLite has rolled back by itself on a full disk, which sqlx does not
    /// know.
    pub(super) async fn settle<T>(&self, line: Connection, done: sqlx::Result<T>) -> Result<T, StoreError> {
        match done {
            Ok(done) => {
                // A file that went away in between took the commit along.
                self.is_there().await?;
                Ok(done)
            }
            Err(error) => {
                let _ = line.close().await;
                Err(self.fault(&error))
            }
        }
    }
}

/// Adds a line; part of the transaction of what it tells of.
pub(super) async fn append(db: &mut Connection, deed: &Deed) -> sqlx::Result<Head> {
    let last =
        query("SELECT seq, line FROM audit ORDER BY seq DESC LIMIT 1").fetch_optional(&mut *db).await?;
    let head = match last {
        Some(row) => {
            let (seq, text) = numbered(&row)?;
            Head { seq: number_of(seq), sha256: crate::control::chain::sha256(text.as_bytes()) }
        }
        None => Head::default(),
    };
    let (text, head) = link(deed.entry.clone(), &deed.boot, &deed.now, &head)
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    query("INSERT INTO audit (seq, at_ms, line) VALUES ($1, $2, $3)")
        .bind(number(head.seq))
        .bind(deed.now.unix_ms)
        .bind(text)
        .execute(db)
        .await?;
    Ok(head)
}

async fn alone(db: &mut Connection, deed: &Deed) -> sqlx::Result<Head> {
    let mut work = db.begin().await?;
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(head)
}

async fn shorten(db: &mut Connection, from_ms: i64, deed: &Deed) -> sqlx::Result<Head> {
    let mut work = db.begin().await?;
    // Only from the beginning on: a clock that was set wrong leaves no hole.
    let removed = query(
        "DELETE FROM audit WHERE seq < coalesce((SELECT min(seq) FROM audit WHERE at_ms >= $1), (SELECT max(seq) FROM audit))",
    )
    .bind(from_ms)
    .execute(&mut *work)
    .await?;
    let mut deed = deed.clone();
    deed.entry.reason =
        format!("the oldest {} lines had their time and were removed", removed.rows_affected());
    let head = append(&mut work, &deed).await?;
    work.commit().await?;
    Ok(head)
}

fn numbered(row: &Row) -> sqlx::Result<(i64, String)> {
    Ok((row.try_get("seq")?, row.try_get("line")?))
}

fn number_of(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or_default()
}
