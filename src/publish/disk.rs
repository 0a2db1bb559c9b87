//! The outbox's files: a table a lane in redb, one checksummed fsync a commit; and before it a journal of what alerts came last.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageBackend,
    StorageError, TableDefinition,
};

use super::delivery::{Key, Lane};
use super::journal::{self, Journal};
use crate::system::file;

/// Name of the database in the store's folder.
const FILE: &str = "outbox.redb";
const ALERTS: TableDefinition<u64, &[u8]> = TableDefinition::new("alerts");
const SNAPSHOTS: TableDefinition<u64, &[u8]> = TableDefinition::new("snapshots");
const TELEMETRY: TableDefinition<u64, &[u8]> = TableDefinition::new("telemetry");
const AUDIT: TableDefinition<u64, &[u8]> = TableDefinition::new("audit");
/// redb's page cache. Messages are written once and read once: a large one would only cost memory.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

fn table(lane: Lane) -> TableDefinition<'static, u64, &'static [u8]> {
    match lane {
        Lane::Alerts => ALERTS,
        Lane::Snapshots => SNAPSHOTS,
        Lane::Telemetry => TELEMETRY,
        Lane::Audit => AUDIT,
    }
}

/// What the file does not do.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process has it open; waiting helps only when that one ends.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The content makes no sense; set it aside and start anew.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What redb says.
        reason: String,
    },
    /// Full, read-only or failing; keep messages in memory and try again later.
    #[error("cannot use {}: {reason}; check free space, permissions and the medium", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// How much waits in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Messages.
    pub count: u64,
    /// Bytes of their records; redb's own overhead comes on top.
    pub bytes: u64,
    /// Highest number in use; 0 where empty.
    pub last: u64,
}

impl Load {
    /// One more message.
    pub fn add(&mut self, number: u64, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
        self.last = self.last.max(number);
    }
}

type OpenDatabase = dyn Fn(&Builder, &Path) -> Result<Database, DatabaseError> + Send;
type OpenJournal = dyn Fn(&Path) -> io::Result<Box<dyn StorageBackend>> + Send;

/// Opens the two files of a path: what lies there, or what a test puts in its place. A seam, since a power cut can only be played below
/// redb.
pub struct Medium {
    /// Opens the database.
    pub database: Box<OpenDatabase>,
    /// Opens what the journal is written to.
    pub journal: Box<OpenJournal>,
}

impl Medium {
    /// The files themselves.
    pub fn file() -> Medium {
        Medium { database: Box::new(|builder, path| builder.create(path)), journal: Box::new(Journal::file) }
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Medium")
    }
}

/// The open files.
pub struct Disk {
    path: PathBuf,
    database: Database,
    journal: Journal,
    /// Something has left the database since the last commit to it.
    owes_sync: bool,
}

impl Disk {
    /// Opens or creates the files in `folder`, which is created too. Every page that is in use is checked: redb trusts a file that was
    /// closed cleanly, and a bit that the medium lost since would end the daemon, at each start again.
    pub fn open(folder: &Path, medium: &Medium) -> Result<Disk, DiskError> {
        let path = folder.join(FILE);
        std::fs::create_dir_all(folder).map_err(|e| unusable(&path, &e))?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database = (medium.database)(&builder, &path).map_err(|e| match e {
            DatabaseError::DatabaseAlreadyOpen => DiskError::InUse(path.clone()),
            DatabaseError::Storage(StorageError::Io(e)) if e.kind() == io::ErrorKind::InvalidData => {
                damaged(&path, &e)
            }
            DatabaseError::Storage(StorageError::Corrupted(e)) => damaged(&path, &e),
            DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted => damaged(&path, &e),
            other => unusable(&path, &other),
        })?;
        let beside = folder.join(journal::FILE);
        let (journal, gap) =
            (medium.journal)(&beside).and_then(Journal::open).map_err(|e| unusable(&beside, &e))?;
        let mut disk = Disk { path, database, journal, owes_sync: false };
        disk.create_tables()?;
        disk.forget_moved()?;
        if gap {
            disk.settle(&[])?;
            return Err(damaged(&beside, &"alerts that were committed to it cannot be read"));
        }
        file::sync_folder(folder).map_err(|e| unusable(folder, &e))?;
        Ok(disk)
    }

