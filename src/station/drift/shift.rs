//! The days of a week against those before it.
//!
//! Days are a first-order autoregressive series: today's weather is like yesterday's. With the reference's mean, deviation and persistence (its
//! correlation from day to day, corrected for its bias: Marriott and Pope 1954), the sum of the deviations of the last one, two … seven days is
//! divided by what it would spread by. The largest of these quotients at the end of any day of the week is the [`Evidence`] of the week: so a test is
//! made every day, for shifts of any age, and all these looks are paid for once (a scan statistic: Naus 1965).

use super::{BETWEEN, LEAST, REFERENCE, WEEK};

/// A deviation is never taken for smaller than this, on the scale of the values: nothing shifts by a twentieth of a bin.
const LEAST_DEVIATION: f64 = 0.05;
/// Persistence is taken for no more than this.
const MOST_PERSISTENCE: f64 = 0.8;

/// What a week says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The largest sum of deviations, in units of its spread.
    pub size: f64,
    /// Correlation of the reference from day to day, as it was found.
    pub persistence: f64,
}

/// A series that was judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// What the week says.
    pub evidence: Evidence,
    /// Days of the reference.
    pub days: usize,
    /// The day from which on it differs most.
    pub since: i64,
    /// Mean of the reference.
    pub was: f64,
    /// Mean since then.
    pub became: f64,
}

/// Judges the week that begins at day `week` by the reference before it; `None` where too little is known.
pub fn read(values: &[(i64, f64)], week: i64, least: f64) -> Option<Reading> {
    let within = |from: i64, to: i64| values.iter().filter(move |(day, _)| (from..to).contains(day));
    let before: Vec<f64> =
        within(week - BETWEEN - REFERENCE, week - BETWEEN).map(|&(_, value)| value).collect();
    let recent: Vec<(i64, f64)> = within(week - BETWEEN, week + WEEK).copied().collect();
    let present = recent.iter().filter(|(day, _)| *day >= week).count();
    if before.len() < LEAST || present == 0 {
        return None;
    }
    let now: Vec<f64> = recent.iter().map(|&(_, value)| value).collect();
    let reference = Reference::of(&before);
    if reference.mean < least {
        return None;
    }
    let evidence = reference.evidence(&now, present);
    let since = reference.change(&now);
    let became = now[since..].iter().sum::<f64>() / (now.len() - since) as f64;
    Some(Reading { evidence, days: before.len(), since: recent[since].0, was: reference.mean, became })
}

/// What is known of the time before.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    days: usize,
    mean: f64,
    deviation: f64,
    persistence: f64,
}

impl Reference {
    /// Of values in the order of their days.
    pub fn of(values: &[f64]) -> Reference {
        let days = values.len();
        let mean = values.iter().sum::<f64>() / days as f64;
        let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        let neighbours = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum::<f64>();
        let persistence = if square > 0.0 { neighbours / square } else { 0.0 };
        let deviation = (square / (days as f64 - 1.0)).sqrt().max(LEAST_DEVIATION);
        Reference { days, mean, deviation, persistence }
    }

    /// What the last `present` of some days say, in their order; days before them are looked at with them.
    pub fn evidence(&self, days: &[f64], present: usize) -> Evidence {
        let likely = self.persistence + (1.0 + 3.0 * self.persistence) / self.days as f64;
        let spreads = spreads(likely.clamp(0.0, MOST_PERSISTENCE), self.days);
        let mut size = 0.0_f64;
        for end in days.len() - present + 1..=days.len() {
            let mut sum = 0.0;
            for (value, spread) in days[..end].iter().rev().zip(spreads) {
                sum += (value - self.mean) / self.deviation;
                size = size.max(sum.abs() / spread);
            }
        }
        Evidence { size, persistence: self.persistence }
    }

    /// From which of some days on it differs most: the largest square of a sum by its length.
    fn change(&self, days: &[f64]) -> usize {
        let gain = |from: usize| {
            let sum: f64 = days[from..].iter().map(|value| value - self.mean).sum();
            sum * sum / (days.len() - from) as f64
        };
        (0..days.len()).max_by(|&a, &b| gain(a).total_cmp(&gain(b))).unwrap_or(0)
    }
}

/// Standard deviations of the sums of one, two … days of deviations from the mean of a reference.
fn spreads(persistence: f64, reference: usize) -> [f64; WEEK as usize] {
    let (mut variance, mut reach, mut power) = (0.0, 0.0, 1.0);
    let of_mean = (1.0 + persistence) / (1.0 - persistence) / reference as f64;
    std::array::from_fn(|before| {
        // A further day adds its own variance and its covariance with each day before it.
        variance += 1.0 + 2.0 * reach;
        power *= persistence;
        reach += power;
        let days = before as f64 + 1.0;
        (variance + days * days * of_mean).sqrt()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Up and down by one around ten.
    fn before() -> Vec<(i64, f64)> {
        (65..93).map(|day| (day, if day % 2 == 0 { 9.0 } else { 11.0 })).collect()
    }

    fn with(week: &[f64]) -> Vec<(i64, f64)> {
        before().into_iter().chain((100..).zip(week.iter().copied())).collect()
    }

    #[test]
    fn spreads_are_those_of_sums() {
        let of = spreads(0.0, 1_000_000_000);
        assert!((of[0] - 1.0).abs() < 1e-6 && (of[3] - 2.0).abs() < 1e-6, "{of:?}");
        // Var(x1 + x2) = 2 + 2 φ; two times the mean of the reference beside it.
        let of = spreads(0.5, 30);
        assert!((of[1] * of[1] - (3.0 + 4.0 * 3.0 / 30.0)).abs() < 1e-9, "{of:?}");
    }

    #[test]
    fn a_shift_is_found_with_its_day_and_its_size() {
        let quiet = read(&with(&[10.0, 9.5, 10.5]), 100, 0.0).unwrap();
        let loud = read(&with(&[10.0, 9.5, 5.0, 4.0, 5.0]), 100, 0.0).unwrap();
        assert!(quiet.evidence.size < 1.0 && loud.evidence.size > 6.0, "{quiet:?} {loud:?}");
        assert_eq!((loud.since, loud.was), (102, 10.0));
        assert!((loud.became - 14.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn too_little_is_not_judged() {
        assert_eq!(read(&before(), 100, 0.0), None, "no day of this week");
        assert_eq!(read(&with(&[10.0]), 100, 10.1), None, "too rare");
        let few: Vec<_> = with(&[1.0]).into_iter().filter(|(day, _)| *day > 79).collect();
        assert_eq!(read(&few, 100, 0.0), None, "thirteen days");
    }

    #[test]
    fn a_week_counts_up_to_its_loudest_day_and_looks_back() {
        let reference = Reference::of(&before().iter().map(|v| v.1).collect::<Vec<_>>());
        let of = |days: &[f64], present| reference.evidence(days, present).size;
        assert_eq!(
            of(&[4.0], 1),
            of(&[4.0, 10.0, 10.0], 3),
            "what was told on Monday is not taken back on Tuesday"
        );
        assert_eq!(
            of(&[4.0, 10.0, 10.0], 2),
            of(&[4.0, 10.0], 1),
            "a day of last week has no test of its own any more"
        );
        assert!(of(&[4.0, 4.0], 1) > 1.3 * of(&[10.0, 4.0], 1), "but what began in it counts");
    }
}
