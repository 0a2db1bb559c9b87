//! The table by which evidence is judged: see [`crate::station::drift::null`].

use super::chance::{Chance, Lasting};
use crate::station::drift::null::{CLASSES, Null, OfReference, PERSISTENCES, STEPS, Tail, class};
use crate::station::drift::shift::Reference;
use crate::station::drift::{BETWEEN, LEAST, REFERENCE, WEEK};

/// Lengths of the reference, days.
const LENGTHS: [usize; 4] = [LEAST, 18, 22, REFERENCE as usize];
/// A quantile is kept where so many weeks lie beyond it.
const BEYOND: f64 = 20.0;

/// Draws it.
pub fn table(weeks: usize, seed: u64) -> Null {
    let command = format!("bearwatch drift --calibrate FILE --weeks {weeks} --seed {seed}");
    let of_length = |days: usize| {
        let mut chance = Chance::new(seed.wrapping_mul(1000).wrapping_add(days as u64));
        OfReference {
            days,
            tails: PERSISTENCES.map(|persistence| tails(days, persistence, weeks, &mut chance)).into(),
        }
    };
    Null { command, weeks, references: LENGTHS.map(of_length).into() }
}

/// By class.
fn tails(days: usize, persistence: f64, weeks: usize, chance: &mut Chance) -> Vec<Tail> {
    let mut classes = vec![Vec::new(); CLASSES.len() + 1];
    let mut values = vec![0.0; days + (BETWEEN + WEEK) as usize];
    for _ in 0..weeks {
        let mut weather = Lasting::new(persistence, chance);
        values.iter_mut().for_each(|value| *value = weather.next(chance));
        let (before, week) = values.split_at(days);
        let evidence = Reference::of(before).evidence(week, WEEK as usize);
        classes[class(evidence.persistence)].push(evidence.size);
    }
    let tail = |sizes: Vec<f64>| Tail {
        share: digits(sizes.len() as f64 / weeks as f64, 1e6),
        quantiles: quantiles(sizes),
    };
    classes.into_iter().map(tail).collect()
}

/// At 10^(-k / 4), as long as enough lies beyond.
fn quantiles(mut sizes: Vec<f64>) -> Vec<f64> {
    sizes.sort_by(f64::total_cmp);
    let all = sizes.len() as f64;
    let shares = (0..).map(|k| 10.0_f64.powf(-f64::from(k) / STEPS)).take_while(|p| p * all >= BEYOND);
    shares.map(|p| digits(sizes[((1.0 - p) * all) as usize], 1e3)).collect()
}

fn digits(value: f64, of: f64) -> f64 {
    (value * of).round() / of
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::station::drift::null::Persistences;
    use crate::station::drift::shift::Evidence;

    #[test]
    fn the_stored_table_is_what_is_drawn_anew() {
        let (stored, drawn) = (Null::stored(), table(20_000, 99));
        let any = Persistences::of(stored, true, &[]);
        for size in [1.5, 2.5, 3.5] {
            for persistence in [0.0, 0.2, 0.5] {
                let at = Evidence { size, persistence };
                let (p, again) = (any.p(stored, 20, at), any.p(&drawn, 20, at));
                assert!((p / again).ln().abs() < 0.25, "{at:?}: {p} and {again}");
            }
        }
    }
}
