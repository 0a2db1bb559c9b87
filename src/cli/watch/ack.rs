//! Acknowledgements from the keyboard: a letter and Enter.

use std::io::{BufRead, stdin};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use super::Watch;
use super::desk::{Desk, place};
use crate::cli::exit::Failure;
use crate::control::request::{Request, Signer};
use crate::control::signing::nonce;
use crate::publish::Message;
use crate::publish::reply::Judgement;
use crate::publish::subscriber::{Body, Heard, Subscriber};

/// Lines that may wait.
const LINES: usize = 16;
/// A camera that does not answer for so long has not heard us.
const PATIENCE: Duration = Duration::from_secs(5);
/// An alert that came in so shortly before a key was not what the key was meant for, where there is another.
const GLANCE: Duration = Duration::from_secs(2);

/// Who acknowledges, what is typed, and what was not answered yet.
pub struct Keyboard {
    by: String,
    signer: Option<Signer>,
    lines: Receiver<String>,
    sent: Vec<Sent>,
}

/// An acknowledgement on its way.
struct Sent {
    command: String,
    place: String,
    alert: String,
    at: Duration,
}

impl Keyboard {
    /// Reads standard input on a thread of its own, which ends with it.
    pub fn start(by: String, signer: Option<Signer>) -> std::io::Result<Keyboard> {
        let (sender, lines) = sync_channel(LINES);
        std::thread::Builder::new().name("keyboard".into()).spawn(move || {
            stdin().lock().lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        })?;
        Ok(Keyboard { by, signer, lines, sent: Vec::new() })
    }

    /// What was typed next, as a command to its camera; the error is for who typed it.
    fn next(&mut self, desk: &Desk, now: Duration, unix_ms: i64) -> Option<Result<Message, String>> {
        let line = self.lines.try_recv().ok()?;
        (!line.trim().is_empty()).then(|| self.command(&line, desk, now, unix_ms))
    }

    fn command(&mut self, line: &str, desk: &Desk, now: Duration, unix_ms: i64) -> Result<Message, String> {
        let (verdict, id) = read(line)?;
        let (waiting, boot) = desk.unacknowledged(id).ok_or("no alert waits for an acknowledgement here")?;
        if id.is_none() && !waiting.is_only && now.saturating_sub(waiting.heard_at) < GLANCE {
            return Err("another alert has just come in: look at it, and type again".into());
        }
        let request = Request::acknowledge(waiting.alert, verdict, None, Some(self.by.clone()));
        let command = nonce().map_err(|error| error.to_string())?;
        let message = request.message(waiting.site, boot, &command, self.signer.as_ref(), unix_ms);
        let message = message.map_err(|error| error.to_string())?;
        let (place, alert) = (place(waiting.site), waiting.alert.to_owned());
        self.sent.push(Sent { command, place, alert, at: now });
        Ok(message)
    }

    /// The camera has answered, or the broker has refused us.
    fn hear(&mut self, heard: &Heard) {
        match heard {
            Heard::Message(received) => {
                if let Body::Answer(answer) = &received.body {
                    self.sent.retain(|sent| answer.id.as_ref() != Some(&sent.command));
                }
            }
            Heard::Refused { .. } => self.sent.clear(),
            _ => {}
        }
    }

    /// What nobody has answered.
    fn overdue(&mut self, now: Duration) -> Vec<String> {
        let overdue = self.sent.extract_if(.., |sent| now.saturating_sub(sent.at) >= PATIENCE);
        let told = |Sent { place, alert, .. }: Sent| {
            format!("NOT ACKNOWLEDGED: {place} does not answer; when it is back, type again for {alert}")
        };
        overdue.map(told).collect()
    }
}

impl Watch {
    /// Sends what was typed, and says what became of nothing. The camera's answer and its acknowledgement are heard as everybody hears
    /// them.
    pub(super) fn look_at_keys(&mut self, subscriber: &Subscriber) -> Result<(), Failure> {
        let (now, unix_ms) = (self.clock.uptime(), self.clock.unix_ms());
        let Some(keyboard) = &mut self.keyboard else { return Ok(()) };
        let mut told = keyboard.overdue(now);
        match keyboard.next(&self.desk, now, unix_ms) {
            Some(Ok(message)) if !subscriber.send(message.clone()) => {
                told.push("NOT SENT: too much waits for the broker already".into());
            }
            Some(Err(why)) => told.push(why),
            _ => {}
        }
        told.iter().try_for_each(|text| self.tell_typist(text))
    }

    /// What concerns what was typed.
    pub(super) fn hear_for_keys(&mut self, heard: &Heard) -> Result<(), Failure> {
        let Some(keyboard) = &mut self.keyboard else { return Ok(()) };
        keyboard.hear(heard);
        let Heard::Refused { reason } = heard else { return Ok(()) };
        self.tell_typist(&format!(
            "NOT ACKNOWLEDGED: the broker does not let us ({reason}); check its access rules for …/set/ack"
        ))
    }

    /// Not among the lines for programs.
    fn tell_typist(&self, text: &str) -> Result<(), Failure> {
        if self.args.json {
            tracing::warn!("{text}");
            return Ok(());
        }
        self.desk_line(text)
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
