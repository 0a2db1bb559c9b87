//! The models of a camera on disk: `models` in the state directory. One file a bundle, named by its counter, and one file that says which is which; each is
//! replaced as a whole, so a power cut leaves the old or the new. At most three bundles stand there: the running one, the one before, the challenger.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::comparison::Tally;
use crate::system::file;

/// The folder in the state directory.
pub const FOLDER: &str = "models";
/// Which model is which.
const MEMORY: &str = "memory.json";
/// What was fetched of a bundle.
const PART: &str = "fetched.part";
/// A bundle that somebody has put there with `bearwatch models install`.
const INCOMING: &str = "incoming.bwm";
/// What a challenger saw so far.
const TALLY: &str = "comparison.json";

/// A bundle on the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its counter.
    pub version: u64,
    /// SHA-256 of the file, hexadecimal.
    pub bundle: String,
}

/// The challenger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenger {
    /// Its counter; `None` where it could not be read.
    pub version: Option<u64>,
    /// SHA-256 of the file, hexadecimal.
    pub bundle: String,
    /// Why it is not taken.
    pub refused: Option<String>,
    /// How often the daemon has begun with it and did not live to see that it does well.
    pub tries: u64,
}

/// A bundle on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// As the command said.
    pub version: u64,
    /// SHA-256, hexadecimal.
    pub bundle: String,
    /// Its length, bytes.
    pub of: u64,
    /// Nothing is asked for.
    pub waits: bool,
}

/// A model that has run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Before {
    /// The one that the program carries.
    Carried,
    /// One on the shelf.
    Bundle(Placed),
}

impl Before {
    /// Where it stands, if it does.
    pub fn placed(&self) -> Option<&Placed> {
        match self {
            Before::Carried => None,
            Before::Bundle(placed) => Some(placed),
        }
    }
}

/// Which model is which.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The newest version that has run.
    pub newest: u64,
    /// What runs; `None` is the model that the program carries.
    pub running: Option<Placed>,
    /// What ran before, where anything did.
    pub previous: Option<Before>,
    /// What would run.
    pub challenger: Option<Challenger>,
    /// Starts of the daemon since the running one was promoted, while that is on trial.
    pub trial: Option<u64>,
    /// What is on its way.
    pub fetch: Option<Fetch>,
    /// What happened last.
    pub event: String,
}

/// The folder.
#[derive(Clone, Debug)]
pub struct Shelf(PathBuf);

impl Memory {
    /// The challenger runs from now on.
    pub fn promote(&mut self) -> bool {
        let Some(Challenger { version: Some(version), bundle, refused: None, .. }) = self.challenger.take()
        else {
            return false;
        };
        let before = self.running.replace(Placed { version, bundle });
        self.previous = Some(before.map_or(Before::Carried, Before::Bundle));
        self.newest = self.newest.max(version);
        self.trial = Some(0);
        true
    }

    /// The model before runs again; what ran is taken off the shelf, and stays the newest that has run.
    pub fn revert(&mut self) -> bool {
        let Some(previous) = self.previous.take() else { return false };
        self.running = previous.placed().cloned();
        self.trial = None;
        true
    }
}

impl Shelf {
    /// Of a state directory.
    pub fn new(store: &Path) -> Shelf {
        Shelf(store.join(FOLDER))
    }

