//! Evidence that may be looked at at any time. PURE.
//!
//! A bet is made on each observation x in 0..1 against "its mean is at least the limit" (or: at most), at odds that are fair where that is just true. Who
//! bets against what is true does not get rich: the chance that the capital ever reaches 1/α is α at most, whenever and however often somebody looks
//! (Ville 1939; betting on bounded means: Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting", JRSS B 86). So a
//! rollout is judged after every message, and not at an hour that was set before.
//!
//! Nothing is asked of observations but that each, given those before it, has a mean within the limit: hours that resemble each other cost time, not
//! truth. The stakes are fixed shares of what may be staked, and the capital is their mean (a mixture: Robbins 1970), so that it does not depend on
//! the order of the observations, and capitals of parts are sums of logarithms.

/// Shares of the largest stake at which nothing can be lost beyond all.
const STAKES: [f64; 8] = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9];

/// What is betted against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Against {
    /// That the mean is this or more.
    AtLeast(f64),
    /// That the mean is this or less.
    AtMost(f64),
}

/// The capital of bets on one series, beginning with one.
#[derive(Clone, Copy, Debug)]
pub struct Bets {
    against: Against,
    /// Logarithms, by stake.
    logs: [f64; STAKES.len()],
    count: u32,
    sum: f64,
}

impl Bets {
    /// Before the first observation. A limit lies between 0 and 1, neither of them.
    pub fn new(against: Against) -> Bets {
        Bets { against, logs: [0.0; STAKES.len()], count: 0, sum: 0.0 }
    }

    /// Over a whole series.
    pub fn on(against: Against, series: impl IntoIterator<Item = f64>) -> Bets {
        let mut bets = Bets::new(against);
        series.into_iter().for_each(|x| bets.see(x, 1));
        bets
    }

    /// More observations, `times` of the same, 0..1.
    pub fn see(&mut self, x: f64, times: u32) {
        let (gain, most) = match self.against {
            Against::AtLeast(limit) => (limit - x, 1.0 / (1.0 - limit)),
            Against::AtMost(limit) => (x - limit, 1.0 / limit),
        };
        for (log, stake) in self.logs.iter_mut().zip(STAKES) {
            *log += f64::from(times) * (stake * most * gain).ln_1p();
        }
        self.count += times;
        self.sum += f64::from(times) * x;
    }

    /// Those of another part of the series, too.
    pub fn add(&mut self, other: &Bets) {
        for (log, other) in self.logs.iter_mut().zip(other.logs) {
            *log += other;
        }
        self.count += other.count;
        self.sum += other.sum;
    }

    /// Those that are not among the others.
    pub fn without(&self, others: &Bets) -> Bets {
        let mut rest = *self;
        for (log, other) in rest.logs.iter_mut().zip(others.logs) {
            *log -= other;
        }
        rest.count -= others.count;
        rest.sum -= others.sum;
        rest
    }

    /// Observations.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    /// Logarithm of the capital.
    pub fn capital(&self) -> f64 {
        mean_of(self.logs)
    }

    /// How many more observations like these bring the capital to `wanted` (a logarithm); `None` where they never will.
    pub fn more(&self, wanted: f64) -> Option<u32> {
        let times = |factor: f64| mean_of(self.logs.map(|log| log * factor));
        let enough = (1..=400).map(|step| 1.0 + f64::from(step * step) / 400.0);
        let factor = [1.0].into_iter().chain(enough).find(|&factor| times(factor) >= wanted)?;
        (self.count > 0).then(|| (f64::from(self.count) * (factor - 1.0)).ceil() as u32)
    }
}

/// Logarithm of the mean of what these are logarithms of. Of capitals it is one again, however they depend on each other (Vovk and Wang 2021).
pub fn mean_of<const N: usize>(logs: [f64; N]) -> f64 {
    mean(&logs).unwrap_or(0.0)
}

/// The same of any number; `None` of none.
pub fn mean(logs: &[f64]) -> Option<f64> {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - top).exp()).sum();
    (!logs.is_empty()).then(|| top + (sum / logs.len() as f64).ln())
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    #[test]
    fn who_bets_against_what_is_true_rarely_ever_gets_rich() {
        let mut rng = Pcg64Mcg::seed_from_u64(5);
        for against in [Against::AtLeast(0.1), Against::AtMost(0.1)] {
            let mut rich = 0;
            for _ in 0..2000 {
                let mut bets = Bets::new(against);
                rich += u32::from((0..2000).any(|_| {
                    bets.see(f64::from(u8::from(rng.random_range(0.0..1.0) < 0.1)), 1);
                    bets.capital() >= 20f64.ln()
                }));
            }
            // 5 % at most, looked at 2000 times; three standard deviations of a count of 2000.
            assert!(rich <= 100 + 30, "{against:?}: {rich}");
        }
    }

    #[test]
    fn what_is_beyond_the_limit_shows_soon_and_the_order_does_not_matter() {
        let misses = Bets::on(Against::AtMost(0.3), [1.0; 8]);
        assert!(misses.capital() > 400f64.ln(), "{}", misses.capital());
        let none = Bets::on(Against::AtLeast(0.1), [0.0; 80]);
        assert!(none.capital() > 50f64.ln(), "{}", none.capital());
        let series = [0.0, 1.0, 0.2, 0.0, 0.7];
        let there = Bets::on(Against::AtLeast(0.4), series).capital();
        let back = Bets::on(Against::AtLeast(0.4), series.into_iter().rev()).capital();
        assert!((there - back).abs() < 1e-12);
    }

    #[test]
    fn parts_are_taken_out_and_what_is_still_needed_is_foreseen() {
        let (one, two) = ([0.0; 20], [0.5; 10]);
        let against = Against::AtLeast(0.2);
        let both = Bets::on(against, one.into_iter().chain(two));
        let rest = both.without(&Bets::on(against, two));
        assert!((rest.capital() - Bets::on(against, one).capital()).abs() < 1e-9 && rest.mean() == Some(0.0));
        let more = rest.more(50f64.ln()).unwrap();
        let later = Bets::on(against, std::iter::repeat_n(0.0, 20 + more as usize));
        assert!(later.capital() >= 50f64.ln() && more > 0);
        assert_eq!(Bets::on(against, [0.9; 9]).more(50f64.ln()), None);
        assert_eq!((rest.more(-1.0), mean(&[])), (Some(0), None));
    }
}
