//! What was ordered and is in force. PURE: told the time, answers with what has run out.

use std::time::Duration;

use super::term::{Now, Term};
use crate::publish::reply::{Mode, TrialDraft, Until};
use crate::system::log::Level;

/// Something that holds for a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Held<T> {
    /// What.
    pub what: T,
    /// For how long.
    pub term: Term,
    /// By whose order.
    pub by: String,
}

/// A trial that the camera takes part in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Names it.
    pub name: String,
    /// What alerts are subject to in it.
    pub mode: Mode,
}

/// What has run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expired {
    /// The mode is again what it is without that order.
    Mode(Mode),
    /// The trial of that name is over.
    Trial(String),
    /// The log is as usual again.
    Log(Level),
}

/// What is in force. Three layers: what the file says is usual, over it a trial, over that what was ordered for a time: whoever mutes a camera for an
/// hour ends no trial of two weeks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    /// Where nothing else is said.
    pub usual: Mode,
    /// The trial that is on.
    pub trial: Option<Held<Trial>>,
    /// What was ordered for a time.
    pub mode: Option<Held<Mode>>,
    /// The level of the log.
    pub log: Option<Held<Level>>,
    /// Operating point for bears; the model card's where `None`.
    pub bear_threshold: Option<f32>,
}

impl Orders {
    /// Who is told of bears.
    pub fn mode(&self) -> Mode {
        self.mode.as_ref().map_or_else(|| self.beneath(), |held| held.what)
    }

    /// The mode where nothing is ordered for a time.
    pub fn beneath(&self) -> Mode {
        self.trial.as_ref().map_or(self.usual, |trial| trial.what.mode)
    }

    /// When the mode ends by itself.
    pub fn until(&self) -> Option<Until> {
        let ordered = self.mode.as_ref().map(|held| held.term.until());
        ordered.or_else(|| self.trial.as_ref().map(|trial| trial.term.until()))
    }

    /// Who ordered the mode; empty where nobody did.
    pub fn by(&self) -> String {
        let ordered = self.mode.as_ref().map(|held| &held.by);
        ordered.or_else(|| self.trial.as_ref().map(|trial| &trial.by)).cloned().unwrap_or_default()
    }

    /// The mode that holds, and why, for people.
    pub fn words(&self) -> String {
        let word = people(self.mode());
        match (&self.mode, &self.trial) {
            (Some(held), _) => format!("{word} {} by {}", held.term.words(), held.by),
            (None, Some(trial)) => {
                let Held { what, term, by } = trial;
                format!("{word} in the trial \"{}\" {} by {by}", what.name, term.words())
            }
            (None, None) => format!("{word} as site.mode says"),
        }
    }

    /// The trial that is on, for receivers.
    pub fn trial_draft(&self) -> Option<TrialDraft> {
        let Held { what, term, .. } = self.trial.as_ref()?;
        Some(TrialDraft { trial: what.name.clone(), mode: what.mode, until: term.until() })
    }

    /// What is logged, and until when.
    pub fn log_words(&self) -> String {
        self.log.as_ref().map_or("usual".into(), |held| format!("{} {}", held.what.name(), held.term.words()))
    }

    /// What the status has to say: a camera that tells nobody must not be taken for one that sees nothing.
    pub fn warning(&self) -> Option<String> {
        let meaning = match self.mode() {
            Mode::Armed => return None,
            Mode::Disarmed => "nobody is told of bears",
            Mode::Shadow => "bears are recorded on the device and nobody is told",
            Mode::Assist => "reviewers alone are told of bears, nobody on duty is",
        };
        Some(format!("{}: {meaning}", self.words()))
    }

