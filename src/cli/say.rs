//! Lines on stdout, and text of strangers made fit for a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};

use anyhow::Context;
use serde::Serialize;

use super::exit::{Exit, Failure, OrExit};

/// One line of a result.
///
/// # Errors
/// 74 where stdout is closed.
pub fn say(line: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}").context("stdout").or_exit(Exit::Io)
}

/// One line of JSON. Control characters that JSON allows in a string (DEL, C1) are escaped as well: terminals obey them.
///
/// # Errors
/// As [`say`].
pub fn say_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string(value).or_exit(Exit::Bug)?;
    let mut line = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() {
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    say(&line)
}

/// Text that came over the network as one line of at most `most` characters: nothing in it moves the cursor, changes colours, rings
/// or turns the direction of writing.
pub fn plain(text: &str, most: usize) -> String {
    let tame = |c: char| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c };
    let mut line: String = text.trim().chars().take(most).map(tame).collect();
    if text.trim().chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

/// Zero-width characters, line separators and marks of direction.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Colours where they are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Paint(bool);

impl Paint {
    /// On a terminal, unless NO_COLOR is set (no-color.org) or the terminal is a dumb one.
    pub fn of_stdout() -> Paint {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Paint(std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb)
    }

    /// White on red: act now.
    pub fn alarm(self, text: &str) -> String {
        self.with("1;97;41", text)
    }

    /// Red: something is wrong.
    pub fn bad(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Yellow: look at it.
    pub fn warn(self, text: &str) -> String {
        self.with("33", text)
    }

    /// Green: as it should be.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// Faint: of no weight.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_send_does_nothing_to_the_terminal() {
        assert_eq!(plain("\x1b[2Jbear\r\n\x07\u{9b}", 80), "\u{fffd}[2Jbear\u{fffd}\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(plain("a\u{202e}b\u{200b}c", 80), "a\u{fffd}b\u{fffd}c");
        assert_eq!(plain("  unplugged: Bär 熊 ", 80), "unplugged: Bär 熊");
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}
