//! `bearwatch station move`: a station's data from one database into another.

use clap::Args;

use super::of_store;
use crate::cli::exit::{Exit, OrExit, Outcome};
use crate::cli::say::say;
use crate::station::people::Pen;
use crate::station::{Address, Store, StoreError};
use crate::system::clock::Clock;

/// Copy everything that a station keeps into an empty database: from SQLite to PostgreSQL, or back.
///
/// End the station first, and start it with the new database afterwards: what cameras say meanwhile waits at the broker, which knows it again. The old
/// database is left as it is. All or nothing is copied; accounts, sessions, pictures, labels and the audit log go along.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bearwatch station move --from /var/lib/private/bearwatch-station/station.db --to 'postgres://bears@db.example/park?password-file=/etc/bears.password'

Exit codes: 0 done · 64 usage · 74 a database cannot be read or written · 75 a station runs on one of them · 78 one is of another version, damaged, or not empty")]
pub struct MoveArgs {
    /// The database that there is
    #[arg(long, value_name = "FILE|URL")]
    from: Address,
    /// An empty one
    #[arg(long, value_name = "FILE|URL")]
    to: Address,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: &MoveArgs) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let moved = runtime.or_exit(Exit::TryAgain)?.block_on(moved(args));
    let counts = moved.map_err(|error| of_store(&error))?;
    for (table, rows) in counts.iter().filter(|(_, rows)| *rows > 0) {
        say(&format!("{table}: {rows}"))?;
    }
    say(&format!("{} is as it was; start the station with --database as --to was", args.from))?;
    Ok(Exit::Ok)
}

async fn moved(args: &MoveArgs) -> Result<Vec<(String, u64)>, StoreError> {
    // Each as a station has it: none may run on either meanwhile.
    Store::known(&args.from).await?.close().await;
    let from = Store::open(&args.from).await?;
    let to = Store::open(&args.to).await?;
    let counts = from.copy_to(&to).await?;
    let deed = Pen::new(Clock::start()).deed("moved", "command line", "", &format!("from {}", args.from));
    to.record(&deed).await?;
    from.close().await;
    to.close().await;
    Ok(counts)
}
