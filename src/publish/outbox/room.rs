//! What gives way when room runs out: what weighs less than the new message or as much, the lightest lane first and in it the oldest
//! message. So telemetry goes before pictures and pictures before alerts, and no picture costs an alert. Each loss is counted.

use std::collections::BTreeMap;

use super::Outbox;
use crate::publish::delivery::{Key, Lane};
use crate::system::metrics::count;

/// Most bytes that wait in memory while the disk is out of order.
pub(super) const MEMORY_BYTES: u64 = 8 * 1024 * 1024;

impl Outbox {
    /// Makes room for a message of `bytes`; `false` where it must not be stored, which is counted.
    pub(super) fn make_room(&mut self, lane: Lane, bytes: u64) -> bool {
        while self.bytes() + bytes > self.cap() {
            let lighter = Lane::ALL.into_iter().rev().take_while(|other| *other >= lane);
            let Some(lighter) = lighter.into_iter().find(|other| self.drop_oldest(*other)) else {
                // An alert that is larger than all room is kept all the same.
                if lane != Lane::Alerts {
                    self.count_lost(lane);
                }
                return lane == Lane::Alerts;
            };
            self.count_lost(lighter);
        }
        true
    }

    pub(super) fn count_lost(&self, lane: Lane) {
        let counters = &self.metrics.counters;
        count(match lane {
            Lane::Alerts => &counters.lost_alerts,
            Lane::Snapshots => &counters.lost_snapshots,
            Lane::Telemetry => &counters.lost_telemetry,
        });
    }

    fn drop_oldest(&mut self, lane: Lane) -> bool {
        let stored = self.next_on_disk(lane, 0).map(|(key, _)| key);
        let in_memory = || self.memory[lane as usize].keys().next().map(|&number| Key { lane, number });
        let oldest = stored.or_else(in_memory);
        self.remove(oldest.as_slice());
        oldest.is_some()
    }

    /// Bytes in the medium that takes new messages.
    fn bytes(&self) -> u64 {
        let memory = self.memory.iter().flat_map(BTreeMap::values).map(|record| record.len() as u64);
        let on_disk = self.on_disk.iter().map(|load| load.bytes);
        memory.sum::<u64>() + if self.disk.is_some() { on_disk.sum() } else { 0 }
    }

    fn cap(&self) -> u64 {
        let whole = self.settings.max_mb * 1024 * 1024;
        if self.disk.is_some() { whole } else { whole.min(MEMORY_BYTES) }
    }
}