    /// Moves a damaged file out of the way and says where to.
    pub fn set_aside(path: &Path, unix_ms: i64) -> io::Result<PathBuf> {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".damaged-{unix_ms}"));
        std::fs::rename(path, &aside)?;
        Ok(aside.into())
    }

    fn create_tables(&self) -> Result<(), DiskError> {
        self.write(Durability::Immediate, |transaction| {
            Lane::ALL.iter().try_for_each(|&lane| transaction.open_table(table(lane)).map(|_| ()))?;
            Ok(())
        })
    }

    /// A power cut between moving and clearing leaves alerts in both files.
    fn forget_moved(&mut self) -> Result<(), DiskError> {
        for number in Vec::from_iter(self.journal.waiting().keys().copied()) {
            let moved =
                self.next_moved(Lane::Alerts, number - 1)?.is_some_and(|(key, _)| key.number == number);
            if moved {
                self.journal.remove(number);
            }
        }
        Ok(())
    }

    /// Commits records; they are on the medium when this returns. Alerts alone go to the journal while it has room.
    pub fn put(&mut self, records: &[(Key, Vec<u8>)]) -> Result<(), DiskError> {
        if records.iter().all(|(key, _)| key.lane == Lane::Alerts) {
            let alerts: Vec<(u64, &[u8])> =
                records.iter().map(|(key, record)| (key.number, record.as_slice())).collect();
            if self.journal.put(&alerts).map_err(|e| self.journal_failed(&e))? {
                return Ok(());
            }
        }
        self.settle(records)
    }

    /// Commits records and all that the journal holds to the database, and clears the journal.
    fn settle(&mut self, records: &[(Key, Vec<u8>)]) -> Result<(), DiskError> {
        self.write(Durability::Immediate, |transaction| {
            let mut alerts = transaction.open_table(ALERTS)?;
            for (number, record) in self.journal.waiting() {
                alerts.insert(number, record.as_slice())?;
            }
            drop(alerts);
            for (key, record) in records {
                transaction.open_table(table(key.lane))?.insert(key.number, record.as_slice())?;
            }
            Ok(())
        })?;
        self.owes_sync = false;
        self.journal.clear().map_err(|e| self.journal_failed(&e))
    }

    /// Removes records and says how many bytes each had, `None` for those that were not there. Not synced by itself: see
    /// [`Disk::owes_sync`]; in the journal the next commit tells.
    pub fn remove(&mut self, keys: &[Key]) -> Result<Vec<Option<u64>>, DiskError> {
        let journal = &mut self.journal;
        let mut from_journal = |key: &Key| match key.lane {
            Lane::Alerts => journal.remove(key.number).map(|record| record.len() as u64),
            _ => None,
        };
        let mut removed: Vec<Option<u64>> = keys.iter().map(&mut from_journal).collect();
        if removed.iter().any(Option::is_none) {
            self.remove_moved(keys, &mut removed)?;
        }
        Ok(removed)
    }

    fn remove_moved(&mut self, keys: &[Key], removed: &mut [Option<u64>]) -> Result<(), DiskError> {
        self.write(Durability::None, |transaction| {
            for (key, bytes) in keys.iter().zip(removed).filter(|(_, bytes)| bytes.is_none()) {
                let mut table = transaction.open_table(table(key.lane))?;
                *bytes = table.remove(key.number)?.map(|record| record.value().len() as u64);
            }
            Ok(())
        })?;
        self.owes_sync = true;
        Ok(())
    }

    /// Whether a power cut now would bring back what has left the database.
    pub fn owes_sync(&self) -> bool {
        self.owes_sync
    }

    /// Makes removals durable.
    pub fn sync(&mut self) -> Result<(), DiskError> {
        self.settle(&[])
    }

    /// The first record of a lane with a number above `after`.
    pub fn next(&self, lane: Lane, after: u64) -> Result<Option<(Key, Vec<u8>)>, DiskError> {
        let moved = self.next_moved(lane, after)?;
        let last = self.last_alerts(lane).range(after + 1..).next();
        Ok([moved, last.map(alert)].into_iter().flatten().min_by_key(|(key, _)| key.number))
    }

    /// The last record of a lane with a number below `before`.
    pub fn previous(&self, lane: Lane, before: u64) -> Result<Option<(Key, Vec<u8>)>, DiskError> {
        let moved = self.previous_moved(lane, before)?;
        let last = self.last_alerts(lane).range(..before).next_back();
        Ok([moved, last.map(alert)].into_iter().flatten().max_by_key(|(key, _)| key.number))
    }

    /// What the journal holds of a lane.
    fn last_alerts(&self, lane: Lane) -> &BTreeMap<u64, Vec<u8>> {
        static NONE: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        if lane == Lane::Alerts { self.journal.waiting() } else { &NONE }
    }

    fn next_moved(&self, lane: Lane, after: u64) -> Result<Option<(Key, Vec<u8>)>, DiskError> {
        self.read(|transaction| {
            let table = transaction.open_table(table(lane))?;
            let first = table.range(after + 1..)?.next().transpose()?;
            Ok(first.map(|(number, record)| (Key { lane, number: number.value() }, record.value().to_vec())))
        })
    }

    fn previous_moved(&self, lane: Lane, before: u64) -> Result<Option<(Key, Vec<u8>)>, DiskError> {
        self.read(|transaction| {
            let table = transaction.open_table(table(lane))?;
            let last = table.range(..before)?.next_back().transpose()?;
            Ok(last.map(|(number, record)| (Key { lane, number: number.value() }, record.value().to_vec())))
        })
    }

    /// Counts a lane by going through it.
    pub fn load(&self, lane: Lane) -> Result<Load, DiskError> {
        let mut load = Load::default();
        self.read(|transaction| {
            for entry in transaction.open_table(table(lane))?.iter()? {
                let (number, record) = entry?;
                load.add(number.value(), record.value().len() as u64);
            }
            Ok(())
        })?;
        self.last_alerts(lane).iter().for_each(|(number, record)| load.add(*number, record.len() as u64));
        Ok(load)
    }

    fn write<T>(
        &self,
        durability: Durability,
        act: impl FnOnce(&redb::WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, DiskError> {
        let run = || -> Result<T, redb::Error> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(durability)?;
            let result = act(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|e| self.failed(&e))
    }

    fn read<T>(
        &self,
        act: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, DiskError> {
        let run = || -> Result<T, redb::Error> { act(&self.database.begin_read()?) };
        run().map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &redb::Error) -> DiskError {
        match error {
            redb::Error::Corrupted(_) => damaged(&self.path, error),
            _ => unusable(&self.path, error),
        }
    }

    fn journal_failed(&self, error: &io::Error) -> DiskError {
        unusable(&self.path.with_file_name(journal::FILE), error)
    }
}

fn alert((&number, record): (&u64, &Vec<u8>)) -> (Key, Vec<u8>) {
    (Key { lane: Lane::Alerts, number }, record.clone())
}

fn damaged(path: &Path, reason: &dyn fmt::Display) -> DiskError {
    DiskError::Damaged { path: path.into(), reason: reason.to_string() }
}

fn unusable(path: &Path, reason: &dyn fmt::Display) -> DiskError {
    DiskError::Unusable { path: path.into(), reason: reason.to_string() }
}
