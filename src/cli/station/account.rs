//! `bearwatch station account`: who may use a station. Beside the database, so also where nobody can sign in yet or any more.

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::of_store;
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::say;
use crate::publish::message::rfc3339;
use crate::station::people::{AccountError, Clerk, Pen, Role};
use crate::station::{Address, Store};
use crate::system::clock::Clock;

/// Who may use a station, and what each may do there.
///
/// Works beside a station that runs, at once. Passwords are read from the terminal, or from the first line of stdin; never from the command line, which
/// every user of the machine sees. A new password or role, or removing an account, signs it out everywhere. Each change is in the audit log.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch station account add anna --role administrator    the first one; asks for a password
  bearwatch station account add ben --role ranger --database /var/lib/bearwatch-station/station.db </run/password
  bearwatch station account list

Roles: viewer looks · ranger also says what alerts were, mutes cameras for a time, arms them, gives drills, asks for pictures ·
reviewer looks and labels pictures · administrator all of that, accounts, shadow mode, thresholds, the audit log

Exit codes: 0 done · 64 usage · 65 the name or password is not taken, or there is no such account · 74 the database cannot be
read or written · 78 it is of another version, or damaged")]
pub struct AccountArgs {
    #[command(subcommand)]
    action: Action,
    /// The station's database, a file or postgres://…
    #[arg(long, value_name = "FILE|URL", default_value = "bearwatch-station.db", global = true)]
    database: Address,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add an account; asks for its password
    Add {
        /// Its name: it stands beside what is done
        name: String,
        /// What it may do
        #[arg(long)]
        role: Role,
    },
    /// List accounts: name, role, when it was changed, who is signed in
    List,
    /// Give an account another password
    Password {
        /// Whose
        name: String,
    },
    /// Give an account another role
    Role {
        /// Whose
        name: String,
        /// What it may do from now on
        role: Role,
    },
    /// Remove an account; what it did and said stays
    Remove {
        /// Whose
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: &AccountArgs) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.or_exit(Exit::TryAgain)?.block_on(change(args))
}

async fn change(args: &AccountArgs) -> Outcome {
    // A password is asked for before the database is held.
    let password = match &args.action {
        Action::Add { name, .. } | Action::Password { name } => asked_for(name)?,
        _ => String::new(),
    };
    // The first account may come before the station's first start; every other change is of a station that there is.
    let opened = match &args.action {
        Action::Add { .. } => Store::beside(&args.database).await,
        _ => Store::known(&args.database).await,
    };
    let store = Arc::new(opened.map_err(|error| of_store(&error))?);
    let clerk = Clerk::new(store.clone(), Pen::new(Clock::start()));
    let by = format!("command line, user {}", rustix::process::getuid().as_raw());
    let (outcome, told) = match &args.action {
        Action::Add { name, role } => {
            (clerk.add(&by, name, *role, &password).await, format!("{name} is {}", role.name()))
        }
        Action::List => (list(&clerk).await?, String::new()),
        Action::Password { name } => (
            clerk.password(&by, name, &password).await,
            format!("{name} has a new password and is signed out"),
        ),
        Action::Role { name, role } => {
            (clerk.role(&by, name, *role).await, format!("{name} is {} and signed out", role.name()))
        }
        Action::Remove { name } => {
            (clerk.remove(&by, name).await, format!("{name} is removed and signed out"))
        }
    };
    store.close().await;
    outcome.map_err(|error| failure(&error))?;
    if !told.is_empty() {
        say(&told)?;
    }
    Ok(Exit::Ok)
}

async fn list(clerk: &Clerk) -> Result<Result<(), AccountError>, Failure> {
    let accounts = match clerk.accounts().await {
        Ok(accounts) => accounts,
        Err(error) => return Ok(Err(error)),
    };
    for account in accounts {
        let (changed, n) = (rfc3339(account.changed_ms), account.sessions);
        let signed_in = if n > 0 { format!(", signed in {n} ×") } else { String::new() };
        say(&format!("{}: {}, changed {changed}{signed_in}", account.name, account.role))?;
    }
    Ok(Ok(()))
}

/// Twice at a terminal, once from elsewhere.
fn asked_for(name: &str) -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).or_exit(Exit::NoInput)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).or_exit(Exit::NoInput);
    let password = ask(format!("Password for {name}: "))?;
    match ask("Once more: ".into())? == password {
        true => Ok(password),
        false => Err(Failure::new(Exit::BadData, anyhow!("the two are not the same; nothing was changed"))),
    }
}

fn failure(error: &AccountError) -> Failure {
    match error {
        AccountError::Store(error) => of_store(error),
        AccountError::Random => Failure::new(Exit::TryAgain, anyhow!("{error}")),
        _ => Failure::new(Exit::BadData, anyhow!("{error}")),
    }
}
