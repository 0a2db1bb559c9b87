//! Which steps of alerts are told, by what was ordered. PURE.
//!
//! An alert that was told is closed for those who heard of it, whatever was ordered meanwhile; a bear that came while nobody was to be
//! told and is still there when the camera is armed again is told then, as opened. So is one that reviewers alone have heard of; what
//! everybody was told stays everybody's until it is closed. An exercise always goes through: somebody wants to know whether it does.

use std::collections::HashMap;

use super::reply::Mode;
use super::{AlertDraft, Audience, Subject};
use crate::perceive::observation::{AlertId, AlertState};

/// What becomes of a step, or of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It goes out.
    Told,
    /// It stays on the device.
    Kept,
    /// It goes nowhere.
    Dropped,
}

/// The gate between what was decided and the outbox.
#[derive(Debug, Default)]
pub struct Gate {
    mode: Mode,
    /// Alerts that were told and are not closed.
    told: HashMap<AlertId, Told>,
}

/// How an alert was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    drill: bool,
    audience: Audience,
}

impl Told {
    fn is_open(&self) -> bool {
        !self.drill && self.audience == Audience::Everybody
    }
}

impl Gate {
    /// From now on.
    pub fn set(&mut self, mode: Mode) {
        self.mode = mode;
    }

    /// What alerts are subject to.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether everybody is told of alerts.
    pub fn is_open(&self) -> bool {
        self.mode == Mode::Armed
    }

    /// Where a step goes. The first one of an alert that is told becomes its opening.
    pub fn alert(&mut self, draft: &mut AlertDraft) -> Passage {
        let passage = self.passage(draft);
        draft.open = self.told.values().filter(|told| told.is_open()).count();
        passage
    }

    fn passage(&mut self, draft: &mut AlertDraft) -> Passage {
        let alert = &mut draft.alert;
        if alert.state == AlertState::Closed {
            let Some(known) = self.told.remove(&alert.id) else { return self.withheld() };
            draft.audience = known.audience;
            return Passage::Told;
        }
        let now = match self.mode {
            _ if draft.drill => Audience::Everybody,
            Mode::Armed => Audience::Everybody,
            Mode::Assist => Audience::Reviewers,
            Mode::Disarmed | Mode::Shadow => return self.withheld(),
        };
        let before = self.told.get(&alert.id).map(|told| told.audience);
        draft.audience = before.map_or(now, |before| before.max(now));
        if before != Some(draft.audience) {
            alert.state = AlertState::Opened;
        }
        self.told.insert(alert.id, Told { drill: draft.drill, audience: draft.audience });
        Passage::Told
    }

    /// Whom a picture is for: whoever its alert is for.
    pub fn audience(&self, subject: Subject) -> Audience {
        match subject {
            Subject::Impairment(_) | Subject::Request(_) => Audience::Everybody,
            Subject::Alert(id) | Subject::Before(id) => {
                self.told.get(&id).map(|told| told.audience).unwrap_or_default()
            }
        }
    }

    /// Where a picture goes: with its alert. What shows the camera itself is always told.
    pub fn picture(&self, subject: Subject) -> Passage {
        match subject {
            Subject::Impairment(_) | Subject::Request(_) => Passage::Told,
            Subject::Alert(id) | Subject::Before(id)
                if matches!(self.mode, Mode::Armed | Mode::Assist)
                    || self.told.get(&id).is_some_and(|told| told.drill) =>
            {
                Passage::Told
            }
            Subject::Alert(_) | Subject::Before(_) => self.withheld(),
        }
    }

