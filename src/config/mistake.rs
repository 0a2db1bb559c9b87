//! What is wrong with a configuration, said so that a person can correct it.

use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A file; the line counts from 1 and is missing where the mistake has none (an absent key of an absent section).
    File {
        /// As given on the command line.
        name: String,
        /// Counts from 1.
        line: Option<usize>,
    },
    /// An option `--set` of the command line.
    Set,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { name, line: Some(line) } => write!(f, "{name}:{line}"),
            Origin::File { name, line: None } => f.write_str(name),
            Origin::Set => f.write_str("--set"),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands.
    pub origin: Origin,
    /// "capture.fps"; empty for mistakes of syntax.
    pub key: String,
    /// What is wrong. Never the value of a secret.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Mistake {
    /// Puts the four together.
    pub fn new(origin: Origin, key: &str, what: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        Mistake { origin, key: key.to_owned(), what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}: {}{separator}{}; {}", self.origin, self.key, self.what, self.remedy)
    }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty. Exit code 78: starting again does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// One or more.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.as_slice() {
            [one] => write!(f, "the configuration has a mistake:\n  {one}"),
            all => {
                write!(f, "the configuration has {} mistakes:", all.len())?;
                all.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
            }
        }
    }
}

impl std::error::Error for ConfigErrors {}
