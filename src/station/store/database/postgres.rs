//! PostgreSQL: several stations may write to one database. What stands for the file's lock of SQLite are its advisory locks: a station holds the schema, so
//! that nobody changes it meanwhile, and its own name, so that no other one has it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection as _, Row as _};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::ddl::{self, Step};
use super::{Connection, Patience, Pool, query};
use crate::station::store::StoreError;
use crate::station::store::address::Server;

/// Connections that write: what comes in, what people do, and what goes on beside that.
const WRITERS: u32 = 5;
/// People look at once.
const READERS: u32 = 4;
/// Longest that it may take to connect before that is told as trouble.
pub const CONNECT: Duration = Duration::from_secs(3);
/// The server ends what takes longer, milliseconds: of what comes in a station does a little at a time, reports look at much.
const WRITE_MS: u64 = 8_000;
const READ_MS: u64 = 60_000;
/// Longest that another program may hold what a station wants to write to, milliseconds.
const BUSY_MS: u64 = 2_000;
/// Longest that a station may pause amid a transaction, milliseconds.
const IDLE_MS: u64 = 20_000;
/// Beyond that the server is not waited for: its machine or the way to it is gone.
const BEYOND: Duration = Duration::from_secs(2);
/// A step of the schema may take so long, and stations that start at once wait so long for the one that takes it, milliseconds.
const SCHEMA_MS: u64 = 600_000;

/// Advisory locks, by number ("bear" before them, so that those of other programs on the same database are others).
const SCHEMA: i64 = 0x6265_6172_0000_0001;
const WRITER: i64 = 0x6265_6172_0000_0002;
/// Who removes what has had its time.
pub const TIDIES: i64 = 0x6265_6172_0000_0003;
/// Who looks whether something has shifted.
pub const INSPECTS: i64 = 0x6265_6172_0000_0004;
/// Who brings cameras into trials.
pub const CONDUCTS: i64 = 0x6265_6172_0000_0005;
/// Who carries rollouts out.
pub const ROLLS_OUT: i64 = 0x6265_6172_0000_0006;

/// What a station holds at a server: a connection whose locks stand for it.
#[derive(Debug)]
pub struct Hold {
    server: Server,
    schema: &'static [Step],
    /// `None` for what is no station.
    name: Option<String>,
    connection: Mutex<Option<PgConnection>>,
    lost: AtomicBool,
}

/// Connections that write, connections that read, and what is held. Brings the schema up to date where nobody else has it open.
pub async fn opened(
    server: &Server,
    schema: &'static [Step],
    name: Option<String>,
) -> Result<(Pool, Pool, Hold), StoreError> {
    let hold = Hold {
        server: server.clone(),
        schema,
        name,
        connection: Mutex::default(),
        lost: AtomicBool::new(true),
    };
    hold.held().await?;
    let writing = pool(server, WRITERS, WRITE_MS)?;
    let reading = pool(server, READERS, READ_MS)?;
    Ok((writing, reading, hold))
}

/// Connections that only look.
pub async fn looking(server: &Server, schema: &'static [Step]) -> Result<Pool, StoreError> {
    // Directly first: a pool that tries again and again does not tell why.
    connected(server).await?.close().await.map_err(|error| StoreError::of(server, &error))?;
    let reading = pool(server, 1, READ_MS)?;
    let unlike = ddl::unlike(schema, &reading).await.map_err(|error| StoreError::of(server, &error))?;
    match unlike {
        None => Ok(reading),
        Some(reason) => Err(StoreError::Unfit { database: server.to_string(), reason }),
    }
}

/// Nothing is connected yet.
fn pool(server: &Server, most: u32, statement_ms: u64) -> Result<Pool, StoreError> {
    let options = options(server)?.options([
        ("statement_timeout", statement_ms.to_string()),
        ("lock_timeout", BUSY_MS.to_string()),
        // One that hangs amid a transaction holds up the others for no longer.
        ("idle_in_transaction_session_timeout", IDLE_MS.to_string()),
        ("default_transaction_isolation", r"read\ committed".into()),
    ]);
    let pool = PgPoolOptions::new().max_connections(most).acquire_timeout(CONNECT);
    let pool = pool.after_connect(|connection, _| {
        // What is told to the broker as kept is on the medium, whatever the server's own settings say; a replica's are left as they are.
        let durable = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";
        Box::pin(async move { sqlx::query(durable).execute(connection).await.map(|_| ()) })
    });
    let patience = Patience(Duration::from_millis(statement_ms) + BEYOND);
    Ok(Pool::Postgres(pool.connect_lazy_with(options), patience))
}

