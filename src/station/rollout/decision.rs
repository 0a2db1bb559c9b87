//! Whether a challenger passes, is stopped, or must be watched for longer. PURE.
//!
//! Four questions are put to the hours that were watched: what it misses, what it invents, who was right where people have judged a disagreement, and how
//! slow it is. Each question has two bets that may be looked at after every message ([`super::evidence`]): one that the model is within the limit at which
//! it is stopped, which whoever wins says that it is not; and one that it is beyond the limit below which it passes.
//!
//! * **Stopped** is what exceeds a limit. Against a model that is bad at one camera, or in one light alone, half of the stake goes onto these: the
//!   capital is the mean of that on all hours (a half), on each light and on each camera (a quarter each). All four questions together stop a model that is within every limit with a
//!   probability of [`FALSE_STOP`] at most, whenever one looks and however long it lasts.
//! * **Passed** is what is surely below every limit. One that is beyond one of them passes with a probability of [`FALSE_PASS`] at most: all must be
//!   passed, so that nothing is lost by there being several (intersection-union test: Berger 1982). Cameras differ: no single one may carry it, the
//!   capital must suffice without whichever speaks best for the challenger. A light with a tenth of the bears or more must be shown by itself not to be
//!   beyond the limit that stops.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::criteria::Criteria;
use super::evidence::{Against, Bets, mean, mean_of};
use super::hour::Hour;
use super::verdict::{Beyond, Judgement, Lack, Reading, Stop, Verdict};
use crate::perceive::observation::Regime;

/// How often a model that is within every limit is stopped, at most.
pub const FALSE_STOP: f64 = 0.01;
/// How often a model that is beyond a limit passes a ring, at most.
pub const FALSE_PASS: f64 = 0.02;
/// A light with this share of the hours with bears is judged by itself.
const OWN_LIGHT: f64 = 0.1;
/// From so many cameras on no single one may carry the decision.
const SEVERAL: usize = 3;
/// The lights.
pub const LIGHTS: [Regime; 3] = [Regime::Day, Regime::Dusk, Regime::Infrared];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Question {
    /// What it misses.
    Missed,
    /// What it sees alone.
    Invented,
    /// How often the running model was right where they disagree.
    Wrong,
    /// How often it is too slow.
    Slow,
}

/// Hours in which a challenger may be too slow.
const SLOW: f64 = 0.2;

impl Question {
    /// All.
    pub const ALL: [Question; 4] = [Question::Missed, Question::Invented, Question::Wrong, Question::Slow];

    fn answer(self, hour: &Hour) -> Option<f64> {
        match self {
            Question::Missed => hour.missed(),
            Question::Invented => hour.invented(),
            Question::Wrong => hour.wrong(),
            Question::Slow => hour.slow(),
        }
    }

    fn stop(self, criteria: &Criteria) -> f64 {
        match self {
            Question::Missed => criteria.missed.stop,
            Question::Invented => criteria.invented.stop,
            Question::Wrong => criteria.wrong,
            Question::Slow => SLOW,
        }
    }

    fn pass(self, criteria: &Criteria) -> Option<f64> {
        match self {
            Question::Missed => Some(criteria.missed.pass),
            Question::Invented => Some(criteria.invented.pass),
            Question::Wrong | Question::Slow => None,
        }
    }
}

/// What is known of a ring beside the hours.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    /// Since it began, days.
    pub days: f64,
    /// Cameras of the whole rollout.
    pub cameras: usize,
    /// Whether the new model decides somewhere.
    pub decides: bool,
    /// Hours with disagreements that wait for people.
    pub unjudged: u32,
    /// What a camera says that ends it at once: it crashed, was rolled back, does not pass its own pictures.
    pub unwell: Option<String>,
}

