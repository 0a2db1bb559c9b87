//! What a command comes to, judged before it is written down; and the doing of it.

use std::sync::PoisonError;
use std::time::Duration;

use super::areas::Drawn;
use super::command::{self, Action};
use super::orders::{Held, Orders, Trial};
use super::term::{Now, Term};
use super::trust::Who;
use super::{Control, Order};
use crate::publish::message::rfc3339;
use crate::publish::reply::{Judgement, Until};
use crate::publish::{AckDraft, Draft, Mode};
use crate::system::log::{self, Level};

/// A picture older than this is not one of now, milliseconds.
const FRESH_MS: u64 = 10_000;

/// A command that is within its limits.
#[derive(Clone, Debug, PartialEq)]
pub enum Plan {
    /// End what was ordered for a time; what holds then, in words.
    Arm(String),
    /// Another mode for a time.
    Switch(Mode, Term),
    /// Take part in a trial.
    Trial(Trial, Term),
    /// Take part in it no more; what holds then, in words.
    EndTrial(String),
    /// Send what is kept.
    Send(Term),
    /// Send an exercise.
    Exercise,
    /// Draw a bear, which must come out as an alert by then.
    Drill(Term),
    /// Send a picture.
    Snapshot,
    /// Another operating point.
    Threshold(Option<f32>),
    /// Another level of the log.
    Log(Level, Term),
    /// Other areas.
    Redraw(Box<Drawn>),
    /// An alert has been seen.
    Acknowledge {
        /// Its id.
        alert: String,
        /// What it was.
        verdict: Judgement,
        /// What else there is to say.
        note: Option<String>,
    },
}

impl Plan {
    /// What is done, for the answer.
    pub fn words(&self) -> String {
        match self {
            Plan::Arm(words) | Plan::EndTrial(words) => words.clone(),
            Plan::Switch(mode, term) => format!("{} {}", mode.name(), term.words()),
            Plan::Trial(trial, term) => {
                format!("{} in the trial \"{}\" {}", trial.mode.name(), trial.name, term.words())
            }
            Plan::Send(term) => format!("what is kept is sent {}", term.words()),
            Plan::Exercise => "an alert marked as drill is on its way, with a picture".into(),
            Plan::Drill(_) => "a drill begins: a drawn bear walks into the picture, and the broker must have an alert on it, marked as drill, in time; \
                               …/state tells how it went"
                .into(),
            Plan::Snapshot => "a picture is on its way; its property \"request\" is the number of this line of the audit log".into(),
            Plan::Threshold(Some(bear)) => format!("a bear counts from a score of {bear}"),
            Plan::Threshold(None) => "a bear counts from the usual score".into(),
            Plan::Log(level, term) => format!("log level {} {}", level.name(), term.words()),
            Plan::Redraw(drawn) => drawn.words(),
            Plan::Acknowledge { alert, verdict, .. } => {
                format!("alert {alert} is acknowledged: {}", verdict.name())
            }
        }
    }

    /// When it ends by itself.
    pub fn until(&self) -> Option<Until> {
        match self {
            Plan::Switch(_, term)
            | Plan::Trial(_, term)
            | Plan::Log(_, term)
            | Plan::Drill(term)
            | Plan::Send(term) => Some(term.until()),
            _ => None,
        }
    }
}