fn options(server: &Server) -> Result<PgConnectOptions, StoreError> {
    let unfit = |reason: String| StoreError::Unfit { database: server.to_string(), reason };
    let mut options = PgConnectOptions::from_url(server.url()).map_err(|error| unfit(error.to_string()))?;
    if !server.says_tls() && !server.is_here() {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    if let Some(password) = server.password()? {
        options = options.password(&password);
    }
    // A station whose machine is gone is known to be so within half a minute, and lets go of what it held.
    let options = options.options([
        ("tcp_keepalives_idle", "10"),
        ("tcp_keepalives_interval", "5"),
        ("tcp_keepalives_count", "3"),
    ]);
    Ok(options.application_name("bearwatch-station").disable_statement_logging())
}

async fn connected(server: &Server) -> Result<PgConnection, StoreError> {
    let options = options(server)?;
    match timeout(CONNECT, options.connect()).await {
        Ok(connection) => connection.map_err(|error| StoreError::of(server, &error)),
        Err(_) => Err(StoreError::of(server, &sqlx::Error::PoolTimedOut)),
    }
}

/// Beside this transaction no other one runs that asked for the same, until it ends.
pub async fn one_writer(connection: &mut Connection) -> sqlx::Result<()> {
    query("SELECT pg_advisory_xact_lock($1)").bind(WRITER).execute(connection).await.map(|_| ())
}

/// Whether a duty is this transaction's, until it ends.
pub async fn is_free(connection: &mut Connection, duty: i64) -> sqlx::Result<bool> {
    // Nothing is done in it, and that for as long as the duty takes.
    let patient = "SET LOCAL idle_in_transaction_session_timeout = 0";
    query(patient).execute(&mut *connection).await?;
    let row = query("SELECT pg_try_advisory_xact_lock($1)").bind(duty).fetch_one(connection).await?;
    row.try_get(0)
}

/// A connection that does nothing else.
#[derive(Debug)]
pub struct Own {
    /// One at most.
    pub connections: sqlx::PgPool,
    server: Server,
}

impl Own {
    /// What is wrong with it.
    pub fn fault(&self, error: &sqlx::Error) -> StoreError {
        StoreError::of(&self.server, error)
    }
}

impl Hold {
    /// A connection to hear the other stations by.
    pub fn ear(&self) -> Result<Own, StoreError> {
        let connections = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT);
        let connections = connections.connect_lazy_with(options(&self.server)?);
        Ok(Own { connections, server: self.server.clone() })
    }

    /// Makes sure that what stands for this station is held still.
    ///
    /// # Errors
    /// Where it is not: nothing may be written then.
    pub async fn held(&self) -> Result<(), StoreError> {
        if !self.lost.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut place = self.connection.lock().await;
        if !self.lost.load(Ordering::Acquire) {
            return Ok(());
        }
        *place = None;
        let mut connection = connected(&self.server).await?;
        self.take_schema(&mut connection).await?;
        self.take_name(&mut connection).await?;
        *place = Some(connection);
        self.lost.store(false, Ordering::Release);
        Ok(())
    }

    /// Looks whether the connection still is; a server that was started anew has forgotten what was held.
    pub async fn look(&self) {
        let mut place = self.connection.lock().await;
        let Some(connection) = place.as_mut() else { return };
        if !matches!(timeout(CONNECT, connection.ping()).await, Ok(Ok(()))) {
            self.lost.store(true, Ordering::Release);
        }
    }

    /// Makes sure that nobody else holds the schema, until the end.
    ///
    /// # Errors
    /// Where somebody does.
    pub async fn only_one(&self) -> Result<(), StoreError> {
        self.held().await?;
        let mut place = self.connection.lock().await;
        let Some(connection) = place.as_mut() else { return Ok(()) };
        let alone = locked(connection, "SELECT pg_try_advisory_lock($1)", SCHEMA).await;
        match alone.map_err(|error| StoreError::of(&self.server, &error))? {
            true => Ok(()),
            false => Err(StoreError::InUse(self.server.to_string())),
        }
    }

    /// Lets go.
    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            let _ = timeout(CONNECT, connection.close()).await;
        }
    }

    /// Alone it may be changed; with others, who hold it too, it must be what this version knows.
    async fn take_schema(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let of = |error: sqlx::Error| StoreError::of(&self.server, &error);
        let own = pool(&self.server, 1, SCHEMA_MS)?;
        let unlike = async || match ddl::unlike(self.schema, &own).await.map_err(of)? {
            None => Ok(()),
            Some(reason) => Err(StoreError::Unfit { database: self.server.to_string(), reason }),
        };
        if locked(connection, "SELECT pg_try_advisory_lock($1)", SCHEMA).await.map_err(of)? {
            let Pool::Postgres(plain, _) = &own else { return Ok(()) };
            let migrated = ddl::migrator(self.schema, &own).run(plain).await;
            migrated.map_err(|error| StoreError::of_migration(&self.server, error))?;
            sqlx::query("SELECT pg_advisory_lock_shared($1)")
                .bind(SCHEMA)
                .execute(&mut *connection)
                .await
                .map_err(of)?;
            locked(connection, "SELECT pg_advisory_unlock($1)", SCHEMA).await.map_err(of)?;
        } else {
            let wait = format!("SET lock_timeout = {SCHEMA_MS}");
            sqlx::query(&wait).execute(&mut *connection).await.map_err(of)?;
            sqlx::query("SELECT pg_advisory_lock_shared($1)")
                .bind(SCHEMA)
                .execute(&mut *connection)
                .await
                .map_err(of)?;
            unlike().await.map_err(|error| error.beside_others())?;
        }
        own.close().await;
        Ok(())
    }

    async fn take_name(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let Some(name) = &self.name else { return Ok(()) };
        let digest = Sha256::digest(format!("bearwatch station {name}"));
        let key = digest.iter().take(8).fold(0, |key: i64, byte| (key << 8) | i64::from(*byte));
        let taken = locked(connection, "SELECT pg_try_advisory_lock($1)", key).await;
        match taken.map_err(|error| StoreError::of(&self.server, &error))? {
            true => Ok(()),
            false if name.is_empty() => Err(StoreError::InUse(self.server.to_string())),
            false => Err(StoreError::InUse(format!("{} as instance {name:?}", self.server))),
        }
    }
}

async fn locked(connection: &mut PgConnection, sql: &str, key: i64) -> sqlx::Result<bool> {
    sqlx::query(sql).bind(key).fetch_one(connection).await?.try_get(0)
}