/// Judges all that was watched since the rollout began.
pub fn judge(criteria: &Criteria, ring: &Ring, hours: &[Hour]) -> Judgement {
    let answers: Vec<Answers> =
        Question::ALL.into_iter().map(|question| Answers::of(question, criteria, hours)).collect();
    let looks = hours.iter().map(|hour| hour.looks.all()).sum();
    let stop = stop(ring, &answers);
    let lacks = lacks(criteria, ring, &answers, looks, hours);
    let verdict = match stop {
        Some(stop) => Verdict::Stop(stop),
        None if lacks.is_empty() => Verdict::Pass,
        None if ring.days >= criteria.most_days => Verdict::Stop(Stop::Unshown { days: ring.days }),
        None => Verdict::Open { lacks },
    };
    Judgement { verdict, readings: answers.iter().map(|one| one.reading(ring)).collect(), looks }
}

/// The two bets on a question.
#[derive(Clone, Copy)]
struct Pair {
    against: Bets,
    towards: Option<Bets>,
}

impl Pair {
    fn add(&mut self, other: &Pair) {
        self.against.add(&other.against);
        if let (Some(own), Some(other)) = (&mut self.towards, &other.towards) {
            own.add(other);
        }
    }
}

/// What hours answer to a question.
struct Answers {
    question: Question,
    stop: f64,
    pass: Option<f64>,
    all: Pair,
    by_camera: BTreeMap<i64, Pair>,
    by_light: BTreeMap<Regime, Pair>,
    /// In each light, that it is not beyond the limit that stops.
    lights: BTreeMap<Regime, Bets>,
}

impl Answers {
    fn of(question: Question, criteria: &Criteria, hours: &[Hour]) -> Answers {
        let (stop, pass) = (question.stop(criteria), question.pass(criteria));
        let none = Pair {
            against: Bets::new(Against::AtMost(stop)),
            towards: pass.map(|limit| Bets::new(Against::AtLeast(limit))),
        };
        let mut answers = Answers {
            question,
            stop,
            pass,
            all: none,
            by_camera: BTreeMap::new(),
            by_light: BTreeMap::new(),
            lights: BTreeMap::new(),
        };
        for ((camera, light, bits), times) in tally(question, hours) {
            let (mut one, x) = (none, f64::from_bits(bits));
            one.against.see(x, times);
            if let Some(towards) = &mut one.towards {
                towards.see(x, times);
            }
            answers.all.add(&one);
            answers.by_camera.entry(camera).or_insert(none).add(&one);
            answers.by_light.entry(light).or_insert(none).add(&one);
            let own = answers.lights.entry(light);
            own.or_insert_with(|| Bets::new(Against::AtLeast(stop))).see(x, times);
        }
        answers
    }

    /// Logarithm of the capital against it. Lights and cameras of which nothing is known yet have their stake still.
    fn against(&self, cameras: usize) -> f64 {
        let of = |parts: Vec<f64>, all: usize| {
            let rest = all.saturating_sub(parts.len());
            mean(&parts.into_iter().chain(std::iter::repeat_n(0.0, rest)).collect::<Vec<_>>()).unwrap_or(0.0)
        };
        let capitals = |pairs: &mut dyn Iterator<Item = &Pair>| {
            pairs.map(|pair| pair.against.capital()).collect::<Vec<_>>()
        };
        let lights = of(capitals(&mut self.by_light.values()), LIGHTS.len());
        let cameras = of(capitals(&mut self.by_camera.values()), cameras);
        let all = self.all.against.capital();
        mean_of([all, all, lights, cameras])
    }

    /// The bets for it, without the camera that speaks best for it where there are several.
    fn towards(&self) -> Option<Bets> {
        let all = self.all.towards?;
        if self.by_camera.len() < SEVERAL {
            return Some(all);
        }
        let without = self.by_camera.values().filter_map(|pair| pair.towards.map(|own| all.without(&own)));
        without.min_by(|a, b| a.capital().total_cmp(&b.capital()))
    }

    fn reading(&self, ring: &Ring) -> Reading {
        let far = |capital: f64, wanted: f64| (capital / wanted).clamp(0.0, 1.0);
        Reading {
            question: self.question,
            hours: self.all.against.count(),
            mean: self.all.against.mean(),
            stop: self.stop,
            pass: self.pass,
            against: far(self.against(ring.cameras), stops()),
            towards: self.towards().map(|bets| far(bets.capital(), passes())),
        }
    }

