//! Many questions at once: which of them may be answered with yes.

use std::collections::BTreeMap;

use super::null::{Found, Null, Persistences};
use super::series::Feature;
use super::shift::Reading;

/// A series that is judged among others.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is over all cameras that have the same one.
    pub sky: &'a str,
    /// Of what it is a series.
    pub feature: Feature,
    /// What it says.
    pub reading: Reading,
}

/// How often weeks like these come where nothing has shifted, one for each question, in their order: what is found in all series of a feature tells
/// how lasting its weather is.
pub fn chances(questions: &[Question]) -> Vec<f64> {
    let null = Null::stored();
    let mut skies: BTreeMap<(Feature, &str), f64> = BTreeMap::new();
    questions.iter().for_each(|one| *skies.entry((one.feature, one.sky)).or_default() += 1.0);
    let mut found: BTreeMap<Feature, Vec<Found>> = BTreeMap::new();
    for Question { sky, feature, reading } in questions {
        let weight = 1.0 / skies[&(*feature, *sky)];
        let one = Found { days: reading.days, evidence: reading.evidence, weight };
        found.entry(*feature).or_default().push(one);
    }
    let likely: BTreeMap<Feature, Persistences> = found
        .iter()
        .map(|(feature, found)| (*feature, Persistences::of(null, feature.lasts(), found)))
        .collect();
    questions.iter().map(|one| likely[&one.feature].p(null, one.reading.days, one.reading.evidence)).collect()
}

/// The largest p that counts: Holm (1979), at the rate `rate`; `None` where none does. Whatever the questions have to do with each other, the chance
/// of any wrong yes is at most `rate`; and where each p is right, `rate` is how many there are on average where all answers are no, for sums do not
/// ask what their parts have to do with each other.
pub fn limit(mut p: Vec<f64>, rate: f64) -> Option<f64> {
    p.sort_by(f64::total_cmp);
    let all = p.len();
    let counts = p.iter().enumerate().take_while(|(rank, p)| **p <= rate / (all - rank) as f64);
    counts.last().map(|(_, &p)| p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_is_asked_the_rarer_a_yes_must_be_and_each_yes_leaves_less_to_ask() {
        assert_eq!(limit(vec![], 0.05), None);
        assert_eq!(limit(vec![0.02, 0.9, 0.8, 0.7], 0.05), None);
        assert_eq!(limit(vec![0.012, 0.9, 0.8, 0.7], 0.05), Some(0.012));
        assert_eq!(limit(vec![0.8, 0.016, 0.012, 0.7], 0.05), Some(0.016));
        assert_eq!(
            limit(vec![0.012, 0.018, 0.02, 0.7], 0.05),
            Some(0.012),
            "the second is too large, and ends it"
        );
    }
}