impl Control {
    /// Holds a command against the limits of the file and what is possible just now.
    pub(super) fn plan(&self, action: &Action, now: &Now) -> Result<Plan, String> {
        if !self.limits.accept && !matches!(action, Action::Ack { .. }) {
            return Err("this camera takes acknowledgements alone: command.accept is not configured".into());
        }
        Ok(match action {
            Action::Arm => Plan::Arm(self.armed_words()),
            Action::Disarm(seconds) => Plan::Switch(Mode::Disarmed, self.term(*seconds, now)?),
            Action::Shadow(seconds) => Plan::Switch(Mode::Shadow, self.term(*seconds, now)?),
            Action::Assist(seconds) => Plan::Switch(Mode::Assist, self.term(*seconds, now)?),
            Action::Live(seconds) => Plan::Switch(Mode::Armed, self.term(*seconds, now)?),
            Action::Trial(wanted) => self.plan_trial(wanted, now)?,
            Action::EndTrial(name) => self.plan_end_of_trial(name)?,
            Action::Send(_) if !self.keeps => {
                return Err("this camera keeps nothing for training and review: store.field_mb is 0".into());
            }
            Action::Send(seconds) => Plan::Send(self.term(*seconds, now)?),
            Action::Test => Plan::Exercise,
            Action::Drill => match self.objection_to_drill(now) {
                Some(objection) => return Err(objection),
                None => Plan::Drill(Term::new(self.drills.within(), now)),
            },
            Action::Snapshot => self.fresh(now).map(|()| Plan::Snapshot)?,
            Action::Threshold(bear) => Plan::Threshold(self.within_limits(*bear)?),
            Action::Log(level, seconds) => Plan::Log(*level, self.term(*seconds, now)?),
            Action::Ack { alert, verdict, note } => match self.links.acknowledger.objection(alert) {
                Some(objection) => return Err(objection),
                None => Plan::Acknowledge { alert: alert.clone(), verdict: *verdict, note: note.clone() },
            },
        })
    }

    fn term(&self, seconds: u64, now: &Now) -> Result<Term, String> {
        let longest = self.limits.longest_s;
        if seconds > longest {
            return Err(format!("{seconds} s is longer than the {longest} s that command.longest_s allows"));
        }
        Ok(Term::new(Duration::from_secs(seconds), now))
    }

    fn within_limits(&self, bear: Option<f32>) -> Result<Option<f32>, String> {
        let allowed = &self.limits.threshold;
        match bear {
            Some(bear) if !allowed.contains(&bear) => {
                let (least, most) = (allowed.start(), allowed.end());
                Err(format!(
                    "{bear} is not from {least} to {most}, as command.threshold_min and threshold_max allow"
                ))
            }
            other => Ok(other),
        }
    }

    /// Whether there is a picture of just now.
    fn fresh(&self, now: &Now) -> Result<(), String> {
        let sight = self.links.sight.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = now.uptime.as_millis() as u64;
        match sight.last {
            Some(stamp) if now_ms.saturating_sub(stamp.uptime_ms) <= FRESH_MS => Ok(()),
            _ => Err("the camera gives no picture just now; …/status says why".into()),
        }
    }

    /// Does it. What must outlive a restart is on the medium before it is in force; without a disk only arming is possible.
    pub(super) fn execute(&mut self, plan: Plan, who: &Who, now: &Now) -> Result<(), String> {
        let number = self.audit.head().seq;
        match plan {
            Plan::Arm(_) => self.arm(now),
            Plan::Switch(mode, term) => {
                let held = Held { what: mode, term, by: who.name.clone() };
                self.settle(Orders { mode: Some(held), ..self.orders.clone() }, now)?;
            }
            Plan::Trial(trial, term) => {
                let held = Held { what: trial, term, by: who.name.clone() };
                self.settle(Orders { trial: Some(held), ..self.orders.clone() }, now)?;
            }
            Plan::EndTrial(_) => self.settle(Orders { trial: None, ..self.orders.clone() }, now)?,
            Plan::Send(term) => {
                self.send(Draft::Send(term.left(now)));
            }
            Plan::Exercise => self.order(Order::Exercise(number))?,
            Plan::Drill(_) => self.begin_drill(Some(number), now)?,
            Plan::Snapshot => self.order(Order::Snapshot(number))?,
            Plan::Threshold(bear) => self.reweigh(bear)?,
            Plan::Redraw(drawn) => self.redraw(*drawn)?,
            Plan::Log(level, term) => {
                if !log::set(Some(level)) {
                    return Err("this program keeps no log that could be changed".into());
                }
                self.orders.log = Some(Held { what: level, term, by: who.name.clone() });
            }
            Plan::Acknowledge { alert, verdict, note } => {
                let Who { name: by, signed } = who.clone();
                self.links.acknowledger.acknowledge(&AckDraft { alert, verdict, by, signed, note })?;
            }
        }
        Ok(())
    }

