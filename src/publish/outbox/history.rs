//! Telemetry from a time without connection: a bounded history, so that somebody sees afterwards how the camera fared.
//!
//! When it is full every second message of it goes, and from then on only every second one is taken: after a day it has one in two
//! minutes, after a month one an hour, over the whole time. A commit for each would wear out an SD card: they wait in memory until many
//! are written at once. A power cut costs those; counters speak of the whole life of the daemon, so the next one tells their sums.

use super::Outbox;
use crate::publish::delivery::Lane;

/// Messages that are kept at most, 1.5 to 2 kB each. Even, so that the newest one stays when every second one goes.
const MOST: u64 = 720;
/// Messages that are written at once: ten minutes of them at the usual rate.
const WRITTEN_TOGETHER: usize = 60;

/// Which messages are taken.
#[derive(Debug)]
pub struct Thinning {
    /// One of so many.
    stride: u64,
    /// Until the next one that is taken.
    left: u64,
}

impl Default for Thinning {
    fn default() -> Self {
        Thinning { stride: 1, left: 0 }
    }
}

impl Thinning {
    fn takes(&mut self) -> bool {
        let taken = self.left == 0;
        self.left = if taken { self.stride - 1 } else { self.left - 1 };
        taken
    }

    /// From now on every second one of those that were taken so far; the one before this was taken.
    fn halve(&mut self) {
        self.stride *= 2;
        self.left = self.stride - 1;
    }
}

impl Outbox {
    /// Keeps a message that no broker takes at present. What the history has no room for is counted.
    pub fn keep_telemetry(&mut self, record: Vec<u8>) {
        if self.held(Lane::Telemetry) == 0 {
            self.thinning = Thinning::default();
        }
        if !self.thinning.takes() {
            return self.count_lost(Lane::Telemetry);
        }
        if !self.make_room(Lane::Telemetry, record.len() as u64) {
            return;
        }
        self.last += 1;
        self.memory[Lane::Telemetry as usize].insert(self.last, record);
        if self.memory[Lane::Telemetry as usize].len() >= WRITTEN_TOGETHER {
            self.write(Lane::Telemetry);
        }
        if self.held(Lane::Telemetry) > MOST {
            self.thin_out();
        }
        self.show_depth();
    }

    /// Every second message goes, the oldest one stays.
    fn thin_out(&mut self) {
        let (mut dropped, mut after, mut stays) = (Vec::new(), 0, true);
        while let Some((key, _)) = self.next(Lane::Telemetry, after) {
            after = key.number;
            if !stays {
                dropped.push(key);
            }
            stays = !stays;
        }
        dropped.iter().for_each(|_| self.count_lost(Lane::Telemetry));
        self.remove(&dropped);
        self.thinning.halve();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::publish::settings::StoreSettings;
    use crate::system::clock::Clock;
    use crate::system::metrics::Metrics;

    fn opened(folder: &Path) -> (Outbox, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::default());
        let settings = StoreSettings { path: folder.into(), max_mb: 1, review_mb: 0 };
        (Outbox::open(&settings, Clock::start(), metrics.clone()).unwrap(), metrics)
    }

    /// Telemetry number `of`, `bytes` long.
    fn telemetry(of: u64, bytes: usize) -> Vec<u8> {
        let mut record = vec![b' '; bytes.max(8)];
        record[..8].copy_from_slice(&of.to_le_bytes());
        record
    }

    fn kept(outbox: &mut Outbox) -> Vec<u64> {
        let (mut found, mut after) = (Vec::new(), 0);
        while let Some((key, record)) = outbox.next(Lane::Telemetry, after) {
            after = key.number;
            found.push(u64::from_le_bytes(record[..8].try_into().unwrap()));
        }
        found
    }

    fn lost(metrics: &Metrics) -> u64 {
        metrics.counters.lost_telemetry.load(Ordering::Relaxed)
    }

    #[test]
    fn two_weeks_without_a_broker_leave_a_bounded_history_that_spans_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, metrics) = opened(folder.path());
        // A message in ten minutes for two weeks, so that the test is short: what counts is how many.
        let made = 14 * 144;
        (0..made).for_each(|i| outbox.keep_telemetry(telemetry(i, 100)));
        let kept = kept(&mut outbox);
        assert!((MOST / 2..=MOST).contains(&(kept.len() as u64)), "{} kept", kept.len());
        let steps: Vec<u64> = kept.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| *step == steps[0]), "not even: {steps:?}");
        assert!(kept[0] == 0 && made - kept.last().unwrap() <= steps[0]);
        assert_eq!(lost(&metrics), made - kept.len() as u64, "each that was left out is counted");
        assert_eq!(
            (outbox.depth(), outbox.depth_of(Lane::Telemetry)),
            (0, kept.len() as u64),
            "nobody waits for it"
        );
    }

    #[test]
    fn the_history_is_written_now_and_then_and_at_a_clean_end() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, _) = opened(folder.path());
        (0..75).for_each(|i| outbox.keep_telemetry(telemetry(i, 100)));
        assert_eq!(kept(&mut outbox), (0..75).collect::<Vec<_>>());
        assert_eq!(outbox.on_disk[Lane::Telemetry as usize].count, 60);
        outbox.sync();
        drop(outbox);
        assert_eq!(kept(&mut opened(folder.path()).0), (0..75).collect::<Vec<_>>());
    }

    #[test]
    fn the_history_gives_way_to_pictures_and_alerts_and_never_they_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, metrics) = opened(folder.path());
        (0..3).for_each(|i| outbox.keep_telemetry(telemetry(i, 200_000)));
        outbox.put(vec![(Lane::Snapshots, vec![1; 500_000])]);
        assert_eq!((kept(&mut outbox), lost(&metrics)), (vec![1, 2], 1));
        outbox.put(vec![(Lane::Alerts, vec![2; 500_000])]);
        assert_eq!((kept(&mut outbox), lost(&metrics)), (vec![], 3));
        outbox.keep_telemetry(telemetry(9, 200_000));
        assert_eq!((kept(&mut outbox), lost(&metrics), outbox.depth()), (vec![], 4, 2));
    }

    #[test]
    fn delivered_history_is_gone_and_the_next_outage_begins_at_full_rate() {
        let folder = tempfile::tempdir().unwrap();
        let (mut outbox, _) = opened(folder.path());
        (0..MOST + 100).for_each(|i| outbox.keep_telemetry(telemetry(i, 20)));
        while let Some((key, _)) = outbox.next(Lane::Telemetry, 0) {
            outbox.remove(&[key]);
        }
        assert_eq!(outbox.depth_of(Lane::Telemetry), 0);
        (0..10).for_each(|i| outbox.keep_telemetry(telemetry(i, 20)));
        assert_eq!(kept(&mut outbox).len(), 10);
    }
}
