//! What becomes of each challenger.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RolloutArgs;
use super::challenger::{Challenger, Worth};
use super::park::{Camera, Told};
use crate::cli::drift::chance::Chance;
use crate::cli::output::command;
use crate::evaluate::intervals::binomial95;
use crate::station::rollout::course::{Act, Event, Ring, Stage, Want, wanted};
use crate::station::rollout::criteria::Criteria;
use crate::station::rollout::decision::{self, FALSE_PASS, FALSE_STOP, judge};
use crate::station::rollout::hour::Hour;
use crate::station::rollout::verdict::{Stop, Verdict};

/// Cameras of the rings: in shadow, of these as canaries, then all of these, then the whole park.
const RINGS: [usize; 4] = [12, 3, 12, 24];

/// What is told.
#[derive(Debug, Serialize)]
pub struct Report {
    false_stop: f64,
    false_pass: f64,
    rings: [usize; 4],
    criteria: Criteria,
    challengers: Vec<Fate>,
    seed: u64,
    version: &'static str,
    command: String,
}

/// What became of a challenger in all of its rollouts.
#[derive(Debug, Serialize)]
struct Fate {
    challenger: Challenger,
    worth: Worth,
    runs: u32,
    /// Stopped in shadow, as a canary, and later.
    shadow: u32,
    canary: u32,
    later: u32,
    /// Of these, for it had not shown in time what it must.
    unshown: u32,
    promoted: u32,
    /// Passed the first ring.
    passed: u32,
    /// Share that came to what it should (good: promoted; bad: stopped in shadow or as a canary; on a limit: did what is rare), and its exact 95 % interval.
    share: f64,
    ci95: [f64; 2],
    /// Days until it was decided, median and nine of ten.
    days_p50: Option<u32>,
    days_p90: Option<u32>,
    /// Why it was stopped, how often.
    why: BTreeMap<String, u32>,
}

/// How one rollout ended.
struct End {
    /// The ring in which it was stopped; `None` where it went through all.
    stopped: Option<(usize, Stop)>,
    passed: bool,
    days: u32,
}

/// Measures.
pub fn report(args: &RolloutArgs) -> Report {
    let criteria = Criteria { by_itself: true, ..Criteria::default() };
    let runs =
        |challenger: Challenger| if challenger.worth() == Worth::Edge { args.edges } else { args.runs };
    let of = |challenger: Challenger| {
        let ends: Vec<End> =
            (0..runs(challenger)).map(|run| rollout(challenger, &criteria, args.seed, run)).collect();
        Fate::of(challenger, &ends)
    };
    Report {
        false_stop: FALSE_STOP,
        false_pass: FALSE_PASS,
        rings: RINGS,
        challengers: Challenger::ALL.into_iter().filter(|one| runs(*one) > 0).map(of).collect(),
        criteria,
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
        command: command(),
    }
}

fn rings() -> Vec<Ring> {
    let acts = [Act::Shadow, Act::Decide, Act::Decide, Act::Decide];
    let ring = |(act, cameras): (Act, usize)| Ring {
        act,
        cameras: (0..cameras).map(|number| number.to_string()).collect(),
    };
    acts.into_iter().zip(RINGS).map(ring).collect()
}

/// One rollout, judged every evening by the station's own rules.
fn rollout(challenger: Challenger, criteria: &Criteria, seed: u64, run: u32) -> End {
    let mut chance =
        Chance::new(seed.wrapping_mul(1_000_003).wrapping_add(u64::from(run) * 64 + challenger as u64));
    let (rings, cameras) = (rings(), RINGS[3]);
    let park: Vec<Camera> = (0..cameras as i64).map(|number| Camera::new(number, &mut chance)).collect();
    let (mut hours, mut evening): (Vec<Hour>, Vec<Told>) = Default::default();
    let (mut stage, mut began, mut passed) = (Stage::Watching { ring: 0 }, 0, false);
    for day in 1.. {
        // What people say in the morning of what was yesterday.
        hours.extend(evening.drain(..).map(|told| Hour { judged: told.judged, ..told.hour }));
        let mut unwell = None;
        for (number, camera) in park.iter().enumerate() {
            let want = wanted(&rings, stage, &number.to_string());
            if want != Want::Nothing {
                let (told, crashed) = camera.day(challenger, want, criteria, &mut chance);
                evening.extend(told);
                unwell = unwell.or(crashed.then(|| format!("camera {number}: it crashed")));
            }
        }
        let unjudged = evening.iter().filter(|told| told.judged.all() > 0).count() as u32;
        let Some(ring) = stage.ring() else { return End { stopped: None, passed, days: day } };
        let known = decision::Ring {
            days: f64::from(day - began),
            cameras,
            decides: rings[ring].act == Act::Decide,
            unjudged,
            unwell,
        };
        let so_far: Vec<Hour> = hours.iter().copied().chain(evening.iter().map(|told| told.hour)).collect();
        let verdict = judge(criteria, &known, &so_far).verdict;
        let next = stage.after(&Event::Judged(&verdict), rings.len(), true).unwrap_or(stage);
        passed |= matches!(verdict, Verdict::Pass);
        match (next, verdict) {
            (Stage::Stopped, Verdict::Stop(stop)) => {
                return End { stopped: Some((ring, stop)), passed, days: day };
            }
            (Stage::Done, _) => return End { stopped: None, passed, days: day },
            _ => {}
        }
        if next != stage {
            (stage, began) = (next, day);
        }
    }
    End { stopped: None, passed, days: 0 }
}

