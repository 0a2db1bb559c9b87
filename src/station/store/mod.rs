//! The station's database: the only folder that names sqlx.
//!
//! SQLite, a file of its own, or PostgreSQL, where several stations may share one. Each commit is on the medium before it counts: the broker is told that
//! a message is ours only then. Nothing outside this folder knows which database it is, and in it only [`database`].

use std::fs::File;
use std::path::Path;

use tokio::time::timeout;

use crate::publish::message::BootId;

mod account;
mod address;
mod bundle;
mod command;
pub(crate) mod database;
mod drift;
mod duty;
mod fault;
mod keep;
mod models;
mod moving;
mod news;
mod notify;
mod opinion;
mod plan;
mod read;
mod report;
mod review;
mod rollout;
mod sample;
mod steps;
mod trail;
mod trial;
mod word;
mod write;

pub use account::{Account, AccountView, Change, Changed};
pub use address::Address;
pub use bundle::Given;
pub use command::{Asked, CommandView};
pub use duty::Duty;
pub use fault::StoreError;
pub use keep::Retention;
pub use models::{Standing as ModelStanding, Told};
pub use news::News;
pub use notify::{ChannelView, Ended, Notice, NoticeView, Overdue};
pub use plan::{PlanChange, SitePlan, Waiting};
pub use read::{AlertView, KnownCamera, PictureView, RefusalView};
pub use report::Labelled;
pub use review::{PictureKey, Reviewer};
pub use rollout::{Disagreement, Rollout};
pub use trail::Deed;
pub use word::{Letter, Word};
pub use write::{Changes, Filed};

use address::Server;
use database::{Pool, ddl, postgres, sqlite};

/// Ever only added to: what stands in a migration that was released is never changed.
const MIGRATIONS: [ddl::Step; 9] = [
    (1, "begin", include_str!("migrations/1_begin.sql")),
    (20, "people", include_str!("migrations/20_people.sql")),
    (30, "review", include_str!("migrations/30_review.sql")),
    (40, "drift", include_str!("migrations/40_drift.sql")),
    (50, "rollout", include_str!("migrations/50_rollout.sql")),
    (60, "notify", include_str!("migrations/60_notify.sql")),
    (70, "trial", include_str!("migrations/70_trial.sql")),
    (80, "several", include_str!("migrations/80_several.sql")),
    (90, "plan", include_str!("migrations/90_plan.sql")),
];

/// The database.
#[derive(Debug)]
pub struct Store {
    address: Address,
    writing: Pool,
    reading: Pool,
    place: Place,
    /// Which of several stations this is; empty where there is one.
    instance: String,
    /// By which what this process tells the other stations is known again.
    life: String,
    /// A station tells the system's log what it wrote into its own; a command at a terminal does not.
    aloud: bool,
}

/// What stands for us at the database.
#[derive(Debug)]
enum Place {
    File(sqlite::Place),
    Server(postgres::Hold),
    /// Nothing does: it is only looked into.
    Nowhere,
}

impl Store {
    /// Whether other stations may be on the same database.
    pub fn is_one_of_several(&self) -> bool {
        !self.instance.is_empty()
    }

