//! Days that lie behind a played camera: what its pictures and finds were like, told as after a time without connection.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cli::drift::park::{Camera, LIGHTS, Sky, USUAL};
use crate::cli::drift::plant::Plant;
use crate::publish::TelemetryDraft;
use crate::publish::drift::{DriftCounts, DriftMessage};
use crate::publish::played::{Act, Cue};

/// A lamp that fails does so this many days ago.
const FAILED: i64 = 3;

/// One telling for each of so many days, at `at`; with an infrared lamp that fails, where it is to.
pub fn tellings(seed: u64, days: u32, fails: bool, at: Duration) -> Vec<Cue> {
    let days = i64::from(days);
    let sky = Sky::new(days, USUAL, seed);
    let mut camera = Camera::new(&sky, seed ^ 1, fails.then_some((Plant::Lamp, days - FAILED)));
    let mut sums = <[DriftCounts; 3]>::default();
    let mut cues = Vec::new();
    for day in 0..days {
        for (sum, counts) in sums.iter_mut().zip(camera.day(day).unwrap_or_default()) {
            sum.add(&counts);
        }
        let regimes: BTreeMap<_, _> = LIGHTS.into_iter().zip(sums.clone()).collect();
        let drift = Some(DriftMessage { model: "0".repeat(64), regimes });
        let draft = Box::new(TelemetryDraft { drift, ..TelemetryDraft::default() });
        cues.push(Cue {
            at,
            what: Act::Remember { ago: Duration::from_secs(86_400) * (days - day) as u32, draft },
        });
    }
    cues
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::observation::Regime;
    use crate::station::drift::days::{Telling, by_day};
    use crate::station::drift::family::{Question, chances, limit};
    use crate::station::drift::series::Feature;
    use crate::station::drift::{STATED, judge, week_of};

    fn told(seed: u64, fails: bool, today: i64) -> Vec<Telling> {
        let telling = |cue: Cue| {
            let Act::Remember { ago, draft } = cue.what else { panic!("nothing else is told") };
            let day = today - ago.as_secs() as i64 / 86_400;
            Telling { boot: "b1".into(), day, told: draft.drift.unwrap() }
        };
        tellings(seed, 50, fails, Duration::ZERO).into_iter().map(telling).collect()
    }

    #[test]
    fn a_lamp_that_failed_is_told_on_every_day_of_the_week() {
        for today in 20_000..20_007 {
            let all = [told(5_000_015, true, today), told(5_000_016, false, today)].map(by_day);
            let series =
                all.iter().enumerate().flat_map(|(camera, all)| all.iter().map(move |one| (camera, one)));
            let mut asked = Vec::new();
            for (camera, ((_, light), days)) in series {
                let readings = judge(*light, days, week_of(today), |_, _| true);
                asked.extend(
                    readings.into_iter().map(|(feature, reading)| (camera, *light, feature, reading)),
                );
            }
            let question = |&(_, _, feature, reading): &_| Question { sky: "swarm", feature, reading };
            let chances = chances(&asked.iter().map(question).collect::<Vec<_>>());
            let limit = limit(chances.clone(), STATED).unwrap_or_default();
            let lamp = |one: &(usize, Option<Regime>, Feature, _)| {
                (one.0, one.1, one.2) == (0, Some(Regime::Infrared), Feature::Luma)
            };
            let p = asked.iter().zip(chances).find(|(one, _)| lamp(one)).map(|(_, p)| p);
            assert!(p.is_some_and(|p| p <= limit), "{today}: {p:?}, {limit}");
        }
    }
}
