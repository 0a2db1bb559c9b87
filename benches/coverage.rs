//! How often the 95 % interval of what was missed holds the truth: bears that come by chance are sampled by the camera's own sampler and weighed by the
//! report's own estimator. One JSON object; docs/review.py makes a page of it.
//!
//! `cargo bench --profile dev --bench coverage -- ROUNDS`

#![allow(clippy::print_stdout, reason = "what it is for")]

use bearwatch::evaluate::audit::{BearShown, Recall};
use bearwatch::perceive::audit::{Audit, Settings};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

const ROUNDS: u32 = 4000;
/// Pictures a day of all, and further ones an hour under suspicion: none, and as many as the configuration allows.
const DESIGNS: [(f64, f64); 2] = [(200.0, 0.0), (200.0, 25.0)];
/// Visits that are expected in the time of a report.
const VISITS: [f64; 4] = [15.0, 40.0, 100.0, 300.0];
const RECALLS: [f64; 4] = [0.5, 0.8, 0.9, 0.97];
/// From frame to frame, milliseconds.
const FRAME_MS: u64 = 2000;
/// Hours between the beginnings of two visits, milliseconds: they never touch.
const APART_MS: u64 = 40_000_000;
/// How often the model suspects a bear on a frame of a bear that it tells of, and on one that it misses.
const SUSPECTED: [f64; 2] = [0.8, 0.3];

/// What is found.
#[derive(Clone, Copy)]
enum World {
    /// A whole visit, or nothing of it: whether an alert was raised. Short ones are missed more often.
    Visits,
    /// Single frames; how many differs from visit to visit.
    Frames,
}

/// One visit: how long, and how probably each of its frames is found.
struct Visit {
    seconds: f64,
    found: f64,
}

impl World {
    fn name(self) -> &'static str {
        match self {
            World::Visits => "visits",
            World::Frames => "frames",
        }
    }

    /// Two minutes in the middle, lognormal.
    fn visit(self, recall: f64, rng: &mut Pcg64Mcg) -> Visit {
        let seconds = 120.0 * (0.8 * normal(rng)).exp();
        let found = match self {
            World::Visits => f64::from(u8::from(uniform(rng) < recall * (1.0 - (-seconds / 30.0f64).exp()))),
            World::Frames => recall + (2.0 * uniform(rng) - 1.0) * recall.min(1.0 - recall),
        };
        Visit { seconds, found }
    }

    /// Share of the time that is found in the long run.
    fn truth(self, recall: f64) -> f64 {
        let mut rng = Pcg64Mcg::seed_from_u64(99);
        let (mut whole, mut found) = (0.0, 0.0);
        for _ in 0..1_000_000 {
            let visit = self.visit(recall, &mut rng);
            whole += visit.seconds;
            found += visit.seconds * visit.found;
        }
        found / whole
    }
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let mut scenarios = Vec::new();
    for (world, design, recall, visits) in combinations() {
        let seed = scenarios.len() as u64;
        scenarios.push(scenario(world, design, recall, visits, rounds, seed));
        eprint(&scenarios);
    }
    println!("{}", json!({ "rounds": rounds, "scenarios": scenarios }));
}

#[allow(clippy::print_stderr, reason = "it takes minutes")]
fn eprint(scenarios: &[Value]) {
    eprintln!("{} {}", scenarios.len(), scenarios[scenarios.len() - 1]);
}

fn combinations() -> impl Iterator<Item = (World, (f64, f64), f64, f64)> {
    let worlds = [World::Visits, World::Frames].into_iter();
    let designs = worlds.flat_map(|world| DESIGNS.map(|design| (world, design)));
    let recalls = designs.flat_map(|(world, design)| RECALLS.map(|recall| (world, design, recall)));
    recalls.flat_map(|(world, design, recall)| VISITS.map(|visits| (world, design, recall, visits)))
}

fn scenario(
    world: World,
    (per_day, suspected_per_hour): (f64, f64),
    recall: f64,
    visits: f64,
    rounds: u32,
    seed: u64,
) -> Value {
    let truth = world.truth(recall);
    let settings = Settings { per_day, suspected_per_hour, most_mb_a_day: 1e9 };
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let (mut known, mut held, mut width, mut bears, mut value) = (0u32, 0u32, 0.0, 0usize, 0.0);
    for _ in 0..rounds {
        let sample = sample(world, recall, poisson(visits, &mut rng), settings, &mut rng);
        if let Recall::Known { value: estimate, low, high, bears: shown, .. } = Recall::of(&sample) {
            known += 1;
            held += u32::from((low..=high).contains(&truth));
            (width, bears, value) = (width + high - low, bears + shown, value + estimate);
        }
    }
    let over = |sum: f64| sum / f64::from(known.max(1));
    json!({
        "world": world.name(), "per_day": per_day, "suspected_per_hour": suspected_per_hour, "visits": visits, "truth": truth,
        "estimated": known, "coverage": over(f64::from(held)), "width": over(width), "bears": over(bears as f64), "mean": over(value),
    })
}

/// The pictures of bears that the camera chooses.
fn sample(world: World, recall: f64, visits: u64, settings: Settings, rng: &mut Pcg64Mcg) -> Vec<BearShown> {
    let mut audit = Audit::new(settings, rng.random_range(0..u64::MAX));
    let mut bears = Vec::new();
    for number in 0..visits {
        let visit = world.visit(recall, rng);
        let begin_ms = number * APART_MS;
        audit.pause(begin_ms);
        for frame in 1..=(visit.seconds * 1e3 / FRAME_MS as f64) as u64 {
            let found = uniform(rng) < visit.found;
            let suspected = match world {
                World::Visits => uniform(rng) < SUSPECTED[usize::from(!found)],
                World::Frames => found || uniform(rng) < SUSPECTED[1],
            };
            let at_ms = begin_ms + frame * FRAME_MS;
            let chosen = audit.look(at_ms, suspected);
            bears.extend(chosen.map(|one| BearShown {
                camera: 0,
                at_s: at_ms as f64 / 1e3,
                weight: one.stands_s / one.probability,
                found,
            }));
        }
    }
    bears
}

fn uniform(rng: &mut Pcg64Mcg) -> f64 {
    rng.random_range(0.0..1.0)
}

/// Box and Muller 1958.
fn normal(rng: &mut Pcg64Mcg) -> f64 {
    let (a, b) = (1.0 - uniform(rng), uniform(rng));
    (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
}

/// By the times between events.
fn poisson(mean: f64, rng: &mut Pcg64Mcg) -> u64 {
    let (mut time, mut count) = (-(1.0 - uniform(rng)).ln(), 0);
    while time < mean {
        time -= (1.0 - uniform(rng)).ln();
        count += 1;
    }
    count
}
