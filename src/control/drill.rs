//! Drills: when one is due, how it stands, and what came of the last. PURE: told the time and what was seen, answers with what is to be done.
//!
//! A drill passes when the broker has acknowledged the alert on the drawn bear, so that nothing between the lens and there is taken on trust. One
//! that fails is told until a later one passes, over restarts too.

use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::term::Now;
use crate::infer::sight::Played;
use crate::publish::drill::{Arrival, Course, DrillMessage};
use crate::publish::message::{BootId, alert_id, parse_rfc3339, rfc3339};
use crate::publish::settings::DrillSettings;

/// A camera of which no drill is known has its first one so long after the start: what is wrong with the picture takes some minutes to show.
const FIRST: Duration = Duration::from_secs(600);

/// What outlives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    last: Option<DrillMessage>,
    /// The last that failed, where none has passed since.
    failed: Option<DrillMessage>,
}

/// A drill that is on.
#[derive(Clone, Copy, Debug)]
struct Running {
    number: u64,
    since: Duration,
}

/// The drills of one camera.
#[derive(Debug)]
pub struct Drills {
    settings: DrillSettings,
    boot: BootId,
    memory: Memory,
    running: Option<Running>,
    begun: u64,
    /// When the next one is due by the schedule.
    due: Duration,
}

/// What is known when it is looked whether anything is to be done.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The last drill as the detector saw it.
    pub played: Option<Played>,
    /// The last alert of a drill that the broker has.
    pub arrival: Option<Arrival>,
    /// Whether something that was not drawn may be a bear.
    pub bear: bool,
    /// Whether the detector has seen a frame within the last seconds.
    pub sees: bool,
    /// Whether the broker hears us and alerts are told.
    pub heard: bool,
}

impl Drills {
    /// With what an earlier life left; what cannot be read is left out. One that was on when that ended is broken off.
    pub fn new(settings: DrillSettings, boot: &BootId, memory: &[u8], now: &Now) -> Drills {
        let mut memory: Memory = serde_json::from_slice(memory).unwrap_or_default();
        if let Some(last) = memory.last.as_mut().filter(|last| last.course == Course::Running) {
            last.course = Course::BrokenOff;
            last.reason = "the daemon ended meanwhile".into();
        }
        let mut drills =
            Drills { settings, boot: boot.clone(), memory, running: None, begun: 0, due: Duration::ZERO };
        let every = drills.every().unwrap_or_default();
        drills.due = drills.wait_by_wall(now).map_or(now.uptime + every.min(FIRST), |wait| now.uptime + wait);
        drills
    }

