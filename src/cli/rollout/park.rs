//! Simulated cameras, as they count for `models`: bears that come and stay, other animals, lights, and people who judge disagreements.

use super::challenger::{Challenger, Eye, GHOSTS};
use crate::cli::drift::chance::Chance;
use crate::perceive::observation::Regime;
use crate::station::rollout::course::Want;
use crate::station::rollout::criteria::Criteria;
use crate::station::rollout::hour::{Hour, Judged, Looks, Part};

/// Looks of an hour without a bear.
const LOOKS: u64 = 900;
/// Share of the disagreements that people judge, on the next morning; and of these that they judge rightly.
const JUDGED: f64 = 0.7;
const RIGHTLY: f64 = 0.97;
/// Share of the hours of challengers on a limit in which a bear is there.
const BEARS: f64 = 0.2;
/// A bear that is farther away than this (in standard deviations from the middle) is far: two of five.
const FAR: f64 = -0.25;

/// A day's light, by its hours.
fn light(hour: u32) -> Regime {
    match hour {
        7..=17 => Regime::Day,
        5..=6 | 18..=19 => Regime::Dusk,
        _ => Regime::Infrared,
    }
}

/// One camera.
pub struct Camera {
    number: i64,
    /// Hours with a bear a day, and with another animal.
    bears: f64,
    animals: f64,
    /// How easily bears are seen there, and how much more easily by the challenger (logits).
    ease: f64,
    own: f64,
}

/// What an hour was, and what people will say of it.
pub struct Told {
    /// As it is known by the evening.
    pub hour: Hour,
    /// What people say by the next morning.
    pub judged: Judged,
}

impl Camera {
    /// With properties of its own.
    pub fn new(number: i64, chance: &mut Chance) -> Camera {
        Camera {
            number,
            bears: 0.5 * (0.6 * chance.normal()).exp(),
            animals: 1.5 * (0.5 * chance.normal()).exp(),
            ease: 0.4 * chance.normal(),
            own: 0.25 * chance.normal(),
        }
    }

    /// A day of it, and whether the challenger crashed.
    pub fn day(
        &self,
        challenger: Challenger,
        want: Want,
        criteria: &Criteria,
        chance: &mut Chance,
    ) -> (Vec<Told>, bool) {
        let eye = challenger.eye();
        let told = (0..24).map(|hour| match challenger {
            Challenger::OnMissed | Challenger::OnInvented | Challenger::OnStop => {
                self.edge(challenger, light(hour), want, criteria, chance)
            }
            _ => self.hour(&eye, light(hour), want, chance),
        });
        let told = told.collect();
        (told, want == Want::Decide && chance.even(0.0, 1.0) < eye.crashes)
    }

    fn hour(&self, eye: &Eye, light: Regime, want: Want, chance: &mut Chance) -> Told {
        let mut happens = |a_day: f64| chance.even(0.0, 1.0) < a_day / 24.0;
        // Bears come twice as often by night.
        let (bear, animal) =
            (happens(self.bears * if light == Regime::Day { 0.65 } else { 1.3 }), happens(self.animals));
        let (looks, is_bear) = if bear {
            (self.visit(eye, light, chance), true)
        } else {
            let rain = if light == Regime::Infrared { eye.rain } else { 0.0 };
            let mut ghost = |share: f64| {
                let sees = chance.even(0.0, 1.0) < share;
                if sees { chance.even(4.0, 60.0) as u64 } else { 0 }
            };
            let running = if animal { ghost(GHOSTS) } else { 0 };
            (looks(running, if animal { ghost(eye.animals) } else { ghost(rain) }, 0), false)
        };
        let slow = chance.even(0.0, 1.0) < eye.slow;
        self.told(light, looks, is_bear, Some(slow), want, chance)
    }

    /// A bear: so many looks, of which each model recognises a part.
    fn visit(&self, eye: &Eye, light: Regime, chance: &mut Chance) -> Looks {
        let near = chance.normal();
        let all = (60.0 * (0.8 * chance.normal()).exp()).min(800.0);
        let running = 1.3 + 1.1 * near + self.ease;
        let mut challenger = running + eye.bears + self.own + 0.4 * chance.normal();
        challenger += if near < FAR { eye.far } else { 0.0 };
        challenger += if light == Regime::Infrared { eye.infrared } else { 0.0 };
        challenger += if self.number % 4 == 0 { eye.fourth } else { 0.0 };
        let seen = |logit: f64| (all / (1.0 + (-logit).exp())).round() as u64;
        let (running, challenger) = (seen(running), seen(challenger));
        // They do not agree on each look even where both see as much.
        looks(running, challenger, running.min(challenger) * 9 / 10)
    }

    /// An hour of a challenger on a limit, with a bear or without, that is seen wholly or not at all.
    fn edge(
        &self,
        challenger: Challenger,
        light: Regime,
        want: Want,
        criteria: &Criteria,
        chance: &mut Chance,
    ) -> Told {
        let mut happens = |share: f64| chance.even(0.0, 1.0) < share;
        let half = if self.number % 2 == 0 { 2.0 } else { 0.0 };
        let (missed, invented, slow) = match challenger {
            Challenger::OnMissed => (half * criteria.missed.pass, 0.0, 0.0),
            Challenger::OnInvented => (0.0, half * criteria.invented.pass, 0.0),
            _ => (criteria.missed.stop, criteria.invented.stop, 0.2),
        };
        // An hour with a bear is none in which one is invented.
        let (bear, sees, ghost) = (happens(BEARS), !happens(missed), happens(invented / (1.0 - BEARS)));
        let slow = happens(slow);
        let seen = if bear {
            looks(50, if sees { 50 } else { 0 }, if sees { 50 } else { 0 })
        } else {
            looks(0, if ghost { 20 } else { 0 }, 0)
        };
        // Nobody judges: the limits are those of what is not judged.
        let told = self.told(light, seen, bear, Some(slow), want, chance);
        Told { judged: Judged::default(), ..told }
    }

    fn told(
        &self,
        light: Regime,
        looks: Looks,
        is_bear: bool,
        slow: Option<bool>,
        want: Want,
        chance: &mut Chance,
    ) -> Told {
        let decides = want == Want::Decide;
        let mut is_judged = |seen: bool| seen && chance.even(0.0, 1.0) < JUDGED;
        let (running, challenger) = (looks.running() >= 3, looks.challenger() >= 3);
        // Where it decides an alert is judged; else a disagreement.
        let judges = is_judged(if decides { challenger } else { running != challenger });
        let says_bear = is_bear == (chance.even(0.0, 1.0) < RIGHTLY);
        let one = |is: bool| u32::from(judges && !decides && is);
        let judged = Judged {
            missed: one(running && says_bear),
            ghosts: one(running && !says_bear),
            found: one(challenger && says_bear),
            invented: one(challenger && !says_bear),
        };
        let false_alarm = judges && decides && !says_bear;
        let part = if decides { Part::Decides { false_alarm } } else { Part::Beside };
        // The trial in which the model before looks on is over in ten minutes: nobody counts where the new one decides.
        let (looks, slow) = if decides { (Looks::default(), None) } else { (looks, slow) };
        let hour = Hour { camera: self.number, light, part, looks, judged: Judged::default(), slow };
        Told { hour, judged }
    }
}

fn looks(running: u64, challenger: u64, both: u64) -> Looks {
    let (only_running, only_challenger) = (running - both, challenger - both);
    Looks {
        both,
        only_running,
        only_challenger,
        neither: LOOKS.saturating_sub(both + only_running + only_challenger),
    }
}
