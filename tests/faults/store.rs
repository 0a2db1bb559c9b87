//! The outbox's files, read without the outbox: what a daemon that is dead had committed.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use serde_json::Value;

use crate::desk::Name;

pub const ALERTS: TableDefinition<u64, &[u8]> = TableDefinition::new("alerts");

/// The alerts in the store of a daemon that does not run.
pub fn committed(store: &Path) -> Vec<Name> {
    records(store).iter().map(|record| name(record)).collect()
}

/// The records of alerts in both files of a store.
pub fn records(store: &Path) -> Vec<Vec<u8>> {
    // On a copy: whoever opens the file repairs it, and that is for the daemon to do.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("outbox.redb");
    std::fs::copy(store.join("outbox.redb"), &copy).unwrap();
    let database = Database::create(copy).unwrap();
    let table = database.begin_read().unwrap().open_table(ALERTS);
    let moved =
        table.map(|table| table.iter().unwrap().map(|entry| entry.unwrap().1.value().to_vec()).collect());
    [moved.unwrap_or_default(), journal(&std::fs::read(store.join("outbox.journal")).unwrap())].concat()
}

/// The records of a journal: its first half, for the second one repeats it. An entry begins on a page (4,096 bytes) of its own with
/// "bwalert1", generation (u64), page (u32), bytes of what follows (u32) and its sum (16 bytes); then number (u64), length (u32) and record,
/// as often as there are some, or a length of all ones for a record that is gone. The first page has the newest generation.
fn journal(bytes: &[u8]) -> Vec<Vec<u8>> {
    const GONE: usize = u32::MAX as usize;
    let (mut found, mut rest, first) =
        (Vec::<(Vec<u8>, Vec<u8>)>::new(), &bytes[..bytes.len() / 2], &bytes[..16]);
    while rest.starts_with(b"bwalert1") && rest[..16] == *first {
        let length = u32_at(rest, 20);
        let mut payload = &rest[40..40 + length];
        while !payload.is_empty() {
            let (number, length) = (payload[..8].to_vec(), u32_at(payload, 8));
            let end = 12 + if length == GONE { 0 } else { length };
            found.retain(|(other, _)| *other != number);
            found.extend((length != GONE).then(|| (number, payload[12..end].to_vec())));
            payload = &payload[end..];
        }
        rest = &rest[(40 + length).next_multiple_of(4096)..];
    }
    found.into_iter().map(|(_, record)| record).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
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
