//! `bearwatch run`: the daemon.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::exit::{Exit, OrExit, Outcome};
use crate::app::{App, AppError, Ended};
use crate::capture::CaptureError;
use crate::config::Config;
use crate::publish::PublishError;
use crate::system::clock::Clock;
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;

/// Watch a camera and publish alerts until asked to end.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch run --config /etc/bearwatch.toml
  bearwatch run --config /etc/bearwatch.toml --set capture.device=/dev/video2 --set model.threads=2

`bearwatch check --config FILE` says beforehand whether camera, model, broker and disk are as they should be.

Exit codes: 0 ended in order · 66 the pictures do not exist · 70 a bug · 73 the store cannot be created · 74 it cannot be
written · 75 a new start may help (camera stuck, broker away when the pictures ended) · 78 the configuration is wrong")]
pub struct RunArgs {
    /// Configuration file (TOML); every key is explained in deploy/bearwatch.toml
    #[arg(long, value_name = "FILE", default_value = "/etc/bearwatch.toml")]
    config: PathBuf,
    /// Overrides one key of the file, for this run
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: RunArgs) -> Outcome {
    let config = Config::load(&args.config, &args.set).or_exit(Exit::Config)?;
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let ended = App::build(config, Clock::start()).and_then(|app| app.run(&stop));
    let ended = ended.map_err(|error| super::exit::Failure::new(exit_of(&error), error))?;
    Ok(match ended {
        Ended::Done | Ended::Stopped => Exit::Ok,
        Ended::Undelivered => Exit::TryAgain,
        // Asked to end in the last moment.
        Ended::Again if stop.is_raised() => Exit::Ok,
        Ended::Again => again(),
    })
}

/// Starts the program anew in its own place: the number of the process stays, so that whoever supervises it sees none end, and nothing of the life before
/// is left. Where the program's file was replaced meanwhile, the supervisor must.
fn again() -> Exit {
    let Ok(program) = std::env::current_exe() else { return Exit::TryAgain };
    tracing::info!("starts anew");
    let error = Command::new(&program).args(std::env::args_os().skip(1)).exec();
    tracing::error!("{}: {error}; whoever supervises this program must start it anew", program.display());
    Exit::TryAgain
}

/// What scripts and systemd are told of a failure.
pub fn exit_of(error: &AppError) -> Exit {
    match error {
        AppError::Model(_) | AppError::Page(_) => Exit::Config,
        AppError::Capture(CaptureError::Hopeless { .. }) => Exit::Config,
        AppError::Capture(CaptureError::Missing { .. }) => Exit::NoInput,
        AppError::Capture(CaptureError::Stuck { .. }) => Exit::TryAgain,
        AppError::Capture(_) => Exit::Unavailable,
        AppError::Publish(PublishError::Address { .. } | PublishError::Credential { .. }) => Exit::Config,
        AppError::Publish(PublishError::InUse(_) | PublishError::Thread(_)) => Exit::TryAgain,
        AppError::Thread(_) => Exit::TryAgain,
        AppError::Panicked(_) => Exit::Bug,
    }
}
