//! `bearwatch station model`: bundles of models that the park may take.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::of_store;
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::{plain, say};
use crate::infer::succession::signed::Keys;
use crate::publish::models::MOST_BUNDLE;
use crate::station::rollout::gift::{self, GiftError};
use crate::station::{Address, Store};

/// Longest name that is told.
const NAME: usize = 80;

/// Bundles of models that may be rolled out from a station.
///
/// Works beside a station that runs. A bundle is held against the trusted keys before anything of it is kept; nothing is sent to any camera until somebody
/// starts a rollout of it on the page.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch station model add bear-7.bwm --trusted-key park.pub --database /var/lib/bearwatch-station/station.db
  bearwatch station model list

Exit codes: 0 done · 65 the bundle is not taken · 66 there is no such file · 74 the database cannot be read or written · 78 a key
cannot be read, or the database is of another version, or damaged")]
pub struct ModelArgs {
    #[command(subcommand)]
    action: Action,
    /// File of the station's database
    #[arg(long, value_name = "FILE", default_value = "bearwatch-station.db", global = true)]
    database: Address,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a bundle, where one of the trusted keys has signed it
    Add {
        /// NAME-<version>.bwm, as `bearwatch models pack` makes it
        file: PathBuf,
        /// Whose signatures count: the .pub file that minisign has written; may be given several times
        #[arg(long = "trusted-key", value_name = "FILE", required = true)]
        trusted_keys: Vec<PathBuf>,
    },
    /// List bundles, the newest first
    List,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: &ModelArgs) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.or_exit(Exit::TryAgain)?.block_on(work(args))
}

async fn work(args: &ModelArgs) -> Outcome {
    let bytes = match &args.action {
        Action::Add { file, .. } => Some(read(file)?),
        Action::List => None,
    };
    let store = Store::known(&args.database).await.map_err(|error| of_store(&error))?;
    let done = match (&args.action, bytes) {
        (Action::Add { file, trusted_keys }, Some(bytes)) => add(&store, file, trusted_keys, &bytes).await,
        _ => list(&store).await,
    };
    store.close().await;
    done.map(|()| Exit::Ok)
}

fn read(file: &PathBuf) -> Result<Vec<u8>, Failure> {
    let told = |error: std::io::Error| anyhow!("{}: {error}", file.display());
    let bytes = std::fs::metadata(file).map_err(told).or_exit(Exit::NoInput)?.len();
    if bytes > MOST_BUNDLE {
        let told = anyhow!("{}: a bundle has {MOST_BUNDLE} bytes at most, this has {bytes}", file.display());
        return Err(Failure::new(Exit::BadData, told));
    }
    std::fs::read(file).map_err(told).or_exit(Exit::NoInput)
}

/// The keys of `--trusted-key`.
pub fn keys(files: &[PathBuf]) -> Result<Keys, Failure> {
    gift::keys(files).map_err(|error| anyhow!("{error}")).or_exit(Exit::Config)
}

async fn add(
    store: &Store,
    file: &std::path::Path,
    trusted: &[PathBuf],
    bytes: &[u8],
) -> Result<(), Failure> {
    let by = format!("command line, user {}", rustix::process::getuid().as_raw());
    let given = gift::whole(store, &keys(trusted)?, bytes, &by).await;
    let given = given.map_err(|error| match error {
        GiftError::Store(error) => of_store(&error),
        GiftError::Refused(reason) => {
            Failure::new(Exit::BadData, anyhow!("{}: {}", file.display(), plain(&reason, 400)))
        }
    })?;
    say(&format!(
        "{} version {} may be rolled out: write criteria and rings under Models on the page",
        plain(&given.name, NAME),
        given.version
    ))
}

async fn list(store: &Store) -> Result<(), Failure> {
    for one in store.bundles().await.map_err(|error| of_store(&error))? {
        let (name, boards) = (plain(&one.name, NAME), plain(&one.boards.join(", "), NAME));
        say(&format!(
            "{name} version {}, for {boards}, SHA-256 {}, given by {}",
            one.version,
            one.sha256,
            plain(&one.given_by, NAME)
        ))?;
    }
    Ok(())
}
