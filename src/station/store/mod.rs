//! The station's database: the only folder that names sqlx.
//!
//! SQLite, a file of its own, write-ahead log, each commit on the medium before it counts (`synchronous = FULL`): the broker is told that a message is
//! ours only then. One connection writes, some read, so that whoever looks never holds up what comes in. PostgreSQL would be another file here:
//! nothing outside this folder knows which database it is.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sqlx::ConnectOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};

mod drift;
mod fault;
mod keep;
mod read;
mod steps;
mod word;
mod write;

pub use fault::StoreError;
pub use keep::Retention;
pub use read::{AlertView, KnownCamera, PictureView, RefusalView};
pub use word::{Letter, Word};
pub use write::{Changes, Filed};

/// Ever only added to: what stands in a migration that was released is never changed.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "begin", include_str!("migrations/1_begin.sql")),
    (40, "drift", include_str!("migrations/40_drift.sql")),
];
/// Longest that another program may hold the database (a backup) before that is told as trouble.
const BUSY: Duration = Duration::from_secs(2);
/// People look at once.
const READERS: u32 = 4;

/// Where the data are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(PathBuf);

impl FromStr for Address {
    type Err = String;

    /// A path, or `sqlite:PATH`.
    fn from_str(text: &str) -> Result<Address, String> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            Some((scheme @ ("postgres" | "postgresql" | "mysql"), _)) => {
                return Err(format!(
                    "{scheme} is not taken yet: today the station keeps its data in a file of SQLite; give its path"
                ));
            }
            _ => text,
        };
        let is_file = !path.is_empty() && !path.ends_with('/') && !path.contains(":memory:");
        is_file.then(|| Address(path.into())).ok_or_else(|| "is no path of a file".into())
    }
}

/// The database.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// By which the file is known again: one that was removed is written to in vain.
    inode: u64,
    writing: SqlitePool,
    reading: SqlitePool,
    _mine: File,
}

impl Store {
    /// Opens the database, makes it where there is none, and brings it up to date.
    ///
    /// # Errors
    /// What is wrong with the file and what to do.
    pub async fn open(address: &Address) -> Result<Store, StoreError> {
        let path = address.0.clone();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| StoreError::file(&path, &error))?;
        let mine = only_one(&path)?;
        let reader =
            SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY).disable_statement_logging();
        let writer = reader
            .clone()
            .create_if_missing(true)
            .auto_vacuum(SqliteAutoVacuum::Incremental)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let of = |error: sqlx::Error| StoreError::of(&path, &error);
        let writing = pool(1).connect_with(writer).await.map_err(of)?;
        migrator().run(&writing).await.map_err(|error| StoreError::of_migration(&path, error))?;
        let reading = pool(READERS).connect_with(reader.read_only(true)).await.map_err(of)?;
        let inode = std::fs::metadata(&path).map_err(|error| StoreError::file(&path, &error))?.ino();
        Ok(Store { path, inode, writing, reading, _mine: mine })
    }

    /// Lets go of the file, with all of the log in it.
    pub async fn close(&self) {
        self.reading.close().await;
        self.writing.close().await;
    }

    fn fault(&self, error: &sqlx::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    /// A file that was removed or exchanged takes what is written to it along.
    fn is_there(&self) -> Result<(), StoreError> {
        match std::fs::metadata(&self.path) {
            Ok(file) if file.ino() == self.inode => Ok(()),
            Ok(_) => Err(StoreError::gone(&self.path, "was exchanged for another file")),
            Err(error) => Err(StoreError::gone(&self.path, &error.to_string())),
        }
    }
}

/// Nothing runs beside the pool: connections stay as long as it does.
fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(most).min_connections(1).idle_timeout(None).max_lifetime(None)
}

/// Two stations on one database would throw each other off the broker. The file beside it stands for it, since closing the database itself anywhere in
/// this process would end SQLite's own locks.
fn only_one(path: &Path) -> Result<File, StoreError> {
    let beside = PathBuf::from(format!("{}.lock", path.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&beside);
    let file = file.map_err(|error| StoreError::file(&beside, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::InUse(path.to_owned())),
    }
}

fn migrator() -> Migrator {
    let made = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into(), false)
    };
    Migrator { migrations: MIGRATIONS.into_iter().map(made).collect(), ..Migrator::DEFAULT }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