    /// Opens the database, makes its tables where there are none, and brings it up to date.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub async fn open(address: &Address) -> Result<Store, StoreError> {
        Store::open_as(address, "").await
    }

    /// The same for one of several stations, each of which has a name of its own.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub async fn open_as(address: &Address, instance: &str) -> Result<Store, StoreError> {
        let opened = match address {
            Address::File(path) if instance.is_empty() => {
                Store::of_file(path, Some(sqlite::only_one(path)?)).await?
            }
            Address::File(path) => return Err(StoreError::alone(path)),
            Address::Server(server) => Store::of_server(server, Some(instance)).await?,
        };
        Ok(Store { aloud: true, ..opened })
    }

    /// The same for what changes little and ends at once: also beside a station that runs, whose version it must then be.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub async fn beside(address: &Address) -> Result<Store, StoreError> {
        match address {
            Address::File(path) => match sqlite::only_one(path) {
                Ok(mine) => Store::of_file(path, Some(mine)).await,
                Err(StoreError::InUse(_)) => Store::of_file(path, None).await,
                Err(error) => Err(error),
            },
            Address::Server(server) => Store::of_server(server, None).await,
        }
    }

    /// The same for one that is there already: a path that was mistyped makes no station.
    ///
    /// # Errors
    /// As [`Store::beside`], and where there is none.
    pub async fn known(address: &Address) -> Result<Store, StoreError> {
        match address {
            Address::File(path) => {
                std::fs::metadata(path).map_err(|error| StoreError::file(path, &error))?;
            }
            Address::Server(server) => postgres::looking(server, &MIGRATIONS).await?.close().await,
        }
        Store::beside(address).await
    }

    /// Looks into a database beside the station that writes to it, or without one; nothing is written.
    ///
    /// # Errors
    /// What is wrong with it and what to do.
    pub async fn look(address: &Address) -> Result<Store, StoreError> {
        let reading = match address {
            Address::File(path) => {
                std::fs::metadata(path).map_err(|error| StoreError::file(path, &error))?;
                let of = |error: sqlx::Error| StoreError::of(address, &error);
                let reading = sqlite::reading(path).await.map_err(of)?;
                same_version(address, &reading).await?;
                reading
            }
            Address::Server(server) => postgres::looking(server, &MIGRATIONS).await?,
        };
        Ok(Store::of(address.clone(), reading.clone(), reading, Place::Nowhere, ""))
    }

    async fn of_file(path: &Path, mine: Option<File>) -> Result<Store, StoreError> {
        let address = Address::File(path.to_owned());
        let of = |error: sqlx::Error| StoreError::of(&address, &error);
        let writing = sqlite::writing(path).await.map_err(of)?;
        match (&mine, &writing) {
            (Some(_), Pool::Sqlite(pool)) => {
                let migrated = ddl::migrator(&MIGRATIONS, &writing).run(pool).await;
                migrated.map_err(|error| StoreError::of_migration(&address, error))?;
            }
            _ => same_version(&address, &writing).await?,
        }
        let reading = sqlite::reading(path).await.map_err(of)?;
        let place = Place::File(sqlite::Place::of(path, mine)?);
        Ok(Store::of(address, writing, reading, place, ""))
    }

    async fn of_server(server: &Server, instance: Option<&str>) -> Result<Store, StoreError> {
        let name = instance.map(str::to_owned);
        let (writing, reading, hold) = postgres::opened(server, &MIGRATIONS, name).await?;
        let address = Address::Server(server.clone());
        Ok(Store::of(address, writing, reading, Place::Server(hold), instance.unwrap_or_default()))
    }

    fn of(address: Address, writing: Pool, reading: Pool, place: Place, instance: &str) -> Store {
        let (instance, life) = (instance.to_owned(), BootId::new().0);
        Store { address, writing, reading, place, instance, life, aloud: false }
    }

    /// Lets go of it, with all of the log in the file.
    pub async fn close(&self) {
        let connections = async {
            self.reading.close().await;
            self.writing.close().await;
        };
        match &self.place {
            Place::Server(hold) => {
                // Whatever goes on there beside us ends with its connection: it is not waited for.
                let _ = timeout(postgres::CONNECT, connections).await;
                hold.close().await;
            }
            Place::File(_) | Place::Nowhere => connections.await,
        }
    }

    fn fault(&self, error: &sqlx::Error) -> StoreError {
        StoreError::of(&self.address, error)
    }

    /// Looks whether what stands for us is held still; it is taken again then before anything is written.
    async fn still_held(&self) {
        if let Place::Server(hold) = &self.place {
            hold.look().await;
        }
    }

    /// Makes sure that no other station has it open, whatever its name.
    async fn only_one(&self) -> Result<(), StoreError> {
        match &self.place {
            Place::Server(hold) => hold.only_one().await,
            Place::File(_) | Place::Nowhere => self.is_there().await,
        }
    }

    /// Whether what is written would be kept.
    async fn is_there(&self) -> Result<(), StoreError> {
        match &self.place {
            Place::File(file) => file.is_there(),
            Place::Server(hold) => hold.held().await,
            Place::Nowhere => Ok(()),
        }
    }
}

/// Nobody changes the schema under a station that has the database open, or looks into one that he does not know.
async fn same_version(address: &Address, pool: &Pool) -> Result<(), StoreError> {
    let unlike = ddl::unlike(&MIGRATIONS, pool).await.map_err(|error| StoreError::of(address, &error))?;
    let unfit = |reason| Err(StoreError::Unfit { database: address.to_string(), reason });
    unlike.map_or(Ok(()), unfit)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
