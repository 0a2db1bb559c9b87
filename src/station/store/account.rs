//! Accounts and their sessions.

use super::database::{Connection, Row, query};
use super::trail::{Deed, append};
use super::{Store, StoreError};
use crate::publish::reply::Head;
use crate::station::people::{Kept, Lifetime, Role, SessionId};
use serde::Serialize;

/// Sessions of an account; beyond, the oldest end.
const SESSIONS: i64 = 20;

/// An account, with what its password is known by.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number, which is never given again.
    pub id: i64,
    /// As it was written.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// Its password.
    pub password: Kept,
}

/// An account as administrators see it.
#[derive(Debug, Serialize)]
pub struct AccountView {
    /// As it was written.
    pub name: String,
    /// What it may.
    pub role: String,
    /// When it was made, and when password or role were changed last, milliseconds since 1970.
    pub made_ms: i64,
    /// See above.
    pub changed_ms: i64,
    /// Sessions; one that ended for its age is among them until somebody signs in.
    pub sessions: i64,
    /// When one of them was seen last.
    pub seen_ms: Option<i64>,
}

/// A session, and whose.
#[derive(Clone, Debug)]
pub struct Session {
    /// Whose.
    pub name: String,
    /// What that account may now.
    pub role: Role,
    /// When it began, and when it was seen last, milliseconds since 1970.
    pub began_ms: i64,
    /// See above.
    pub seen_ms: i64,
}

/// What became of a change to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done.
    Done,
    /// There is no such account, or it is not any more what it was.
    Nobody,
    /// It would have left no administrator.
    Last,
}

/// What is changed.
#[derive(Clone, Debug)]
pub enum Change {
    /// Another password.
    Password(Kept),
    /// Other rights.
    Role(Role),
    /// It goes.
    Remove,
}

impl Store {
    /// Every account, by name.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, StoreError> {
        let rows = query(
            "SELECT name, role, made_ms, changed_ms, count(session.hash) AS sessions, max(session.seen_ms) AS seen_ms
             FROM account LEFT JOIN session ON session.account = account.id GROUP BY account.id ORDER BY folded",
        )
        .fetch_all(&self.reading)
        .await;
        let view = |row: &Row| {
            Ok(AccountView {
                name: row.try_get("name")?,
                role: row.try_get("role")?,
                made_ms: row.try_get("made_ms")?,
                changed_ms: row.try_get("changed_ms")?,
                sessions: row.try_get("sessions")?,
                seen_ms: row.try_get("seen_ms")?,
            })
        };
        rows.and_then(|rows| rows.iter().map(view).collect()).map_err(|error| self.fault(&error))
    }

    /// By its name in small letters.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn account(&self, folded: &str) -> Result<Option<Account>, StoreError> {
        let row =
            query("SELECT * FROM account WHERE folded = $1").bind(folded).fetch_optional(&self.reading).await;
        row.and_then(|row| row.as_ref().map(account).transpose()).map_err(|error| self.fault(&error))
    }

    /// Adds one; `false` where there is one of that name.
    ///
    /// # Errors
    /// Where the database is away: nothing is changed then.
    pub async fn add_account(
        &self,
        name: &str,
        folded: &str,
        role: Role,
        password: &Kept,
        deed: &Deed,
    ) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = add(&mut line, (name, folded), role, password, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// Changes one, and ends all of its sessions.
    ///
    /// # Errors
    /// Where the database is away: nothing is changed then.
    pub async fn change_account(
        &self,
        folded: &str,
        change: &Change,
        deed: &Deed,
    ) -> Result<Changed, StoreError> {
        let mut line = self.line().await?;
        let done = alter(&mut line, folded, change, deed).await;
        let (changed, head) = self.settle(line, done).await?;
        head.iter().for_each(|head| self.tell(deed, head));
        Ok(changed)
    }

    /// Begins a session, where the account is still what it was when its password was looked at. Sessions that have ended go.
    ///
    /// # Errors
    /// Where the database is away: there is no session then.
    pub async fn begin_session(
        &self,
        account: &Account,
        id: &SessionId,
        lifetime: Lifetime,
        deed: &Deed,
    ) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = begin(&mut line, account, id, lifetime, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }

    /// A session, whether or not it has had its time.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let row = query(
            "SELECT name, role, began_ms, seen_ms FROM session JOIN account ON account.id = session.account WHERE hash = $1",
        )
        .bind(&id.0)
        .fetch_optional(&self.reading)
        .await;
        let session = |row: &Row| {
            Ok(Session {
                name: row.try_get("name")?,
                role: role(row)?,
                began_ms: row.try_get("began_ms")?,
                seen_ms: row.try_get("seen_ms")?,
            })
        };
        row.and_then(|row| row.as_ref().map(session).transpose()).map_err(|error| self.fault(&error))
    }

    /// It was seen.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn session_seen(&self, id: &SessionId, now_ms: i64) -> Result<(), StoreError> {
        self.is_there().await?;
        let done = query("UPDATE session SET seen_ms = $1 WHERE hash = $2").bind(now_ms).bind(&id.0);
        done.execute(&self.writing).await.map(|_| ()).map_err(|error| self.fault(&error))
    }

    /// Somebody left.
    ///
    /// # Errors
    /// Where the database is away: the session goes on then.
    pub async fn end_session(&self, id: &SessionId, deed: &Deed) -> Result<(), StoreError> {
        let mut line = self.line().await?;
        let done = end(&mut line, id, deed).await;
        self.tell(deed, &self.settle(line, done).await?);
        Ok(())
    }
}

