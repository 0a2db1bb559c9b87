//! What goes wrong with a database, and what people do about it.

use std::fmt::Display;
use std::io;
use std::path::Path;

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// Why the database cannot be used, now or at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another station has it open.
    #[error(
        "database {0}: in use by another bearwatch station; stop it, or give this one another --database"
    )]
    InUse(String),
    /// It is not ours, or of a newer station: starting again does not help.
    #[error("database {database}: {reason}")]
    Unfit {
        /// Which.
        database: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// It cannot be used now. What comes in is not acknowledged and stays with the broker.
    #[error("database {database}: {reason}")]
    Away {
        /// Which.
        database: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// It works, and does not take what it was given.
    #[error("database {database}: does not take this: {reason}")]
    Data {
        /// Which.
        database: String,
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
        StoreError::Away { database: path.display().to_string(), reason }
    }

    /// Several stations cannot share a file.
    pub(super) fn alone(path: &Path) -> StoreError {
        StoreError::Unfit {
            database: path.display().to_string(),
            reason: "several stations (--instance) share no file; give them postgres://…".into(),
        }
    }

    /// The file is not there any more, or is another one.
    pub(super) fn gone(path: &Path, what: &str) -> StoreError {
        let reason = format!(
            "{what}; nothing is stored or acknowledged: put the file back and start the station anew, or start it anew to begin an empty one"
        );
        StoreError::Away { database: path.display().to_string(), reason }
    }

    fn untrusted(database: &impl Display, why: &impl Display) -> StoreError {
        StoreError::Unfit {
            database: database.to_string(),
            reason: format!(
                "{why}; give the server's authority by ?sslrootcert=FILE, or ?sslmode=disable where nobody can listen on the way"
            ),
        }
    }

    /// An error of the database, whichever it is.
    pub(super) fn of(database: &impl Display, error: &sqlx::Error) -> StoreError {
        let told = error.as_database_error();
        if let Some(told) = told.and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
            return StoreError::of_server(database.to_string(), told);
        }
        match error {
            sqlx::Error::PoolTimedOut => StoreError::Away {
                database: database.to_string(),
                reason: "it does not answer; is the server up, and the way to it? It is tried again".into(),
            },
            sqlx::Error::Tls(why) => StoreError::untrusted(database, why),
            // What rustls finds wrong during the handshake comes as an error of reading.
            sqlx::Error::Io(why) if why.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => {
                StoreError::untrusted(database, why)
            }
            sqlx::Error::Io(why) => StoreError::Away {
                database: database.to_string(),
                reason: format!("{why}; is the server up, and the way to it? It is tried again"),
            },
            _ => StoreError::of_file(database.to_string(), error),
        }
    }

    /// An error of PostgreSQL, by its class (postgresql.org/docs/current/errcodes-appendix.html).
    fn of_server(database: String, error: &PgDatabaseError) -> StoreError {
        let (code, words) = (error.code(), error.message());
        let away = |reason: &str| StoreError::Away { database: database.clone(), reason: reason.into() };
        match code {
            "55P03" | "57014" => {
                away("another program holds it, or it is too slow; end that one (a backup takes seconds)")
            }
            "53100" => away("the server's disk is full; free space there, or lower --most-gb"),
            "53300" => {
                away("the server has no connection left; raise its max_connections, or end what holds them")
            }
            "25006" => away("it may only be read: is it a replica? Give the server that is written to"),
            "3D000" => StoreError::Unfit {
                database,
                reason: "there is none of that name; make it (createdb)".into(),
            },
            "42501" => StoreError::Unfit {
                database,
                reason: format!("{words}; the station's user must own it (ALTER DATABASE … OWNER TO …)"),
            },
            _ if code.starts_with("28") => StoreError::Unfit {
                database,
                reason: format!("{words}; give user and password file, and see the server's pg_hba.conf"),
            },
            _ if code.starts_with("22") || code.starts_with("23") || code.starts_with("54") => {
                StoreError::Data { database, reason: words.into() }
            }
            _ => StoreError::Away { database, reason: format!("{words} ({code})") },
        }
    }

    /// The schema is held by other stations, too: it cannot be changed under them.
    pub(super) fn beside_others(self) -> StoreError {
        match self {
            StoreError::Unfit { database, reason } => StoreError::Unfit {
                database,
                reason: format!("{reason}; other stations have it open: end all of them before that"),
            },
            other => other,
        }
    }

    /// An error of SQLite.
    fn of_file(path: String, error: &sqlx::Error) -> StoreError {
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<i32>().ok());
        let away = |reason: &str| StoreError::Away { database: path.clone(), reason: reason.into() };
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
                database: path,
                reason: "it is damaged; put the last backup back, or move it away and begin an empty one"
                    .into(),
            },
            Some(NOTADB) => StoreError::Unfit {
                database: path,
                reason: "it is no database of SQLite; give another --database".into(),
            },
            Some(TOOBIG | CONSTRAINT | MISMATCH) => {
                StoreError::Data { database: path, reason: error.to_string() }
            }
            _ => StoreError::Away { database: path, reason: error.to_string() },
        }
    }

    pub(super) fn of_migration(database: &impl Display, error: MigrateError) -> StoreError {
        let unfit = |reason: String| StoreError::Unfit { database: database.to_string(), reason };
        match error {
            MigrateError::VersionMissing(version) => unfit(format!(
                "a newer bearwatch has written it (schema {version}); start that version, or give another --database"
            )),
            MigrateError::VersionMismatch(version) => {
                unfit(format!("its schema {version} is not that of any release; give another --database"))
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                StoreError::of(database, &error)
            }
            other => unfit(format!("cannot be brought up to date: {other}; it is as it was")),
        }
    }
}
