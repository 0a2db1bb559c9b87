//! `bearwatch swarm`: a fleet of cameras that are played against a real broker, and a receiver that misses none of their messages.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::connection::ConnectionArgs;
use super::exit::{Exit, Failure, OrExit, Outcome};
use super::number::within;
use super::output::{check_parent, is_stdout, write_json, write_text};
use crate::publish::PublishError;
use crate::publish::played::rival::Rival;
use crate::publish::played::{self, Cue, Part};
use crate::publish::settings::{Settings, Site};
use crate::publish::subscriber::{Heard, Subscriber};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::metrics::Metrics;
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;

mod account;
#[cfg(feature = "station")]
mod past;
mod report;
mod script;

use account::Account;
use report::Report;
use script::{Script, Traffic, pictures};

/// How often it looks around.
const TICK: Duration = Duration::from_millis(50);
/// What was said and is not heard so long after the last camera left, and so long after anything was heard, is missing.
const QUIET: Duration = Duration::from_secs(5);
/// A broker that lets nobody in for so long is not there.
const PATIENCE: Duration = Duration::from_secs(20);
/// Files that are open beside the connections.
const OTHER_FILES: u64 = 64;

/// Play many cameras against a broker, and see that nothing they say is missing.
///
/// Each camera has its own client id, birth, last will, command topic, numbers and telemetry; bears come to it at random, with
/// alerts and pictures. What a receiver beside them hears is held against what was said, message by message.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bearwatch swarm --cameras 1000 --broker mqtt://127.0.0.1:1883 --seconds 60 --seed 7

The sites are called swarm-SEED-000, swarm-SEED-001, …, ten cameras each. Status and state are retained, as cameras do it: use
a broker for tests. Each connection needs a file descriptor here and at the broker (LimitNOFILE of its unit).

Exit codes: 0 nothing is missing · 65 messages are missing, or were never acknowledged · 69 the broker is away or refuses us ·
73 --json cannot be written · 75 too few file descriptors · 78 the configuration is wrong")]
pub struct SwarmArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Cameras
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    cameras: u32,
    /// How long they are played, once all are to be connected
    #[arg(long, value_name = "S", default_value_t = 60.0, value_parser = within(1.0, 86_400.0, "seconds"))]
    seconds: f64,
    /// What happens when
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Telemetry of each camera every so many seconds, jittered
    #[arg(long, value_name = "S", default_value_t = 10.0, value_parser = within(0.1, 3600.0, "seconds"))]
    telemetry_s: f64,
    /// Bears that come to each camera in an hour
    #[arg(long, value_name = "N", default_value_t = 12.0, value_parser = within(0.0, 3600.0, "an hour"))]
    bears_per_hour: f64,
    /// Connections of each camera that break without a goodbye in an hour
    #[arg(long, value_name = "N", default_value_t = 2.0, value_parser = within(0.0, 3600.0, "an hour"))]
    cuts_per_hour: f64,
    /// Connections that are made in a second, at the start
    #[arg(long, value_name = "N", default_value_t = 100.0, value_parser = within(1.0, 10_000.0, "a second"))]
    connects_per_s: f64,
    /// Days that lie behind each camera: it tells at first what its pictures and finds were like on each of them, so that a station knows it
    #[cfg(feature = "station")]
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=60))]
    past_days: u32,
    /// Cameras, the first ones, whose infrared lamp has failed three days ago; with --past-days 32 or more a station can tell
    #[cfg(feature = "station")]
    #[arg(long, value_name = "N", default_value_t = 0)]
    lamps_failed: u32,
    /// Cameras that take new models, the first ones: they fetch what they are told to, and tell how it does
    #[arg(long, value_name = "N", default_value_t = 0)]
    models: u32,
    /// Of these, the first ones, at which a new model goes blind by night after half a minute
    #[arg(long, value_name = "N", default_value_t = 0)]
    going_blind: u32,
    /// Write the figures as JSON to FILE (- for standard output, instead of the words)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Plays the cameras.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: SwarmArgs) -> Outcome {
    args.json.iter().try_for_each(|path| check_parent(path))?;
    let settings = args.connection.load()?.publish;
    make_room(u64::from(args.cameras) + OTHER_FILES)?;
    let (clock, stop) = (Clock::start(), Stop::default());
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let receiver = Subscriber::start(&settings, "bearwatch/v1/+/+/+").map_err(publish_failure)?;
    listens(&receiver)?;
    let account = Arc::new(Mutex::new(Account::new(args.seed, args.cameras)));
    let players = start(&args, &settings, clock, &stop, &account)?;
    hear(&receiver, &players, &account, clock)?;
    players.join().map_err(|_| Failure::new(Exit::Bug, anyhow!("the cameras' thread has a bug")))?;
    let report = Report::new(&args, &account.lock().unwrap_or_else(PoisonError::into_inner), clock);
    if let Some(path) = &args.json {
        write_json(path, &report)?;
    }
    if !args.json.as_deref().is_some_and(is_stdout) {
        write_text(Path::new("-"), &report.words())?;
    }
    Ok(if report.is_whole() { Exit::Ok } else { Exit::BadData })
}

