//! What was ordered and is in force. PURE: told the time, answers with what has run out.

use std::time::Duration;

use super::term::{Now, Term};
use crate::publish::reply::{Mode, Until};
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

/// What has run out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expired {
    /// The camera is armed again.
    Mode(Mode),
    /// The log is as usual again.
    Log(Level),
}

/// What is in force. Without a held mode the camera is armed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Orders {
    /// Disarmed or shadow.
    pub mode: Option<Held<Mode>>,
    /// The level of the log.
    pub log: Option<Held<Level>>,
    /// Operating point for bears; the model card's where `None`.
    pub bear_threshold: Option<f32>,
}

impl Orders {
    /// Whether anybody is told of bears.
    pub fn mode(&self) -> Mode {
        self.mode.as_ref().map_or(Mode::Armed, |held| held.what)
    }

    /// When the mode ends by itself.
    pub fn until(&self) -> Option<Until> {
        self.mode.as_ref().map(|held| held.term.until())
    }

    /// What is logged, and until when.
    pub fn log_words(&self) -> String {
        self.log.as_ref().map_or("usual".into(), |held| format!("{} {}", held.what.name(), held.term.words()))
    }

    /// What the status has to say: a camera that tells nobody must not be taken for one that sees nothing.
    pub fn warning(&self) -> Option<String> {
        let held = self.mode.as_ref()?;
        let (word, meaning) = match held.what {
            Mode::Armed => return None,
            Mode::Disarmed => ("DISARMED", "nobody is told of bears"),
            Mode::Shadow => ("SHADOW MODE", "bears are recorded on the device and nobody is told"),
        };
        Some(format!("{word} {} by {}: {meaning}", held.term.words(), held.by))
    }

    /// Ends what has run out.
    pub fn expire(&mut self, now: &Now) -> Vec<Expired> {
        let mut expired = Vec::new();
        if let Some(held) = self.mode.take_if(|held| held.term.is_over(now)) {
            expired.push(Expired::Mode(held.what));
        }
        if let Some(held) = self.log.take_if(|held| held.term.is_over(now)) {
            expired.push(Expired::Log(held.what));
        }
        self.mode.iter_mut().for_each(|held| held.term.observe(now));
        expired
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
    fn what_runs_out_ends_and_is_named_once() {
        let mut orders = Orders {
            mode: Some(held(Mode::Shadow, 60)),
            log: Some(held(Level::Debug, 30)),
            bear_threshold: Some(0.3),
        };
        assert_eq!(orders.expire(&at(29)), []);
        assert_eq!(orders.expire(&at(30)), [Expired::Log(Level::Debug)]);
        assert_eq!(orders.expire(&at(60)), [Expired::Mode(Mode::Shadow)]);
        assert_eq!(orders.expire(&at(61)), []);
        assert_eq!((orders.mode(), orders.bear_threshold), (Mode::Armed, Some(0.3)));
    }
}
