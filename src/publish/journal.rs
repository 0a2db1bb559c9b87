//! The alerts that were committed last, in a small file before the outbox's big one: a commit costs two pages and a sync here, nine pages
//! and a sync there, and most alerts are with the broker before they would have to move.
//!
//! The file has a fixed size and two halves with the same content: bits that the medium loses cost nothing, and what is whole in neither
//! half was never committed. An entry is what was committed together, on pages of its own, so that no write touches what is durable. When
//! all that it holds is gone, to the broker or to the big file, writing begins at its front again, as a new generation; what stands
//! behind is older and means nothing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use redb::StorageBackend;
use sha2::{Digest, Sha256};

/// Name of the file in the store's folder.
pub const FILE: &str = "outbox.journal";
/// What a medium writes as one.
const PAGE: usize = 4096;
/// Pages of a half: some thirty alerts.
const PAGES: usize = 32;
const HALF: usize = PAGES * PAGE;
const MAGIC: &[u8; 8] = b"bwalert1";
/// Magic, generation (u64), page (u32), bytes of the payload (u32), all little endian; then the sum over these and the payload.
const HEAD: usize = 24;
/// Bytes of SHA-256 that are kept.
const SUM: usize = 16;
/// What stands before a record: its number (u64) and length (u32). A length of `GONE` has none behind it: the record is there no more.
const RECORD_HEAD: usize = 12;
const GONE: u32 = u32::MAX;

/// The open file, and what in it still waits.
#[derive(Debug)]
pub struct Journal {
    file: Box<dyn StorageBackend>,
    generation: u64,
    /// The first page that is free.
    free: usize,
    waiting: BTreeMap<u64, Vec<u8>>,
    /// What was removed since the last entry; the next one tells.
    gone: Vec<u64>,
}

/// An entry as it was found.
struct Entry {
    generation: u64,
    page: usize,
    pages: usize,
    /// By number; `None` where one is gone that an earlier entry brought.
    records: Vec<(u64, Option<Vec<u8>>)>,
}

impl Journal {
    /// Opens or creates the file at `path`.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn file(path: &Path) -> io::Result<Box<dyn StorageBackend>> {
        let file =
            std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(Box::new(redb::backends::FileBackend::new(file).map_err(io::Error::other)?))
    }

    /// Takes what waits in a file. Says whether something that was committed cannot be read any more.
    ///
    /// # Errors
    /// Where it cannot be read, or a new one not be written.
    pub fn open(file: Box<dyn StorageBackend>) -> io::Result<(Journal, bool)> {
        let content = whole(&*file)?;
        let mut newest: BTreeMap<usize, Entry> = BTreeMap::new();
        let mut generation = 0;
        for entry in content.chunks(HALF).flat_map(entries) {
            if entry.generation > generation {
                (newest, generation) = (BTreeMap::new(), entry.generation);
            }
            if entry.generation == generation {
                newest.insert(entry.page, entry);
            }
        }
        let mut journal = Journal { file, generation, free: 0, waiting: BTreeMap::new(), gone: Vec::new() };
        let mut gap = false;
        for (page, entry) in newest {
            gap |= page != journal.free;
            journal.free = page + entry.pages;
            entry.records.into_iter().for_each(|(number, record)| journal.take(number, record));
        }
        Ok((journal, gap))
    }

    /// Commits records together; they are on the medium when this returns. `false`, and nothing is written, where there is no room.
    ///
    /// # Errors
    /// Where the medium fails: the journal is to be opened anew.
    pub fn put(&mut self, records: &[(u64, &[u8])]) -> io::Result<bool> {
        let begins = self.waiting.is_empty();
        let gone = if begins { 0 } else { self.gone.len() * RECORD_HEAD };
        let payload: usize = records.iter().map(|(_, record)| RECORD_HEAD + record.len()).sum();
        if pages(gone + payload) > PAGES - if begins { 0 } else { self.free } {
            return Ok(false);
        }
        if begins {
            self.begin_anew();
        }
        self.write(records)?;
        self.waiting.extend(records.iter().map(|(number, record)| (*number, record.to_vec())));
        Ok(true)
    }

    /// Forgets a record and gives it back. Durable with the next commit: after a power cut it may be there again.
    pub fn remove(&mut self, number: u64) -> Option<Vec<u8>> {
        let removed = self.waiting.remove(&number)?;
        self.gone.push(number);
        Some(removed)
    }

    /// Forgets all of it, durably.
    ///
    /// # Errors
    /// Where the medium fails: the journal is to be opened anew.
    pub fn clear(&mut self) -> io::Result<()> {
        self.waiting.clear();
        if self.free > 0 {
            self.begin_anew();
            self.write(&[])?;
            self.free = 0;
        }
        Ok(())
    }

    /// What waits, by number.
    pub fn waiting(&self) -> &BTreeMap<u64, Vec<u8>> {
        &self.waiting
    }

    fn take(&mut self, number: u64, record: Option<Vec<u8>>) {
        match record {
            Some(record) => self.waiting.insert(number, record),
            None => self.waiting.remove(&number),
        };
    }

    fn begin_anew(&mut self) {
        (self.generation, self.free) = (self.generation + 1, 0);
        self.gone.clear();
    }

    fn write(&mut self, records: &[(u64, &[u8])]) -> io::Result<()> {
        let gone = self.gone.drain(..).map(|number| (number, None));
        let records = gone.chain(records.iter().map(|(number, record)| (*number, Some(*record))));
        let entry = encode(self.generation, self.free, records);
        for half in [0, HALF] {
            self.file.write((half + self.free * PAGE) as u64, &entry)?;
        }
        self.file.sync_data()?;
        self.free += entry.len() / PAGE;
        Ok(())
    }
}

