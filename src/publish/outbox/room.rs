//! What gives way when room runs out: what weighs less than the new message or as much, the lightest lane first and in it the oldest
//! message. So the random sample goes before telemetry, telemetry before pictures of alerts, and those before alerts: no picture costs an alert. Each
//! loss is counted.

use super::Outbox;
use crate::publish::delivery::{Key, Lane};
use crate::system::metrics::count;

/// Most bytes that wait in memory while the disk is out of order.
pub(super) const MEMORY_BYTES: u64 = 8 * 1024 * 1024;

/// The random sample takes at most one part in so many of all room.
const AUDIT_SHARE: u64 = 4;

impl Outbox {
    /// Makes room for a message of `bytes`; `false` where it must not be stored, which is counted.
    pub(super) fn make_room(&mut self, lane: Lane, bytes: u64) -> bool {
        if lane == Lane::Audit && self.bytes_of(lane) + bytes > self.cap() / AUDIT_SHARE {
            self.drop_every_second(lane);
        }
        while self.bytes() + bytes > self.cap() {
            let mut lighter = Lane::ALL.into_iter().rev().take_while(|other| *other >= lane);
            if !lighter.any(|other| self.give_way(other)) {
                // An alert that is larger than all room is kept all the same.
                if lane != Lane::Alerts {
                    self.count_lost(lane);
                }
                return lane == Lane::Alerts;
            }
        }
        true
    }

    pub(super) fn count_lost(&self, lane: Lane) {
        let counters = &self.metrics.counters;
        count(match lane {
            Lane::Alerts => &counters.lost_alerts,
            Lane::Snapshots => &counters.lost_snapshots,
            Lane::Telemetry => &counters.lost_telemetry,
            Lane::Audit => &counters.lost_audits,
        });
    }

    /// Drops something of a lane and counts it; `false` where there is nothing. Of the random sample every second picture goes, so that what is left
    /// is as random and as even over time as it was.
    fn give_way(&mut self, lane: Lane) -> bool {
        if lane == Lane::Audit {
            return self.drop_every_second(lane) > 0;
        }
        let dropped = self.drop_oldest(lane);
        if dropped {
            self.count_lost(lane);
        }
        dropped
    }

    /// Every second message of a lane goes, the oldest one first; tells how many.
    pub(super) fn drop_every_second(&mut self, lane: Lane) -> usize {
        let (mut dropped, mut after, mut goes) = (Vec::new(), 0, true);
        while let Some((key, _)) = self.next(lane, after) {
            after = key.number;
            if goes {
                dropped.push(key);
            }
            goes = !goes;
        }
        dropped.iter().for_each(|_| self.count_lost(lane));
        self.remove(&dropped);
        dropped.len()
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
        Lane::ALL.iter().map(|lane| self.bytes_of(*lane)).sum()
    }

    fn bytes_of(&self, lane: Lane) -> u64 {
        let memory = self.memory[lane as usize].values().map(|record| record.len() as u64);
        memory.sum::<u64>() + if self.disk.is_some() { self.on_disk[lane as usize].bytes } else { 0 }
    }

    fn cap(&self) -> u64 {
        let whole = self.settings.max_mb * 1024 * 1024;
        if self.disk.is_some() { whole } else { whole.min(MEMORY_BYTES) }
    }
}
