//! The daemon and its tools: arguments → command → exit code. No logic.

use bearwatch::cli::Cli;
use bearwatch::cli::exit::Exit;
use bearwatch::system::log;
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
    log::start();
    match cli.run() {
        Ok(exit) => exit,
        Err(failure) => {
            tracing::error!("{:#}", failure.error);
            failure.exit
        }
    }
}
