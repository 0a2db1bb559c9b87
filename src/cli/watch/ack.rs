//! Acknowledgements from the keyboard: a letter and Enter.

use std::io::{BufRead, stdin};
use std::sync::mpsc::{Receiver, sync_channel};

use super::desk::Desk;
use crate::cli::command::request::{Request, Signer};
use crate::control::signing::nonce;
use crate::publish::Message;
use crate::publish::reply::Judgement;

/// Lines that may wait.
const LINES: usize = 16;

/// Who acknowledges, and what is typed.
pub struct Keyboard {
    by: String,
    signer: Option<Signer>,
    lines: Receiver<String>,
}

impl Keyboard {
    /// Reads standard input on a thread of its own, which ends with it.
    pub fn start(by: String, signer: Option<Signer>) -> std::io::Result<Keyboard> {
        let (sender, lines) = sync_channel(LINES);
        std::thread::Builder::new().name("keyboard".into()).spawn(move || {
            stdin().lock().lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        })?;
        Ok(Keyboard { by, signer, lines })
    }

    /// What was typed next, as a command to its camera; the error is for who typed it.
    pub fn next(&self, desk: &Desk, unix_ms: i64) -> Option<Result<Message, String>> {
        let line = self.lines.try_recv().ok()?;
        (!line.trim().is_empty()).then(|| self.command(&line, desk, unix_ms))
    }

    fn command(&self, line: &str, desk: &Desk, unix_ms: i64) -> Result<Message, String> {
        let (verdict, id) = read(line)?;
        let found = desk.unacknowledged(id).ok_or("no alert waits for an acknowledgement here")?;
        let (site, alert, boot) = found;
        let request = Request::acknowledge(alert, verdict, None, Some(self.by.clone()));
        let id = nonce().map_err(|error| error.to_string())?;
        request.message(site, boot, &id, self.signer.as_ref(), unix_ms).map_err(|error| error.to_string())
    }
}

/// "b", "n 9f-3".
fn read(line: &str) -> Result<(Judgement, Option<&str>), String> {
    let mut words = line.split_whitespace();
    let verdict =
        match words.next() {
            Some("b" | "bear") => Judgement::Bear,
            Some("n" | "not-bear") => Judgement::NotBear,
            Some("u" | "unsure") => Judgement::Unsure,
            _ => return Err(
                "type b (bear), n (not a bear) or u (unsure), and the end of an alert's id for an older one"
                    .into(),
            ),
        };
    Ok((verdict, words.next()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_enough_and_anything_else_is_explained() {
        assert_eq!(read("b"), Ok((Judgement::Bear, None)));
        assert_eq!(read("  n 9f-3 "), Ok((Judgement::NotBear, Some("9f-3"))));
        assert_eq!(read("unsure"), Ok((Judgement::Unsure, None)));
        assert!(read("yes").unwrap_err().contains("b (bear)"));
    }
}
