//! Exit codes, after BSD's sysexits.h: scripts and systemd act on them.

use std::process::{ExitCode, Termination};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// The command line is wrong (clap's own code is turned into this).
    Usage = 64,
    /// Some data could not be read; the rest was processed.
    BadData = 65,
    /// The input does not exist.
    NoInput = 66,
    /// Broker or camera is not available.
    Unavailable = 69,
    /// A bug.
    Bug = 70,
    /// An output cannot be created.
    CannotCreate = 73,
    /// Reading or writing failed.
    Io = 74,
    /// Trying again later may help.
    TryAgain = 75,
    /// The configuration is wrong; starting again will not help.
    Config = 78,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// A command that failed: the code for scripts and the text for people.
#[derive(Debug)]
pub struct Failure {
    /// For scripts.
    pub exit: Exit,
    /// For people: names the thing and the remedy.
    pub error: anyhow::Error,
}

impl Failure {
    /// With a code.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Failure {
        Failure { exit, error: error.into() }
    }
}

/// What every command returns.
pub type Outcome = Result<Exit, Failure>;

/// Gives errors their exit code: `read(path).or_exit(Exit::NoInput)?`.
pub trait OrExit<T> {
    /// Turns an error into a [`Failure`] with this code.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(exit, error))
    }
}