    fn withheld(&self) -> Passage {
        if self.mode == Mode::Shadow { Passage::Kept } else { Passage::Dropped }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::frame::Stamp;
    use crate::perceive::geometry::Rect;
    use crate::perceive::model::Class;
    use crate::perceive::observation::{Alert, Regime, Severity};
    use AlertState::{Closed, Opened, Updated};

    fn draft(id: u64, state: AlertState, drill: bool) -> AlertDraft {
        let bbox = Rect { x: 0.1, y: 0.1, w: 0.2, h: 0.2 };
        let (class, severity, captured) = (Class::Bear, Severity::Normal, Stamp::default());
        AlertDraft {
            alert: Alert {
                id: AlertId(id),
                state,
                class,
                severity,
                score: 0.9,
                evidence: 8.0,
                bbox,
                captured,
            },
            regime: Regime::Day,
            frame: (640, 360),
            model: ("m".into(), "00".into()),
            inferred_at_uptime_ms: 0,
            simulated: false,
            drill,
            open: 0,
            audience: Audience::default(),
        }
    }

    /// Where the step goes and as what.
    fn step(gate: &mut Gate, id: u64, state: AlertState) -> (Passage, AlertState) {
        let mut draft = draft(id, state, false);
        let passage = gate.alert(&mut draft);
        (passage, draft.alert.state)
    }

    #[test]
    fn each_step_says_how_many_are_open_and_exercises_do_not_count() {
        let mut gate = Gate::default();
        let mut open = |id, state, drill| {
            let mut draft = draft(id, state, drill);
            gate.alert(&mut draft);
            draft.open
        };
        assert_eq!((open(1, Opened, false), open(2, Opened, false)), (1, 2));
        assert_eq!((open(3, Opened, true), open(1, Closed, false), open(1, Closed, false)), (2, 1, 1));
        assert_eq!((open(2, Updated, false), open(3, Closed, true), open(2, Closed, false)), (1, 1, 0));
    }

    #[test]
    fn an_armed_camera_tells_everything_as_it_is() {
        let mut gate = Gate::default();
        for state in [Opened, Updated, Closed] {
            assert_eq!(step(&mut gate, 1, state), (Passage::Told, state));
        }
        assert_eq!(gate.picture(Subject::Alert(AlertId(1))), Passage::Told);
    }

    #[test]
    fn what_was_told_is_closed_although_nobody_is_to_be_told_any_more() {
        let mut gate = Gate::default();
        step(&mut gate, 1, Opened);
        gate.set(Mode::Disarmed);
        assert_eq!(step(&mut gate, 1, Updated).0, Passage::Dropped);
        assert_eq!(gate.picture(Subject::Alert(AlertId(1))), Passage::Dropped);
        assert_eq!(step(&mut gate, 1, Closed), (Passage::Told, Closed));
        assert_eq!(step(&mut gate, 2, Opened).0, Passage::Dropped);
        assert_eq!(step(&mut gate, 2, Closed).0, Passage::Dropped, "nobody has heard of it");
    }

    #[test]
    fn a_bear_that_is_still_there_when_the_camera_is_armed_is_told_as_opened() {
        let mut gate = Gate::default();
        gate.set(Mode::Shadow);
        assert_eq!(step(&mut gate, 1, Opened).0, Passage::Kept);
        assert_eq!(gate.picture(Subject::Alert(AlertId(1))), Passage::Kept);
        gate.set(Mode::Armed);
        assert_eq!(step(&mut gate, 1, Updated), (Passage::Told, Opened));
        assert_eq!(step(&mut gate, 1, Updated), (Passage::Told, Updated));
        assert_eq!(step(&mut gate, 1, Closed), (Passage::Told, Closed));
    }

    /// Where the step goes, as what, for whom, and how many alerts are open for those on duty.
    fn told(gate: &mut Gate, state: AlertState) -> (Passage, AlertState, Audience, usize) {
        let mut draft = draft(1, state, false);
        let passage = gate.alert(&mut draft);
        (passage, draft.alert.state, draft.audience, draft.open)
    }

    #[test]
    fn in_assist_mode_reviewers_alone_are_told_until_the_camera_is_armed() {
        use Audience::{Everybody, Reviewers};
        let mut gate = Gate::default();
        gate.set(Mode::Assist);
        assert_eq!(told(&mut gate, Opened), (Passage::Told, Opened, Reviewers, 0));
        assert_eq!(gate.picture(Subject::Alert(AlertId(1))), Passage::Told);
        assert_eq!(gate.audience(Subject::Before(AlertId(1))), Reviewers);
        assert_eq!(told(&mut gate, Updated), (Passage::Told, Updated, Reviewers, 0));
        gate.set(Mode::Armed);
        assert_eq!(told(&mut gate, Updated), (Passage::Told, Opened, Everybody, 1), "news for those on duty");
        gate.set(Mode::Assist);
        assert_eq!(
            told(&mut gate, Updated),
            (Passage::Told, Updated, Everybody, 1),
            "who heard of it hears on"
        );
        assert_eq!(told(&mut gate, Closed), (Passage::Told, Closed, Everybody, 0));
    }

    #[test]
    fn an_exercise_goes_through_whatever_was_ordered() {
        let mut gate = Gate::default();
        gate.set(Mode::Disarmed);
        assert_eq!(gate.alert(&mut draft(9, Opened, true)), Passage::Told);
        assert_eq!(gate.picture(Subject::Alert(AlertId(9))), Passage::Told);
        assert_eq!(gate.alert(&mut draft(9, Closed, true)), Passage::Told);
        assert_eq!(gate.picture(Subject::Alert(AlertId(9))), Passage::Dropped);
        assert_eq!(gate.picture(Subject::Request(3)), Passage::Told);
    }
}
