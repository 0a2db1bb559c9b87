//! What was counted since a camera was heard last. PURE.
//!
//! Cameras count since a comparison began, and begin anew when it does: after a restart, or with another challenger. What is counted between two messages
//! belongs to the hour of the second one; of a camera that was away that is one hour, however long it was.

use super::hour::Looks;
use crate::perceive::observation::Regime;
use crate::publish::models::{ByRegime, Comparison, LookCounts, ModelsDraft};

/// What a message adds to an hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// The new model decides, and the one before looks on.
    pub decides: bool,
    /// By light.
    pub looks: Vec<(Regime, Looks)>,
    /// Slow looks (95 %) of the new model and of the one before, milliseconds.
    pub p95_ms: Option<(f64, f64)>,
}

/// The comparison of a bundle that a camera tells of, and whether the new model decides there.
pub fn comparison<'a>(told: &'a ModelsDraft, bundle: &str) -> Option<(&'a Comparison, bool)> {
    let challenger = told.challenger.as_ref().filter(|one| one.bundle == bundle);
    let trial = told.trial.as_ref().filter(|_| told.running.bundle.as_deref() == Some(bundle));
    let shadow = challenger.and_then(|one| one.comparison.as_ref()).map(|seen| (seen, false));
    shadow.or_else(|| trial.and_then(|one| one.comparison.as_ref()).map(|seen| (seen, true)))
}

/// What has come since `before`, which is of the same challenger in the same part.
pub fn added(now: &Comparison, before: Option<&Comparison>, decides: bool) -> Added {
    let before = before.filter(|before| continues(now, before)).map(|before| before.card).unwrap_or_default();
    let looks = lights(&now.card).into_iter().zip(lights(&before)).map(|((light, now), (_, before))| {
        let looks = Looks {
            both: now.both - before.both,
            only_running: now.only_running - before.only_running,
            only_challenger: now.only_challenger - before.only_challenger,
            neither: now.neither - before.neither,
        };
        (light, if decides { turned(looks) } else { looks })
    });
    let p95 =
        now.running_ms.zip(now.challenger_ms).map(|(running, challenger)| (running.p95, challenger.p95));
    Added {
        decides,
        looks: looks.filter(|(_, looks)| looks.all() > 0).collect(),
        p95_ms: p95
            .map(|(running, challenger)| if decides { (running, challenger) } else { (challenger, running) }),
    }
}

/// Where the new model decides, the one before is the challenger on the wire.
fn turned(looks: Looks) -> Looks {
    Looks { only_running: looks.only_challenger, only_challenger: looks.only_running, ..looks }
}

fn continues(now: &Comparison, before: &Comparison) -> bool {
    let grew = |now: &LookCounts, before: &LookCounts| {
        now.both >= before.both
            && now.only_running >= before.only_running
            && now.only_challenger >= before.only_challenger
            && now.neither >= before.neither
    };
    lights(&now.card).iter().zip(lights(&before.card)).all(|((_, now), (_, before))| grew(now, &before))
}

fn lights(counts: &ByRegime) -> [(Regime, LookCounts); 3] {
    [(Regime::Day, counts.day), (Regime::Dusk, counts.dusk), (Regime::Infrared, counts.infrared)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::models::{ChallengerMessage, Latency, ModelStand, TrialMessage};

    fn seen(day: [u64; 4], night: [u64; 4]) -> Comparison {
        let counts = |[both, only_running, only_challenger, neither]: [u64; 4]| LookCounts {
            both,
            only_running,
            only_challenger,
            neither,
        };
        Comparison {
            card: ByRegime { day: counts(day), infrared: counts(night), ..ByRegime::default() },
            ..Comparison::default()
        }
    }

    #[test]
    fn what_is_counted_again_counts_once() {
        let (first, second) = (seen([5, 1, 0, 90], [0; 4]), seen([6, 1, 2, 190], [0, 7, 0, 10]));
        let looks = |now: &Comparison, before: Option<&Comparison>| added(now, before, false).looks;
        let all = |both, only_running, only_challenger, neither| Looks {
            both,
            only_running,
            only_challenger,
            neither,
        };
        assert_eq!(looks(&first, None), [(Regime::Day, all(5, 1, 0, 90))]);
        assert_eq!(looks(&first, Some(&first)), []);
        assert_eq!(
            looks(&second, Some(&first)),
            [(Regime::Day, all(1, 0, 2, 100)), (Regime::Infrared, all(0, 7, 0, 10))]
        );
        assert_eq!(looks(&first, Some(&second)), [(Regime::Day, all(5, 1, 0, 90))], "it began anew");
    }

    #[test]
    fn where_the_new_model_decides_the_other_one_is_the_challenger() {
        let latency = |p95| Some(Latency { p50: 1.0, p95 });
        let now = Comparison {
            running_ms: latency(30.0),
            challenger_ms: latency(20.0),
            ..seen([0, 3, 4, 9], [0; 4])
        };
        let turned = added(&now, None, true);
        assert_eq!((turned.looks[0].1.only_running, turned.looks[0].1.only_challenger), (4, 3));
        assert_eq!(
            (turned.p95_ms, added(&now, None, false).p95_ms),
            (Some((30.0, 20.0)), Some((20.0, 30.0)))
        );
        let trial = TrialMessage { comparison: Some(now.clone()), ..TrialMessage::default() };
        let running = ModelStand { bundle: Some("ab".into()), ..ModelStand::default() };
        let told = ModelsDraft { running, trial: Some(trial), ..ModelsDraft::default() };
        assert_eq!(comparison(&told, "ab"), Some((&now, true)));
        assert_eq!(comparison(&told, "cd"), None);
        let challenger =
            ChallengerMessage { bundle: "cd".into(), comparison: Some(now.clone()), ..Default::default() };
        let both = ModelsDraft { challenger: Some(challenger), ..told };
        assert_eq!(comparison(&both, "cd"), Some((&now, false)));
    }
}
