//! `bearwatch bench`: what a frame costs on this machine, stage by stage, through the very threads of the daemon.

mod roofline;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::broker::LocalBroker;
use super::demo::source::parse;
use super::exit::{Exit, Failure, OrExit, Outcome};
use super::progress::bar;
use super::run::exit_of;
use crate::app::App;
use crate::capture::settings::{FilesSettings, SceneSettings, SourceSettings};
use crate::config::Config;
use crate::infer::bundle::ModelName;
use crate::publish::settings::Site;
use crate::system::clock::{Clock, Stopwatch, since_process_start};
use crate::system::metrics::{Metrics, Quantiles, Stage};
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;
use crate::system::vitals::{cpu_model, memory_mb};

/// The bears of this seed come near from the first seconds on.
const SEED: u64 = 7;
/// A bear threshold below every model's own, and an open alert repeated this often, seconds: it is the way of alerts to the broker that
/// is measured, often enough for quantiles, not whether they are right.
const BEAR_THRESHOLD: f32 = 0.05;
const UPDATE_S: f64 = 0.5;
/// Pictures from disk come at the rate of a camera.
const FILES_FPS: f64 = 15.0;
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Telemetry would start new quantiles.
const NEVER_S: f64 = 86_400.0;

/// Measure every stage from capture to the broker's acknowledgement, and memory.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch bench                           a simulated camera, 1280×720, 15 frames a second, 30 s
  bearwatch bench --json --threads 2 > bench.json
  bearwatch bench --source pictures/        over and over, 15 a second, JPEG decoding included

  bearwatch bench --roofline                the model alone, and how far it is from what this core can do

Runs the daemon itself against a Mosquitto of its own, which must be installed. Build with
`--profile dist` for the figures of an installed device; close other programs. Bears are alerted on
far below the model's operating point, so that the way of an alert is measured often; with nothing
like a bear in the pictures \"publish\" and \"capture_to_puback\" are null. \"ready\" is from the start
of the process, model loaded and store open, to where the first frame can come; the Mosquitto's own
start is left out.

Exit codes: 0 measured · 66 the source is not there · 69 no Mosquitto, no camera · 78 the model is
unsuitable")]
pub struct BenchArgs {
    /// Model to use instead of the embedded one
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Regions of a frame that are looked at side by side
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// Camera, picture, folder, video, or address, in place of the simulated camera
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// How long it runs, seconds
    #[arg(long, default_value_t = 30, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Broker to talk to [default: a Mosquitto on a free port of this machine]
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Run the model alone, and compare its products a second with the most that one core can compute
    #[arg(long, conflicts_with_all = ["threads", "source", "broker"])]
    roofline: bool,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    /// Null where nothing went through a stage.
    stages: BTreeMap<&'static str, Option<Quantiles>>,
    /// Resident at the end, while everything still ran; null where the system does not tell.
    memory_mb: Option<f32>,
    /// From the start of the process until the daemon is ready for the first frame.
    start_ms: u64,
    model: ModelName,
    cpu: String,
    threads: u32,
    source: String,
    seconds: f64,
    frames: Frames,
    version: &'static str,
    optimised: bool,
}

#[derive(Debug, Serialize)]
struct Frames {
    seen: u64,
    dropped: u64,
    inferred: u64,
    deadline_misses: u64,
}

/// Runs the command.
///
/// # Errors
/// 69 where no broker can be had, and what `run` may end with.
pub fn run(args: BenchArgs) -> Outcome {
    if args.roofline {
        return roofline::run(args.model.as_deref(), args.json);
    }
    let begun = since_process_start().unwrap_or_default();
    let folder = tempfile::tempdir().context("temporary folder").or_exit(Exit::CannotCreate)?;
    let own = args
        .broker
        .is_none()
        .then(|| LocalBroker::start(folder.path()))
        .transpose()
        .or_exit(Exit::Unavailable)?;
    let broker = args.broker.clone().or(own.as_ref().map(|b| b.url.clone())).unwrap_or_default();
    let report = measure(&args, config(&args, broker, folder.path().join("store")), begun)?;
    let text =
        if args.json { serde_json::to_string(&report).or_exit(Exit::Bug)? } else { report.to_string() };
    writeln!(std::io::stdout().lock(), "{text}").or_exit(Exit::Io)?;
    Ok(Exit::Ok)
}

fn config(args: &BenchArgs, broker: String, store: PathBuf) -> Config {
    let mut config = Config::of_site(Site { name: "bench".into(), camera: "bench".into() });
    config.capture.source = source(args.source.as_deref());
    config.model.path = args.model.clone();
    config.model.threads = args.threads as usize;
    config.perceive.update_s = UPDATE_S;
    config.perceive.bear_threshold = Some(BEAR_THRESHOLD);
    config.perceive.min_visible_s = 0.0;
    config.publish.broker = broker;
    config.publish.telemetry_s = NEVER_S;
    config.publish.store.path = store;
    config
}

