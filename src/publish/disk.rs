//! The outbox's file: a table a lane in redb, one checksummed fsync a commit.

use std::fmt;
use std::path::{Path, PathBuf};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, StorageError,
    TableDefinition,
};

use super::delivery::{Key, Lane};

/// Name of the file in the store's folder.
const FILE: &str = "outbox.redb";
const ALERTS: TableDefinition<u64, &[u8]> = TableDefinition::new("alerts");
const SNAPSHOTS: TableDefinition<u64, &[u8]> = TableDefinition::new("snapshots");
const TELEMETRY: TableDefinition<u64, &[u8]> = TableDefinition::new("telemetry");
/// redb's page cache. Messages are written once and read once: a large one would only cost memory.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

fn table(lane: Lane) -> TableDefinition<'static, u64, &'static [u8]> {
    match lane {
        Lane::Alerts => ALERTS,
        Lane::Snapshots => SNAPSHOTS,
        Lane::Telemetry => TELEMETRY,
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

type Open = dyn Fn(&Builder, &Path) -> Result<Database, DatabaseError> + Send;

/// Opens the database of a path: the file that lies there, or what a test puts in its place. A seam, since a power cut can only be
/// played below redb.
pub struct Medium(Box<Open>);

impl Medium {
    /// The file itself.
    pub fn file() -> Medium {
        Medium::new(|builder, path| builder.create(path))
    }

    /// Something else.
    pub fn new(open: impl Fn(&Builder, &Path) -> Result<Database, DatabaseError> + Send + 'static) -> Medium {
        Medium(Box::new(open))
    }
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Medium")
    }
}

/// The open file.
pub struct Disk {
    path: PathBuf,
    database: Database,
}

impl Disk {
    /// Opens or creates the file in `folder`, which is created too. Every page that is in use is checked: redb trusts a file that was
    /// closed cleanly, and a bit that the medium lost since would end the daemon, at each start again.
    pub fn open(folder: &Path, medium: &Medium) -> Result<Disk, DiskError> {
        let path = folder.join(FILE);
        let unusable = |reason: String| DiskError::Unusable { path: path.clone(), reason };
        std::fs::create_dir_all(folder).map_err(|e| unusable(e.to_string()))?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        let database = (medium.0)(&builder, &path).map_err(|e| match e {
            DatabaseError::DatabaseAlreadyOpen => DiskError::InUse(path.clone()),
            DatabaseError::Storage(StorageError::Io(e)) if e.kind() == std::io::ErrorKind::InvalidData => {
                damaged(&path, &e)
            }
            DatabaseError::Storage(StorageError::Corrupted(e)) => damaged(&path, &e),
            DatabaseError::UpgradeRequired(_) | DatabaseError::RepairAborted => damaged(&path, &e),
            other => unusable(other.to_string()),
        })?;
        let disk = Disk { path, database };
        disk.create_tables()?;
        Ok(disk)
    }

    /// Moves a damaged file out of the way and says where to.
    pub fn set_aside(folder: &Path, unix_ms: i64) -> std::io::Result<PathBuf> {
        let aside = folder.join(format!("{FILE}.damaged-{unix_ms}"));
        std::fs::rename(folder.join(FILE), &aside)?;
        Ok(aside)
    }

    fn create_tables(&self) -> Result<(), DiskError> {
        self.write(Durability::Immediate, |transaction| {
            Lane::ALL.iter().try_for_each(|&lane| transaction.open_table(table(lane)).map(|_| ()))?;
            Ok(())
        })
    }

    /// Commits records; they are on the medium when this returns.
    pub fn put(&self, records: &[(Key, Vec<u8>)]) -> Result<(), DiskError> {
        self.write(Durability::Immediate, |transaction| {
            for (key, record) in records {
                transaction.open_table(table(key.lane))?.insert(key.number, record.as_slice())?;
            }
            Ok(())
        })
    }

    /// Removes records and says how many bytes each had, `None` for those that were not there. Not synced by itself, which spares
    /// the SD card half of its writes: after a power cut some messages come back and are sent a second time, which receivers can
    /// tell by boot and sequence number.
    pub fn remove(&self, keys: &[Key]) -> Result<Vec<Option<u64>>, DiskError> {
        self.write(Durability::None, |transaction| {
            let one = |key: &Key| -> Result<Option<u64>, redb::Error> {
                let mut table = transaction.open_table(table(key.lane))?;
                let removed = table.remove(key.number)?;
                Ok(removed.map(|record| record.value().len() as u64))
            };
            keys.iter().map(one).collect()
        })
    }

    /// Makes removals durable.
    pub fn sync(&self) -> Result<(), DiskError> {
        self.write(Durability::Immediate, |_| Ok(()))
    }

    /// The first record of a lane with a number above `after`.
    pub fn next(&self, lane: Lane, after: u64) -> Result<Option<(Key, Vec<u8>)>, DiskError> {
        self.read(|transaction| {
            let table = transaction.open_table(table(lane))?;
            let first = table.range(after + 1..)?.next().transpose()?;
            Ok(first.map(|(number, record)| (Key { lane, number: number.value() }, record.value().to_vec())))
        })
    }

    /// The last record of a lane with a number below `before`.
    pub fn previous(&self, lane: Lane, before: u64) -> Result<Option<(Key, Vec<u8>)>, DiskError> {
        self.read(|transaction| {
            let table = transaction.open_table(table(lane))?;
            let last = table.range(..before)?.next_back().transpose()?;
            Ok(last.map(|(number, record)| (Key { lane, number: number.value() }, record.value().to_vec())))
        })
    }

    /// Counts a lane by going through it.
    pub fn load(&self, lane: Lane) -> Result<Load, DiskError> {
        self.read(|transaction| {
            let table = transaction.open_table(table(lane))?;
            let mut load = Load::default();
            for entry in table.iter()? {
                let (number, record) = entry?;
                load.count += 1;
                load.bytes += record.value().len() as u64;
                load.last = number.value();
            }
            Ok(load)
        })
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
            _ => DiskError::Unusable { path: self.path.clone(), reason: error.to_string() },
        }
    }
}

fn damaged(path: &Path, reason: &dyn std::fmt::Display) -> DiskError {
    DiskError::Damaged { path: path.into(), reason: reason.to_string() }
}
