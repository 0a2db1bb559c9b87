//! The station's database: the only folder that names sqlx.
//!
//! SQLite, a file of its own, write-ahead log, each commit on the medium before it counts (`synchronous = FULL`): the broker is told that a message is
//! ours only then. One connection writes, some read, so that whoever looks never holds up what comes in. PostgreSQL would be another file here:
//! nothing outside this folder knows which database it is.

use std::cmp::Ordering;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row, query};

mod account;
mod bundle;
mod command;
mod drift;
mod fault;
mod keep;
mod models;
mod opinion;
mod read;
mod report;
mod review;
mod rollout;
mod sample;
mod steps;
mod trail;
mod word;
mod write;

pub use account::{Account, AccountView, Change, Changed};
pub use bundle::Given;
pub use command::{Asked, CommandView};
pub use fault::StoreError;
pub use keep::Retention;
pub use models::{Standing as ModelStanding, Told};
pub use read::{AlertView, KnownCamera, PictureView, RefusalView};
pub use report::Labelled;
pub use review::{PictureKey, Reviewer};
pub use rollout::{Disagreement, Rollout};
pub use trail::Deed;
pub use word::{Letter, Word};
pub use write::{Changes, Filed};

/// Ever only added to: what stands in a migration that was released is never changed.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (1, "begin", include_str!("migrations/1_begin.sql")),
    (20, "people", include_str!("migrations/20_people.sql")),
    (30, "review", include_str!("migrations/30_review.sql")),
    (40, "drift", include_str!("migrations/40_drift.sql")),
    (50, "rollout", include_str!("migrations/50_rollout.sql")),
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

impl Address {
    /// What this machine does not give that a look into it needs.
    pub fn unusable(&self, error: &std::io::Error) -> StoreError {
        StoreError::file(&self.0, error)
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
    /// A station tells the system's log what it wrote into its own; a command at a terminal does not.
    aloud: bool,
    /// `None` beside a station that runs.
    _mine: Option<File>,
}

impl Store {
    /// Opens the database, makes it where there is none, and brings it up to date.
    ///
    /// # Errors
    /// What is wrong with the file and what to do.
    pub async fn open(address: &Address) -> Result<Store, StoreError> {
        let path = address.0.clone();
        let mine = only_one(&path)?;
        Ok(Store { aloud: true, ..Store::opened(path, Some(mine)).await? })
    }

    /// The same for what changes little and ends at once: also beside a station that runs, whose version it must then be.
    ///
    /// # Errors
    /// What is wrong with the file and what to do.
    pub async fn beside(address: &Address) -> Result<Store, StoreError> {
        let path = address.0.clone();
        match only_one(&path) {
            Ok(mine) => Store::opened(path, Some(mine)).await,
            Err(StoreError::InUse(_)) => Store::opened(path, None).await,
            Err(error) => Err(error),
        }
    }

    /// The same for one that is there already: a path that was mistyped makes no station.
    ///
    /// # Errors
    /// As [`Store::beside`], and where there is none.
    pub async fn known(address: &Address) -> Result<Store, StoreError> {
        std::fs::metadata(&address.0).map_err(|error| StoreError::file(&address.0, &error))?;
        Store::beside(address).await
    }

    async fn opened(path: PathBuf, mine: Option<File>) -> Result<Store, StoreError> {
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
        match &mine {
            Some(_) => {
                migrator().run(&writing).await.map_err(|error| StoreError::of_migration(&path, error))?
            }
            None => same_version(&path, &writing).await?,
        }
        let reading = pool(READERS).connect_with(reader.read_only(true)).await.map_err(of)?;
        let inode = std::fs::metadata(&path).map_err(|error| StoreError::file(&path, &error))?.ino();
        Ok(Store { path, inode, writing, reading, aloud: false, _mine: mine })
    }

    /// Looks into a database beside the station that writes to it, or without one; nothing is written.
    ///
    /// # Errors
    /// What is wrong with the file and what to do.
    pub async fn look(address: &Address) -> Result<Store, StoreError> {
        let path = address.0.clone();
        let inode = std::fs::metadata(&path).map_err(|error| StoreError::file(&path, &error))?.ino();
        let of = |error: sqlx::Error| StoreError::of(&path, &error);
        let reader =
            SqliteConnectOptions::new().filename(&path).busy_timeout(BUSY).disable_statement_logging();
        let reading = pool(1).connect_with(reader.read_only(true)).await.map_err(of)?;
        same_version(&path, &reading).await?;
        Ok(Store { path, inode, writing: reading.clone(), reading, aloud: false, _mine: None })
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

/// Why a database of another schema cannot be looked into.
fn unlike(found: i64) -> Option<String> {
    let ours = MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0);
    match found.cmp(&ours) {
        Ordering::Equal => None,
        Ordering::Less => {
            Some("an older bearwatch wrote it; start its station with this version once".into())
        }
        Ordering::Greater => {
            Some(format!("a newer bearwatch has written it (schema {found}); use that version"))
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
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| StoreError::file(path, &error))?;
    let beside = PathBuf::from(format!("{}.lock", path.display()));
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&beside);
    let file = file.map_err(|error| StoreError::file(&beside, &error))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::InUse(path.to_owned())),
    }
}

/// Nobody changes the schema under a station that has the database open, or looks into one that he does not know.
async fn same_version(path: &Path, pool: &SqlitePool) -> Result<(), StoreError> {
    let newest = query("SELECT max(version) FROM _sqlx_migrations").fetch_one(pool).await;
    let reason = match newest.and_then(|row| row.try_get::<Option<i64>, _>(0)) {
        Err(_) => Some("it is no database of a station; give another --database".to_owned()),
        Ok(found) => unlike(found.unwrap_or(0)),
    };
    reason.map_or(Ok(()), |reason| Err(StoreError::Unfit { path: path.to_owned(), reason }))
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