    /// Never makes a camera quieter that tells everybody.
    fn arm(&mut self, now: &Now) {
        self.orders.mode.take_if(|held| held.what != Mode::Armed);
        self.keep_mode(now);
        self.send(Draft::Mode(self.orders.mode()));
    }

    /// What arming comes to.
    fn armed_words(&self) -> String {
        let mut after = self.orders.clone();
        after.mode.take_if(|held| held.what != Mode::Armed);
        match after.warning() {
            None => "armed: alerts are told".into(),
            Some(warning) => format!(
                "nothing is ordered any more: {warning}; the command live tells everybody, for a time"
            ),
        }
    }

    fn plan_trial(&self, wanted: &command::Trial, now: &Now) -> Result<Plan, String> {
        let command::Trial { name, mode, seconds, until_unix_ms } = wanted;
        let days = self.limits.longest_trial_days;
        if days == 0 {
            return Err("this camera takes part in no trial: command.longest_trial_days is 0".into());
        }
        if *seconds > days * 86_400 {
            return Err(format!(
                "{seconds} s is longer than the {days} days that command.longest_trial_days allows"
            ));
        }
        let term = Term::with_end(Duration::from_secs(*seconds), *until_unix_ms, now);
        if term.is_over(now) {
            return Err(format!(
                "the trial is over by the camera's clock, which says {}",
                rfc3339(now.unix_ms)
            ));
        }
        match &self.orders.trial {
            Some(on) if on.what.name != *name => {
                Err(format!("it takes part in the trial \"{}\" {}", on.what.name, on.term.words()))
            }
            _ => Ok(Plan::Trial(Trial { name: name.clone(), mode: *mode }, term)),
        }
    }

    fn plan_end_of_trial(&self, name: &str) -> Result<Plan, String> {
        if self.orders.trial.as_ref().is_none_or(|on| on.what.name != name) {
            return Err(format!("it takes part in no trial \"{name}\""));
        }
        let after = Orders { trial: None, ..self.orders.clone() };
        Ok(Plan::EndTrial(format!("the trial \"{name}\" is over here: {}", after.words())))
    }

    /// On the medium, then in force.
    fn settle(&mut self, next: Orders, now: &Now) -> Result<(), String> {
        self.keep_orders(&next, now).map_err(unkept)?;
        self.orders = next;
        self.send(Draft::Mode(self.orders.mode()));
        Ok(())
    }

    fn reweigh(&mut self, bear: Option<f32>) -> Result<(), String> {
        self.keep_threshold(bear).map_err(unkept)?;
        self.perceive.bear_threshold = bear.or(self.usual_threshold);
        self.orders.bear_threshold = self.perceive.bear_threshold;
        self.order(Order::Reweigh(Box::new(self.perceive.clone())))
    }

    fn redraw(&mut self, drawn: Drawn) -> Result<(), String> {
        self.keep_areas(&drawn).map_err(unkept)?;
        let Drawn { privacy, watch, guard } = drawn;
        (self.perceive.privacy, self.perceive.watch, self.perceive.guard) = (privacy, watch, guard);
        self.tell_areas();
        self.order(Order::Redraw(Box::new(self.perceive.clone())))
    }

    pub(super) fn order(&self, order: Order) -> Result<(), String> {
        self.links
            .orders
            .try_send(order)
            .map_err(|_| "the detector is busy with earlier commands; try again".into())
    }
}

fn unkept(error: std::io::Error) -> String {
    format!("it cannot be written down, so it would be gone after a restart: {error}")
}
