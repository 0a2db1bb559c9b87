//! The only module that knows every part: builds them, spawns the threads, ends them in order.
//!
//! Threads: capture → ring → infer → queue → publish, and [`orders`] beside them; the caller's own thread is the [`watch`]. The end
//! is a wave of closed ends: capture stops, the ring closes, infer ends, the queue closes, the outbox drains. Nobody waits for a
//! camera call that may never return: the capture thread leaves it behind.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::capture::history::History;
use crate::capture::ring::{FrameReceiver, FrameSender, ring};
use crate::capture::worker::Job;
use crate::capture::{self, CaptureError, Event, Source};
use crate::config::Config;
use crate::infer::bundle::{Bundle, ModelError, ModelName};
use crate::infer::engine::Engine;
use crate::infer::quiet::Quiet;
use crate::infer::succession::choice::{Choice, choose};
use crate::infer::worker::{Links, SnapshotSettings, Worker};
use crate::perceive::perception::Perception;
use crate::perceive::reach::Lens;
use crate::publish::{Handle, PublishError};
use crate::system::clock::Clock;
use crate::system::metrics::Metrics;
use crate::system::stop::Stop;
use crate::web::Place;
use crate::web::door::TokenError;

pub mod health;
pub mod models;
mod orders;
mod shared;
mod watch;
mod web;

use orders::{Desk, Open};
use shared::Shared;
use watch::Watch;
use web::Front;

/// Frames between camera and detector: the one being filled waits for one that is taken; more would only be older.
const RING: usize = 2;
/// The camera's events are rare; a full queue means that the watch itself stands still.
const EVENTS: usize = 16;
/// How long the outbox may take to drain when the pictures have come to their end.
const DRAIN_AT_END: Duration = Duration::from_secs(60);
/// How long it may take when somebody waits for us to stop; what remains is on disk.
const DRAIN_ON_STOP: Duration = Duration::from_secs(3);

