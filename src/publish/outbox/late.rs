//! What is written later. A picture is with the broker a moment after its alert, and is worth a commit (64 kB with redb's pages) only when
//! it is not: a power cut in that moment costs a picture, never an alert. That a message has left the database is made durable when several
//! have: a power cut before brings them back, and they are sent twice, which receivers can tell by boot and sequence number.

use super::Outbox;
use crate::publish::delivery::{Key, Lane};

/// How long a picture may wait in memory for the broker.
const PICTURE_WAITS_MS: u64 = 5_000;
/// How long a removal from the database may wait for others.
const REMOVAL_WAITS_MS: u64 = 30_000;

/// Uptimes at which it is time.
#[derive(Debug, Default)]
pub struct Due {
    /// For the pictures in memory.
    pub pictures_ms: Option<u64>,
    /// For what was removed from the database.
    pub removals_ms: Option<u64>,
}

impl Outbox {
    /// Keeps a message in memory for a while.
    pub(super) fn wait_in_memory(&mut self, key: Key, record: Vec<u8>) {
        self.memory[key.lane as usize].insert(key.number, record);
        self.due.pictures_ms.get_or_insert_with(|| self.clock.uptime_ms() + PICTURE_WAITS_MS);
    }

    /// Notes that something has left the database.
    pub(super) fn removed_from_database(&mut self) {
        self.due.removals_ms.get_or_insert_with(|| self.clock.uptime_ms() + REMOVAL_WAITS_MS);
    }

    /// Writes what has waited for long enough.
    pub(super) fn write_late(&mut self) {
        let now = self.clock.uptime_ms();
        if [Lane::Snapshots, Lane::Audit].iter().all(|lane| self.memory[*lane as usize].is_empty()) {
            self.due.pictures_ms = None;
        }
        if self.due.pictures_ms.is_some_and(|due| now >= due) {
            self.write(Lane::Snapshots);
            self.write(Lane::Audit);
            self.show_depth();
        }
        if self.due.removals_ms.is_some_and(|due| now >= due) {
            self.sync_disk();
        }
    }

    /// Makes removals durable.
    pub(super) fn sync_disk(&mut self) {
        self.due.removals_ms = None;
        if let Some(failed) = self.disk.as_mut().and_then(|disk| disk.sync().err()) {
            self.disk_failed(&failed);
        }
    }

    /// Brings what of a lane waits in memory to the disk, where there is one.
    pub(super) fn write(&mut self, lane: Lane) {
        if self.disk.is_none() {
            return;
        }
        let waiting = std::mem::take(&mut self.memory[lane as usize]);
        let keyed = |(number, record)| (Key { lane, number }, record);
        let records: Vec<_> = waiting.into_iter().map(keyed).collect();
        self.commit(&records);
        if self.disk.is_none() {
            self.memory[lane as usize] =
                records.into_iter().map(|(key, record)| (key.number, record)).collect();
        }
    }
}
