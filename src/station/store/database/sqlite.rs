//! SQLite: a file of its own, write-ahead log, each commit on the medium before it counts (`synchronous = FULL`). One connection writes, some read, so that
//! whoever looks never holds up what comes in.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sqlx::ConnectOptions;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};

use super::Pool;
use crate::station::store::StoreError;

/// Longest that another program may hold the database (a backup) before that is told as trouble.
const BUSY: Duration = Duration::from_secs(2);
/// People look at once.
const READERS: u32 = 4;

/// The file, and who holds it.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    /// By which the file is known again: one that was removed is written to in vain.
    inode: u64,
    /// `None` beside a station that runs.
    _mine: Option<File>,
}

impl Place {
    /// The file as it is now.
    pub fn of(path: &Path, mine: Option<File>) -> Result<Place, StoreError> {
        let inode = std::fs::metadata(path).map_err(|error| StoreError::file(path, &error))?.ino();
        Ok(Place { path: path.to_owned(), inode, _mine: mine })
    }

    /// A file that was removed or exchanged takes what is written to it along.
    pub fn is_there(&self) -> Result<(), StoreError> {
        match std::fs::metadata(&self.path) {
            Ok(file) if file.ino() == self.inode => Ok(()),
            Ok(_) => Err(StoreError::gone(&self.path, "was exchanged for another file")),
            Err(error) => Err(StoreError::gone(&self.path, &error.to_string())),
        }
    }
}

/// The connection that writes; makes the file where there is none.
pub async fn writing(path: &Path) -> sqlx::Result<Pool> {
    let writer = options(path)
        .create_if_missing(true)
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true);
    pool(1).connect_with(writer).await.map(Pool::Sqlite)
}

/// Those that read.
pub async fn reading(path: &Path) -> sqlx::Result<Pool> {
    pool(READERS).connect_with(options(path).read_only(true)).await.map(Pool::Sqlite)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging()
}

/// Nothing runs beside the pool: connections stay as long as it does.
fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(most).min_connections(1).idle_timeout(None).max_lifetime(None)
}

/// Two stations on one file would throw each other off the broker. The file beside it stands for it, since closing the database itself anywhere in
/// this process would end SQLite's own locks.
pub fn only_one(path: &Path) -> Result<File, StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| StoreError::file(path, &error))?;
    let beside = PathBuf::from(format!("{}.lock", path.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&beside);
    let file = file.map_err(|error| StoreError::file(&beside, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::InUse(path.display().to_string())),
    }
}
