//! Bundles of models: as they come, piece by piece, and as cameras are given them.

use super::database::{Connection, Row, query};
use serde::Serialize;

use super::trail::{Deed, append};
use super::write::number;
use super::{Store, StoreError};
use crate::publish::models::PIECE;
use crate::station::rollout::course::Bundle;

/// A bundle that came in part and was left is forgotten after this, milliseconds.
const LEFT_MS: i64 = 86_400_000;

/// A bundle whose signature was good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Given {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Of its model.
    pub name: String,
    /// Counter.
    pub version: u64,
    /// SHA-256 of the ONNX file in it.
    pub model: String,
    /// Length of the file.
    pub bytes: u64,
    /// Boards that it is for.
    pub boards: Vec<String>,
    /// As its manifest says, RFC 3339.
    pub created: String,
    /// Who gave it.
    pub given_by: String,
    /// When, milliseconds since 1970.
    pub given_ms: i64,
}

impl From<&Given> for Bundle {
    fn from(given: &Given) -> Bundle {
        let Given { sha256, version, model, bytes, boards, .. } = given.clone();
        Bundle { sha256, version, model, bytes, boards }
    }
}

impl Store {
    /// Keeps the piece that begins at `offset` of a bundle that is on its way here.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn keep_piece(
        &self,
        sha256: &str,
        offset: u64,
        bytes: &[u8],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let mut line = self.line().await?;
        let done = async {
            let mut work = line.begin().await?;
            query(
                "DELETE FROM bundle_piece WHERE given_ms < $1 AND sha256 NOT IN (SELECT sha256 FROM bundle)",
            )
            .bind(now_ms - LEFT_MS)
            .execute(&mut *work)
            .await?;
            piece(&mut work, sha256, offset / PIECE, bytes, now_ms).await?;
            work.commit().await
        };
        let done = done.await;
        self.settle(line, done).await
    }

    /// How many bytes of a bundle are here, from its beginning on.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn have(&self, sha256: &str) -> Result<u64, StoreError> {
        let rows =
            query("SELECT place, CAST(length(bytes) AS BIGINT) AS bytes FROM bundle_piece WHERE sha256 = $1 ORDER BY place")
                .bind(sha256)
                .fetch_all(&self.reading)
                .await;
        let counted = rows.and_then(|rows| {
            let mut have = 0;
            for (row, place) in rows.iter().zip(0i64..) {
                if row.try_get::<i64, _>("place")? != place {
                    break;
                }
                have += row.try_get::<i64, _>("bytes")?.unsigned_abs();
            }
            Ok(have)
        });
        counted.map_err(|error| self.fault(&error))
    }

    /// Whether a bundle is one of the park's.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn is_given(&self, sha256: &str) -> Result<bool, StoreError> {
        let row =
            query("SELECT 1 FROM bundle WHERE sha256 = $1").bind(sha256).fetch_optional(&self.reading).await;
        row.map(|row| row.is_some()).map_err(|error| self.fault(&error))
    }

    /// So many bytes of a bundle from an offset on; fewer where it ends, or where they are not here.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn bytes_of(&self, sha256: &str, offset: u64, bytes: u64) -> Result<Vec<u8>, StoreError> {
        let (first, last) = (offset / PIECE, (offset + bytes).div_ceil(PIECE));
        let rows = query(
            "SELECT bytes FROM bundle_piece WHERE sha256 = $1 AND place >= $2 AND place < $3 ORDER BY place",
        )
        .bind(sha256)
        .bind(number(first))
        .bind(number(last))
        .fetch_all(&self.reading)
        .await;
        let joined = rows.and_then(|rows| {
            let mut joined: Vec<u8> = Vec::new();
            for row in &rows {
                joined.extend(row.try_get::<Vec<u8>, _>("bytes")?);
            }
            Ok(joined)
        });
        let joined = joined.map_err(|error| self.fault(&error))?;
        let from = (offset - first * PIECE) as usize;
        Ok(joined.into_iter().skip(from).take(bytes as usize).collect())
    }

    /// A bundle that came whole is one of the park's from now on; `bytes` where its pieces are not here yet.
    ///
    /// # Errors
    /// Where the database is away: nothing is kept then.
    pub async fn take(&self, given: &Given, bytes: Option<&[u8]>, deed: &Deed) -> Result<(), StoreError> {
        let mut line = self.line().await?;
        let done = take(&mut line, given, bytes, deed).await;
        let head = self.settle(line, done).await?;
        self.tell(deed, &head);
        Ok(())
    }

    /// One that is none goes again.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn drop_pieces(&self, sha256: &str) -> Result<(), StoreError> {
        self.is_there().await?;
        let done =
            query("DELETE FROM bundle_piece WHERE sha256 = $1 AND sha256 NOT IN (SELECT sha256 FROM bundle)")
                .bind(sha256)
                .execute(&self.writing)
                .await;
        done.map(|_| ()).map_err(|error| self.fault(&error))
    }

    /// The park's bundles, the newest first.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn bundles(&self) -> Result<Vec<Given>, StoreError> {
        let rows =
            query("SELECT * FROM bundle ORDER BY version DESC, given_ms DESC").fetch_all(&self.reading).await;
        rows.and_then(|rows| rows.iter().map(given).collect()).map_err(|error| self.fault(&error))
    }
}

async fn take(
    db: &mut Connection,
    given: &Given,
    bytes: Option<&[u8]>,
    deed: &Deed,
) -> sqlx::Result<crate::publish::reply::Head> {
    let mut work = db.begin().await?;
    for (bytes, place) in bytes.unwrap_or_default().chunks(PIECE as usize).zip(0..) {
        piece(&mut work, &given.sha256, place, bytes, given.given_ms).await?;
    }
    query(
        "INSERT INTO bundle (sha256, name, version, model, bytes, boards, created, given_by, given_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
    )
    .bind(&given.sha256)
    .bind(&given.name)
    .bind(number(given.version))
    .bind(&given.model)
    .bind(number(given.bytes))
    .bind(serde_json::to_string(&given.boards).unwrap_or_default())
    .bind(&given.created)
    .bind(&given.given_by)
    .bind(given.given_ms)
    .execute(&mut *work)
    .await?;
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(head)
}

async fn piece(db: &mut Connection, sha256: &str, place: u64, bytes: &[u8], now_ms: i64) -> sqlx::Result<()> {
    query("INSERT INTO bundle_piece (sha256, place, bytes, given_ms) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
        .bind(sha256)
        .bind(number(place))
        .bind(bytes)
        .bind(now_ms)
        .execute(db)
        .await
        .map(|_| ())
}

fn given(row: &Row) -> sqlx::Result<Given> {
    let boards: String = row.try_get("boards")?;
    Ok(Given {
        sha256: row.try_get("sha256")?,
        name: row.try_get("name")?,
        version: row.try_get::<i64, _>("version")?.unsigned_abs(),
        model: row.try_get("model")?,
        bytes: row.try_get::<i64, _>("bytes")?.unsigned_abs(),
        boards: serde_json::from_str(&boards).unwrap_or_default(),
        created: row.try_get("created")?,
        given_by: row.try_get("given_by")?,
        given_ms: row.try_get("given_ms")?,
    })
}
