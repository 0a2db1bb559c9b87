//! Where results go: files, or standard output where the path is `-`.

use std::io::Write;
use std::path::Path;

use crate::cli::exit::{Exit, Failure, OrExit};

/// Whether results go to standard output.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// An output whose folder is missing should be known before the model has run for minutes.
pub fn check_parent(path: &Path) -> Result<(), Failure> {
    match path.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        None => Ok(()),
        Some(parent) => {
            let error =
                anyhow::anyhow!("{}: no such folder {}; create it first", path.display(), parent.display());
            Err(Failure::new(Exit::CannotCreate, error))
        }
    }
}

/// Writes JSON.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).or_exit(Exit::Bug)?;
    write_text(path, &(text + "\n"))
}

/// Writes text.
pub fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let (written, exit) = match is_stdout(path) {
        true => (std::io::stdout().lock().write_all(text.as_bytes()), Exit::Io),
        false => (std::fs::write(path, text), Exit::CannotCreate),
    };
    written.map_err(|error| anyhow::anyhow!("{}: {error}", path.display())).or_exit(exit)
}

/// The command as it was given, ready to be pasted into a shell.
pub fn command() -> String {
    let words = std::env::args().enumerate().map(|(at, word)| match at {
        // Where the program stands is of no interest to others.
        0 => "bearwatch".into(),
        _ => quoted(&word),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_take_apart_are_quoted() {
        assert_eq!(quoted("data/val"), "data/val");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
