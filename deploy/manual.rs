//! Writes the manual pages and shell completions of the very command line that the program has: `manual DIR`. Built beside the
//! program and never into it; `deploy/deb.sh` puts what it writes into the package.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use bearwatch::cli::Cli;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("usage: manual DIR"))?;
    pages(&folder.join("man"))?;
    completions(&folder.join("completions"))
}

/// What the package's program has: it is built without the station.
fn of_boards() -> Command {
    let whole = Cli::command();
    let kept: Vec<Command> =
        whole.get_subcommands().filter(|one| one.get_name() != "station").cloned().collect();
    let about = whole.get_about().cloned().unwrap_or_default();
    let bare = Command::new("bearwatch").version(env!("CARGO_PKG_VERSION")).about(about);
    bare.arg_required_else_help(true).subcommands(kept)
}

/// bearwatch.1, and a page a command: bearwatch-run.1 and so on.
fn pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(of_boards(), folder)
}

/// In the names that each shell looks for.
fn completions(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut of_boards(), "bearwatch", folder)?;
    }
    Ok(())
}