    /// What must outlive a restart.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.memory).unwrap_or_default()
    }

    /// The last one.
    pub fn last(&self) -> Option<&DrillMessage> {
        self.memory.last.as_ref()
    }

    /// Longest time that one may take.
    pub fn within(&self) -> Duration {
        self.settings.within
    }

    /// What the status has to say.
    pub fn warning(&self) -> Option<String> {
        let failed = self.memory.failed.as_ref()?;
        let DrillMessage { began, reason, .. } = failed;
        Some(format!(
            "DRILL FAILED at {began}: {reason}; a real bear may not be told of until that is mended; then `bearwatch command drill`, or wait for the next"
        ))
    }

    /// Why none can begin now.
    pub fn objection(&self, view: &View) -> Option<String> {
        match (self.running, view.bear) {
            (Some(_), _) => Some("a drill is on; …/state tells how it goes".into()),
            (None, true) => {
                Some("something that may be a bear is in sight: a drawn one could hide it; try again when it has gone".into())
            }
            (None, false) => None,
        }
    }

    /// Whether the schedule asks for one now, and nothing speaks against it. One that is due waits for a better moment.
    pub fn is_due(&mut self, view: &View, now: &Now) -> bool {
        let Some(every) = self.every() else { return false };
        if now.uptime < self.due || !view.heard || self.objection(view).is_some() {
            return false;
        }
        // The clock was set since, and knows better.
        if let Some(wait) = self.wait_by_wall(now).filter(|wait| !wait.is_zero()) {
            self.due = now.uptime + wait.min(every);
            return false;
        }
        let hours = &self.settings.hours;
        hours.are_none() || !now.synced || hours.cover(now.unix_ms)
    }

    /// Begins one; gives its number.
    pub fn begin(&mut self, request: Option<u64>, now: &Now) -> u64 {
        self.begun += 1;
        self.running = Some(Running { number: self.begun, since: now.uptime });
        self.due = now.uptime + self.every().unwrap_or_default();
        self.memory.last = Some(DrillMessage {
            course: Course::Running,
            began: rfc3339(now.unix_ms),
            clock_synced: now.synced,
            seconds: None,
            alert: None,
            request,
            reason: "a drawn bear walks in".into(),
        });
        self.begun
    }

    /// The one that is on was not taken up: it tells nothing.
    pub fn call_off(&mut self, reason: &str) {
        self.running = None;
        if let Some(last) = &mut self.memory.last {
            (last.course, last.reason) = (Course::BrokenOff, reason.to_owned());
        }
    }

    /// Looks how the one that is on stands; gives whether it has just ended.
    pub fn look(&mut self, view: &View, now: &Now) -> bool {
        let Some(running) = self.running else { return false };
        let played = view.played.filter(|played| played.number == running.number);
        let over = now.uptime.saturating_sub(running.since) >= self.settings.within;
        let Some((course, seconds, reason)) = self.outcome(played, view, over) else { return false };
        self.running = None;
        if let Some(last) = &mut self.memory.last {
            let alert = played.and_then(|played| played.alert).map(|alert| alert_id(&self.boot, alert));
            (last.course, last.seconds, last.reason, last.alert) = (course, seconds, reason, alert);
        }
        match course {
            Course::Passed => self.memory.failed = None,
            Course::Failed => self.memory.failed.clone_from(&self.memory.last),
            Course::Running | Course::BrokenOff => {}
        }
        true
    }

    fn outcome(
        &self,
        played: Option<Played>,
        view: &View,
        over: bool,
    ) -> Option<(Course, Option<f64>, String)> {
        let Some(played) = played else {
            return over.then(|| failed(None, "the detector did not take it up"));
        };
        if played.broken_off {
            let reason = "something that was not drawn may be a bear; …/alert tells if it is one";
            return Some((Course::BrokenOff, None, reason.into()));
        }
        let id = played.alert.map(|alert| alert_id(&self.boot, alert));
        let arrived = view.arrival.as_ref().filter(|arrival| Some(&arrival.alert) == id.as_ref());
        let seconds = arrived
            .zip(played.first_ms)
            .map(|(arrival, first_ms)| arrival.uptime_ms.saturating_sub(first_ms) as f64 / 1e3);
        match (seconds, played.impairment) {
            (Some(seconds), None) => {
                let reason = format!(
                    "the broker had an alert on the drawn bear {seconds:.1} s after it came into sight"
                );
                Some((Course::Passed, Some(seconds), reason))
            }
            (_, Some(impairment)) if over || seconds.is_some() => {
                Some(failed(seconds, impairment.sentence()))
            }
            (None, _) if over => Some(failed(None, &self.missing(&played, view))),
            _ => None,
        }
    }

    /// Which link of the chain did not hold.
    fn missing(&self, played: &Played, view: &View) -> String {
        let within = self.settings.within.as_secs();
        if !view.sees || played.first_ms.is_none() {
            format!("the detector had no picture to draw a bear into for {within} s; see to the camera")
        } else if played.alert.is_none() {
            format!(
                "a bear was drawn into the picture for {within} s and was not told of; look at a picture (`bearwatch command snapshot`), \
                 at perceive.bear_threshold and perceive.privacy, and at the light"
            )
        } else {
            format!(
                "the drawn bear was recognised and the broker did not take the alert within {within} s; see to network and broker"
            )
        }
    }

    fn every(&self) -> Option<Duration> {
        (!self.settings.every.is_zero()).then_some(self.settings.every)
    }

    /// What is left until the next one by a wall clock that can be trusted, and could be then.
    fn wait_by_wall(&self, now: &Now) -> Option<Duration> {
        let last = self.memory.last.as_ref().filter(|last| now.synced && last.clock_synced)?;
        let began = parse_rfc3339(&last.began)?.duration_since(UNIX_EPOCH).ok()?;
        let passed = Duration::from_millis(u64::try_from(now.unix_ms).ok()?).saturating_sub(began);
        Some(self.every()?.saturating_sub(passed))
    }
}

fn failed(seconds: Option<f64>, reason: &str) -> (Course, Option<f64>, String) {
    (Course::Failed, seconds, reason.into())
}

#[cfg(test)]
#[path = "drill_tests.rs"]
mod tests;
