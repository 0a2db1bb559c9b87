//! One form for two databases. Queries are written once, with `$1`, `$2` …, in what SQLite and PostgreSQL both take; only this folder knows which of the
//! two it is.
//!
//! Not sqlx's own `Any`: it does not know SQLite's BOOLEAN, and is told all settings by an address alone.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgRow, PgTransactionManager};
use sqlx::sqlite::{SqliteRow, SqliteTransactionManager};
use sqlx::{ColumnIndex, Decode, PgPool, Postgres, Sqlite, SqlitePool, TransactionManager, Type};

pub(super) mod ddl;
pub(super) mod postgres;
mod query;
pub(super) mod sqlite;

pub(super) use query::{Value, query};

/// How long a server is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub Duration);

/// Connections to a database.
#[derive(Clone, Debug)]
pub enum Pool {
    /// A file.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool, Patience),
}

impl Pool {
    /// One of them, for as long as it is needed.
    pub async fn acquire(&self) -> sqlx::Result<Connection> {
        match self {
            Pool::Sqlite(pool) => pool.acquire().await.map(Connection::Sqlite),
            Pool::Postgres(pool, patience) => {
                pool.acquire().await.map(|own| Connection::Postgres(own, *patience))
            }
        }
    }

    /// Ends all of them.
    pub async fn close(&self) {
        match self {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool, _) => pool.close().await,
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Connection {
    /// To a file.
    Sqlite(PoolConnection<Sqlite>),
    /// To a server.
    Postgres(PoolConnection<Postgres>, Patience),
}

impl Connection {
    /// Begins a transaction beside which no other one of this kind runs, in whichever station: what it reads stays as it is until it has written.
    pub async fn begin(&mut self) -> sqlx::Result<Transaction<'_>> {
        let mut transaction = self.begin_beside().await?;
        if let Connection::Postgres(..) = &*transaction {
            postgres::one_writer(&mut transaction).await?;
        }
        Ok(transaction)
    }

    /// Begins a transaction beside which others run: on PostgreSQL only rows that both write hold one of them up.
    pub async fn begin_beside(&mut self) -> sqlx::Result<Transaction<'_>> {
        match self {
            Connection::Sqlite(own) => {
                SqliteTransactionManager::begin(own, Some("BEGIN IMMEDIATE".into())).await?;
            }
            Connection::Postgres(own, _) => PgTransactionManager::begin(own, None).await?,
        }
        Ok(Transaction { connection: self, open: true })
    }

    /// Ends it.
    pub async fn close(self) -> sqlx::Result<()> {
        match self {
            Connection::Sqlite(own) => own.close().await,
            Connection::Postgres(own, _) => own.close().await,
        }
    }
}

/// A transaction; what is not committed is as if it had never been.
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c mut Connection,
    open: bool,
}

impl Transaction<'_> {
    /// All of it is on the medium when this returns.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        match self.connection {
            Connection::Sqlite(own) => SqliteTransactionManager::commit(own).await?,
            Connection::Postgres(own, _) => PgTransactionManager::commit(own).await?,
        }
        self.open = false;
        Ok(())
    }

    /// Nothing of it is.
    pub async fn rollback(mut self) -> sqlx::Result<()> {
        match self.connection {
            Connection::Sqlite(own) => SqliteTransactionManager::rollback(own).await?,
            Connection::Postgres(own, _) => PgTransactionManager::rollback(own).await?,
        }
        self.open = false;
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        match self.connection {
            _ if !self.open => {}
            Connection::Sqlite(own) => SqliteTransactionManager::start_rollback(own),
            Connection::Postgres(own, _) => PgTransactionManager::start_rollback(own),
        }
    }
}

/// What a query found.
pub enum Row {
    /// In a file.
    Sqlite(SqliteRow),
    /// At a server.
    Postgres(PgRow),
}

impl Row {
    /// A column by its name or place.
    pub fn try_get<'r, T, I>(&'r self, index: I) -> sqlx::Result<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        match self {
            Row::Sqlite(row) => sqlx::Row::try_get(row, index),
            Row::Postgres(row) => sqlx::Row::try_get(row, index),
        }
    }
}
