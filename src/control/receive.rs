//! The whole life of a command: read, authorised, judged, written down, carried out, answered.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Control;
use super::chain::Entry;
use super::command::{self, Command, Labels, MOST_BYTES};
use super::execute::Plan;
use super::term::Now;
use super::trust::{Credentials, Who};
use crate::publish::models::{PIECE_WORD, Piece};
use crate::publish::reply::{AnswerDraft, Until, Verdict};
use crate::publish::{Draft, Message};

/// What was not looked at is told at most this often.
const FLOOD_EVERY: Duration = Duration::from_secs(60);
/// Of what proves nothing so much is written down, bytes.
const MOST_UNPROVEN: usize = 256;
/// Longest topic that an answer is sent to, bytes.
const MOST_TOPIC: usize = 200;
/// Most correlation data that is given back, bytes.
const MOST_CORRELATION: usize = 256;

/// What is asked, as it is written down.
pub(super) struct Asked<'a> {
    /// `command`, or whence else it came.
    pub event: &'static str,
    /// What, in a word.
    pub word: &'a str,
    /// As it came.
    pub payload: &'a [u8],
}

/// What may be carried out.
pub(super) struct Permitted {
    pub who: Who,
    pub plan: Plan,
    /// It must be possible even where nothing can be written down.
    pub urgent: bool,
}

/// What became of it.
pub(super) struct Outcome {
    pub verdict: Verdict,
    pub reason: String,
    pub until: Option<Until>,
}

impl Control {
    pub(super) fn receive(&mut self, message: &Message) {
        let now = self.now();
        let word = word_of(&message.topic);
        if word == PIECE_WORD {
            // No command: what was not asked for is dropped, and what was is held against the hash that a command gave.
            return Piece::read(message).into_iter().for_each(|piece| self.links.models.piece(piece));
        }
        let examined = self.examine(&word, message, &now);
        let signed = examined.as_ref().is_ok_and(|(_, credentials)| credentials.who.signed);
        let allowance = if signed { &mut self.signed } else { &mut self.unproven };
        if !allowance.take(now.uptime) {
            self.flooded += 1;
            return;
        }
        let labels = command::labels(&message.payload);
        let ruling = examined.map_err(|reason| (None, reason)).and_then(|examined| self.rule(examined, &now));
        let asked = Asked { event: "command", word: &word, payload: &message.payload };
        let (who, outcome) = match ruling {
            Ok(permitted) => {
                let outcome = self.carry_out(&asked, &permitted, &now);
                (Some(permitted.who), outcome)
            }
            Err((who, reason)) => (who, refusal(reason)),
        };
        let who = who.unwrap_or_else(|| unproven(&labels));
        if outcome.verdict == Verdict::Refused {
            let _ = self.write_down(&asked, &who, &outcome, &now);
        }
        tracing::info!("command {word} by {}: {}: {}", who.name, outcome.verdict.name(), outcome.reason);
        self.answer(word, message, labels, who, outcome);
        self.tell_state();
    }

    /// Reads it, and holds it against the keys. Costs no disk.
    fn examine(&self, word: &str, message: &Message, now: &Now) -> Result<(Command, Credentials), String> {
        if message.retain {
            return Err("it was retained by the broker, and would be carried out at every start; send it without the retain flag".into());
        }
        let command = command::read(word, &message.payload)?;
        let credentials = self.trust.examine(&command, message, now)?;
        Ok((command, credentials))
    }

    /// Whether it may be carried out, and by whose order; else why not.
    fn rule(
        &mut self,
        (command, credentials): (Command, Credentials),
        now: &Now,
    ) -> Result<Permitted, (Option<Who>, String)> {
        let Command { action, .. } = command;
        let urgent = action.is_always_possible();
        let admitted = self.trust.admit(credentials, urgent, now);
        let who = admitted.map_err(|reason| (None, reason))?;
        match self.plan(&action, now) {
            Ok(plan) => Ok(Permitted { who, plan, urgent }),
            Err(reason) => Err((Some(who), reason)),
        }
    }

