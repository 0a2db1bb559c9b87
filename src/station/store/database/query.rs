//! Queries and what is bound to them.

use std::borrow::Cow;
use std::future::Future;
use std::io;

use tokio::time::timeout;

use super::{Connection, Patience, Pool, Row};

/// A query without its values.
pub fn query(sql: &str) -> Query<'_> {
    Query { sql, values: Vec::new() }
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query<'q> {
    sql: &'q str,
    values: Vec<Value<'q>>,
}

/// What it did.
#[derive(Clone, Copy, Debug)]
pub struct Done(u64);

impl Done {
    /// Rows that it wrote or removed.
    pub fn rows_affected(self) -> u64 {
        self.0
    }
}

/// Where it is asked.
#[derive(Debug)]
pub enum On<'e> {
    /// On any connection of these.
    Pool(&'e Pool),
    /// On this one.
    Connection(&'e mut Connection),
}

impl<'e> From<&'e Pool> for On<'e> {
    fn from(pool: &'e Pool) -> On<'e> {
        On::Pool(pool)
    }
}

impl<'e> From<&'e mut Connection> for On<'e> {
    fn from(connection: &'e mut Connection) -> On<'e> {
        On::Connection(connection)
    }
}

/// What is bound; `None` is NULL.
#[derive(Clone, Debug)]
pub enum Value<'q> {
    /// 64 bits.
    Integer(Option<i64>),
    /// 64 bits.
    Float(Option<f64>),
    /// SQLite's 0 and 1.
    Boolean(Option<bool>),
    /// UTF-8.
    Text(Option<Cow<'q, str>>),
    /// As they are.
    Bytes(Option<&'q [u8]>),
}

macro_rules! bound {
    ($sql:expr, $values:expr) => {
        $values.into_iter().fold(sqlx::query($sql), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Float(value) => query.bind(value),
            Value::Boolean(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
    };
}

impl<'q> Query<'q> {
    /// Binds the next value.
    pub fn bind(mut self, value: impl Into<Value<'q>>) -> Query<'q> {
        self.values.push(value.into());
        self
    }

    /// Writes.
    pub async fn execute<'e>(self, on: impl Into<On<'e>>) -> sqlx::Result<Done> {
        match on.into() {
            On::Pool(pool) => self.written(&mut pool.acquire().await?).await,
            On::Connection(connection) => self.written(connection).await,
        }
    }

    /// All that it finds.
    pub async fn fetch_all<'e>(self, on: impl Into<On<'e>>) -> sqlx::Result<Vec<Row>> {
        match on.into() {
            On::Pool(pool) => self.found(&mut pool.acquire().await?).await,
            On::Connection(connection) => self.found(connection).await,
        }
    }

    /// The first that it finds.
    pub async fn fetch_optional<'e>(self, on: impl Into<On<'e>>) -> sqlx::Result<Option<Row>> {
        match on.into() {
            On::Pool(pool) => self.first(&mut pool.acquire().await?).await,
            On::Connection(connection) => self.first(connection).await,
        }
    }

    /// The same where there always is one.
    pub async fn fetch_one<'e>(self, on: impl Into<On<'e>>) -> sqlx::Result<Row> {
        self.fetch_optional(on).await?.ok_or(sqlx::Error::RowNotFound)
    }

    async fn written(self, connection: &mut Connection) -> sqlx::Result<Done> {
        match connection {
            Connection::Sqlite(own) => {
                Ok(Done(bound!(self.sql, self.values).execute(&mut **own).await?.rows_affected()))
            }
            Connection::Postgres(own, patience) => {
                let done = patient(*patience, bound!(self.sql, self.values).execute(&mut **own)).await;
                let done = done.unwrap_or_else(|| {
                    own.close_on_drop();
                    Err(deaf())
                });
                Ok(Done(done?.rows_affected()))
            }
        }
    }

    async fn found(self, connection: &mut Connection) -> sqlx::Result<Vec<Row>> {
        match connection {
            Connection::Sqlite(own) => {
                let rows = bound!(self.sql, self.values).fetch_all(&mut **own).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(own, patience) => {
                let rows = patient(*patience, bound!(self.sql, self.values).fetch_all(&mut **own)).await;
                let rows = rows.unwrap_or_else(|| {
                    own.close_on_drop();
                    Err(deaf())
                });
                Ok(rows?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn first(self, connection: &mut Connection) -> sqlx::Result<Option<Row>> {
        match connection {
            Connection::Sqlite(own) => {
                Ok(bound!(self.sql, self.values).fetch_optional(&mut **own).await?.map(Row::Sqlite))
            }
            Connection::Postgres(own, patience) => {
                let row = patient(*patience, bound!(self.sql, self.values).fetch_optional(&mut **own)).await;
                let row = row.unwrap_or_else(|| {
                    own.close_on_drop();
                    Err(deaf())
                });
                Ok(row?.map(Row::Postgres))
            }
        }
    }
}

/// `None` where the server has not answered.
async fn patient<T>(patience: Patience, asked: impl Future<Output = T>) -> Option<T> {
    timeout(patience.0, asked).await.ok()
}

fn deaf() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer"))
}

macro_rules! values {
    ($($from:ty => $into:ident as $to:ty),* $(,)?) => { $(
        impl From<$from> for Value<'_> {
            fn from(value: $from) -> Self {
                Value::$into(Some(<$to>::from(value)))
            }
        }
        impl From<Option<$from>> for Value<'_> {
            fn from(value: Option<$from>) -> Self {
                Value::$into(value.map(<$to>::from))
            }
        }
        impl From<&$from> for Value<'_> {
            fn from(value: &$from) -> Self {
                Value::from(*value)
            }
        }
    )* };
}

values!(i64 => Integer as i64, i32 => Integer as i64, u32 => Integer as i64, f64 => Float as f64, f32 => Float as f64, bool => Boolean as bool);

impl<'q> From<&'q str> for Value<'q> {
    fn from(value: &'q str) -> Self {
        Value::Text(Some(plain(Cow::Borrowed(value))))
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(value: &'q String) -> Self {
        Value::from(value.as_str())
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Value::Text(Some(plain(Cow::Owned(value))))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(value: Option<&'q str>) -> Self {
        Value::Text(value.map(|value| plain(Cow::Borrowed(value))))
    }
}

impl<'q> From<Option<&'q String>> for Value<'q> {
    fn from(value: Option<&'q String>) -> Self {
        Value::from(value.map(String::as_str))
    }
}

impl<'q> From<&'q Option<String>> for Value<'q> {
    fn from(value: &'q Option<String>) -> Self {
        Value::from(value.as_deref())
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(value: Option<String>) -> Self {
        Value::Text(value.map(|value| plain(Cow::Owned(value))))
    }
}

impl<'q> From<&'q [u8]> for Value<'q> {
    fn from(value: &'q [u8]) -> Self {
        Value::Bytes(Some(value))
    }
}

impl<'q> From<&'q Vec<u8>> for Value<'q> {
    fn from(value: &'q Vec<u8>) -> Self {
        Value::from(value.as_slice())
    }
}

impl<'q> From<Option<&'q [u8]>> for Value<'q> {
    fn from(value: Option<&'q [u8]>) -> Self {
        Value::Bytes(value)
    }
}

/// PostgreSQL keeps no NUL in text; strangers may send one.
fn plain(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { text }
}
