//! `bearwatch demo`: the whole daemon, from lens to ranger, in about a minute and with nothing else needed than a broker.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::broker::LocalBroker;
use super::exit::{Exit, Failure, OrExit, Outcome};
use super::run::exit_of;
use crate::app::App;
use crate::capture::settings::{SceneSettings, SourceSettings};
use crate::config::Config;
use crate::publish::settings::Site;
use crate::system::clock::Clock;
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;

pub mod source;
mod summary;
mod witness;

use summary::Summary;
use witness::Witness;

/// Run the daemon on a simulated campsite, from dusk into night, and say what it found.
///
/// The campsite is drawn by the program: what it finds there says that everything works together, not how well it finds
/// real bears.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch demo --json summary.json                     with a Mosquitto of its own, which must be installed
  bearwatch demo --source /dev/video0                    on a camera
  bearwatch demo --source pictures/ --broker mqtt://10.0.0.2:1883

`make demo` does this and shows the alerts as a ranger's desk would see them.")]
pub struct DemoArgs {
    /// Write the summary as JSON into this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Broker to talk to [default: a Mosquitto on a free port of this machine, for the time of the demo]
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Camera (/dev/video0), picture, folder, video, or http:// or rtsp:// address, in place of the simulated campsite
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Folder for the outbox and whatever else the demo leaves [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Decides who comes when; below 1,000,000, since the model was trained with drawings from seeds above
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(..1_000_000))]
    seed: u64,
    /// How long it runs, seconds
    #[arg(long, default_value_t = 60.0, value_name = "S", value_parser = seconds)]
    seconds: f64,
    /// Model to use instead of the embedded one
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    (5.0..=3600.0).contains(&value).then_some(value).ok_or_else(|| "from 5 to 3600".into())
}

/// Runs the command.
///
/// # Errors
/// 69 where no broker can be had, 73 where the outputs cannot be created, and what `run` may end with.
pub fn run(args: DemoArgs) -> Outcome {
    let temporary = tempfile::tempdir().context("temporary folder").or_exit(Exit::CannotCreate)?;
    let own = args
        .broker
        .is_none()
        .then(|| LocalBroker::start(temporary.path()))
        .transpose()
        .or_exit(Exit::Unavailable)?;
    let broker = args.broker.clone().or(own.as_ref().map(|b| b.url.clone())).unwrap_or_default();
    let out = args.out.clone().unwrap_or_else(|| temporary.path().to_owned());
    let scene = args.source.is_none().then(|| dusk_into_night(&args));
    let config = config(&args, scene.as_ref(), broker, out.join("store"));
    let summary = play(config, scene.as_ref(), Duration::from_secs_f64(args.seconds))?;
    say(&summary).or_exit(Exit::Io)?;
    if let Some(file) = &args.json {
        save(file, &summary)
            .with_context(|| format!("--json {}", file.display()))
            .or_exit(Exit::CannotCreate)?;
    }
    Ok(Exit::Ok)
}

/// A bear every quarter of the time, a person or a dog after each.
fn dusk_into_night(args: &DemoArgs) -> SceneSettings {
    SceneSettings {
        seed: args.seed,
        darkness_start: 0.3,
        darkness_end: 1.0,
        duration_s: args.seconds,
        bears: 4,
        ..SceneSettings::default()
    }
}

/// The embedded defaults but for the place, the source and the folder.
fn config(args: &DemoArgs, scene: Option<&SceneSettings>, broker: String, store: PathBuf) -> Config {
    let source = match (scene, &args.source) {
        (None, Some(text)) => source::parse(text),
        (scene, _) => SourceSettings::Simulated(scene.cloned().unwrap_or_default()),
    };
    let mut config = Config::of_site(Site { name: "demo".into(), camera: "meadow".into() });
    config.capture.source = source;
    config.model.path = args.model.clone();
    config.publish.broker = broker;
    config.publish.store.path = store;
    config
}

/// Runs the daemon beside a subscriber, which is the one that is believed.
fn play(config: Config, scene: Option<&SceneSettings>, limit: Duration) -> Result<Summary, Failure> {
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let clock = Clock::start();
    let witness = Witness::start(&config.publish, clock).or_exit(Exit::Unavailable)?;
    let app = App::build(config, clock).map_err(|error| Failure::new(exit_of(&error), error))?;
    let metrics = app.metrics();
    let timer = stop.clone();
    std::thread::spawn(move || {
        timer.sleep(limit);
        timer.raise();
    });
    let begun_s = clock.uptime().as_secs_f64();
    app.run(&stop).map_err(|error| Failure::new(exit_of(&error), error))?;
    let ran_s = clock.uptime().as_secs_f64() - begun_s;
    let heard = witness.heard(begun_s);
    Ok(Summary::new(scene, ran_s.min(limit.as_secs_f64()), &heard, &metrics))
}

fn say(summary: &Summary) -> std::io::Result<()> {
    writeln!(std::io::stdout().lock(), "\n{summary}")
}

fn save(file: &Path, summary: &Summary) -> anyhow::Result<()> {
    std::fs::write(file, serde_json::to_string_pretty(summary)? + "\n")?;
    Ok(())
}
