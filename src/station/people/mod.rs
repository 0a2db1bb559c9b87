//! Who uses the station: accounts with roles, sessions, and what slows down who guesses.
//!
//! ```text
//! name, password ──▶ tries ──▶ Argon2id ──▶ session (audit log, same commit) ──▶ pass: cookie and key
//! pass ──▶ session ──▶ visitor: a name and what it may
//! ```

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

mod clerk;
mod password;
mod role;
mod session;

pub use clerk::{AccountError, Clerk, Pen, TOKEN, folded};
pub use password::Kept;
pub use role::{Right, Role};
pub use session::{Lifetime, Pass, SessionId};

use super::store::{Account, Store, StoreError};
use crate::control::flood::Allowance;
use crate::web::door::OF_A_MACHINE;
use crate::web::tries::{Limit, Tries};

/// Wrong passwords for one account, from all machines that it was not used from before: so a guesser with many machines is slow, and whoever has
/// signed in from this machine is not held up by him.
const OF_AN_ACCOUNT: Limit = Limit { burst: 20.0, a_second: 0.1, apart: PLACES as usize };
/// Accounts share that many places, by a hash that nobody knows: whatever names are made up, memory does not grow, and a name that is no account is
/// held up as one that is.
const PLACES: u64 = 4096;
/// Machines from which accounts were used that are remembered.
const KNOWN: usize = 1024;
/// Passwords that are looked at together: each takes 19 MiB.
const TOGETHER: usize = 2;
/// Failed sign-ins that are written down: thirty at once, and then so many a second; the rest is counted.
const FAILED: f64 = 1.0 / 60.0;
/// That a session is in use is written down this often, milliseconds.
const SEEN_EVERY_MS: i64 = 60_000;

/// Somebody who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The account's name: it stands beside what is done.
    pub name: String,
    /// What it may.
    pub role: Role,
    /// By a session, or by the token that programs have.
    pub session: Option<SessionId>,
    /// When the session ends in any case, milliseconds since 1970.
    pub ends_ms: Option<i64>,
}

/// Why somebody is not let in.
#[derive(Debug)]
pub enum Turned {
    /// That is not it, and why.
    Away(String),
    /// Too many tries were wrong: nothing is looked at for so many seconds.
    Wait(u64),
    /// The database.
    Store(StoreError),
}

/// Those who use the station.
pub struct People {
    store: Arc<Store>,
    pen: Pen,
    lifetime: Lifetime,
    machines: Tries<IpAddr>,
    accounts: Tries<u64>,
    places: RandomState,
    known: Mutex<HashSet<(u64, IpAddr)>>,
    looking: Semaphore,
    /// Stands for accounts that there are not, so that they take as long.
    nobody: Kept,
    failed: Mutex<Failed>,
    /// When sessions were seen, and that was written down last, milliseconds since 1970.
    seen: Mutex<HashMap<SessionId, Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    at_ms: i64,
    written_ms: i64,
}

/// Sign-ins that failed.
struct Failed {
    allowance: Allowance,
    /// Not written down since the last one that was.
    unwritten: u64,
}

impl People {
    /// `None` where the system gives no random numbers.
    pub fn new(store: Arc<Store>, pen: Pen, lifetime: Lifetime) -> Option<People> {
        let nobody = password::keep(&Pass::new()?.cookie)?;
        let allowance = Allowance::new(pen.clock.uptime(), FAILED);
        Some(People {
            store,
            pen,
            lifetime,
            machines: Tries::new(OF_A_MACHINE),
            accounts: Tries::new(OF_AN_ACCOUNT),
            places: RandomState::new(),
            known: Mutex::default(),
            looking: Semaphore::new(TOGETHER),
            nobody,
            failed: Mutex::new(Failed { allowance, unwritten: 0 }),
            seen: Mutex::default(),
        })
    }

    /// How long sessions last.
    pub fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Whoever changes accounts.
    pub fn clerk(&self) -> Clerk {
        Clerk::new(self.store.clone(), self.pen.clone())
    }

    /// What writes lines of the audit log.
    pub fn pen(&self) -> &Pen {
        &self.pen
    }

    /// Signs somebody in: a new session, whatever the browser had before.
    ///
    /// # Errors
    /// The same, and after the same time, for a wrong password and for a name that there is not.
    pub async fn sign_in(
        &self,
        name: &str,
        password: String,
        from: IpAddr,
    ) -> Result<(Pass, Visitor), Turned> {
        let place = self.places.hash_one(folded(name)) % PLACES;
        self.take_try(place, from)?;
        let account = self.store.account(&folded(name)).await.map_err(Turned::Store)?;
        let Some(account) = self.proven(account.clone(), password).await? else {
            self.note_failure(account.as_ref(), from).await;
            return Err(Turned::Away(self.wrong().await?));
        };
        self.give_back(place, from);
        let pass = Pass::new()
            .ok_or_else(|| Turned::Away("the system gives no random numbers; try again".into()))?;
        let deed = self.pen.deed("login", &account.name, account.role.name(), &format!("from {from}"));
        let began = self.store.begin_session(&account, &pass.id(), self.lifetime, &deed).await;
        if !began.map_err(Turned::Store)? {
            return Err(Turned::Away("the account was changed just now; try again".into()));
        }
        let ends_ms = Some(self.lifetime.ends_ms(deed.now.unix_ms));
        let visitor = Visitor { name: account.name, role: account.role, session: Some(pass.id()), ends_ms };
        Ok((pass, visitor))
    }

