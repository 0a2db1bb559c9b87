//! The outbox's file, read without the outbox: what a daemon that is dead had committed.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::Value;

use crate::desk::Name;

pub const ALERTS: TableDefinition<u64, &[u8]> = TableDefinition::new("alerts");

/// The alerts in the store of a daemon that does not run.
pub fn committed(store: &Path) -> Vec<Name> {
    // On a copy: whoever opens the file repairs it, and that is for the daemon to do.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("outbox.redb");
    std::fs::copy(store.join("outbox.redb"), &copy).unwrap();
    let database = Database::create(copy).unwrap();
    let table = database.begin_read().unwrap().open_table(ALERTS).unwrap();
    table.iter().unwrap().map(|entry| name(entry.unwrap().1.value())).collect()
}

/// A record is the length of its header (u32, little endian), the header in JSON, and the payload.
fn name(record: &[u8]) -> Name {
    let (header, _) = parts(record);
    (header["boot"].as_str().unwrap().into(), header["seq"].as_u64().unwrap())
}

/// Header and payload.
pub fn parts(record: &[u8]) -> (Value, Vec<u8>) {
    let length = u32::from_le_bytes(record[..4].try_into().unwrap()) as usize;
    (serde_json::from_slice(&record[4..4 + length]).unwrap(), record[4 + length..].to_vec())
}
