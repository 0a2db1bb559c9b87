//! The log: to stderr, at a level that can be changed while the daemon runs.

use std::io::IsTerminal;
use std::sync::OnceLock;

use tracing_subscriber::EnvFilter;

/// Sets the filter of the running log.
static CHANGE: OnceLock<Box<dyn Fn(EnvFilter) -> bool + Send + Sync>> = OnceLock::new();

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, schemars::JsonSchema)]
#[schemars(rename = "LogLevel", rename_all = "lowercase")]
pub enum Level {
    /// What somebody must act on.
    Error,
    /// What somebody should look at.
    Warn,
    /// What changes.
    Info,
    /// What a developer asks for.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    const ALL: [Level; 5] = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// Logs go to stderr, stdout is for results. `RUST_LOG` overrides the level; under systemd the journal adds the time. Colours on a
/// terminal alone, and not with NO_COLOR: journals and log files keep what they are given.
pub fn start() {
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = tracing_subscriber::fmt().with_env_filter(usual()).with_writer(std::io::stderr);
    let log = log.with_ansi(colours).with_target(false).with_filter_reloading();
    let handle = log.reload_handle();
    log.init();
    let _ = CHANGE.set(Box::new(move |filter| handle.reload(filter).is_ok()));
}

/// Logs at this level from now on, `None` at the usual one; `false` where there is no log to change.
pub fn set(level: Option<Level>) -> bool {
    let filter = level.map_or_else(usual, |level| EnvFilter::new(format!("warn,bearwatch={}", level.name())));
    CHANGE.get().is_some_and(|change| change(filter))
}

fn usual() -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,bearwatch=info"))
}