    /// Who shows this pass.
    ///
    /// # Errors
    /// Why nobody does.
    pub async fn visitor(&self, pass: &Pass) -> Result<Visitor, Turned> {
        self.holder(&pass.id()).await
    }

    /// Whether a session goes on, of which a page is open: that is use, too.
    pub async fn goes_on(&self, id: &SessionId) -> bool {
        // A database that is away ends nobody's watch.
        matches!(self.holder(id).await, Ok(_) | Err(Turned::Store(_)))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn sign_out(&self, visitor: &Visitor) -> Result<(), StoreError> {
        let Some(id) = &visitor.session else { return Ok(()) };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.store.end_session(id, &self.pen.deed("logout", &visitor.name, "", "signed out")).await
    }

    /// Whether this is the password of an account that is signed in; counted as a sign-in is.
    ///
    /// # Errors
    /// Where too many were wrong, or the database is away.
    pub async fn confirm(&self, visitor: &Visitor, password: String, from: IpAddr) -> Result<bool, Turned> {
        let place = self.places.hash_one(folded(&visitor.name)) % PLACES;
        self.take_try(place, from)?;
        let account = self.store.account(&folded(&visitor.name)).await.map_err(Turned::Store)?;
        let right = self.proven(account.clone(), password).await?.is_some();
        match right {
            true => self.give_back(place, from),
            false => self.note_failure(account.as_ref(), from).await,
        }
        Ok(right)
    }

    async fn holder(&self, id: &SessionId) -> Result<Visitor, Turned> {
        let gone = "this session has ended: it was signed out, or its account was changed; sign in again";
        let session = self.store.session(id).await.map_err(Turned::Store)?;
        let session = session.ok_or_else(|| Turned::Away(gone.into()))?;
        let now_ms = self.pen.clock.unix_ms();
        let (seen_ms, write) = self.look(id, session.seen_ms, now_ms);
        self.lifetime.goes_on(session.began_ms, seen_ms, now_ms).map_err(Turned::Away)?;
        if write {
            // A disk that is full ends no session: it was seen all the same.
            if let Err(error) = self.store.session_seen(id, now_ms).await {
                tracing::debug!("a session is not kept fresh: {error}");
            }
        }
        let ends_ms = Some(self.lifetime.ends_ms(session.began_ms));
        Ok(Visitor { name: session.name, role: session.role, session: Some(id.clone()), ends_ms })
    }

    /// When a session was seen before this, and whether that it is seen now is to be written down.
    fn look(&self, id: &SessionId, kept_ms: i64, now_ms: i64) -> (i64, bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let idle_ms = self.lifetime.idle_ms();
        seen.retain(|_, seen| now_ms.saturating_sub(seen.at_ms) < idle_ms);
        let known = seen.entry(id.clone()).or_insert(Seen { at_ms: kept_ms, written_ms: kept_ms });
        let before_ms = known.at_ms.max(kept_ms);
        let write = now_ms.saturating_sub(known.written_ms) >= SEEN_EVERY_MS;
        known.at_ms = now_ms;
        if write {
            known.written_ms = now_ms;
        }
        (before_ms, write)
    }

    /// A try of this machine, and of this account unless it was used from there before.
    fn take_try(&self, place: u64, from: IpAddr) -> Result<(), Turned> {
        let now = self.pen.clock.uptime();
        self.machines.take(&from, now).map_err(Turned::Wait)?;
        if self.is_known(place, from) {
            return Ok(());
        }
        self.accounts.take(&place, now).map_err(Turned::Wait)
    }

    fn give_back(&self, place: u64, from: IpAddr) {
        self.machines.give_back(&from);
        self.accounts.give_back(&place);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < KNOWN {
            known.insert((place, from));
        }
    }

    fn is_known(&self, place: u64, from: IpAddr) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&(place, from))
    }

    /// The account, if the password is its own. As long for one that there is not.
    async fn proven(&self, account: Option<Account>, password: String) -> Result<Option<Account>, Turned> {
        let kept = account.as_ref().map_or_else(|| self.nobody.clone(), |account| account.password.clone());
        let busy = |_| Turned::Away("the station is ending".into());
        let turn = self.looking.acquire().await.map_err(|_| Turned::Away("the station is ending".into()))?;
        let right = spawn_blocking(move || password::is(&password, &kept)).await.map_err(busy)?;
        drop(turn);
        Ok(account.filter(|_| right))
    }

    async fn wrong(&self) -> Result<String, Turned> {
        let accounts = self.store.accounts().await.map_err(Turned::Store)?;
        Ok(match accounts.is_empty() {
            true => "there is no account yet: on the station's machine, `bearwatch station account add NAME --role administrator --database FILE` makes the first one".into(),
            false => "name or password is wrong".into(),
        })
    }

    /// Into the audit log, as far as there is room for what anybody can cause. What was typed for a name may be a password: only accounts are named.
    async fn note_failure(&self, account: Option<&Account>, from: IpAddr) {
        let unwritten = {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            if !failed.allowance.take(self.pen.clock.uptime()) {
                failed.unwritten += 1;
                return;
            }
            std::mem::take(&mut failed.unwritten)
        };
        let (who, what) =
            account.map_or(("somebody", "no such account"), |account| (&account.name, "wrong password"));
        let more = if unwritten > 0 {
            format!("; {unwritten} more since the last one that is told here")
        } else {
            String::new()
        };
        let deed = self.pen.deed("login-failed", who, "", &format!("{what}, from {from}{more}"));
        if let Err(error) = self.store.record(&deed).await {
            tracing::warn!("a failed sign-in of {who} from {from} is not in the audit log: {error}");
        }
    }
}
