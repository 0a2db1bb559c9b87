//! Numbers drawn from distributions; the same from a seed, always.

use std::f64::consts::TAU;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Draws.
pub struct Chance {
    rng: Pcg64Mcg,
    /// Normal numbers come in pairs.
    second: Option<f64>,
}

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Chance {
        Chance { rng: Pcg64Mcg::seed_from_u64(seed), second: None }
    }

    /// Evenly between two bounds.
    pub fn even(&mut self, from: f64, to: f64) -> f64 {
        self.rng.random_range(from..to)
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        if let Some(second) = self.second.take() {
            return second;
        }
        let radius = (-2.0 * (1.0 - self.even(0.0, 1.0)).ln()).sqrt();
        let (sin, cos) = self.even(0.0, TAU).sin_cos();
        self.second = Some(radius * sin);
        radius * cos
    }

    /// Poisson: by multiplication (Knuth 1969), for means that are small.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        let (limit, mut product, mut count) = ((-mean).exp(), self.even(0.0, 1.0), 0);
        while product > limit {
            product *= self.even(0.0, 1.0);
            count += 1;
        }
        count
    }
}

/// What is like it was a step before, with variance one.
pub struct Lasting {
    persistence: f64,
    value: f64,
}

impl Lasting {
    /// With so much correlation from step to step.
    pub fn new(persistence: f64, chance: &mut Chance) -> Lasting {
        Lasting { persistence, value: chance.normal() }
    }

    /// The next one.
    pub fn next(&mut self, chance: &mut Chance) -> f64 {
        let fresh = (1.0 - self.persistence * self.persistence).sqrt() * chance.normal();
        self.value = self.persistence * self.value + fresh;
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut chance = Chance::new(7);
        let mut lasting = Lasting::new(0.6, &mut chance);
        let all: Vec<f64> = (0..200_000).map(|_| lasting.next(&mut chance)).collect();
        let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / 200_000.0;
        assert!(mean(&mut all.iter().copied()).abs() < 0.02);
        assert!((mean(&mut all.iter().map(|v| v * v)) - 1.0).abs() < 0.03);
        assert!((mean(&mut all.windows(2).map(|v| v[0] * v[1])) - 0.6).abs() < 0.03);
        let counts: Vec<f64> = (0..200_000).map(|_| f64::from(chance.poisson(3.0))).collect();
        assert!((mean(&mut counts.iter().copied()) - 3.0).abs() < 0.03);
        assert!((mean(&mut counts.iter().map(|n| n * n)) - 12.0).abs() < 0.2);
    }
}