/// The content of the file. One that is new or was not finished is filled up: what is written later then finds its place on the disk.
fn whole(file: &dyn StorageBackend) -> io::Result<Vec<u8>> {
    let mut content = vec![0; 2 * HALF];
    let there = (file.len()? as usize).min(content.len());
    file.read(0, &mut content[..there])?;
    if there < content.len() {
        file.write(there as u64, &content[there..])?;
        file.sync_data()?;
    }
    Ok(content)
}

/// Pages of an entry with so many bytes of payload.
fn pages(payload: usize) -> usize {
    (HEAD + SUM + payload).div_ceil(PAGE)
}

fn encode<'a>(
    generation: u64,
    page: usize,
    records: impl Iterator<Item = (u64, Option<&'a [u8]>)>,
) -> Vec<u8> {
    let mut payload = Vec::new();
    for (number, record) in records {
        payload.extend(number.to_le_bytes());
        payload.extend(record.map_or(GONE, |record| record.len() as u32).to_le_bytes());
        payload.extend(record.unwrap_or_default());
    }
    let mut entry = MAGIC.to_vec();
    entry.extend(generation.to_le_bytes());
    entry.extend((page as u32).to_le_bytes());
    entry.extend((payload.len() as u32).to_le_bytes());
    entry.extend(sum(&entry, &payload));
    entry.extend(&payload);
    entry.resize(pages(payload.len()) * PAGE, 0);
    entry
}

fn sum(head: &[u8], payload: &[u8]) -> [u8; SUM] {
    let whole = Sha256::new().chain_update(head).chain_update(payload).finalize();
    std::array::from_fn(|i| whole[i])
}

/// The entries of a half, of whatever generation.
fn entries(half: &[u8]) -> Vec<Entry> {
    let (mut found, mut page) = (Vec::new(), 0);
    while page * PAGE < half.len() {
        let entry = decode(page, &half[page * PAGE..]);
        page += entry.as_ref().map_or(1, |entry| entry.pages);
        found.extend(entry);
    }
    found
}

/// The entry that begins here; `None` where there is none, or not the whole of it.
fn decode(page: usize, bytes: &[u8]) -> Option<Entry> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (said, rest) = rest.split_at_checked(SUM)?;
    let length = u32::from_le_bytes(head[20..].try_into().ok()?) as usize;
    let payload = rest.get(..length)?;
    let at = u32::from_le_bytes(head[16..20].try_into().ok()?) as usize;
    if !head.starts_with(MAGIC) || at != page || sum(head, payload) != said {
        return None;
    }
    let generation = u64::from_le_bytes(head[8..16].try_into().ok()?);
    Some(Entry { generation, page, pages: pages(length), records: records(payload)? })
}