impl SwarmArgs {
    /// What a camera tells of the days that lie behind it.
    #[cfg(feature = "station")]
    fn past(&self, number: u32, seed: u64, begins: Duration) -> Vec<Cue> {
        past::tellings(seed, self.past_days, number < self.lamps_failed, begins)
    }

    #[cfg(not(feature = "station"))]
    fn past(&self, _: u32, _: u64, _: Duration) -> Vec<Cue> {
        Vec::new()
    }
}

fn publish_failure(error: PublishError) -> Failure {
    let exit = if matches!(error, PublishError::Thread(_)) { Exit::TryAgain } else { Exit::Config };
    Failure::new(exit, error)
}

/// Raises the limit of open files as far as this user may.
fn make_room(files: u64) -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    let raised = limit.maximum.is_none_or(|most| most >= files)
        && setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: limit.maximum }).is_ok();
    if raised {
        return Ok(());
    }
    let most = limit.maximum.unwrap_or(u64::MAX);
    Err(Failure::new(
        Exit::TryAgain,
        anyhow!(
            "{files} files must be open at once, {most} may be: raise the limit (ulimit -Hn {files}, as root), or play fewer --cameras"
        ),
    ))
}

/// Waits until the receiver misses nothing.
fn listens(receiver: &Subscriber) -> Result<(), Failure> {
    let waited = Stopwatch::start();
    let mut trouble = "no answer".to_owned();
    while waited.elapsed() < PATIENCE {
        match receiver.next(TICK) {
            Some(Heard::Connected) => return Ok(()),
            Some(Heard::Lost { why, refused: true }) => return Err(unavailable(&why)),
            Some(Heard::Lost { why, .. }) => trouble = why,
            _ => {}
        }
    }
    Err(unavailable(&trouble))
}

fn unavailable(why: &str) -> Failure {
    Failure::new(Exit::Unavailable, anyhow!("{why}"))
}

fn start(
    args: &SwarmArgs,
    settings: &Settings,
    clock: Clock,
    stop: &Stop,
    account: &Arc<Mutex<Account>>,
) -> Result<JoinHandle<()>, Failure> {
    let pictures = Arc::new(pictures(args.seed));
    let metrics = Arc::new(Metrics::default());
    let begun = clock.uptime();
    let ramp = Duration::from_secs_f64(f64::from(args.cameras) / args.connects_per_s);
    let end = begun + ramp + Duration::from_secs_f64(args.seconds);
    let traffic = Traffic {
        telemetry_s: args.telemetry_s,
        bears_per_hour: args.bears_per_hour,
        cuts_per_hour: args.cuts_per_hour,
    };
    let part = |number: u32| {
        let begins = begun + ramp.mul_f64(f64::from(number) / f64::from(args.cameras));
        let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(number));
        let script = Script::new(seed, begins..end, &traffic, clock, pictures.clone(), metrics.clone());
        let cues = args.past(number, seed, begins).into_iter().chain(script);
        let rival = (number < args.models).then(|| Rival::new(u64::from(number), number < args.going_blind));
        Part { site: site(args.seed, number), begins, cues: Box::new(cues), rival }
    };
    let parts = (0..args.cameras).map(part).collect();
    let book = account.clone();
    let tell = move |camera: usize, happened: played::Happened| {
        let now = clock.uptime();
        book.lock().unwrap_or_else(PoisonError::into_inner).happened(camera, happened, now);
    };
    let shared = (clock, metrics.clone(), stop.clone());
    played::start(settings, parts, shared, Arc::new(tell)).map_err(publish_failure)
}

/// Ten cameras a site.
fn site(seed: u64, number: u32) -> Site {
    Site { name: format!("swarm-{seed}-{:03}", number / 10), camera: format!("c{}", number % 10) }
}

/// Hears until all is accounted for, or nothing more comes.
fn hear(
    receiver: &Subscriber,
    players: &JoinHandle<()>,
    account: &Mutex<Account>,
    clock: Clock,
) -> Result<(), Failure> {
    let begun = Stopwatch::start();
    let mut last = Stopwatch::start();
    loop {
        let heard = receiver.next(TICK);
        let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard) = heard {
            last = Stopwatch::start();
            account.hear(&heard, clock.uptime());
        }
        if let Some(why) = account.nobody().filter(|_| begun.elapsed() > PATIENCE) {
            return Err(unavailable(why));
        }
        if players.is_finished() && (account.is_settled() || last.elapsed() > QUIET) {
            return Ok(());
        }
    }
}
