//! The only memory of a message: on disk before it is sent, gone when the broker has it.
//!
//! What happens when room runs out: see [`room`]. What happens when the disk fails: new messages wait in memory, alerts that were just
//! written are sent from a copy, what else is on the disk waits there, and the disk is tried again every few seconds. What happens when
//! the file is damaged: it is set aside, and a new one takes its place. All of it is counted, logged once and told to the rangers as
//! degraded health.

#[cfg(test)]
mod card;
mod history;
mod late;
mod newest;
mod recovery;
mod room;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use history::Thinning;
use late::Due;
pub use newest::Foremost;

use super::PublishError;
use super::delivery::{Key, Lane};
use super::disk::{Disk, DiskError, Load, Medium};
use super::settings::StoreSettings;
use crate::system::clock::Clock;
use crate::system::metrics::Metrics;

/// Most bytes of alerts on the disk that are kept as copies: some thousand alerts.
const COPIES_BYTES: usize = 1024 * 1024;
/// Where numbers begin while nobody knows which ones the disk holds. An acknowledgement of such a message must never remove
/// another one: on the disk they get numbers of their own.
const FAR: u64 = 1 << 63;
/// A disk that failed is tried again after this.
const RETRY_MS: u64 = 5_000;

/// Messages that wait for the broker.
pub struct Outbox {
    settings: StoreSettings,
    medium: Medium,
    clock: Clock,
    metrics: Arc<Metrics>,
    disk: Option<Disk>,
    /// As last seen, so that an unreachable disk is not taken for an empty one.
    on_disk: [Load; Lane::ALL.len()],
    /// What waits while there is no disk; of pictures and telemetry also what is not worth a commit yet: see [`late`].
    memory: [BTreeMap<u64, Vec<u8>>; Lane::ALL.len()],
    /// When what is written later has its time.
    due: Due,
    /// Which telemetry is kept.
    thinning: Thinning,
    /// The newest alerts on the disk: one that fails between an alert and its sending keeps nothing from the rangers.
    copies: BTreeMap<u64, Vec<u8>>,
    /// What the broker has and a failed disk still holds; removed when that one comes back.
    owed: HashSet<Key>,
    last: u64,
    /// How often a failed disk came back.
    returned: u64,
    trouble: Option<String>,
    /// A damaged file that nobody has looked at yet.
    aside: Option<PathBuf>,
    /// What the disk said when its content made no sense: it is set aside before it is opened again.
    damage: Option<(PathBuf, String)>,
    retry_at_ms: u64,
}

