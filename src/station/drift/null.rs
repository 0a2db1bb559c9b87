//! How large the evidence of a week becomes where nothing has shifted: simulated once for each persistence of the weather, and kept as a table.
//!
//! Nobody knows the persistence of a series from four weeks; but what is found of it in all series of one feature tells how persistent such series
//! are ([`Persistences`], empirical Bayes: Robbins 1956). Each is then judged by the table of every persistence, weighed by how likely that is.
//! `bearwatch drift --calibrate` writes the table.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::shift::Evidence;

/// Persistences that are simulated.
pub const PERSISTENCES: [f64; 5] = [0.0, 0.15, 0.3, 0.45, 0.6];
/// Bounds between classes of the persistence that is found.
pub const CLASSES: [f64; 5] = [-0.1, 0.1, 0.25, 0.4, 0.55];
/// Quantiles are kept for p of 10^(-k / 4), k from 0.
pub const STEPS: f64 = 4.0;
/// Rounds in which the likelihoods of the persistences are found; a further one changes nothing that matters.
const ROUNDS: usize = 40;
/// Before anything is found each persistence is as likely as if it had been found so often. A day is like the day before in light, weather and
/// traffic …
const LASTING: [f64; PERSISTENCES.len()] = [0.2, 0.5, 0.8, 0.6, 0.4];
/// … and not in what animals look like.
const FLEETING: [f64; PERSISTENCES.len()] = [1.5, 0.6, 0.25, 0.1, 0.05];

/// The table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Null {
    /// How it was made.
    pub command: String,
    /// Weeks that were simulated, for each length of the reference and each persistence.
    pub weeks: usize,
    /// By length of the reference, rising.
    pub references: Vec<OfReference>,
}

/// For one length of the reference.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfReference {
    /// Days of it.
    pub days: usize,
    /// By persistence and by the class in which it is found.
    pub tails: Vec<Vec<Tail>>,
}

/// Weeks of one persistence that are found in one class.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tail {
    /// Their share of those of that persistence.
    pub share: f64,
    /// Evidence that is exceeded in 10^(-k / 4) of them.
    pub quantiles: Vec<f64>,
}

/// In which class a persistence is found.
pub fn class(found: f64) -> usize {
    CLASSES.iter().filter(|bound| found >= **bound).count()
}

impl Null {
    /// The one in the program.
    #[expect(clippy::expect_used, reason = "a table of our own; a test reads it")]
    pub fn stored() -> &'static Null {
        static NULL: OnceLock<Null> = OnceLock::new();
        NULL.get_or_init(|| serde_json::from_str(include_str!("null.json")).expect("null.json is a table"))
    }

    /// For the longest reference that is not longer, or the shortest.
    fn below(&self, days: usize) -> &OfReference {
        let at = self.references.partition_point(|table| table.days <= days);
        &self.references[at.saturating_sub(1)]
    }

    /// The two lengths of the reference between which one lies, and how far it is from the first to the second by its inverse.
    fn around(&self, days: usize) -> (&OfReference, &OfReference, f64) {
        let low = self.below(days);
        let Some(high) = self.references.iter().find(|table| table.days > low.days && low.days <= days)
        else {
            return (low, low, 0.0);
        };
        let inverse = |days: usize| 1.0 / days as f64;
        (low, high, (inverse(low.days) - inverse(days)) / (inverse(low.days) - inverse(high.days)))
    }
}

/// What was found in a series.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Days of its reference.
    pub days: usize,
    /// What its week says.
    pub evidence: Evidence,
    /// How much it counts: all series of a site have one sky, and count as one.
    pub weight: f64,
}

/// How likely each persistence is among the series of one feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Persistences([f64; PERSISTENCES.len()]);

impl Persistences {
    /// By what was found in series of a feature that `lasts`, or does not (expectation and maximisation: Dempster, Laird and Rubin 1977).
    pub fn of(null: &Null, lasts: bool, found: &[Found]) -> Persistences {
        let shares: Vec<[f64; PERSISTENCES.len()]> = found
            .iter()
            .map(|one| {
                let tails = &null.below(one.days).tails;
                std::array::from_fn(|i| tails[i][class(one.evidence.persistence)].share)
            })
            .collect();
        let mut likely = [1.0 / PERSISTENCES.len() as f64; PERSISTENCES.len()];
        for _ in 0..ROUNDS {
            let mut sums = if lasts { LASTING } else { FLEETING };
            for (share, one) in shares.iter().zip(found) {
                let all: f64 = share.iter().zip(&likely).map(|(share, likely)| share * likely).sum();
                for ((sum, share), likely) in sums.iter_mut().zip(share).zip(&likely) {
                    *sum += one.weight * share * likely / all.max(f64::MIN_POSITIVE);
                }
            }
            let all: f64 = sums.iter().sum();
            likely = sums.map(|sum| sum / all);
        }
        Persistences(likely)
    }

