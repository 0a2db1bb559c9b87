//! An SD card for tests, below redb and the journal: what was not synced may be lost, torn or overtaken when the power goes; writes may fail, syncs take
//! their time.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{Error, ErrorKind, Result};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use redb::{Builder, StorageBackend};

use crate::publish::disk::Medium;

/// What a write reaches at once; a torn one has some of them.
const SECTOR: usize = 512;

/// A card that outlives the daemons that write to it. Copies are the same card.
#[derive(Clone, Debug, Default)]
pub struct Card(Arc<Mutex<State>>);

/// The files on it.
const DATABASE: usize = 0;
const JOURNAL: usize = 1;

#[derive(Debug, Default)]
struct State {
    /// What is there after a power cut, by file.
    durable: [Vec<u8>; 2],
    /// What is read while there is power.
    content: [Vec<u8>; 2],
    unsynced: Vec<(usize, Change)>,
    /// Counts power cuts: who opened the card before one has lost it.
    life: u64,
    /// Changes until the power goes.
    power_for: Option<u64>,
    /// Changes until writes begin to fail, and with what.
    fails_after: Option<(u64, ErrorKind)>,
    /// Changes that failed.
    failed: u64,
    sync_takes: Duration,
    stalled: Duration,
}

#[derive(Clone, Debug)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Length(usize),
}

/// What a power cut did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cut {
    /// Changes that were not synced.
    pub unsynced: usize,
    /// Of these, gone.
    pub lost: usize,
    /// Of these, there in part.
    pub torn: usize,
    /// Bytes that did not reach the medium.
    pub bytes: usize,
}

impl Card {
    /// Opens it like the outbox's files.
    pub fn medium(&self) -> Medium {
        let (one, other) = (self.clone(), self.clone());
        Medium {
            database: Box::new(move |builder: &Builder, _| builder.create_with_backend(one.opened(DATABASE))),
            journal: Box::new(move |_| Ok(Box::new(other.opened(JOURNAL)))),
        }
    }

    fn opened(&self, file: usize) -> Opened {
        Opened { card: self.clone(), file, life: self.state().life }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// The power goes in the middle of the change after so many.
    pub fn cut_after(&self, changes: u64) {
        self.state().power_for = Some(changes);
    }

    /// Whether the power is gone.
    pub fn is_dark(&self) -> bool {
        self.state().power_for == Some(0)
    }

    /// From the change after so many on, writes fail.
    pub fn fail_after(&self, changes: u64, with: ErrorKind) {
        self.state().fails_after = Some((changes, with));
    }

    /// Writes work again. Tells how many failed.
    pub fn repair(&self) -> u64 {
        let mut state = self.state();
        state.fails_after = None;
        std::mem::take(&mut state.failed)
    }

    /// From now on a sync takes so long.
    pub fn slow(&self, sync_takes: Duration) {
        self.state().sync_takes = sync_takes;
    }

    /// How long syncs have held their callers up.
    pub fn stalled(&self) -> Duration {
        self.state().stalled
    }

    /// The power comes back: of what was not synced some changes are there, in any order, some in part, and at least one is not.
    pub fn power_returns(&self, rng: &mut Pcg64) -> Cut {
        let mut state = self.state();
        let mut changes = std::mem::take(&mut state.unsynced);
        let mut cut = Cut { unsynced: changes.len(), ..Cut::default() };
        let kept = [0.0, 0.3, 0.7, 0.95][rng.random_range(0..4)];
        let unlucky = rng.random_range(0..changes.len().max(1));
        changes = changes
            .into_iter()
            .enumerate()
            .flat_map(|(i, (file, change))| {
                let left = survives(change, i == unlucky, kept, rng, &mut cut);
                left.into_iter().map(move |change| (file, change))
            })
            .collect();
        changes.shuffle(rng);
        let mut durable = std::mem::take(&mut state.durable);
        changes.iter().for_each(|(file, change)| apply(&mut durable[*file], change));
        *state = State { content: durable.clone(), durable, life: state.life + 1, ..State::default() };
        cut
    }
}

fn survives(change: Change, unlucky: bool, kept: f64, rng: &mut Pcg64, cut: &mut Cut) -> Vec<Change> {
    let size = if let Change::Write { bytes, .. } = &change { bytes.len() } else { 0 };
    if unlucky || !rng.random_bool(kept) {
        cut.lost += 1;
        cut.bytes += size;
        return Vec::new();
    }
    match change {
        Change::Write { at, bytes } if size > SECTOR && rng.random_bool(0.3) => {
            cut.torn += 1;
            let sectors = bytes.chunks(SECTOR).enumerate();
            let kept: Vec<Change> = sectors
                .filter(|_| rng.random_bool(0.5))
                .map(|(i, sector)| Change::Write { at: at + i * SECTOR, bytes: sector.to_vec() })
                .collect();
            cut.bytes += size - kept.len() * SECTOR;
            kept
        }
        whole => vec![whole],
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => content.resize(*length, 0),
        Change::Write { at, bytes } => {
            let end = at + bytes.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*at..end].copy_from_slice(bytes);
        }
    }
}

/// A file of the card in the hands of one daemon.
#[derive(Debug)]
struct Opened {
    card: Card,
    file: usize,
    life: u64,
}

impl Opened {
    fn state(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.card.state();
        let gone = state.life != self.life || state.power_for == Some(0);
        if gone { Err(Error::other("no power")) } else { Ok(state) }
    }

    /// The state, where this change goes through.
    fn changing(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.state()?;
        if let Some(left) = state.power_for.as_mut() {
            *left -= 1;
        }
        if let Some((left, kind)) = state.fails_after.as_mut() {
            if *left == 0 {
                let error = Error::from(*kind);
                state.failed += 1;
                return Err(error);
            }
            *left -= 1;
        }
        Ok(state)
    }

    fn change(&self, change: Change) -> Result<()> {
        let mut state = self.changing()?;
        apply(&mut state.content[self.file], &change);
        state.unsynced.push((self.file, change));
        if state.power_for == Some(0) { Err(Error::other("no power")) } else { Ok(()) }
    }
}

impl StorageBackend for Opened {
    fn len(&self) -> Result<u64> {
        Ok(self.state()?.content[self.file].len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let (state, at) = (self.state()?, offset as usize);
        let bytes = state.content[self.file].get(at..at + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.change(Change::Length(len as usize))
    }

    fn sync_data(&self) -> Result<()> {
        let takes = self.state()?.sync_takes;
        std::thread::sleep(takes);
        let mut state = self.changing()?;
        state.stalled += takes;
        if state.power_for == Some(0) {
            return Err(Error::other("no power"));
        }
        state.durable[self.file] = state.content[self.file].clone();
        state.unsynced.retain(|(file, _)| *file != self.file);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.change(Change::Write { at: offset as usize, bytes: data.to_vec() })
    }
}

/// The seed of a run: `FAULTS_SEED`, or one that nobody has chosen.
pub fn seed() -> u64 {
    let given = std::env::var("FAULTS_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| RandomState::new().hash_one("faults") % 1_000_000)
}
