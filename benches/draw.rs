//! What a frame of the simulated camera costs, from noon to infrared night: one JSON line.
//!
//! `cargo bench --profile dev --bench draw`: the development profile is what `make demo` runs.

#![allow(clippy::print_stdout, reason = "what it is for")]

use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::perceive::frame::Picture;
use bearwatch::system::clock::Stopwatch;

const FRAMES: u32 = 900;
const SEEDS: [u64; 3] = [7, 8, 9];

fn main() {
    let mut times_ms = Vec::new();
    for seed in SEEDS {
        // A minute of the default size, 640×360, with everything that walks through it.
        let settings = SceneSettings { seed, duration_s: 60.0, ..SceneSettings::default() };
        let mut scene = Scene::new(&settings);
        let mut picture = Picture::default();
        for frame in 0..FRAMES {
            let watch = Stopwatch::start();
            scene.draw(f64::from(frame) / settings.fps, &mut picture);
            times_ms.push(watch.elapsed_ms());
        }
    }
    times_ms.sort_by(f64::total_cmp);
    let at = |share: f64| times_ms[((times_ms.len() - 1) as f64 * share) as usize];
    println!(
        "{{\"frames\": {}, \"size\": \"640×360\", \"p50_ms\": {:.3}, \"p95_ms\": {:.3}, \"p99_ms\": {:.3}}}",
        times_ms.len(),
        at(0.5),
        at(0.95),
        at(0.99)
    );
}
