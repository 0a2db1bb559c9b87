//! What goes wrong with a database, and what people do about it.

use std::io;
use std::path::{Path, PathBuf};

use sqlx::migrate::MigrateError;

/// Why the database cannot be used, now or at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another station has it open.
    #[error("database {}: in use by another bearwatch station; stop it, or give this one another --database", .0.display())]
    InUse(PathBuf),
    /// It is not ours, or of a newer station: starting again does not help.
    #[error("database {}: {reason}", path.display())]
    Unfit {
        /// Which.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// It cannot be used now. What comes in is not acknowledged and stays with the broker.
    #[error("database {}: {reason}", path.display())]
    Away {
        /// Which.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// It works, and does not take what it was given.
    #[error("database {}: does not take this: {reason}", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// Its words.
        reason: String,
    },
}

/// SQLite's primary result codes (sqlite.org/rescode.html).
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;
const NOTADB: i32 = 26;

impl StoreError {
    /// A file beside or of the database.
    pub(super) fn file(path: &Path, error: &io::Error) -> StoreError {
        let reason = format!("{error}; it must stand in a folder that this user may write to");
        StoreError::Away { path: path.to_owned(), reason }
    }

    /// The file is not there any more, or is another one.
    pub(super) fn gone(path: &Path, what: &str) -> StoreError {
        let reason = format!(
            "{what}; nothing is stored or acknowledged: put the file back and start the station anew, or start it anew to begin an empty one"
        );
        StoreError::Away { path: path.to_owned(), reason }
    }

    /// An error of SQLite.
    pub(super) fn of(path: &Path, error: &sqlx::Error) -> StoreError {
        let path = path.to_owned();
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<i32>().ok());
        let away = |reason: &str| StoreError::Away { path: path.clone(), reason: reason.into() };
        match code.map(|code| code & 0xff) {
            Some(BUSY | LOCKED) => away("another program holds it; end that one (a backup takes seconds)"),
            Some(FULL) => away("the disk is full; free space, or lower --most-gb"),
            Some(READONLY) => {
                away("it may not be written to; give the station's user the file and its folder")
            }
            Some(CANTOPEN) => {
                away("it cannot be opened; it must stand in a folder that this user may write to")
            }
            Some(IOERR) => away(
                "reading or writing it fails; look at the medium (dmesg), or give a plain file elsewhere",
            ),
            Some(CORRUPT) => StoreError::Unfit {
                path,
                reason: "it is damaged; put the last backup back, or move it away and begin an empty one"
                    .into(),
            },
            Some(NOTADB) => StoreError::Unfit {
                path,
                reason: "it is no database of SQLite; give another --database".into(),
            },
            Some(TOOBIG | CONSTRAINT | MISMATCH) => StoreError::Data { path, reason: error.to_string() },
            _ => StoreError::Away { path, reason: error.to_string() },
        }
    }

    pub(super) fn of_migration(path: &Path, error: MigrateError) -> StoreError {
        let unfit = |reason: String| StoreError::Unfit { path: path.to_owned(), reason };
        match error {
            MigrateError::VersionMissing(version) => unfit(format!(
                "a newer bearwatch has written it (schema {version}); start that version, or give another --database"
            )),
            MigrateError::VersionMismatch(version) => {
                unfit(format!("its schema {version} is not that of any release; give another --database"))
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                StoreError::of(path, &error)
            }
            other => unfit(format!("cannot be brought up to date: {other}; it is as it was")),
        }
    }
}
