//! The field store: pictures that the camera keeps for training and review, and sends when the link is cheap. A folder beside the outbox, a file a picture.
//!
//! Bounded in room and in what is written a day; what there is no room for goes by [`shelf`], what may not be written is counted by its reason. A file has
//! its name only when it is whole, and stays until the broker has its picture: a power cut costs nothing that was kept, and what it sends twice the
//! station takes once. A disk that fails costs pictures, never an alert.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::Record;
use super::settings::FieldSettings;
use crate::system::file;
use crate::system::seldom::Seldom;

mod feed;
mod kept;
mod purse;
mod shelf;

pub use feed::Feed;
pub use kept::{Cause, FieldMessage, KeptDraft, Reason};
use purse::Purse;
use shelf::{Item, Shelf, Thinned};

/// Name of the folder.
const FOLDER: &str = "field";
/// What was thinned, so that the sample's probabilities stay true over a restart.
const THINNED: &str = "thinned.json";
const MB: u64 = 1024 * 1024;

/// Where the pictures of a store's folder stand.
pub fn folder(store: &Path) -> PathBuf {
    store.join(FOLDER)
}

/// The store.
pub struct Field {
    folder: PathBuf,
    shelf: Shelf,
    purse: Purse,
    /// Number of the last picture.
    last: u64,
    dropped: BTreeMap<Reason, BTreeMap<Cause, u64>>,
    written: u64,
    sent: u64,
    said: BTreeMap<Cause, Seldom>,
}

impl Field {
    /// With what an earlier life kept. A folder that cannot be read is told, and tried again with the next picture.
    pub fn open(store: &Path, settings: &FieldSettings) -> Field {
        let mut field = Field {
            folder: folder(store),
            shelf: Shelf::new(settings.mb * MB, Thinned::default()),
            purse: Purse::new(settings.mb_a_day, settings.reserved_mb_a_day),
            last: 0,
            dropped: BTreeMap::new(),
            written: 0,
            sent: 0,
            said: BTreeMap::new(),
        };
        if let Err(error) = field.find() {
            tracing::error!("{}: {error}; check the folder's owner and the medium", field.folder.display());
        }
        field
    }

    /// Takes up what stands in the folder, and removes what a power cut left of a picture, or of its removal.
    fn find(&mut self) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        let text = fs::read(self.folder.join(THINNED)).unwrap_or_default();
        self.shelf.thinned = serde_json::from_slice(&text).unwrap_or_default();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().into_string().unwrap_or_default();
            let item = Item::of_name(&name)
                .map(|item| Item { bytes: entry.metadata().map_or(0, |m| m.len()), ..item });
            match item {
                Some(item) if self.shelf.thinned.keeps(&item) => {
                    self.last = self.last.max(item.number);
                    self.shelf.put(item);
                }
                _ if name == THINNED => {}
                _ => fs::remove_file(entry.path())?,
            }
        }
        self.last = self.last.max(self.shelf.thinned.last());
        Ok(())
    }

    /// Keeps a picture, if it may and there is room for it; it is on the medium when this returns.
    pub fn keep(&mut self, reason: Reason, record: &[u8], now: Duration) {
        let bytes = record.len() as u64;
        if !self.purse.has(reason, bytes, now) {
            return self.drop_for(reason, Cause::Wear, now);
        }
        self.last += 1;
        let draw = (RandomState::new().hash_one(self.last) >> 32) as u32;
        let item = Item { number: self.last, reason, draw, bytes };
        let leaves = self.shelf.place(item);
        if let Err(error) = self.settle(&leaves, item, record) {
            self.shelf.take(item.number);
            tracing::debug!("{}: {error}", self.folder.display());
            return self.drop_for(reason, Cause::Disk, now);
        }
        for gone in leaves {
            self.drop_for(gone.reason, Cause::Room, now);
        }
    }

    /// First what was thinned is known, then files go, then the new one comes: cut off anywhere, nothing is counted for more than it is.
    fn settle(&mut self, leaves: &[Item], new: Item, record: &[u8]) -> io::Result<()> {
        if leaves.iter().any(|item| item.reason == Reason::Random) {
            file::replace(&self.folder.join(THINNED), &serde_json::to_vec(&self.shelf.thinned)?)?;
        }
        for gone in leaves.iter().filter(|gone| gone.number != new.number) {
            fs::remove_file(self.folder.join(gone.name()))?;
        }
        if leaves.iter().any(|gone| gone.number == new.number) {
            return Ok(());
        }
        file::replace(&self.folder.join(new.name()), record)?;
        self.purse.spend(new.bytes);
        self.written += new.bytes;
        Ok(())
    }

    /// The oldest picture as it goes out, with its number here. One that cannot be read is removed and counted.
    pub fn next(&mut self, now: Duration) -> Option<(u64, Vec<u8>)> {
        while let Some(item) = self.shelf.oldest() {
            let path = self.folder.join(item.name());
            let record = fs::read(&path).ok().and_then(|bytes| Record::decode(&bytes));
            let share = if item.reason == Reason::Random { self.shelf.thinned.share(&item) } else { 1.0 };
            match record.and_then(|record| record.thinned(share).encode().ok()) {
                Some(bytes) => return Some((item.number, bytes)),
                None => {
                    self.shelf.take(item.number);
                    let _ = fs::remove_file(path);
                    self.drop_for(item.reason, Cause::Disk, now);
                }
            }
        }
        None
    }

    /// The broker has it.
    pub fn sent(&mut self, number: u64) {
        let Some(item) = self.shelf.take(number) else { return };
        self.sent += 1;
        let path = self.folder.join(item.name());
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!("{}: {error}; it will be sent again after a restart", path.display());
        }
    }

    fn drop_for(&mut self, reason: Reason, cause: Cause, now: Duration) {
        *self.dropped.entry(reason).or_default().entry(cause).or_default() += 1;
        if self.said.entry(cause).or_default().may(now) {
            tracing::warn!(
                "{}: a picture ({}) is not kept: {}; further ones are counted in the telemetry",
                self.folder.display(),
                reason.name(),
                cause.words()
            );
        }
    }

    /// How it stands, for the telemetry.
    pub fn message(&self) -> FieldMessage {
        let mb = |bytes: u64| bytes as f64 / MB as f64;
        FieldMessage {
            pictures: self.shelf.counts(),
            mb: mb(self.shelf.bytes()),
            most_mb: mb(self.shelf.most_bytes()),
            written_mb: mb(self.written),
            sent: self.sent,
            dropped: self.dropped.clone(),
        }
    }
}

#[cfg(test)]
#[path = "field_tests.rs"]
mod tests;
