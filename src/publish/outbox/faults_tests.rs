//! Power cuts, failing and slow disks and damaged files, in rounds of chance, on the outbox as the daemon uses it. Each round prints what
//! its fault did; one whose fault did nothing has failed. `FAULTS_SEED` plays a run again, `FAULTS_ROUNDS` says how many.

#![allow(clippy::print_stdout, reason = "what a round did is its result")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::card::{Card, seed};
use super::*;
use crate::system::clock::Stopwatch;

const USUAL_ROUNDS: u64 = 300;

fn rounds() -> u64 {
    std::env::var("FAULTS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(USUAL_ROUNDS)
}

/// What was given to outboxes, by a number of its own that begins each record.
#[derive(Default)]
struct Given {
    next: u64,
    /// Committed, and not removed: must be there.
    safe: BTreeMap<u64, (Lane, Vec<u8>)>,
    /// Pictures that wait in memory: must be there while there is power.
    fresh: BTreeMap<u64, (Lane, Vec<u8>)>,
    /// Removed, or given while the power went: may be there.
    open: BTreeMap<u64, (Lane, Vec<u8>)>,
}

/// What was found, and how.
#[derive(Default, Debug)]
struct Sums {
    given: u64,
    lost: u64,
    phantom: u64,
    doubled: u64,
    came_back: u64,
}

impl Given {
    fn record(&mut self, rng: &mut Pcg64) -> (Lane, Vec<u8>) {
        let lane = if rng.random_bool(0.7) { Lane::Alerts } else { Lane::Snapshots };
        let length =
            if lane == Lane::Alerts { rng.random_range(8..1_500) } else { rng.random_range(8..40_000) };
        let mut record = vec![0; length];
        rng.fill(&mut record[..]);
        self.next += 1;
        record[..8].copy_from_slice(&self.next.to_be_bytes());
        (lane, record)
    }

    /// Gives some records to the outbox, and now and then the pictures' time in memory is over.
    fn put(&mut self, outbox: &mut Outbox, rng: &mut Pcg64, safe: impl Fn(&Outbox) -> bool) {
        let records: Vec<_> = (0..rng.random_range(1..=4)).map(|_| self.record(rng)).collect();
        outbox.put(records.clone());
        let known = records.into_iter().map(|(lane, record)| (number(&record), (lane, record)));
        let (alerts, pictures): (Vec<_>, Vec<_>) = known.partition(|(_, (lane, _))| *lane == Lane::Alerts);
        let to = if safe(outbox) { &mut self.safe } else { &mut self.open };
        to.extend(alerts);
        self.fresh.extend(pictures);
        if rng.random_bool(0.3) {
            outbox.write(Lane::Snapshots);
            self.written(safe(outbox));
        }
    }

    /// Pictures were written, or perhaps not.
    fn written(&mut self, safe: bool) {
        let to = if safe { &mut self.safe } else { &mut self.open };
        to.append(&mut self.fresh);
    }

    /// The broker has one of those that wait.
    fn deliver(&mut self, outbox: &mut Outbox, rng: &mut Pcg64) {
        let lane = if rng.random_bool(0.8) { Lane::Alerts } else { Lane::Snapshots };
        if let Some((key, record)) = outbox.next(lane, 0) {
            outbox.remove(&[key]);
            let number = number(&record);
            let known = self.safe.remove(&number).or_else(|| self.fresh.remove(&number));
            self.open.extend(known.map(|record| (number, record)));
        }
    }

    /// Compares with what waits; what is found is what is safe from now on.
    fn check(&mut self, outbox: &mut Outbox, sums: &mut Sums) {
        self.safe.append(&mut self.fresh);
        let mut found = BTreeMap::new();
        for lane in [Lane::Alerts, Lane::Snapshots] {
            for record in waiting(outbox, lane) {
                let known = number(&record);
                let expected = self.safe.get(&known).or_else(|| self.open.get(&known));
                sums.phantom += u64::from(expected != Some(&(lane, record.clone())));
                sums.came_back += u64::from(self.open.contains_key(&known));
                sums.doubled += u64::from(found.insert(known, (lane, record)).is_some());
            }
        }
        sums.lost += self.safe.keys().filter(|number| !found.contains_key(number)).count() as u64;
        sums.given = self.next;
        self.safe = found;
        self.open.clear();
    }
}

fn number(record: &[u8]) -> u64 {
    u64::from_be_bytes(record[..8].try_into().unwrap())
}

fn waiting(outbox: &mut Outbox, lane: Lane) -> Vec<Vec<u8>> {
    let (mut found, mut after) = (Vec::new(), 0);
    while let Some((key, record)) = outbox.next(lane, after) {
        after = key.number;
        found.push(record);
    }
    found
}

fn on(card: &Card, folder: &Path) -> Outbox {
    let settings = StoreSettings { path: folder.into(), max_mb: 64, review_mb: 0 };
    Outbox::on(card.medium(), &settings, Clock::start(), Arc::new(Metrics::default())).unwrap()
}

/// One line for people and docs/delivery.py.
fn summary(fault: &str, seed: u64, rounds: u64, sums: &Sums, effect: &str) {
    let Sums { given, lost, phantom, doubled, came_back } = sums;
    println!(
        "summary: {{\"fault\": \"{fault}\", \"seed\": {seed}, \"rounds\": {rounds}, \"messages\": {given}, \"lost\": {lost}, \
         \"phantom\": {phantom}, \"doubled\": {}, \"effect\": \"{effect}\"}}",
        doubled + came_back
    );
    assert_eq!(
        (*lost, *phantom),
        (0, 0),
        "{fault}: FAULTS_SEED={seed} FAULTS_ROUNDS={rounds} plays it again"
    );
}

#[test]
fn no_power_cut_loses_a_committed_message_or_makes_one_up() {
    let (seed, folder) = (seed(), tempfile::tempdir().unwrap());
    let mut rng = Pcg64::seed_from_u64(seed);
    let (mut card, mut given, mut sums) = (Card::default(), Given::default(), Sums::default());
    let mut lost_bytes = 0;
    for round in 0..rounds() {
        if round % 50 == 0 {
            (card, given.safe) = (Card::default(), BTreeMap::new());
        }
        let mut outbox = on(&card, folder.path());
        card.cut_after(rng.random_range(1..60));
        while !card.is_dark() {
            match rng.random_range(0..10) {
                0..6 => given.put(&mut outbox, &mut rng, |outbox| outbox.trouble().is_none()),
                6..9 => given.deliver(&mut outbox, &mut rng),
                _ => {
                    outbox.sync();
                    given.written(outbox.trouble().is_none());
                }
            }
        }
        given.written(false);
        let cut = card.power_returns(&mut rng);
        drop(outbox);
        lost_bytes += cut.bytes;
        assert!(cut.lost + cut.torn > 0, "round {round} of seed {seed}: the power cut did nothing");
        let mut outbox = on(&card, folder.path());
        assert_eq!(outbox.trouble(), None, "round {round} of seed {seed}: no power cut damages the file");
        given.check(&mut outbox, &mut sums);
        assert_eq!(outbox.depth(), given.safe.len() as u64, "round {round} of seed {seed}");
        println!(
            "power cut {round}: of {} unsynced changes {} lost, {} torn, {} bytes; {} messages wait; {sums:?}",
            cut.unsynced,
            cut.lost,
            cut.torn,
            cut.bytes,
            given.safe.len()
        );
    }
    summary("power cut", seed, rounds(), &sums, &format!("{lost_bytes} bytes lost"));
}

/// Writes fail for a while: full, read-only, broken. Nothing waits on a disk alone that cannot be read, and nothing is lost.
#[test]
fn no_failing_disk_loses_a_message_while_there_is_power() {
    let (seed, folder) = (seed(), tempfile::tempdir().unwrap());
    let mut rng = Pcg64::seed_from_u64(seed);
    let (mut card, mut given, mut sums) = (Card::default(), Given::default(), Sums::default());
    let mut outbox = on(&card, folder.path());
    let mut failures = 0;
    for round in 0..rounds() {
        if round % 50 == 0 {
            (card, given.safe) = (Card::default(), BTreeMap::new());
            outbox = on(&card, folder.path());
        }
        let kinds = [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::Other];
        card.fail_after(rng.random_range(0..20), kinds[rng.random_range(0..3)]);
        for _ in 0..rng.random_range(4..12) {
            given.put(&mut outbox, &mut rng, |_| true);
            if rng.random_bool(0.5) {
                given.deliver(&mut outbox, &mut rng);
            }
            if rng.random_bool(0.3) {
                outbox.retry_at_ms = 0;
            }
            outbox.maintain();
        }
        while outbox.trouble().is_none() {
            given.put(&mut outbox, &mut rng, |_| true);
        }
        let failed = card.repair();
        failures += failed;
        assert!(failed > 0, "round {round} of seed {seed}: nothing failed");
        outbox.retry_at_ms = 0;
        outbox.maintain();
        assert_eq!(outbox.trouble(), None, "round {round} of seed {seed}");
        given.check(&mut outbox, &mut sums);
        println!(
            "failing disk {round}: {failed} writes failed; {} messages wait; {sums:?}",
            given.safe.len()
        );
    }
    summary("failing disk", seed, rounds(), &sums, &format!("{failures} writes failed"));
}

/// A commit on a worn card takes long. Whoever commits waits for it; nothing is called safe before.
#[test]
fn a_slow_disk_delays_messages_and_loses_none() {
    let (seed, folder) = (seed(), tempfile::tempdir().unwrap());
    let mut rng = Pcg64::seed_from_u64(seed);
    let (card, mut given, mut sums) = (Card::default(), Given::default(), Sums::default());
    let rounds = rounds().div_ceil(10);
    for round in 0..rounds {
        let mut outbox = on(&card, folder.path());
        let takes = Duration::from_millis(rng.random_range(5..40));
        card.slow(takes);
        let (watch, before) = (Stopwatch::start(), card.stalled());
        given.put(&mut outbox, &mut rng, |outbox| outbox.trouble().is_none());
        outbox.write(Lane::Snapshots);
        given.written(true);
        let (waited, stalled) = (watch.elapsed(), card.stalled() - before);
        assert!(stalled >= takes && waited >= takes, "round {round} of seed {seed}: not slow");
        card.cut_after(1);
        given.deliver(&mut outbox, &mut rng);
        outbox.sync();
        given.written(false);
        card.power_returns(&mut rng);
        drop(outbox);
        given.check(&mut on(&card, folder.path()), &mut sums);
        println!("slow disk {round}: stalled for {} ms; {sums:?}", stalled.as_millis());
    }
    summary("slow disk", seed, rounds, &sums, "every commit stalled for 5 to 40 ms");
}

/// A medium loses bits at rest. Such a file is set aside and replaced; it ends no daemon, and nothing is made up from it.
#[test]
fn no_damaged_file_ends_the_daemon_or_makes_up_a_message() {
    let (seed, mut aside) = (seed(), 0);
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut sums = Sums::default();
    let rounds = rounds().div_ceil(2);
    for round in 0..rounds {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings { path: folder.path().into(), max_mb: 64, review_mb: 0 };
        let open = || Outbox::open(&settings, Clock::start(), Arc::new(Metrics::default())).unwrap();
        let (mut given, mut outbox) = (Given::default(), open());
        for _ in 0..rng.random_range(1..12) {
            given.put(&mut outbox, &mut rng, |_| true);
        }
        // A clean end moves all to the database.
        if rng.random_bool(0.5) {
            outbox.sync();
        }
        outbox.write(Lane::Snapshots);
        given.written(true);
        drop(outbox);
        let file = ["outbox.redb", "outbox.journal"][rng.random_range(0..2)];
        let bytes = flip(&folder.path().join(file), &mut rng);
        let mut outbox = open();
        let replaced = outbox.trouble().is_some();
        aside += u64::from(replaced);
        let found: BTreeSet<Vec<u8>> =
            Lane::ALL.iter().flat_map(|lane| waiting(&mut outbox, *lane)).collect();
        let known: BTreeSet<Vec<u8>> = given.safe.values().map(|(_, record)| record.clone()).collect();
        sums.given += known.len() as u64;
        sums.phantom += found.difference(&known).count() as u64;
        if !replaced {
            sums.lost += known.difference(&found).count() as u64;
        }
        outbox.put(vec![(Lane::Alerts, b"the next alert".to_vec())]);
        assert!(waiting(&mut outbox, Lane::Alerts).contains(&b"the next alert".to_vec()));
        println!("damaged file {round}: {bytes} bytes of {file} changed, set aside: {replaced}; {sums:?}");
    }
    assert!(aside > 0, "seed {seed}: no damage was found");
    summary(
        "damaged file",
        seed,
        rounds,
        &sums,
        &format!("{aside} files set aside and told, the others hit where nothing stood or what stands twice"),
    );
}

/// Changes some bytes of a file, or a whole stretch of it; tells how many.
fn flip(file: &Path, rng: &mut Pcg64) -> usize {
    let mut content = std::fs::read(file).unwrap();
    let bytes = [1, 1, 4, 64, 512, 4096][rng.random_range(0..6)];
    // What is in use lies at the front; the file grows ahead of its content.
    let end = if rng.random_bool(0.8) { content.len().min(160_000) } else { content.len() };
    let at = rng.random_range(0..end - bytes);
    content[at..at + bytes].iter_mut().for_each(|byte| *byte ^= rng.random_range(1..=255u8));
    std::fs::write(file, content).unwrap();
    bytes
}
