//! What was told in which day. Tellings count since the start of a life of the daemon, so a day is the difference of two of them: of the last one of
//! the day and the last one of the same life before. What is lost, or comes late or twice, changes nothing.

use std::collections::BTreeMap;

use crate::perceive::drift::Measure;
use crate::perceive::observation::Regime;
use crate::publish::drift::{DriftCounts, DriftMessage};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// The last that a life of a camera's daemon told on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Telling {
    /// The life.
    pub boot: String,
    /// Days since 1970, UTC.
    pub day: i64,
    /// What it told, counted since it began.
    pub told: DriftMessage,
}

/// Counts by day.
pub type Days = BTreeMap<i64, DriftCounts>;

/// Light, or `None` for all of them together.
pub type Light = Option<Regime>;

/// Of one camera: counts by day, of each model (its SHA-256) and light.
pub fn by_day(mut tellings: Vec<Telling>) -> BTreeMap<(String, Light), Days> {
    tellings.sort_by(|a, b| (&a.boot, a.day).cmp(&(&b.boot, b.day)));
    let mut all: BTreeMap<(String, Light), Days> = BTreeMap::new();
    let mut before: Option<&Telling> = None;
    let nothing = DriftCounts::default();
    for telling in &tellings {
        let same = before.filter(|before| before.boot == telling.boot);
        for (&regime, now) in &telling.told.regimes {
            let then = same.and_then(|same| same.told.regimes.get(&regime)).unwrap_or(&nothing);
            let came = now.clone().less(then);
            for light in [Some(regime), None] {
                let days = all.entry((telling.told.model.clone(), light)).or_default();
                days.entry(telling.day).or_default().add(&came);
            }
        }
        before = Some(telling);
    }
    all
}

/// Several days as one.
pub fn together<'a>(days: impl Iterator<Item = &'a DriftCounts>) -> DriftCounts {
    let mut all = DriftCounts::default();
    days.for_each(|day| all.add(day));
    all
}

/// How many there are in a histogram.
pub fn total(counts: &DriftCounts, measure: Measure) -> u32 {
    counts.of(measure).iter().fold(0, |sum, &count| sum.saturating_add(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::drift::BINS;

    fn telling(boot: &str, day: i64, watched_s: u64, score: u32) -> Telling {
        let counts = DriftCounts { watched_s, score: [score; BINS], ..DriftCounts::default() };
        let told = DriftMessage { model: "m".into(), regimes: BTreeMap::from([(Regime::Day, counts)]) };
        Telling { boot: boot.into(), day, told }
    }

    fn watched(tellings: Vec<Telling>) -> Vec<(i64, u64, u32)> {
        let all = by_day(tellings);
        let days = &all[&("m".to_owned(), Some(Regime::Day))];
        assert_eq!(days, &all[&("m".to_owned(), None)]);
        days.iter().map(|(&day, counts)| (day, counts.watched_s, counts.score[3])).collect()
    }

    #[test]
    fn a_day_is_what_came_to_the_count_since_the_day_before_in_each_life() {
        let told = vec![
            telling("a", 10, 100, 5),
            telling("b", 12, 30, 2),
            telling("a", 11, 250, 9),
            telling("a", 12, 260, 9),
        ];
        assert_eq!(watched(told), [(10, 100, 5), (11, 150, 4), (12, 40, 2)]);
    }

    #[test]
    fn a_day_that_was_lost_is_in_the_next_one_and_nothing_counts_backwards() {
        assert_eq!(
            watched(vec![telling("a", 10, 100, 5), telling("a", 14, 900, 50)]),
            [(10, 100, 5), (14, 800, 45)]
        );
        assert_eq!(
            watched(vec![telling("a", 10, 100, 5), telling("a", 11, 7, 1)]),
            [(10, 100, 5), (11, 0, 0)]
        );
    }

    #[test]
    fn models_are_apart() {
        let mut other = telling("b", 10, 30, 2);
        other.told.model = "n".into();
        assert_eq!(by_day(vec![telling("a", 10, 100, 5), other]).len(), 4);
    }
}