    /// What stands there; nothing where nobody has put anything there. What cannot be read is told: the carried model runs.
    pub fn memory(&self) -> (Memory, Option<String>) {
        let path = self.0.join(MEMORY);
        let told = |error: &dyn std::fmt::Display| {
            Some(format!("{}: {error}; the model that the program carries runs", path.display()))
        };
        match fs::read(&path) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(memory) => (memory, None),
                Err(error) => (Memory::default(), told(&error)),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Memory::default(), None),
            Err(error) => (Memory::default(), told(&error)),
        }
    }

    /// Writes down which is which, and removes what is none of them.
    ///
    /// # Errors
    /// Where the disk takes nothing; what stood there stays in force.
    pub fn keep(&self, memory: &Memory) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(memory)?;
        file::replace(&self.0.join(MEMORY), &json)?;
        self.tidy(memory);
        Ok(())
    }

    /// Puts a bundle there.
    ///
    /// # Errors
    /// Where the disk takes nothing.
    pub fn put(&self, version: u64, bytes: &[u8]) -> io::Result<()> {
        file::replace(&self.bundle(version), bytes)
    }

    /// A bundle of this counter.
    ///
    /// # Errors
    /// Where it is not there, or cannot be read.
    pub fn get(&self, version: u64) -> io::Result<Vec<u8>> {
        fs::read(self.bundle(version))
    }

    /// Where a bundle of this counter stands.
    pub fn bundle(&self, version: u64) -> PathBuf {
        self.0.join(format!("{version}.bwm"))
    }

    /// Where one is put by hand.
    pub fn incoming(&self) -> PathBuf {
        self.0.join(INCOMING)
    }

    /// Where what was fetched stands.
    pub fn part(&self) -> PathBuf {
        self.0.join(PART)
    }

    /// What a challenger saw so far, in this life and earlier ones.
    pub fn tally(&self, challenger: &str) -> Tally {
        let kept = fs::read(self.0.join(TALLY)).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice::<(String, Tally)>(&bytes).ok());
        kept.filter(|(of, _)| of == challenger).map(|(_, tally)| tally).unwrap_or_default()
    }

    /// Writes that down. A disk that fails costs the counts over a restart.
    pub fn keep_tally(&self, challenger: &str, tally: &Tally) {
        let kept = serde_json::to_vec(&(challenger, tally)).map_err(io::Error::from);
        if let Err(error) = kept.and_then(|json| file::replace(&self.0.join(TALLY), &json)) {
            tracing::warn!(
                "{}: {error}; a restart forgets what the challenger saw",
                self.0.join(TALLY).display()
            );
        }
    }

    /// What nobody names is of no use: a bundle that was taken back, or the rest of a write that a power cut ended.
    fn tidy(&self, memory: &Memory) {
        let of = |placed: &Placed| placed.version;
        let challenger = memory.challenger.as_ref().filter(|one| one.refused.is_none());
        let named = [
            memory.running.as_ref().map(of),
            memory.previous.as_ref().and_then(Before::placed).map(of),
            challenger.and_then(|one| one.version),
        ];
        let mut kept: Vec<PathBuf> =
            named.into_iter().flatten().map(|version| self.bundle(version)).collect();
        kept.extend([self.0.join(MEMORY), self.incoming()]);
        kept.extend(memory.fetch.as_ref().map(|_| self.part()));
        kept.extend(memory.challenger.as_ref().map(|_| self.0.join(TALLY)));
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if !kept.contains(&entry.path()) {
                // One that cannot be removed is looked at again next time.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenger(version: u64) -> Option<Challenger> {
        Some(Challenger { version: Some(version), bundle: "ab".into(), refused: None, tries: 0 })
    }

    #[test]
    fn promotion_and_the_way_back_keep_three_bundles_at_most_and_the_newest_number() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path());
        let mut memory = Memory::default();
        for version in 1..=4 {
            shelf.put(version, b"bundle").unwrap();
            memory.challenger = challenger(version);
            shelf.keep(&memory).unwrap();
            assert!(memory.promote());
            shelf.keep(&memory).unwrap();
        }
        assert_eq!(shelf.memory(), (memory.clone(), None));
        assert_eq!((memory.newest, memory.trial), (4, Some(0)));
        assert!(shelf.get(2).is_err() && shelf.get(3).is_ok() && shelf.get(4).is_ok());
        assert!(memory.revert());
        shelf.keep(&memory).unwrap();
        assert_eq!((memory.running.as_ref().unwrap().version, memory.newest), (3, 4));
        assert!(!memory.revert(), "there is nothing before it any more");
        assert!(shelf.get(4).is_err());
    }

    #[test]
    fn what_a_power_cut_left_behind_is_removed_and_a_broken_memory_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path());
        shelf.put(9, b"nobody's").unwrap();
        fs::write(shelf.0.join(".tmpAbC"), b"half").unwrap();
        fs::write(shelf.part(), b"half").unwrap();
        shelf.keep(&Memory::default()).unwrap();
        assert_eq!(fs::read_dir(&shelf.0).unwrap().count(), 1);
        fs::write(shelf.0.join(MEMORY), b"{").unwrap();
        let (memory, told) = shelf.memory();
        assert_eq!(memory, Memory::default());
        assert!(told.unwrap().contains("the model that the program carries runs"));
    }

    #[test]
    fn a_challenger_that_is_refused_cannot_run() {
        let refused = challenger(3).map(|one| Challenger { refused: Some("slow".into()), ..one });
        let mut memory = Memory { challenger: refused, ..Memory::default() };
        assert!(!memory.promote());
        assert_eq!(memory.running, None);
    }
}