    /// How often evidence becomes so large or larger. Between lengths of the reference the logarithm is linear in the inverse of the length.
    pub fn p(&self, null: &Null, days: usize, evidence: Evidence) -> f64 {
        let (low, high, share) = null.around(days);
        let of = |table| self.log_p(table, evidence);
        (of(low) * (1.0 - share) + of(high) * share).exp()
    }

    fn log_p(&self, table: &OfReference, evidence: Evidence) -> f64 {
        let class = class(evidence.persistence);
        let tails = || self.0.iter().zip(&table.tails).map(|(likely, tails)| (likely, &tails[class]));
        let all: f64 = tails().map(|(likely, tail)| likely * tail.share).sum();
        let beyond: f64 =
            tails().map(|(likely, tail)| likely * tail.share * tail.beyond(evidence.size)).sum();
        (beyond / all.max(f64::MIN_POSITIVE)).max(f64::MIN_POSITIVE).ln()
    }
}

impl Tail {
    /// Share of the weeks with more evidence: its logarithm is linear in that of the evidence between the quantiles, and goes on beyond the last as
    /// between the last ones.
    fn beyond(&self, size: f64) -> f64 {
        if self.quantiles.len() < 2 {
            return 1.0;
        }
        let step = std::f64::consts::LN_10 / STEPS;
        let at =
            self.quantiles.partition_point(|quantile| *quantile < size).clamp(1, self.quantiles.len() - 1);
        let (low, high) = (self.quantiles[at - 1].max(1e-6).ln(), self.quantiles[at].ln());
        let share = (size.max(1e-6).ln() - low) / (high - low).max(1e-9);
        (-step * (at as f64 - 1.0 + share)).min(0.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::drift::{LEAST, REFERENCE};

    fn at(size: f64, persistence: f64) -> Evidence {
        Evidence { size, persistence }
    }

    #[test]
    fn the_table_is_whole() {
        let null = Null::stored();
        assert_eq!(null.references.first().map(|table| table.days), Some(LEAST));
        assert_eq!(null.references.last().map(|table| table.days), Some(REFERENCE as usize));
        for tails in null.references.iter().flat_map(|table| &table.tails) {
            assert_eq!(tails.len(), CLASSES.len() + 1);
            assert!((tails.iter().map(|tail| tail.share).sum::<f64>() - 1.0).abs() < 1e-3);
            assert!(tails.iter().all(|tail| tail.quantiles.is_sorted_by(|a, b| a < b)));
        }
    }

    #[test]
    fn more_evidence_is_rarer_and_a_longer_reference_makes_it_rarer_still() {
        let (null, any) = (Null::stored(), Persistences::of(Null::stored(), true, &[]));
        let mut before = 1.0;
        for size in 1..40 {
            let p = any.p(null, 28, at(f64::from(size) / 2.0, 0.2));
            assert!(p < before && p > 0.0, "{size}: {p}");
            before = p;
        }
        let of = |days| any.p(null, days, at(5.0, 0.2));
        assert!(of(14) > of(16) && of(16) > of(20) && of(20) > of(25) && of(25) > of(28) && of(28) == of(40));
        assert!(any.p(null, 28, at(0.0, 0.2)) > 0.99);
    }

    #[test]
    fn what_is_found_in_many_series_tells_of_each() {
        let null = Null::stored();
        let found = |persistence: f64| {
            Persistences::of(
                null,
                true,
                &[Found { days: 28, evidence: at(1.0, persistence), weight: 1.0 }; 200],
            )
        };
        let (calm, lasting) = (found(-0.05), found(0.6));
        assert!(calm.0[0] + calm.0[1] > 0.9 && lasting.0[3] + lasting.0[4] > 0.9, "{calm:?} {lasting:?}");
        let p = |likely: Persistences| likely.p(null, 28, at(3.5, 0.2));
        assert!(p(lasting) > 2.0 * p(calm), "the same week is rarer where nothing lasts");
    }
}
