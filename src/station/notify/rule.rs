//! Who is told of what, and when: PURE. Told of an alert, of what was told already and of the time, answers with what is due.

use serde::{Deserialize, Serialize};

use crate::perceive::observation::Severity;
use crate::station::alert::Alert;
use crate::system::hours::Hours;

/// Why somebody is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An alert was opened.
    Opened,
    /// It has become more severe than it was told.
    Worse(Severity),
    /// Its first picture has come.
    Picture,
    /// Its camera has climbed to this step of its own ladder.
    Escalated(i64),
    /// Nobody has said anything of it for so many minutes.
    Unacknowledged(i64),
    /// Somebody has.
    Acknowledged,
    /// Its camera has closed it.
    Closed,
    /// Another channel did not get through.
    Undelivered(String),
}

/// Kinds of causes that a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// See [`Cause`].
    Opened,
    /// See [`Cause`].
    Worse,
    /// See [`Cause`].
    Picture,
    /// See [`Cause`].
    Escalated,
    /// See [`Cause`].
    Unacknowledged,
    /// See [`Cause`].
    Acknowledged,
    /// See [`Cause`].
    Closed,
}

/// Whether exercises, or what the simulator drew, are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// Not at all.
    #[default]
    No,
    /// Like any alert.
    Also,
    /// And nothing else.
    Only,
}

/// Whom to tell of what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Names of channels.
    pub channels: Vec<String>,
    /// Of what.
    pub when: Vec<When>,
    /// For [`When::Unacknowledged`], minutes.
    pub after_min: Option<i64>,
    /// Of these sites; of all where empty.
    pub sites: Vec<String>,
    /// Of these cameras, "site/camera"; of all where empty.
    pub cameras: Vec<String>,
    /// From this severity on.
    pub least: Severity,
    /// While the camera is in one of these modes; in any where empty. Alerts that are for reviewers alone are told only where `assist` is named.
    pub modes: Vec<String>,
    /// In these hours alone, where there are any.
    pub hours: Hours,
    /// Exercises.
    pub drills: Share,
    /// What the simulator drew.
    pub simulated: Share,
}

/// An alert, as rules look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The alert itself.
    pub alert: Alert,
    /// Whose.
    pub site: String,
    /// Whose.
    pub camera: String,
    /// Since when somebody could have said something, by the station's clock as it is now.
    pub since_ms: i64,
    /// Who has said what of it: verdict and name.
    pub word: Option<(String, String)>,
    /// Mode of its camera; empty where it told none.
    pub mode: String,
    /// Its first picture.
    pub picture: Option<i64>,
    /// Counts how often it was changed: what was planned is planned of this form.
    pub looks: i64,
}

/// Something that was planned of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whom.
    pub channel: String,
    /// Why.
    pub cause: Cause,
    /// As severe as it was then.
    pub severity: Severity,
}

/// What is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Channel and cause.
    pub due: Vec<(String, Cause)>,
    /// When it must be looked at again though nothing changes.
    pub next_ms: Option<i64>,
    /// What comes if nobody says anything, the next first.
    pub ahead: Vec<Step>,
}

/// A step of an escalation that is to come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Whom it reaches.
    pub channel: String,
}

/// A rule that only its hours keep from being due is looked at again after this, milliseconds.
const AGAIN_MS: i64 = 60_000;

/// Of its name; what has none is as usual.
pub fn severity(name: &str) -> Severity {
    let all = [Severity::Low, Severity::Normal, Severity::High];
    all.into_iter().find(|known| known.name() == name).unwrap_or_default()
}

/// The mode whose alerts are for reviewers alone.
const ASSIST: &str = "assist";

impl Cause {
    /// Its name, and what tells it from others of that name: so it stands in the database.
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Cause::Opened => ("opened", String::new()),
            Cause::Worse(severity) => ("worse", severity.name().into()),
            Cause::Picture => ("picture", String::new()),
            Cause::Escalated(step) => ("escalated", step.to_string()),
            Cause::Unacknowledged(minutes) => ("unacknowledged", minutes.to_string()),
            Cause::Acknowledged => ("acknowledged", String::new()),
            Cause::Closed => ("closed", String::new()),
            Cause::Undelivered(channel) => ("undelivered", channel.clone()),
        }
    }

    /// Reads [`Cause::parts`] back.
    pub fn of(name: &str, detail: &str) -> Cause {
        match name {
            "worse" => Cause::Worse(severity(detail)),
            "picture" => Cause::Picture,
            "escalated" => Cause::Escalated(detail.parse().unwrap_or_default()),
            "unacknowledged" => Cause::Unacknowledged(detail.parse().unwrap_or_default()),
            "acknowledged" => Cause::Acknowledged,
            "closed" => Cause::Closed,
            "undelivered" => Cause::Undelivered(detail.into()),
            _ => Cause::Opened,
        }
    }

    /// Somebody must hear of it: where it does not get through, the other channels are told.
    pub fn matters(&self) -> bool {
        matches!(self, Cause::Opened | Cause::Worse(_) | Cause::Escalated(_) | Cause::Unacknowledged(_))
    }
}