fn records(mut payload: &[u8]) -> Option<Vec<(u64, Option<Vec<u8>>)>> {
    let mut found = Vec::new();
    while !payload.is_empty() {
        let (number, rest) = payload.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = Some(u32::from_le_bytes(*length)).filter(|length| *length != GONE);
        let (record, rest) = rest.split_at_checked(length.unwrap_or(0) as usize)?;
        found.push((u64::from_le_bytes(*number), length.map(|_| record.to_vec())));
        payload = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Home {
            Home(tempfile::tempdir().unwrap())
        }

        fn open(&self) -> (Journal, bool) {
            Journal::open(Journal::file(&self.0.path().join(FILE)).unwrap()).unwrap()
        }

        /// Numbers that are found, and whether something is missing.
        fn found(&self) -> (Vec<u64>, bool) {
            let (journal, gap) = self.open();
            (journal.waiting().keys().copied().collect(), gap)
        }

        /// Changes pages of both halves, or of one.
        fn spoil(&self, halves: &[usize], page: usize) {
            let path = self.0.path().join(FILE);
            let mut content = std::fs::read(&path).unwrap();
            for half in halves {
                content[half * HALF + page * PAGE + 60] ^= 1;
            }
            std::fs::write(path, content).unwrap();
        }
    }

    fn put(journal: &mut Journal, numbers: &[u64]) -> bool {
        let record = [7; 3000];
        let records: Vec<(u64, &[u8])> = numbers.iter().map(|number| (*number, &record[..])).collect();
        journal.put(&records).unwrap()
    }

    #[test]
    fn what_was_put_is_there_and_the_front_is_used_again_when_all_is_gone() {
        let home = Home::new();
        let (mut journal, _) = home.open();
        assert!(put(&mut journal, &[1, 2]) && put(&mut journal, &[3]));
        assert_eq!(home.found(), (vec![1, 2, 3], false));
        assert_eq!(journal.free, 3);
        [1, 2, 3].iter().for_each(|number| assert_eq!(journal.remove(*number).unwrap().len(), 3000));
        assert!(put(&mut journal, &[4]));
        assert_eq!((home.found(), journal.free), ((vec![4], false), 1), "older ones behind it mean nothing");
        let (mut again, _) = home.open();
        assert!(put(&mut again, &[5]));
        assert_eq!(home.found(), (vec![4, 5], false));
        again.clear().unwrap();
        assert_eq!(home.found(), (vec![], false));
        assert_eq!(std::fs::metadata(home.0.path().join(FILE)).unwrap().len(), 2 * HALF as u64);
    }

    #[test]
    fn a_removal_is_durable_with_the_next_commit() {
        let home = Home::new();
        let (mut journal, _) = home.open();
        assert!(put(&mut journal, &[1]) && put(&mut journal, &[2]));
        journal.remove(1).unwrap();
        assert_eq!(home.found(), (vec![1, 2], false));
        assert!(put(&mut journal, &[3]));
        assert_eq!(home.found(), (vec![2, 3], false));
        let (mut again, _) = home.open();
        again.remove(2).unwrap();
        assert!(put(&mut again, &[]), "nothing but that");
        assert_eq!(home.found(), (vec![3], false));
    }

    #[test]
    fn without_room_nothing_is_written() {
        let home = Home::new();
        let (mut journal, _) = home.open();
        let fitting: Vec<u64> = (1..).take_while(|number| put(&mut journal, &[*number])).collect();
        assert_eq!(fitting.len(), PAGES);
        assert_eq!(home.found(), (fitting, false));
        journal.clear().unwrap();
        assert!(!journal.put(&[(99, &vec![0; HALF])]).unwrap());
        assert_eq!(home.found(), (vec![], false));
    }

    #[test]
    fn bits_that_are_lost_in_one_half_cost_nothing_and_in_both_are_noticed() {
        let home = Home::new();
        let (mut journal, _) = home.open();
        (1..=3).for_each(|number| assert!(put(&mut journal, &[number])));
        home.spoil(&[0], 0);
        home.spoil(&[1], 1);
        assert_eq!(home.found(), (vec![1, 2, 3], false));
        home.spoil(&[0], 1);
        assert_eq!(home.found(), (vec![1, 3], true), "what was committed before another is not unfinished");
    }

    #[test]
    fn what_was_never_finished_is_not_there() {
        let home = Home::new();
        let (mut journal, _) = home.open();
        assert!(put(&mut journal, &[1]) && put(&mut journal, &[2]));
        home.spoil(&[0, 1], 1);
        assert_eq!(home.found(), (vec![1], false));
        std::fs::write(home.0.path().join(FILE), b"short").unwrap();
        assert_eq!(home.found(), (vec![], false));
    }
}