fn account(row: &Row) -> sqlx::Result<Account> {
    let (id, name) = (row.try_get("id")?, row.try_get("name")?);
    Ok(Account { id, name, role: role(row)?, password: Kept(row.try_get("password")?) })
}

/// A role that a newer station knows is one that may nothing here but look.
fn role(row: &Row) -> sqlx::Result<Role> {
    let name: String = row.try_get("role")?;
    Ok(Role::from_name(&name).unwrap_or(Role::Viewer))
}

async fn add(
    db: &mut Connection,
    (name, folded): (&str, &str),
    role: Role,
    password: &Kept,
    deed: &Deed,
) -> sqlx::Result<Option<Head>> {
    let mut work = db.begin().await?;
    let done = query(
        "INSERT INTO account (name, folded, role, password, made_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING",
    )
    .bind(name)
    .bind(folded)
    .bind(role.name())
    .bind(&password.0)
    .bind(deed.now.unix_ms)
    .execute(&mut *work)
    .await?;
    if done.rows_affected() == 0 {
        work.rollback().await?;
        return Ok(None);
    }
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(Some(head))
}

async fn alter(
    db: &mut Connection,
    folded: &str,
    change: &Change,
    deed: &Deed,
) -> sqlx::Result<(Changed, Option<Head>)> {
    let mut work = db.begin().await?;
    let changed = changed(&mut work, folded, change, deed.now.unix_ms).await?;
    if changed != Changed::Done {
        work.rollback().await?;
        return Ok((changed, None));
    }
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok((changed, Some(head)))
}

async fn changed(db: &mut Connection, folded: &str, change: &Change, now_ms: i64) -> sqlx::Result<Changed> {
    let before = administrators(db).await?;
    query("DELETE FROM session WHERE account = (SELECT id FROM account WHERE folded = $1)")
        .bind(folded)
        .execute(&mut *db)
        .await?;
    let (sql, value) = match change {
        Change::Password(kept) => {
            ("UPDATE account SET password = $2, changed_ms = $3 WHERE folded = $1", kept.0.as_str())
        }
        Change::Role(role) => {
            ("UPDATE account SET role = $2, changed_ms = $3 WHERE folded = $1", role.name())
        }
        Change::Remove => ("DELETE FROM account WHERE folded = $1 AND $2 = '' AND $3 > 0", ""),
    };
    let done = query(sql).bind(folded).bind(value).bind(now_ms).execute(&mut *db).await?;
    if done.rows_affected() == 0 {
        return Ok(Changed::Nobody);
    }
    let last = before > 0 && administrators(db).await? == 0;
    Ok(if last { Changed::Last } else { Changed::Done })
}

async fn administrators(db: &mut Connection) -> sqlx::Result<i64> {
    query("SELECT count(*) FROM account WHERE role = 'administrator'").fetch_one(db).await?.try_get(0)
}

async fn begin(
    db: &mut Connection,
    account: &Account,
    id: &SessionId,
    lifetime: Lifetime,
    deed: &Deed,
) -> sqlx::Result<Option<Head>> {
    let now_ms = deed.now.unix_ms;
    let mut work = db.begin().await?;
    query("DELETE FROM session WHERE began_ms < $1 OR seen_ms < $2")
        .bind(now_ms - lifetime.most_ms())
        .bind(now_ms - lifetime.idle_ms())
        .execute(&mut *work)
        .await?;
    let done = query(
        "INSERT INTO session (hash, account, began_ms, seen_ms) SELECT $1, id, $2, $2 FROM account WHERE id = $3 AND password = $4",
    )
    .bind(&id.0)
    .bind(now_ms)
    .bind(account.id)
    .bind(&account.password.0)
    .execute(&mut *work)
    .await?;
    if done.rows_affected() == 0 {
        work.rollback().await?;
        return Ok(None);
    }
    query("DELETE FROM session WHERE account = $1 AND hash NOT IN (SELECT hash FROM session WHERE account = $1 ORDER BY began_ms DESC, hash LIMIT $2)")
        .bind(account.id)
        .bind(SESSIONS)
        .execute(&mut *work)
        .await?;
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(Some(head))
}

async fn end(db: &mut Connection, id: &SessionId, deed: &Deed) -> sqlx::Result<Head> {
    let mut work = db.begin().await?;
    query("DELETE FROM session WHERE hash = $1").bind(&id.0).execute(&mut *work).await?;
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(head)
}
