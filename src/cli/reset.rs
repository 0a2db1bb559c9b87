//! `bearwatch reset`: back to what the administrator's file says.

use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::exit::{Exit, OrExit, Outcome};
use super::say::{plain, say};
use crate::config::{Config, overrides};

/// Longest value that is shown.
const MOST: usize = 200;

/// Remove what was changed at run time, so that the configuration file alone counts again.
///
/// Changes made at run time (thresholds and the like) stand in overrides.toml in the folder of [store]; `bearwatch check` shows them.
/// The configuration file itself is never written.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch check                         shows what was changed
  bearwatch reset                         removes it
  systemctl restart bearwatch             a running daemon went by it until now

Exit codes: 0 removed, or there was nothing to remove · 74 it cannot be removed ·
78 the configuration is wrong")]
pub struct ResetArgs {
    /// Configuration file (TOML), which names the folder
    #[arg(long, value_name = "FILE", default_value = "/etc/bearwatch.toml")]
    config: PathBuf,
    /// Overrides one key of the file, as for `run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: ResetArgs) -> Outcome {
    let config = Config::load(&args.config, &args.set).or_exit(Exit::Config)?;
    let file = overrides::path(&config.publish.store.path);
    match std::fs::remove_file(&file) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            say(&format!("nothing was changed at run time ({} does not exist)", file.display()))?;
            return Ok(Exit::Ok);
        }
        Err(error) => {
            let told =
                || format!("{}: cannot be removed; run this as the owner of the folder", file.display());
            return Err(error).with_context(told).or_exit(Exit::Io);
        }
    }
    say(&format!("removed {}", file.display()))?;
    for change in &config.overrides.applied {
        say(&format!("  {} = {}", change.key, plain(&change.value, MOST)))?;
    }
    for mistake in &config.overrides.refused {
        let key = if mistake.key.is_empty() { "the file" } else { &mistake.key };
        say(&format!("  {key}, which was left out: {}", plain(&mistake.what, MOST)))?;
    }
    say("a running daemon goes by it until it is started again")?;
    Ok(Exit::Ok)
}