    fn lacks(&self) -> Vec<Lack> {
        let Some(towards) = self.towards() else { return Vec::new() };
        let lack = |bets: &Bets, light: Option<Regime>| {
            let more = bets.more(passes());
            (more != Some(0)).then_some(Lack::Hours { question: self.question, light, more })
        };
        let all = f64::from(self.all.against.count());
        let lights = self.lights.iter().filter(|(_, bets)| {
            self.question == Question::Missed && f64::from(bets.count()) >= OWN_LIGHT * all
        });
        let own = lights.filter_map(|(light, bets)| lack(bets, Some(*light)));
        lack(&towards, None).into_iter().chain(own).collect()
    }
}

/// How many hours of a camera in a light have the same answer: most have none of anything, and months of them are judged at once.
fn tally(question: Question, hours: &[Hour]) -> BTreeMap<(i64, Regime, u64), u32> {
    let mut tally = BTreeMap::new();
    for hour in hours {
        if let Some(x) = question.answer(hour) {
            *tally.entry((hour.camera, hour.light, x.to_bits())).or_default() += 1;
        }
    }
    tally
}

/// Capital (its logarithm) that stops.
fn stops() -> f64 {
    (Question::ALL.len() as f64 / FALSE_STOP).ln()
}

/// Capital (its logarithm) that passes.
fn passes() -> f64 {
    (1.0 / FALSE_PASS).ln()
}

fn stop(ring: &Ring, answers: &[Answers]) -> Option<Stop> {
    if let Some(reason) = &ring.unwell {
        return Some(Stop::Unwell { reason: reason.clone() });
    }
    let beyond = answers.iter().find(|one| one.against(ring.cameras) >= stops())?;
    let seen = Beyond {
        hours: beyond.all.against.count(),
        mean: beyond.all.against.mean().unwrap_or_default(),
        limit: beyond.stop,
    };
    Some(match beyond.question {
        Question::Missed => Stop::Missed(seen),
        Question::Invented => Stop::Invented(seen),
        Question::Wrong => Stop::Wrong(seen),
        Question::Slow => Stop::Slow(seen),
    })
}

fn lacks(criteria: &Criteria, ring: &Ring, answers: &[Answers], looks: u64, hours: &[Hour]) -> Vec<Lack> {
    let mut lacks = Vec::new();
    if ring.days < criteria.days {
        lacks.push(Lack::Days { more: criteria.days - ring.days });
    }
    if looks < criteria.looks {
        lacks.push(Lack::Looks { more: criteria.looks - looks });
    }
    lacks.extend(answers.iter().flat_map(Answers::lacks));
    lacks.extend(judged(criteria, ring, answers));
    lacks.extend(ring.decides.then(|| deciding(criteria, hours)).flatten());
    lacks
}

/// Verdicts of people: as many as are asked for, or on all that there is to judge.
fn judged(criteria: &Criteria, ring: &Ring, answers: &[Answers]) -> Option<Lack> {
    let wrong = &answers.iter().find(|one| one.question == Question::Wrong)?.all.against;
    let needed = criteria.judged.min(wrong.count() + ring.unjudged);
    if wrong.count() < needed {
        return Some(Lack::Judged { more: needed - wrong.count() });
    }
    wrong.mean().is_some_and(|mean| mean > criteria.wrong).then_some(Lack::Wrong)
}

/// Where the new model decides, that it does not call everything a bear there.
fn deciding(criteria: &Criteria, hours: &[Hour]) -> Option<Lack> {
    let own = hours.iter().filter(|hour| hour.decides());
    let limit = Against::AtLeast(criteria.invented.stop);
    let more = Bets::on(limit, own.filter_map(Hour::invented)).more(passes());
    (more != Some(0)).then_some(Lack::Deciding { more })
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
