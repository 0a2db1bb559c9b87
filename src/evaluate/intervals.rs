//! How sure a figure is: bootstrap intervals, bounds on rates, quantiles.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Resamples of a bootstrap: 50 of them lie beyond each end of a 95 % interval, enough to place the ends.
const ROUNDS: usize = 2000;

/// The generator of [`bootstrap`], for drawing pictures with replacement.
pub struct Draw(Pcg64Mcg);

impl Draw {
    /// `count` indices below `count`, with replacement.
    pub fn indices(&mut self, count: usize) -> impl Iterator<Item = usize> {
        // u32 so that 32-bit and 64-bit machines draw the same numbers.
        (0..count).map(move |_| self.0.random_range(0..count as u32) as usize)
    }
}

/// 95 % percentile interval of a statistic over resamples (Efron and Tibshirani 1993, chapter 13). The same `seed` gives the same
/// interval. `statistic` draws its own sample; `None` (nothing to measure) gives no interval.
pub fn bootstrap(seed: u64, mut statistic: impl FnMut(&mut Draw) -> Option<f64>) -> Option<[f64; 2]> {
    let mut draw = Draw(Pcg64Mcg::seed_from_u64(seed));
    let mut values = (0..ROUNDS).map(|_| statistic(&mut draw)).collect::<Option<Vec<f64>>>()?;
    values.sort_by(f64::total_cmp);
    Some([quantile(&values, 0.025)?, quantile(&values, 0.975)?])
}

/// Quantile of sorted values, linear between neighbours (Hyndman and Fan 1996, type 7, numpy's default).
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let at = q * (sorted.len().checked_sub(1)?) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// Exact one-sided 95 % upper bound on the mean of a Poisson count: the mean at which `count` or fewer would be seen only 5 % of the time,
/// χ²(0.95; 2·count + 2) / 2 (Garwood 1936). 2.996 for none seen.
pub fn poisson_upper95(count: u64) -> f64 {
    let (mut low, mut high) = (count as f64, count as f64 + 10.0 + 5.0 * (count as f64).sqrt());
    // Halving the bracket 100 times ends at neighbouring numbers.
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if poisson_at_most(count, middle) > 0.05 { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// Exact two-sided 95 % interval of the mean of a Poisson count (Garwood 1936): 0 to 3.689 for none seen.
pub fn poisson95(count: u64) -> [f64; 2] {
    let most = count as f64 + 10.0 + 5.0 * (count as f64).sqrt();
    let mean_where = |at_most: u64, probability: f64| {
        let (mut low, mut high) = (0.0, most);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if poisson_at_most(at_most, middle) > probability { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    };
    let low = if count == 0 { 0.0 } else { mean_where(count - 1, 0.975) };
    [low, mean_where(count, 0.025)]
}

/// Exact two-sided 95 % interval of a share of which `count` of `of` were seen (Clopper and Pearson 1934): 0 to 0.036 for none of a hundred.
pub fn binomial95(count: u64, of: u64) -> [f64; 2] {
    let share_where = |at_most: u64, probability: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if binomial_at_most(at_most, of, middle) > probability { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    };
    let low = if count == 0 { 0.0 } else { share_where(count - 1, 0.975) };
    [low, if count >= of { 1.0 } else { share_where(count, 0.025) }]
}

/// P(X ≤ count) of so many trials, each a success with this probability (above 0, below 1).
fn binomial_at_most(count: u64, of: u64, share: f64) -> f64 {
    let odds = share.ln() - (-share).ln_1p();
    let mut log_term = of as f64 * (-share).ln_1p();
    let mut sum = log_term.exp();
    for k in 1..=count {
        log_term += odds + ((of - k + 1) as f64).ln() - (k as f64).ln();
        sum += log_term.exp();
    }
    sum
}

/// P(X ≤ count) for a Poisson variable of this mean; terms by logarithms, so that no mean underflows.
fn poisson_at_most(count: u64, mean: f64) -> f64 {
    let mut log_term = -mean;
    let mut sum = log_term.exp();
    for k in 1..=count {
        log_term += mean.ln() - (k as f64).ln();
        sum += log_term.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisson_bounds_are_those_of_the_chi_square_tables() {
        // scipy.stats.chi2.ppf(0.95, 2 * n + 2) / 2
        for (n, bound) in [(0, 2.995732273554), (1, 4.743864518391), (10, 16.962219243)] {
            assert!((poisson_upper95(n) - bound).abs() < 1e-8, "{n}: {}", poisson_upper95(n));
        }
        for (n, [low, high]) in [(0, [0.0, 3.688879]), (1, [0.025318, 5.571643]), (10, [4.795389, 18.390356])]
        {
            let [l, h] = poisson95(n);
            assert!((l - low).abs() < 1e-5 && (h - high).abs() < 1e-5, "{n}: {l} {h}");
        }
        assert!((poisson_upper95(5000) - 5118.0).abs() < 2.0, "{}", poisson_upper95(5000));
    }

    #[test]
    fn binomial_bounds_are_those_of_the_beta_distribution() {
        // scipy.stats.beta.ppf([0.025, 0.975], [n, n + 1], [of - n + 1, of - n])
        for (n, of, [low, high]) in [
            (0, 100, [0.0, 0.036217]),
            (95, 100, [0.887165, 0.983568]),
            (100, 100, [0.963783, 1.0]),
            (3, 1000, [0.000619, 0.008743]),
        ] {
            let [l, h] = binomial95(n, of);
            assert!((l - low).abs() < 1e-5 && (h - high).abs() < 1e-5, "{n}: {l} {h}");
        }
    }

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
        assert_eq!(quantile(&[7.0], 0.95), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_bootstrap_of_a_share_is_about_as_wide_as_the_binomial_says_and_repeats() {
        let share = |draw: &mut Draw| Some(draw.indices(100).filter(|&i| i < 30).count() as f64 / 100.0);
        let [low, high] = bootstrap(1, share).unwrap();
        // 0.3 ± 1.96 · √(0.3 · 0.7 / 100)
        assert!((low - 0.21).abs() < 0.015 && (high - 0.39).abs() < 0.015, "{low} {high}");
        assert_eq!(bootstrap(1, share), Some([low, high]));
        assert_eq!(bootstrap(1, |_| None), None);
    }
}
