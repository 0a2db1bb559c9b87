//! Pictures of the random sample, filed with what is known of how they were chosen.

use super::database::{Connection, query};
use super::write::number;
use crate::publish::audit::AuditNote;
use crate::publish::incoming::Snapshot;
use crate::station::judge::Entry;
use sha2::{Digest, Sha256};

/// Files what goes beside a picture of the sample.
pub(super) async fn sample(
    db: &mut Connection,
    camera: i64,
    snapshot: &Snapshot,
    note: &AuditNote,
    entry: &Entry,
) -> sqlx::Result<()> {
    let detections = serde_json::to_string(&note.detections).unwrap_or_else(|_| "[]".into());
    query(
        "INSERT INTO sample (camera, boot, seq, captured_ms, heard_ms, draw, probability, stands_s, watched_s, number, mode, regime, model, threshold,
             width, height, clock_synced, simulated, detections, place, room)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT DO NOTHING",
    )
    .bind(camera)
    .bind(&snapshot.boot.0)
    .bind(number(snapshot.seq))
    .bind(entry.captured_ms)
    .bind(entry.heard_ms)
    .bind(&note.draw)
    .bind(note.probability)
    .bind(note.stands_s)
    .bind(note.watched_s)
    .bind(number(note.number))
    .bind(&note.mode)
    .bind(&note.regime)
    .bind(&note.model)
    .bind(note.threshold)
    .bind(i64::from(note.size.0))
    .bind(i64::from(note.size.1))
    .bind(note.clock_synced)
    .bind(note.simulated)
    .bind(detections)
    .bind(place(&snapshot.boot.0, snapshot.seq))
    .bind(note.room)
    .execute(db)
    .await
    .map(|_| ())
}

/// A number that says nothing of the picture, and is the same each time.
fn place(boot: &str, seq: u64) -> i64 {
    let hash = Sha256::digest(format!("{boot}-{seq}"));
    hash.iter().take(7).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

/// When a camera is heard with a version for the first time.
pub(super) async fn version(
    db: &mut Connection,
    camera: i64,
    version: &str,
    heard_ms: i64,
) -> sqlx::Result<()> {
    query("INSERT INTO version (camera, version, first_ms) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(camera)
        .bind(version.chars().take(40).collect::<String>())
        .bind(heard_ms)
        .execute(db)
        .await
        .map(|_| ())
}