impl Outbox {
    /// Opens the store. A disk that does not work is no error: it shows in [`Outbox::trouble`].
    pub fn open(
        settings: &StoreSettings,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Outbox, PublishError> {
        Outbox::on(Medium::file(), settings, clock, metrics)
    }

    /// As [`Outbox::open`], on a medium of one's own.
    pub fn on(
        medium: Medium,
        settings: &StoreSettings,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<Outbox, PublishError> {
        let mut outbox = Outbox {
            settings: settings.clone(),
            medium,
            clock,
            metrics,
            disk: None,
            on_disk: [Load::default(); Lane::ALL.len()],
            memory: Default::default(),
            due: Due::default(),
            thinning: Thinning::default(),
            copies: BTreeMap::new(),
            owed: HashSet::new(),
            last: 0,
            returned: 0,
            trouble: None,
            aside: None,
            damage: None,
            retry_at_ms: 0,
        };
        match outbox.open_disk() {
            Err(DiskError::InUse(path)) => return Err(PublishError::InUse(path)),
            Err(error) => {
                outbox.last = FAR;
                outbox.disk_failed(&error);
            }
            Ok(()) => {}
        }
        Ok(outbox)
    }

    /// Commits messages and returns when alerts are safe (or in memory, where there is no disk).
    pub fn put(&mut self, records: Vec<(Lane, Vec<u8>)>) {
        let mut keyed = self.admit(records);
        let pictures = keyed.split_off(keyed.partition_point(|(key, _)| key.lane == Lane::Alerts));
        self.commit(&keyed);
        for (key, record) in keyed {
            let held =
                if self.disk.is_some() { &mut self.copies } else { &mut self.memory[key.lane as usize] };
            held.insert(key.number, record);
        }
        for (key, record) in pictures {
            self.wait_in_memory(key, record);
        }
        while self.copies.values().map(Vec::len).sum::<usize>() > COPIES_BYTES {
            self.copies.pop_first();
        }
        self.show_depth();
    }

    /// Brings messages to the disk, where there is one, and counts them there.
    fn commit(&mut self, records: &[(Key, Vec<u8>)]) {
        let Some(disk) = self.disk.as_mut().filter(|_| !records.is_empty()) else { return };
        match disk.put(records) {
            Err(failed) => self.disk_failed(&failed),
            Ok(()) => self.count_on_disk(records),
        }
    }

    fn count_on_disk(&mut self, records: &[(Key, Vec<u8>)]) {
        for (key, record) in records {
            self.on_disk[key.lane as usize].add(key.number, record.len() as u64);
        }
    }

    /// Gives numbers to what there is room for. Alerts first, so that no snapshot of the same batch takes their room.
    fn admit(&mut self, mut records: Vec<(Lane, Vec<u8>)>) -> Vec<(Key, Vec<u8>)> {
        records.sort_by_key(|(lane, _)| *lane as usize);
        let (mut keyed, mut admitted) = (Vec::with_capacity(records.len()), 0);
        for (lane, record) in records {
            let bytes = record.len() as u64;
            if self.make_room(lane, admitted + bytes) {
                self.last += 1;
                admitted += bytes;
                keyed.push((Key { lane, number: self.last }, record));
            }
        }
        keyed
    }

    /// The first message of a lane with a number above `after`.
    pub fn next(&mut self, lane: Lane, after: u64) -> Option<(Key, Vec<u8>)> {
        if let Some(found) = self.next_on_disk(lane, after) {
            return Some(found);
        }
        let copies = (self.disk.is_none() && lane == Lane::Alerts).then_some(&self.copies);
        [Some(&self.memory[lane as usize]), copies]
            .into_iter()
            .filter_map(|held| held?.range(after + 1..).next())
            .min_by_key(|(number, _)| **number)
            .map(|(&number, record)| (Key { lane, number }, record.clone()))
    }

    fn next_on_disk(&mut self, lane: Lane, after: u64) -> Option<(Key, Vec<u8>)> {
        self.disk.as_ref()?.next(lane, after).unwrap_or_else(|error| {
            self.disk_failed(&error);
            None
        })
    }

    /// Forgets messages: the broker has them.
    pub fn remove(&mut self, keys: &[Key]) {
        let mut on_disk = Vec::new();
        for key in keys {
            if self.memory[key.lane as usize].remove(&key.number).is_none() {
                on_disk.push(*key);
            }
            if key.lane == Lane::Alerts {
                self.copies.remove(&key.number);
            }
        }
        self.remove_from_disk(&on_disk);
        self.show_depth();
    }

    /// Writes what has waited in memory for long enough; tries a failed disk again, now and then, and brings all to it.
    pub fn maintain(&mut self) {
        if self.aside.as_ref().is_some_and(|path| !path.exists()) {
            self.aside = None;
            self.show_depth();
        }
        if self.disk.is_some() {
            return self.write_late();
        }
        if self.clock.uptime_ms() < self.retry_at_ms {
            return;
        }
        let told = self.trouble.clone();
        match self.open_disk().and_then(|()| self.move_to_disk()) {
            Ok(()) => tracing::info!("outbox {} works again", self.settings.path.display()),
            Err(error) => {
                // A disk that opens and then takes nothing is the same trouble still, and was told.
                self.trouble = told;
                self.disk_failed(&error);
            }
        }
        self.show_depth();
    }

    /// Makes the removals durable and writes what waits in memory, at a clean end.
    pub fn sync(&mut self) {
        self.write(Lane::Snapshots);
        self.write(Lane::Telemetry);
        self.write(Lane::Audit);
        self.sync_disk();
    }

    /// Alerts and pictures that wait. Telemetry is not waited for: see [`history`].
    pub fn depth(&self) -> u64 {
        self.depth_of(Lane::Alerts) + self.depth_of(Lane::Snapshots)
    }

    /// Of these, what is nowhere but in memory.
    pub fn unwritten(&self) -> u64 {
        [Lane::Alerts, Lane::Snapshots].map(|lane| self.memory[lane as usize].len() as u64).iter().sum()
    }

    /// What waits of a lane: what a failed disk still holds though the broker has it does not.
    fn depth_of(&self, lane: Lane) -> u64 {
        self.held(lane).saturating_sub(self.owed.iter().filter(|key| key.lane == lane).count() as u64)
    }

    fn held(&self, lane: Lane) -> u64 {
        self.on_disk[lane as usize].count + self.memory[lane as usize].len() as u64
    }

    /// What waits of one lane.
    pub fn waiting(&self, lane: Lane) -> u64 {
        self.depth_of(lane)
    }

    /// Changes when a failed disk came back: what waits there comes before what was sent meanwhile, and keys may be new.
    pub fn returned(&self) -> u64 {
        self.returned
    }

    /// What somebody should look at, in words; `None` when all is well.
    pub fn trouble(&self) -> Option<String> {
        let damaged = |path: &PathBuf| {
            format!(
                "the outbox was damaged: what waited in it was not sent; it is set aside as {}, remove it when examined",
                path.display()
            )
        };
        self.trouble.clone().or_else(|| self.aside.as_ref().map(damaged))
    }

    fn remove_from_disk(&mut self, keys: &[Key]) {
        if keys.is_empty() {
            return;
        }
        match self.disk.as_mut().map(|disk| disk.remove(keys)) {
            // Numbers from before the disk was known name nothing on it.
            None => self.owed.extend(keys.iter().filter(|key| key.number < FAR)),
            Some(Err(error)) => {
                self.disk_failed(&error);
                self.owed.extend(keys);
            }
            Some(Ok(removed)) => {
                if self.disk.as_ref().is_some_and(Disk::owes_sync) {
                    self.removed_from_database();
                }
                for (key, bytes) in keys.iter().zip(removed) {
                    let load = &mut self.on_disk[key.lane as usize];
                    load.count = load.count.saturating_sub(u64::from(bytes.is_some()));
                    load.bytes = load.bytes.saturating_sub(bytes.unwrap_or(0));
                }
            }
        }
    }

    fn show_depth(&self) {
        let counters = &self.metrics.counters;
        for lane in Lane::ALL {
            let in_memory: usize = self.memory[lane as usize].values().map(Vec::len).sum();
            let bytes = self.on_disk[lane as usize].bytes + in_memory as u64;
            counters.waiting.of(lane.sort()).store(self.depth_of(lane), Ordering::Relaxed);
            counters.waiting_bytes.of(lane.sort()).store(bytes, Ordering::Relaxed);
        }
        let trouble = self.trouble.is_some() || self.aside.is_some();
        counters.outbox_trouble.store(trouble.into(), Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "outbox/faults_tests.rs"]
mod faults_tests;
