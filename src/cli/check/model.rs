//! Is the model one that we can run, and fast enough?

use std::time::Duration;

use super::Finding;
use crate::cli::exit::Exit;
use crate::config::ModelSettings;
use crate::infer::bundle::Bundle;
use crate::infer::engine::{Engine, RunError};
use crate::perceive::settings::Settings;
use crate::system::clock::Stopwatch;

const SUBJECT: &str = "model";
/// Looks that are timed, as far as they fit into the limit.
const RUNS: usize = 5;
const LIMIT: Duration = Duration::from_secs(3);

/// Loads it and looks once at a grey picture.
pub fn check(settings: &ModelSettings, perceive: &Settings) -> Finding {
    let loaded =
        Bundle::open(settings.path.as_deref()).and_then(|b| Engine::load(&b).map(|engine| (b, engine)));
    let (bundle, engine) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => return Finding::failed(SUBJECT, Exit::Config, &error),
    };
    let ms = match time(&engine) {
        Ok(ms) => ms,
        Err(error) => {
            return Finding::fail(
                SUBJECT,
                Exit::Config,
                error.to_string(),
                "take a model made for bearwatch",
            );
        }
    };
    let budget = perceive.budget_ms;
    let (name, hash, place) = (&bundle.id.name, &bundle.id.sha256[..12], bundle.path.display());
    let text = format!(
        "{name} {hash} ({place}), {}; one look takes {ms:.0} ms, the budget is {budget:.0} ms",
        bundle.format
    );
    if ms > budget {
        let remedy = "every frame will miss its deadline: raise perceive.budget_ms, or take a smaller model";
        return Finding::warning(SUBJECT, text, remedy);
    }
    Finding::ok(SUBJECT, text)
}

/// The median of some runs, milliseconds. The first run is not among them: it also fetches the weights.
fn time(engine: &Engine) -> Result<f64, RunError> {
    let input = &engine.spec().input;
    let grey = vec![input.fill; 3 * input.width as usize * input.height as usize];
    let mut output = Vec::new();
    engine.run(&grey, &mut output)?;
    let (whole, mut runs) = (Stopwatch::start(), Vec::new());
    while runs.len() < RUNS && (runs.is_empty() || whole.elapsed() < LIMIT) {
        let watch = Stopwatch::start();
        engine.run(&grey, &mut output)?;
        runs.push(watch.elapsed_ms());
    }
    runs.sort_by(f64::total_cmp);
    Ok(runs[runs.len() / 2])
}
