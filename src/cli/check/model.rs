//! Is the model one that we can run, and fast enough?

use std::time::Duration;

use super::Finding;
use crate::app::models::settings;
use crate::cli::exit::Exit;
use crate::config::Config;
use crate::infer::bundle::Bundle;
use crate::infer::engine::{Engine, RunError};
use crate::infer::int8::isa::Isa;
use crate::infer::succession::choice::ask;
use crate::system::clock::Stopwatch;

const SUBJECT: &str = "model";
/// Looks that are timed, as far as they fit into the limit.
const RUNS: usize = 5;
const LIMIT: Duration = Duration::from_secs(3);

/// Loads it and looks once at a grey picture.
pub fn check(config: &Config) -> Finding {
    let perceive = &config.perceive;
    let loaded = ask(&settings(config))
        .and_then(|(bundle, told)| Engine::load(&bundle).map(|engine| (bundle, engine, told)));
    let (bundle, engine, told) = match loaded {
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
    if let Err(what) = agrees(&bundle, &engine) {
        let remedy = "do not rely on this device: report it with the output of `bearwatch bench --roofline`";
        return Finding::fail(SUBJECT, Exit::Config, what, remedy);
    }
    if let Some(told) = told {
        let remedy =
            "the carried model runs until that is mended: see model.trusted_keys, and docs/models.md";
        return Finding::warning(SUBJECT, told, remedy);
    }
    let budget = perceive.budget_ms;
    let (name, hash, place) = (&bundle.id.name, &bundle.id.sha256[..12], bundle.path.display());
    let text = format!(
        "{name} {hash} ({place}), {}; one look takes {ms:.0} ms by {} kernels, the budget is {budget:.0} ms",
        bundle.format,
        Isa::best().name()
    );
    if ms > budget {
        let remedy = "every frame will miss its deadline: raise perceive.budget_ms, or take a smaller model";
        return Finding::warning(SUBJECT, text, remedy);
    }
    Finding::ok(SUBJECT, text)
}

/// Whether this processor's kernels give the very numbers that the portable ones give, on a picture of every contrast.
fn agrees(bundle: &Bundle, engine: &Engine) -> Result<(), String> {
    let told = |error: RunError| error.to_string();
    let input = &engine.spec().input;
    let count = 3 * input.width as usize * input.height as usize;
    // A stride without a common factor with rows and pixels: no two neighbours are alike.
    let picture: Vec<u8> = (0..count).map(|i| (i * 89 / 7) as u8).collect();
    let portable = Engine::load_for(bundle, Isa::Portable).map_err(|error| error.to_string())?;
    let (mut ours, mut expected) = (Vec::new(), Vec::new());
    engine.run(&picture, &mut ours).map_err(told)?;
    portable.run(&picture, &mut expected).map_err(told)?;
    let isa = Isa::best().name();
    let same = ours.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
    same.then_some(()).ok_or(format!("the {isa} kernels compute something else than the portable ones here"))
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