impl Fate {
    fn of(challenger: Challenger, ends: &[End]) -> Fate {
        let count = |is: &dyn Fn(&End) -> bool| ends.iter().filter(|end| is(end)).count() as u32;
        let ring = |end: &End| end.stopped.as_ref().map(|(ring, _)| *ring);
        let (shadow, canary) = (count(&|end| ring(end) == Some(0)), count(&|end| ring(end) == Some(1)));
        let (later, promoted) = (count(&|end| ring(end) > Some(1)), count(&|end| ring(end).is_none()));
        let passed = count(&|end| end.passed);
        let mut why: BTreeMap<String, u32> = BTreeMap::new();
        for (_, stop) in ends.iter().filter_map(|end| end.stopped.as_ref()) {
            *why.entry(named(stop)).or_default() += 1;
        }
        let unshown = why.get("unshown").copied().unwrap_or_default();
        let hits = match (challenger.worth(), challenger) {
            (Worth::Good, _) => promoted,
            (Worth::Bad, _) => shadow + canary,
            (Worth::Edge, Challenger::OnStop) => ends.len() as u32 - promoted - unshown,
            (Worth::Edge, _) => passed,
        };
        let mut days: Vec<u32> = ends.iter().map(|end| end.days).collect();
        days.sort_unstable();
        let quantile = |q: f64| days.get((q * days.len() as f64) as usize).copied();
        let runs = ends.len() as u32;
        Fate {
            challenger,
            worth: challenger.worth(),
            runs,
            shadow,
            canary,
            later,
            unshown,
            promoted,
            passed,
            share: f64::from(hits) / f64::from(runs.max(1)),
            ci95: binomial95(u64::from(hits), u64::from(runs)),
            days_p50: quantile(0.5),
            days_p90: quantile(0.9),
            why,
        }
    }
}

fn named(stop: &Stop) -> String {
    let named = serde_json::to_value(stop).ok();
    named.and_then(|value| Some(value.get("why")?.as_str()?.to_owned())).unwrap_or_default()
}

impl Report {
    /// For people.
    pub fn words(&self) -> String {
        let mut text = String::new();
        for one in &self.challengers {
            let Fate {
                runs, shadow, canary, later, promoted, unshown, share, ci95: [low, high], why, ..
            } = one;
            let name = serde_json::to_value(one.challenger).ok();
            text += &format!(
                "{:<12} {runs:>5} runs: stopped in shadow {shadow}, as canary {canary}, later {later} ({unshown} unshown); promoted {promoted}; {:.1} % ({:.1} to {:.1}), days {:?} {:?}, {why:?}\n",
                name.as_ref().and_then(|name| name.as_str()).unwrap_or_default(),
                100.0 * share,
                100.0 * low,
                100.0 * high,
                one.days_p50,
                one.days_p90,
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_night_blind_one_is_caught_and_the_better_one_is_promoted() {
        let criteria = Criteria { by_itself: true, ..Criteria::default() };
        let ends = |challenger| (0..3).map(|run| rollout(challenger, &criteria, 9, run)).collect::<Vec<_>>();
        let blind = Fate::of(Challenger::NightBlind, &ends(Challenger::NightBlind));
        assert_eq!((blind.shadow, blind.why.get("missed")), (3, Some(&3)), "{blind:?}");
        let better = Fate::of(Challenger::Better, &ends(Challenger::Better));
        assert!(better.promoted == 3 && better.share > 0.99, "{better:?}");
    }
}
