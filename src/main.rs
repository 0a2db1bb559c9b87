//! The daemon and its tools: arguments → command → exit code. No logic.

use bearwatch::cli::Cli;
use bearwatch::cli::exit::Exit;
use clap::Parser;
use clap::error::ErrorKind;

fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let told = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if told { Exit::Ok } else { Exit::Usage };
        }
    };
    start_log();
    match cli.run() {
        Ok(exit) => exit,
        Err(failure) => {
            tracing::error!("{:#}", failure.error);
            failure.exit
        }
    }
}

/// Logs go to stderr, stdout is for results. `RUST_LOG` overrides the level; under systemd the journal adds the time. Colours on a
/// terminal alone, and not with NO_COLOR: journals and log files keep what they are given.
fn start_log() {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let colours =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,bearwatch=info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    log.with_ansi(colours).with_target(false).init();
}
