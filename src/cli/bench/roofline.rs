//! `bearwatch bench --roofline`: the model alone on one core, beside the most products that this core can compute from its registers.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::cli::exit::{Exit, OrExit, Outcome};
use crate::infer::bundle::{Bundle, ModelName};
use crate::infer::engine::Engine;
use crate::infer::int8::isa::Isa;
use crate::infer::int8::peak::spin;
use crate::system::clock::Stopwatch;
use crate::system::vitals::cpu_model;

/// Timed runs, after one that also fetches the weights.
const RUNS: usize = 50;
/// Rounds of the core's own measurement: some tens of milliseconds on a server, some hundred on a small board.
const ROUNDS: u64 = 3_000_000;

#[derive(Debug, Serialize)]
struct Roofline {
    model: ModelName,
    cpu: String,
    /// Instruction set of the kernels.
    kernels: &'static str,
    threads: u32,
    /// Products of one run, in units of 10^9; only those of quantised operators.
    gmac: f64,
    /// Median and quartiles of one run.
    p50_ms: f64,
    p25_ms: f64,
    p75_ms: f64,
    runs: usize,
    /// 10^9 products a second.
    gmac_per_s: f64,
    /// The most that the core computes from registers, measured beside it; null where the kernels have no instruction for it.
    peak_gmac_per_s: Option<f64>,
    percent_of_peak: Option<f64>,
}

pub(super) fn run(model: Option<&Path>, json: bool) -> Outcome {
    let bundle = Bundle::open(model).or_exit(Exit::Config)?;
    let engine = Engine::load(&bundle).or_exit(Exit::Config)?;
    let report = measure(bundle, &engine).or_exit(Exit::Bug)?;
    let text = if json { serde_json::to_string(&report).or_exit(Exit::Bug)? } else { report.to_string() };
    writeln!(std::io::stdout().lock(), "{text}").or_exit(Exit::Io)?;
    Ok(Exit::Ok)
}

fn measure(bundle: Bundle, engine: &Engine) -> Result<Roofline, crate::infer::engine::RunError> {
    let input = &engine.spec().input;
    let picture = vec![input.fill; 3 * input.width as usize * input.height as usize];
    let mut output = Vec::new();
    engine.run(&picture, &mut output)?;
    let mut runs_ms = Vec::new();
    for _ in 0..RUNS {
        let watch = Stopwatch::start();
        engine.run(&picture, &mut output)?;
        runs_ms.push(watch.elapsed_ms());
    }
    runs_ms.sort_by(f64::total_cmp);
    let [p25_ms, p50_ms, p75_ms] = [1, 2, 3].map(|quarter| runs_ms[RUNS * quarter / 4]);
    let isa = Isa::best();
    let watch = Stopwatch::start();
    let peak = spin(isa, ROUNDS).map(|products| products as f64 / watch.elapsed_ms() / 1e6);
    let gmac = engine.network().products() as f64 / 1e9;
    let gmac_per_s = gmac / p50_ms * 1e3;
    Ok(Roofline {
        model: bundle.id,
        cpu: cpu_model(),
        kernels: isa.name(),
        threads: 1,
        gmac,
        p50_ms,
        p25_ms,
        p75_ms,
        runs: RUNS,
        gmac_per_s,
        peak_gmac_per_s: peak,
        percent_of_peak: peak.map(|peak| 100.0 * gmac_per_s / peak),
    })
}

impl std::fmt::Display for Roofline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Roofline { model, cpu, kernels, gmac, p50_ms, p25_ms, p75_ms, gmac_per_s, .. } = self;
        writeln!(f, "{cpu} · {kernels} kernels · 1 thread")?;
        writeln!(f, "model {} {}", model.name, &model.sha256[..12])?;
        writeln!(
            f,
            "one run: {p50_ms:.2} ms (median of {}; quartiles {p25_ms:.2} and {p75_ms:.2})",
            self.runs
        )?;
        writeln!(f, "{gmac:.3} GMAC of int8 a run: {gmac_per_s:.0} GMAC/s")?;
        match (self.peak_gmac_per_s, self.percent_of_peak) {
            (Some(peak), Some(percent)) => {
                write!(
                    f,
                    "this core's most, from registers alone: {peak:.0} GMAC/s; the model reaches {percent:.0} %"
                )
            }
            _ => write!(f, "portable kernels: there is no instruction of this core to compare with"),
        }
    }
}