    /// Writes it down, then does it. What cannot be written down is not done, but for what must always be possible.
    pub(super) fn carry_out(&mut self, asked: &Asked, permitted: &Permitted, now: &Now) -> Outcome {
        let Permitted { who, plan, urgent } = permitted;
        let applied = Outcome { verdict: Verdict::Applied, reason: plan.words(), until: plan.until() };
        if let Err(error) = self.write_down(asked, who, &applied, now)
            && !urgent
        {
            return refusal(format!("it cannot be written into the audit log: {error}"));
        }
        match self.execute(plan.clone(), who, now) {
            Ok(()) => applied,
            Err(reason) => refusal(reason),
        }
    }

    pub(super) fn write_down(
        &mut self,
        asked: &Asked,
        who: &Who,
        outcome: &Outcome,
        now: &Now,
    ) -> std::io::Result<()> {
        let most = if who.signed || outcome.verdict == Verdict::Applied { MOST_BYTES } else { MOST_UNPROVEN };
        let kept = &asked.payload[..asked.payload.len().min(most)];
        let entry = Entry {
            event: asked.event.into(),
            who: who.name.clone(),
            signed: who.signed,
            command: asked.word.into(),
            payload: String::from_utf8_lossy(kept).into_owned(),
            verdict: outcome.verdict.name().into(),
            reason: outcome.reason.clone(),
        };
        let written = self.audit.append(entry, now);
        if let Err(error) = &written {
            tracing::error!("audit log: {error}; only arm and ack are possible until it can be written");
        }
        written
    }

    fn answer(&self, command: String, message: &Message, labels: Labels, who: Who, outcome: Outcome) {
        let wanted = message.response_topic.clone().filter(|topic| self.is_answerable(topic));
        let correlation = message.correlation.clone().filter(|data| data.len() <= MOST_CORRELATION);
        let answer = AnswerDraft {
            command,
            id: labels.id,
            verdict: outcome.verdict,
            reason: outcome.reason,
            by: who.name,
            signed: who.signed,
            until: outcome.until,
            audit: self.audit.head().clone(),
            response_topic: wanted,
            correlation,
        };
        self.send(Draft::Answer(Box::new(answer)));
    }

    /// Not into the topics of cameras: who may command one must not speak in its name.
    fn is_answerable(&self, topic: &str) -> bool {
        let good = topic.len() <= MOST_TOPIC && !topic.contains(['+', '#', '\0']) && !topic.is_empty();
        good && !topic.starts_with('$') && !topic.starts_with("bearwatch/")
    }

    /// One word for all that came faster than it could be looked at.
    pub(super) fn tell_flood(&mut self, now: &Now) {
        let lost = self.flooded + self.links.metrics.counters.lost_commands.load(Ordering::Relaxed);
        let rests = self.flood_told > 0 && now.uptime.saturating_sub(self.flood_told_at) < FLOOD_EVERY;
        if lost == self.flood_told || rests {
            return;
        }
        let reason = format!("{} commands came faster than they could be looked at", lost - self.flood_told);
        (self.flood_told, self.flood_told_at) = (lost, now.uptime);
        tracing::warn!("{reason}");
        self.note("flood", reason.clone(), now);
        let message = Message::json(String::new(), Vec::new(), Vec::new());
        let who = Who { name: "somebody".into(), signed: false };
        self.answer("several".into(), &message, Labels::default(), who, refusal(reason));
    }
}

/// The last level of a topic, fit for a log; no command has a longer name.
fn word_of(topic: &str) -> String {
    let level = topic.rsplit('/').next().unwrap_or_default();
    level.chars().filter(|c| !c.is_control()).take(40).collect()
}

pub(super) fn refusal(reason: String) -> Outcome {
    Outcome { verdict: Verdict::Refused, reason, until: None }
}

/// What a command that proves nothing says of itself.
fn unproven(labels: &Labels) -> Who {
    Who { name: labels.by.clone().unwrap_or_else(|| "somebody".into()), signed: false }
}
