//! A disk that is damaged, fails, and comes back.

use std::collections::BTreeMap;
use std::path::Path;

use super::{FAR, Outbox, RETRY_MS};
use crate::publish::delivery::{Key, Lane};
use crate::publish::disk::{Disk, DiskError, Load};

impl Outbox {
    /// Opens the disk and counts what waits there. A damaged file, be it that it shows only when it is read or was found while it was
    /// in use, is set aside and replaced. Numbers go on: none is given twice in one life of the daemon.
    pub(super) fn open_disk(&mut self) -> Result<(), DiskError> {
        if let Some((path, said)) = self.damage.take() {
            self.set_aside(&path, &said)?;
        }
        // Both files may be damaged.
        for _ in 0..2 {
            match self.take_disk() {
                Err(DiskError::Damaged { path, reason }) => self.set_aside(&path, &reason)?,
                other => return other,
            }
        }
        self.take_disk()
    }

    pub(super) fn take_disk(&mut self) -> Result<(), DiskError> {
        let mut disk = Disk::open(&self.settings.path, &self.medium)?;
        if !self.owed.is_empty() {
            disk.remove(&Vec::from_iter(self.owed.iter().copied()))?;
            disk.sync()?;
        }
        let mut loads = [Load::default(); Lane::ALL.len()];
        for lane in Lane::ALL {
            loads[lane as usize] = disk.load(lane)?;
        }
        let known = if self.last >= FAR { 0 } else { self.last };
        self.last = loads.iter().map(|load| load.last).fold(known, u64::max);
        self.on_disk = loads;
        self.owed.clear();
        self.disk = Some(disk);
        self.trouble = None;
        self.show_depth();
        Ok(())
    }

    pub(super) fn set_aside(&mut self, path: &Path, said: &str) -> Result<(), DiskError> {
        let aside = Disk::set_aside(path, self.clock.unix_ms()).map_err(|e| DiskError::Unusable {
            path: path.into(),
            reason: format!("it is damaged ({said}) and cannot be set aside: {e}"),
        })?;
        tracing::error!(
            "{} is damaged: {said}; set aside as {}, a new one is used",
            path.display(),
            aside.display()
        );
        self.aside = Some(aside);
        Ok(())
    }

    /// From now on memory serves. Said once in the log.
    pub(super) fn disk_failed(&mut self, error: &DiskError) {
        let text = error.to_string();
        if self.trouble.as_ref() != Some(&text) {
            tracing::error!("{text}; messages wait in memory and are lost if the power fails");
        }
        self.disk = None;
        self.damage = match error {
            DiskError::Damaged { path, reason } => Some((path.clone(), reason.clone())),
            _ => None,
        };
        self.trouble = Some(text);
        self.retry_at_ms = self.clock.uptime_ms() + RETRY_MS;
        self.show_depth();
    }

    /// Brings memory to the disk, but for what a write that failed has brought there all the same. Numbers from before anybody knew the
    /// disk's are given anew: what of them is on its way is then sent twice, which receivers can tell.
    pub(super) fn move_to_disk(&mut self) -> Result<(), DiskError> {
        self.take_back_lost_copies()?;
        let mut records = Vec::new();
        for lane in Lane::ALL {
            let highest = self.on_disk[lane as usize].last;
            for (&number, record) in &self.memory[lane as usize] {
                if self.is_on_disk(Key { lane, number }, record)? {
                    continue;
                }
                let number = if number > highest && number < FAR { number } else { self.last + 1 };
                self.last = self.last.max(number);
                records.push((Key { lane, number }, record.clone()));
            }
        }
        if let Some(disk) = &mut self.disk {
            disk.put(&records)?;
        }
        self.count_on_disk(&records);
        self.memory.iter_mut().for_each(BTreeMap::clear);
        self.returned += 1;
        Ok(())
    }

    /// Copies of what the disk has lost meanwhile, be it that the file was damaged or is gone, are the only ones left.
    pub(super) fn take_back_lost_copies(&mut self) -> Result<(), DiskError> {
        let mut lost = Vec::new();
        for (&number, record) in &self.copies {
            if !self.is_on_disk(Key { lane: Lane::Alerts, number }, record)? {
                lost.push(number);
            }
        }
        for number in lost {
            let copy = self.copies.remove_entry(&number);
            self.memory[Lane::Alerts as usize].extend(copy);
        }
        Ok(())
    }

    fn is_on_disk(&self, key: Key, record: &[u8]) -> Result<bool, DiskError> {
        let found = self.disk.as_ref().map_or(Ok(None), |disk| disk.next(key.lane, key.number - 1))?;
        Ok(found.is_some_and(|(at, on_disk)| at == key && on_disk == record))
    }
}