/// The drawn campsite, or what was asked for; a few pictures must last for the whole time.
fn source(asked: Option<&str>) -> SourceSettings {
    let scene =
        SceneSettings { seed: SEED, width: 1280, height: 720, duration_s: 60.0, ..SceneSettings::default() };
    match asked.map(parse) {
        None => SourceSettings::Simulated(scene),
        Some(SourceSettings::Files(files)) => {
            SourceSettings::Files(FilesSettings { fps: FILES_FPS, repeat: true, frames_each: 1, ..files })
        }
        Some(other) => other,
    }
}

/// `begun`: how long the process had lived when the command began.
fn measure(args: &BenchArgs, config: Config, begun: Duration) -> Result<Report, Failure> {
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let failed = |error| Failure::new(exit_of(&error), error);
    let building = Stopwatch::start();
    let app = App::build(config, Clock::start()).map_err(failed)?;
    let start_ms = (begun + building.elapsed()).as_millis() as u64;
    let (metrics, model, source) = (app.metrics(), app.model().clone(), app.source());
    let observer = observe(Duration::from_secs(args.seconds), metrics.clone(), stop.clone());
    let ran = Stopwatch::start();
    app.run(&stop).map_err(failed)?;
    let seconds = ran.elapsed().as_secs_f64();
    stop.raise();
    let Look { stages, memory_mb } = observer.join().unwrap_or_default();
    Ok(Report {
        stages,
        memory_mb,
        start_ms,
        model,
        cpu: cpu_model(),
        threads: args.threads,
        source,
        seconds,
        frames: Frames::of(&metrics),
        version: env!("CARGO_PKG_VERSION"),
        optimised: !cfg!(debug_assertions),
    })
}

/// What is seen from beside the running daemon; its last telemetry, at the end, starts new quantiles.
#[derive(Default)]
struct Look {
    stages: BTreeMap<&'static str, Option<Quantiles>>,
    memory_mb: Option<f32>,
}

/// Ends the run after `limit`; gives the last look at it while it still ran.
fn observe(limit: Duration, metrics: Arc<Metrics>, stop: Stop) -> JoinHandle<Look> {
    std::thread::spawn(move || {
        let watch = Stopwatch::start();
        let bar = bar(limit.as_secs() as usize, "seconds");
        let mut last = Look::default();
        while watch.elapsed() < limit && !stop.is_raised() {
            stop.sleep(LOOK.min(limit.saturating_sub(watch.elapsed())));
            bar.set_position(watch.elapsed().as_secs());
            if !stop.is_raised() {
                let stages = Stage::ALL.map(|stage| (stage.name(), metrics.quantiles(stage)));
                last = Look { stages: stages.into_iter().collect(), memory_mb: memory_mb() };
            }
        }
        bar.finish_and_clear();
        stop.raise();
        last
    })
}

impl Frames {
    fn of(metrics: &Metrics) -> Frames {
        let counters = &metrics.counters;
        Frames {
            seen: counters.frames_seen.load(Relaxed),
            dropped: counters.frames_dropped.load(Relaxed),
            inferred: counters.frames_inferred.load(Relaxed),
            deadline_misses: counters.deadline_misses.load(Relaxed),
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} · {} · {} thread(s)", self.cpu, self.source, self.threads)?;
        writeln!(f, "model {} {}", self.model.name, &self.model.sha256[..12])?;
        if !self.optimised {
            writeln!(
                f,
                "(development build: our own code is not fully optimised; build with --profile dist)"
            )?;
        }
        writeln!(f, "{:<18}{:>10}{:>10}{:>10}{:>9}", "stage", "p50 ms", "p95 ms", "p99 ms", "count")?;
        for stage in Stage::ALL {
            match self.stages.get(stage.name()).copied().flatten() {
                Some(q) => writeln!(
                    f,
                    "{:<18}{:>10.2}{:>10.2}{:>10.2}{:>9}",
                    stage.name(),
                    q.p50_ms,
                    q.p95_ms,
                    q.p99_ms,
                    q.count
                )?,
                None => writeln!(f, "{:<18}{:>10}{:>10}{:>10}{:>9}", stage.name(), "–", "–", "–", 0)?,
            }
        }
        let Frames { seen, dropped, inferred, deadline_misses } = self.frames;
        writeln!(
            f,
            "frames: {seen} seen, {dropped} given up for newer ones, {inferred} looked at, {deadline_misses} past the deadline"
        )?;
        let memory = self.memory_mb.map_or("unknown".into(), |mb| format!("{mb:.0} MB"));
        write!(f, "memory: {memory} · ready after {} ms", self.start_ms)
    }
}