impl Subject {
    /// "site/camera".
    pub fn place(&self) -> String {
        format!("{}/{}", self.site, self.camera)
    }

    /// How severe.
    pub fn severity(&self) -> Severity {
        severity(&self.alert.severity)
    }
}

impl Rule {
    /// Whether it is of this alert, whatever the hour.
    pub fn fits(&self, subject: &Subject) -> bool {
        let among = |list: &[String], what: &str| list.is_empty() || list.iter().any(|one| one == what);
        let is_for = subject.alert.audience.is_everybody() || self.modes.iter().any(|mode| mode == ASSIST);
        is_for
            && among(&self.sites, &subject.site)
            && among(&self.cameras, &subject.place())
            && (subject.mode.is_empty() || among(&self.modes, &subject.mode))
            && subject.severity() >= self.least
            && self.drills.takes(subject.alert.drill)
            && self.simulated.takes(subject.alert.simulated)
    }

    fn is_time(&self, now_ms: i64) -> bool {
        self.hours.are_none() || self.hours.cover(now_ms)
    }

    fn causes(&self, subject: &Subject, now_ms: i64) -> (Vec<Cause>, Option<i64>) {
        let (mut causes, mut next_ms) = (Vec::new(), None);
        let waits = subject.word.is_none();
        for when in &self.when {
            match when {
                When::Opened if waits => causes.push(Cause::Opened),
                When::Worse if waits => causes.push(Cause::Worse(subject.severity())),
                When::Picture if subject.picture.is_some() => causes.push(Cause::Picture),
                When::Escalated if waits => {
                    let step = subject.alert.escalation.as_ref().map(|escalation| escalation.step);
                    causes.extend(step.map(|step| Cause::Escalated(i64::try_from(step).unwrap_or(i64::MAX))));
                }
                When::Unacknowledged if waits => {
                    let minutes = self.after_min.unwrap_or_default();
                    let due_ms = subject.since_ms + 60_000 * minutes;
                    if now_ms >= due_ms {
                        causes.push(Cause::Unacknowledged(minutes));
                    } else {
                        next_ms = Some(due_ms);
                    }
                }
                When::Acknowledged if !waits => causes.push(Cause::Acknowledged),
                When::Closed if subject.alert.state == "closed" => causes.push(Cause::Closed),
                _ => {}
            }
        }
        (causes, next_ms)
    }
}

impl Share {
    fn takes(self, is: bool) -> bool {
        match self {
            Share::No => !is,
            Share::Also => true,
            Share::Only => is,
        }
    }
}

/// What is due now, of what was not told yet.
pub fn plan(rules: &[Rule], subject: &Subject, told: &[Told], now_ms: i64) -> Plan {
    let mut plan = Plan::default();
    for rule in rules.iter().filter(|rule| rule.fits(subject)) {
        let (causes, next_ms) = rule.causes(subject, now_ms);
        if let Some(at_ms) = next_ms {
            plan.again(next_ms);
            let steps = rule.channels.iter().map(|channel| Step { at_ms, channel: channel.clone() });
            plan.ahead.extend(steps.filter(|_| rule.is_time(at_ms)));
        }
        for channel in &rule.channels {
            for cause in &causes {
                if !is_news(channel, cause, told, &plan.due) {
                    continue;
                }
                if rule.is_time(now_ms) {
                    plan.due.push((channel.clone(), cause.clone()));
                } else if matches!(cause, Cause::Opened | Cause::Unacknowledged(_)) {
                    plan.again(Some(now_ms + AGAIN_MS));
                }
            }
        }
    }
    plan.ahead.sort();
    plan
}

/// What follows an alert is for those who were told of it.
fn is_news(channel: &str, cause: &Cause, told: &[Told], due: &[(String, Cause)]) -> bool {
    let mine = || told.iter().filter(|one| one.channel == channel);
    let planned = |wanted: &Cause| due.iter().any(|(name, cause)| name == channel && cause == wanted);
    if mine().any(|one| one.cause == *cause) || planned(cause) {
        return false;
    }
    match cause {
        Cause::Worse(now) => mine().map(|one| one.severity).max().is_some_and(|known| known < *now),
        Cause::Picture => mine().any(|one| one.cause == Cause::Opened) || planned(&Cause::Opened),
        Cause::Acknowledged | Cause::Closed => {
            mine().any(|one| one.cause.matters()) || planned(&Cause::Opened)
        }
        _ => true,
    }
}

impl Plan {
    fn again(&mut self, at_ms: Option<i64>) {
        self.next_ms = match (self.next_ms, at_ms) {
            (Some(known), Some(at)) => Some(known.min(at)),
            (known, at) => known.or(at),
        };
    }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