    /// Ends what has run out.
    pub fn expire(&mut self, now: &Now) -> Vec<Expired> {
        let mut expired = Vec::new();
        if let Some(held) = self.mode.take_if(|held| held.term.is_over(now)) {
            expired.push(Expired::Mode(held.what));
        }
        if let Some(trial) = self.trial.take_if(|trial| trial.term.is_over(now)) {
            expired.push(Expired::Trial(trial.what.name));
        }
        if let Some(held) = self.log.take_if(|held| held.term.is_over(now)) {
            expired.push(Expired::Log(held.what));
        }
        self.mode.iter_mut().for_each(|held| held.term.observe(now));
        self.trial.iter_mut().for_each(|held| held.term.observe(now));
        expired
    }
}

fn people(mode: Mode) -> &'static str {
    match mode {
        Mode::Armed => "ARMED",
        Mode::Disarmed => "DISARMED",
        Mode::Shadow => "SHADOW MODE",
        Mode::Assist => "ASSIST MODE",
    }
}

/// What of an order over a mode is left to write down: whole seconds, never nothing while it holds.
pub fn left_s(term: &Term, now: &Now) -> u64 {
    term.left(now).max(Duration::from_secs(1)).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime_s: u64) -> Now {
        Now { uptime: Duration::from_secs(uptime_s), unix_ms: 1_800_000_000_000, synced: true }
    }

    fn held<T>(what: T, seconds: u64) -> Held<T> {
        Held { what, term: Term::new(Duration::from_secs(seconds), &at(0)), by: "anna".into() }
    }

    #[test]
    fn without_orders_the_camera_is_armed_and_has_nothing_to_warn_of() {
        let orders = Orders::default();
        assert_eq!((orders.mode(), orders.until(), orders.warning()), (Mode::Armed, None, None));
        assert_eq!(orders.log_words(), "usual");
    }

    #[test]
    fn a_camera_that_tells_nobody_says_so_until_when_and_by_whom() {
        let orders = Orders { mode: Some(held(Mode::Disarmed, 60)), ..Orders::default() };
        let warning = orders.warning().unwrap();
        assert_eq!(warning, "DISARMED until 2027-01-15T08:01:00Z by anna: nobody is told of bears");
    }

    #[test]
    fn a_mute_in_a_trial_ends_and_the_trial_goes_on_and_ends_by_itself() {
        let trial = Trial { name: "spring".into(), mode: Mode::Assist };
        let mut orders = Orders { usual: Mode::Shadow, trial: Some(held(trial, 100)), ..Orders::default() };
        let told = orders.warning().unwrap();
        assert!(
            told.starts_with(
                "ASSIST MODE in the trial \"spring\" until 2027-01-15T08:01:40Z by anna: reviewers"
            ),
            "{told}"
        );
        orders.mode = Some(held(Mode::Disarmed, 60));
        assert_eq!((orders.mode(), orders.beneath()), (Mode::Disarmed, Mode::Assist));
        assert_eq!(orders.expire(&at(60)), [Expired::Mode(Mode::Disarmed)]);
        assert_eq!((orders.mode(), orders.by().as_str()), (Mode::Assist, "anna"));
        assert_eq!(orders.expire(&at(100)), [Expired::Trial("spring".into())]);
        assert_eq!((orders.mode(), orders.until(), orders.by().as_str()), (Mode::Shadow, None, ""));
        assert!(orders.warning().unwrap().starts_with("SHADOW MODE as site.mode says: "));
    }

    #[test]
    fn what_runs_out_ends_and_is_named_once() {
        let mut orders = Orders {
            mode: Some(held(Mode::Shadow, 60)),
            log: Some(held(Level::Debug, 30)),
            bear_threshold: Some(0.3),
            ..Orders::default()
        };
        assert_eq!(orders.expire(&at(29)), []);
        assert_eq!(orders.expire(&at(30)), [Expired::Log(Level::Debug)]);
        assert_eq!(orders.expire(&at(60)), [Expired::Mode(Mode::Shadow)]);
        assert_eq!(orders.expire(&at(61)), []);
        assert_eq!((orders.mode(), orders.bear_threshold), (Mode::Armed, Some(0.3)));
    }
}
