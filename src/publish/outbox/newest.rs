//! From the newest message backwards, and what goes before others for being of the newest alert.

use std::collections::VecDeque;

use super::Outbox;
use crate::publish::delivery::{Key, Lane};
use crate::publish::record::Record;

/// Messages that are looked at, from the newest one backwards, for those of the newest alert. Several bears at once mix theirs.
const LOOK_BACK: usize = 64;

/// What of the newest alert goes before what has waited longer: the bear that is here now before those of last week. All its messages do, the
/// oldest first, so that whoever hears it hears it opened, updated and closed; for them alone the order of a life is not kept.
#[derive(Debug, Default)]
pub struct Foremost {
    /// Number of the newest message that was looked at.
    seen: u64,
    /// Number of the newest one that had its turn as one of these.
    passed: u64,
    /// What has its turn next, the oldest first.
    numbers: VecDeque<u64>,
}

impl Foremost {
    /// The next message of the newest alert, where `next`, whose turn it is, is an older one.
    pub fn before(&mut self, next: u64, outbox: &mut Outbox) -> Option<(Key, Vec<u8>)> {
        let newest = outbox.last_alert();
        if newest > self.seen {
            self.numbers = outbox.newest_alert(self.passed.max(next - 1));
            self.seen = newest;
        }
        while let Some(&number) = self.numbers.front() {
            if number > next {
                let found = outbox.next(Lane::Alerts, number - 1).filter(|(key, _)| key.number == number);
                if found.is_some() {
                    return found;
                }
            }
            self.numbers.pop_front();
            if number == next {
                return None;
            }
        }
        None
    }

    /// Whether the message had its turn as one of these; it has no other.
    pub fn passed(&mut self, key: Key) -> bool {
        let is_first = key.lane == Lane::Alerts && self.numbers.front() == Some(&key.number);
        if is_first {
            self.numbers.pop_front();
            self.passed = key.number;
        }
        is_first
    }
}

impl Outbox {
    /// Number of the newest alert that was ever put, as far as this life knows; 0 where there is none.
    fn last_alert(&self) -> u64 {
        let lane = Lane::Alerts as usize;
        let in_memory = self.memory[lane].last_key_value().map_or(0, |(number, _)| *number);
        self.on_disk[lane].last.max(in_memory)
    }

    /// Numbers above `after` of the messages of the newest alert that wait, the oldest first.
    fn newest_alert(&mut self, after: u64) -> VecDeque<u64> {
        let (mut found, mut of, mut before) = (VecDeque::new(), None, u64::MAX);
        for _ in 0..LOOK_BACK {
            let Some((key, bytes)) = self.previous(Lane::Alerts, before) else { break };
            if key.number <= after {
                break;
            }
            before = key.number;
            let alert = Record::decode(&bytes).map(|record| record.alert_id().to_owned());
            let of = of.get_or_insert_with(|| alert.clone());
            if *of == alert {
                found.push_front(key.number);
            }
        }
        found
    }

    /// The last message of a lane with a number below `before`.
    fn previous(&mut self, lane: Lane, before: u64) -> Option<(Key, Vec<u8>)> {
        let on_disk = self.disk.as_ref().map(|disk| disk.previous(lane, before));
        let on_disk = on_disk.unwrap_or(Ok(None)).unwrap_or_else(|error| {
            self.disk_failed(&error);
            None
        });
        let copies = (self.disk.is_none() && lane == Lane::Alerts).then_some(&self.copies);
        let in_memory = [Some(&self.memory[lane as usize]), copies]
            .into_iter()
            .filter_map(|held| held?.range(..before).next_back())
            .max_by_key(|(number, _)| **number)
            .map(|(&number, record)| (Key { lane, number }, record.clone()));
        [on_disk, in_memory].into_iter().flatten().max_by_key(|(key, _)| key.number)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::publish::message::{BootId, Envelope};
    use crate::publish::settings::StoreSettings;
    use crate::system::clock::Clock;
    use crate::system::metrics::Metrics;

    fn opened(folder: &tempfile::TempDir) -> Outbox {
        let settings = StoreSettings { path: folder.path().into(), max_mb: 10, review_mb: 0 };
        Outbox::open(&settings, Clock::start(), Arc::new(Metrics::default())).unwrap()
    }

    /// Steps of these alerts, in this order.
    fn tell(outbox: &mut Outbox, alerts: &[&str]) {
        for alert in alerts {
            let envelope = Envelope::now(Clock::start(), &BootId("0".repeat(16)), 0);
            let record = Record::other(&envelope, None, alert, &alert).unwrap().encode().unwrap();
            outbox.put(vec![(Lane::Alerts, record)]);
        }
    }

    /// The numbers as they would go out, from the first on.
    fn order(outbox: &mut Outbox) -> Vec<u64> {
        let (mut foremost, mut reached, mut sent) = (Foremost::default(), 0, Vec::new());
        while let Some((next, _)) = outbox.next(Lane::Alerts, reached) {
            let (key, _) = foremost.before(next.number, outbox).unwrap_or((next, Vec::new()));
            if !foremost.passed(key) {
                reached = key.number;
            }
            if !sent.contains(&key.number) {
                sent.push(key.number);
            }
        }
        sent
    }

    #[test]
    fn the_newest_alert_goes_before_the_backlog_whole_and_in_its_own_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = opened(&folder);
        tell(&mut outbox, &["a", "a", "b", "c", "b", "c"]);
        assert_eq!(order(&mut outbox), [4, 6, 1, 2, 3, 5]);
        drop(outbox);
        assert_eq!(order(&mut opened(&folder)), [4, 6, 1, 2, 3, 5], "after a restart as well");
    }

    #[test]
    fn without_a_backlog_nothing_is_turned_round() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = opened(&folder);
        tell(&mut outbox, &["a", "a", "a"]);
        assert_eq!(order(&mut outbox), [1, 2, 3]);
        tell(&mut outbox, &["b", "a"]);
        assert_eq!(order(&mut outbox), [1, 2, 3, 5, 4], "one alert in the midst of the other");
    }

    #[test]
    fn one_that_comes_while_the_backlog_is_sent_is_next() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = opened(&folder);
        tell(&mut outbox, &["a", "b", "c"]);
        let mut foremost = Foremost::default();
        let mut first = |outbox: &mut Outbox, next: u64| {
            let key = foremost.before(next, outbox).map(|(key, _)| key);
            key.map(|key| (foremost.passed(key), key.number).1)
        };
        assert_eq!((first(&mut outbox, 1), first(&mut outbox, 1)), (Some(3), None));
        tell(&mut outbox, &["d", "d"]);
        assert_eq!(first(&mut outbox, 1), Some(4));
        tell(&mut outbox, &["d"]);
        assert_eq!((first(&mut outbox, 2), first(&mut outbox, 2)), (Some(5), Some(6)));
        assert_eq!(first(&mut outbox, 2), None);
        outbox.remove(&[Key { lane: Lane::Alerts, number: 3 }]);
        tell(&mut outbox, &["c"]);
        assert_eq!(first(&mut outbox, 2), Some(7), "what was sent before has had its turn");
    }

    #[test]
    fn it_is_found_in_memory_too_where_there_is_no_disk() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("outbox.redb")).unwrap();
        let mut outbox = opened(&folder);
        tell(&mut outbox, &["a", "b", "c", "c"]);
        let numbers = order(&mut outbox);
        assert!(numbers[0] + 1 == numbers[1] && numbers[1] > numbers[2] && numbers.len() == 4, "{numbers:?}");
    }
}
