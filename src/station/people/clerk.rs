//! Changes accounts: for administrators on the page, and for whoever has the database, on the command line.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::password::{self, Kept};
use super::role::Role;
use crate::control::Now;
use crate::control::chain::Entry;
use crate::publish::message::BootId;
use crate::station::store::{AccountView, Change, Changed, Deed, Store, StoreError};
use crate::system::clock::Clock;

/// Longest name, characters: it is the `by` of commands, which cameras take up to 80.
const MOST_NAME: usize = 40;
/// Who uses the token of `--token-file`.
pub const TOKEN: &str = "token";

/// Why an account is not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The name is none.
    #[error(
        "{0:?} is no name for an account: 1 to {MOST_NAME} letters, digits, spaces and . _ - with a letter or digit first; \"{TOKEN}\" is taken by --token-file"
    )]
    Name(String),
    /// The password is not taken.
    #[error("{0}")]
    Password(String),
    /// There is one of that name.
    #[error("there is an account {0} already")]
    Taken(String),
    /// There is none of that name.
    #[error("there is no account {0}")]
    Nobody(String),
    /// It would have left no administrator.
    #[error("{0} is the last administrator: make another one first")]
    Last(String),
    /// The system.
    #[error("the system gives no random numbers; try again")]
    Random,
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes lines of the audit log: knows the time, and which life of the station it is.
#[derive(Clone, Debug)]
pub struct Pen {
    boot: String,
    /// Clock of the process.
    pub clock: Clock,
}

/// Changes accounts.
pub struct Clerk {
    store: Arc<Store>,
    pen: Pen,
}

/// By what a name is looked up: Anna and anna are one person.
pub fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Pen {
    /// Of a life that begins now.
    pub fn new(clock: Clock) -> Pen {
        Pen { boot: BootId::new().0, clock }
    }

    /// What somebody did: the event, who, what and to whom, how it was.
    pub fn deed(&self, event: &str, who: &str, what: &str, reason: &str) -> Deed {
        let clock = self.clock;
        let now = Now { uptime: clock.uptime(), unix_ms: clock.unix_ms(), synced: clock.is_synchronised() };
        let entry = Entry {
            event: event.into(),
            who: who.into(),
            command: what.into(),
            reason: reason.into(),
            ..Entry::default()
        };
        Deed { entry, boot: self.boot.clone(), now }
    }
}

impl Clerk {
    /// In this database.
    pub fn new(store: Arc<Store>, pen: Pen) -> Clerk {
        Clerk { store, pen }
    }

    /// Every account.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, AccountError> {
        Ok(self.store.accounts().await?)
    }

    /// Adds an account; `by` is who does so.
    ///
    /// # Errors
    /// Why there is none: nothing is changed then. So with all of the following.
    pub async fn add(&self, by: &str, name: &str, role: Role, password: &str) -> Result<(), AccountError> {
        let name = good_name(name)?;
        let kept = kept(&name, password).await?;
        let deed =
            self.pen.deed("account", by, &format!("add {name}"), &format!("{name} is {}", role.name()));
        match self.store.add_account(&name, &folded(&name), role, &kept, &deed).await? {
            true => Ok(()),
            false => Err(AccountError::Taken(name)),
        }
    }

    /// Another password; whoever is signed in as this account is signed out. So with all of the following.
    pub async fn password(&self, by: &str, name: &str, password: &str) -> Result<(), AccountError> {
        let name = self.known(name).await?;
        let change = Change::Password(kept(&name, password).await?);
        self.change(by, &name, &change, "password", "a new password").await
    }

    /// Another role.
    pub async fn role(&self, by: &str, name: &str, role: Role) -> Result<(), AccountError> {
        let name = self.known(name).await?;
        self.change(by, &name, &Change::Role(role), "role", &format!("{name} is {}", role.name())).await
    }

    /// The account goes; what it did and said stays.
    pub async fn remove(&self, by: &str, name: &str) -> Result<(), AccountError> {
        let name = self.known(name).await?;
        self.change(by, &name, &Change::Remove, "remove", "removed").await
    }

    async fn change(
        &self,
        by: &str,
        name: &str,
        change: &Change,
        what: &str,
        reason: &str,
    ) -> Result<(), AccountError> {
        let deed = self.pen.deed("account", by, &format!("{what} {name}"), reason);
        match self.store.change_account(&folded(name), change, &deed).await? {
            Changed::Done => Ok(()),
            Changed::Nobody => Err(AccountError::Nobody(name.into())),
            Changed::Last => Err(AccountError::Last(name.into())),
        }
    }

    /// The name as it is written.
    async fn known(&self, name: &str) -> Result<String, AccountError> {
        let account = self.store.account(&folded(name)).await?;
        account.map(|account| account.name).ok_or_else(|| AccountError::Nobody(name.trim().into()))
    }
}

async fn kept(name: &str, password: &str) -> Result<Kept, AccountError> {
    if let Some(objection) = password::objection(password, name) {
        return Err(AccountError::Password(objection));
    }
    let password = password.to_owned();
    let kept = spawn_blocking(move || password::keep(&password)).await;
    kept.ok().flatten().ok_or(AccountError::Random)
}

/// A name goes into audit logs, commands and pages: nothing in it breaks a line or looks like nothing.
fn good_name(name: &str) -> Result<String, AccountError> {
    let name = name.trim();
    let good = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
    let fits = (1..=MOST_NAME).contains(&name.chars().count()) && name.chars().all(good);
    let begins = name.chars().next().is_some_and(char::is_alphanumeric);
    match fits && begins && folded(name) != TOKEN && !name.contains("  ") {
        true => Ok(name.into()),
        false => Err(AccountError::Name(name.chars().take(MOST_NAME).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_what_people_are_called() {
        for name in ["anna", " Анна Б. ", "desk-1", "José Núñez", "7"] {
            assert_eq!(good_name(name).unwrap(), name.trim());
        }
        for name in ["", " ", "-anna", "a\nb", "a\u{202e}b", "Token", "a  b", "<b>", &"x".repeat(41)] {
            assert!(good_name(name).is_err(), "{name:?}");
        }
    }
}