/// Why the daemon does not start or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The model cannot be used: configuration.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The source cannot ever be used, as it is configured.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The store or the broker's settings cannot be used.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The page's token cannot be used: configuration.
    #[error(transparent)]
    Page(#[from] TokenError),
    /// The system refuses a thread.
    #[error("a thread cannot be started: {0}; check the limits of the service")]
    Thread(#[from] std::io::Error),
    /// A thread ended by a panic: a bug.
    #[error("thread {0} ended by a bug; please report the lines above")]
    Panicked(&'static str),
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The last picture was seen, the outbox is empty.
    Done,
    /// The last picture was seen; messages wait on disk for a broker that is away.
    Undelivered,
    /// Asked to end.
    Stopped,
    /// Another model is to run: the program must be started anew.
    Again,
}

/// Everything that is built before the first frame.
pub struct App {
    config: Config,
    source: Box<dyn Source>,
    choice: Choice,
    model: ModelName,
    publish: Handle,
    desk: Desk,
    shared: Shared,
    front: Option<Front>,
    lens: Lens,
}

/// What decides how far this camera sees, but for the size of its frames.
fn lens(config: &Config, bundle: &Bundle) -> Lens {
    Lens {
        degrees: config.lens_degrees,
        acuity: serde_json::from_value(bundle.card["acuity"].clone()).ok(),
        input: bundle.spec.input.clone(),
        mode: config.perceive.regions,
    }
}

/// The threads once they run.
struct Threads {
    capture: JoinHandle<Result<(), CaptureError>>,
    infer: JoinHandle<()>,
    control: orders::Thread,
    keeper: models::Thread,
    events: Receiver<Event>,
}

impl App {
    /// Loads the model, checks the source's settings, opens the outbox and begins to talk to the broker.
    ///
    /// # Errors
    /// See [`AppError`]; a broker or camera that is merely away is no error.
    pub fn build(config: Config, clock: Clock) -> Result<App, AppError> {
        let choice = choose(&models::settings(&config))?;
        let source = capture::open(&config.capture.source)?;
        let front = config.page.as_ref().map(Front::new).transpose()?;
        let lens = lens(&config, &choice.bundle);
        let shared = Shared::new(clock);
        let (inbox, desk) = Desk::new(&config);
        let (metrics, pulse) = (shared.metrics.clone(), shared.pulses.publish.clone());
        let publish = crate::publish::worker::spawn(
            config.site.clone(),
            config.publish.clone(),
            clock,
            metrics,
            pulse,
            inbox,
        )?;
        tracing::info!(
            model = choice.stand.name,
            sha256 = &choice.stand.sha256[..12],
            source = source.name(),
            "ready"
        );
        let model = choice.bundle.id.clone();
        Ok(App { config, source, choice, model, publish, desk, shared, front, lens })
    }

    /// The counters and latencies of this run.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.shared.metrics.clone()
    }

    /// Name and hash of the model in use.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// What frames come from, for people.
    pub fn source(&self) -> String {
        self.source.name()
    }

    /// Runs until the source ends, fails for good, or `stop` is raised.
    ///
    /// # Errors
    /// Where the source turns out hopeless, a camera call does not return, or a thread has a bug. The outbox was drained before.
    pub fn run(self, stop: &Stop) -> Result<Ended, AppError> {
        let App { config, source, choice, model, publish, desk, shared, front, lens } = self;
        let Open { thread: control, orders, inlets } = desk.open(&config, &publish, &shared)?;
        let (engine, keeper) = shared.models.open(choice, &config, &publish, &inlets, shared.clock)?;
        let view = shared.view(&config, &model);
        let page = front.map(|front| front.page(&config, lens.clone(), &publish, &shared, inlets));
        let _web = web::serve(config.metrics.map(|address| Place::metrics(address, view)), page)?;
        let history = history(&config.capture);
        let links = shared.links(publish.sender(), orders, history.clone());
        let (sender, receiver) = ring(RING);
        let infer = spawn_infer(&config, engine, model.clone(), links, receiver)?;
        let (event, events) = sync_channel(EVENTS);
        // Its own: it ends as well where the daemon is to start anew, and nobody has asked it to end.
        let halt = Stop::default();
        let capture = spawn_capture(config.capture.clone(), source, sender, history, event, &shared, &halt)?;
        let threads = Threads { capture, infer, control, keeper, events };
        let mut watch = Watch::new(&config, lens, &publish, shared, &model);
        let ended = watch.run(&threads.events, || threads.capture.is_finished(), stop);
        halt.raise();
        end(threads, publish, watch, ended, stop)
    }
}

fn history(settings: &capture::settings::Settings) -> Option<History> {
    (settings.history_s > 0.0).then(|| History::new(settings.history_s, settings.history_mb * 1_000_000))
}

fn spawn_infer(
    config: &Config,
    engine: Engine,
    model: ModelName,
    links: Links,
    frames: FrameReceiver,
) -> std::io::Result<JoinHandle<()>> {
    let perception = Perception::new(engine.spec().clone(), config.perceive.clone());
    let (threads, quiet) = (config.model.threads, Quiet::new(config.quiet.clone()));
    let worker = Worker::new(engine, perception, model, snapshots(config), threads, quiet, links);
    thread("infer", move || worker.run(frames))
}

fn spawn_capture(
    settings: capture::settings::Settings,
    source: Box<dyn Source>,
    sender: FrameSender,
    history: Option<History>,
    events: SyncSender<Event>,
    shared: &Shared,
    stop: &Stop,
) -> Result<JoinHandle<Result<(), CaptureError>>, AppError> {
    let Shared { clock, metrics, light, pulses, .. } = shared.clone();
    let stop = stop.clone();
    let pulse = pulses.capture;
    let job = Job { source, settings, sender, history, clock, pulse, metrics, light, stop, events };
    Ok(thread("capture", move || capture::worker::run(job))?)
}

fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name(name.into()).spawn(work)
}

fn snapshots(config: &Config) -> SnapshotSettings {
    SnapshotSettings {
        max_side: config.publish.snapshot_px,
        quality: config.publish.snapshot_quality,
        from_history: config.publish.history_snapshots,
        people: config.publish.snapshot_people,
        place: format!("{}/{}", config.site.name, config.site.camera),
        audit: config.audit,
        field: config.publish.field.clone(),
    }
}

/// Ends the threads in the order of the frames and drains the outbox: with patience only where the pictures came to their end,
/// for otherwise somebody waits for us, be it only systemd.
fn end(
    threads: Threads,
    publish: Handle,
    mut watch: Watch,
    ended: Ended,
    stop: &Stop,
) -> Result<Ended, AppError> {
    let captured = threads.capture.join().map_err(|_| AppError::Panicked("capture"))?;
    threads.infer.join().map_err(|_| AppError::Panicked("infer"))?;
    threads.control.end()?;
    threads.keeper.end()?;
    watch.last_telemetry();
    let at_end = ended == Ended::Done && captured.is_ok();
    let patience = if at_end { DRAIN_AT_END } else { DRAIN_ON_STOP };
    let drained = publish.drain(patience, || stop.is_raised() && (at_end || !publish.is_connected()));
    let (waiting, lost) = (publish.waiting(), publish.unwritten());
    if lost > 0 {
        tracing::error!("{lost} messages are lost: neither the broker nor the store took them");
    }
    if !drained && waiting > lost {
        tracing::warn!("{} messages wait in the store; the next start sends them", waiting - lost);
    }
    drop(watch);
    publish.join();
    captured?;
    Ok(match ended {
        Ended::Done if !drained && !stop.is_raised() => Ended::Undelivered,
        Ended::Done if !drained => Ended::Stopped,
        other => other,
    })
}
