//! The thread "infer": takes the newest frame, decodes it, lets the core choose regions, runs the model on them and hands
//! what the core decided to publishing. It owns the engine; nothing else on this path may block for long.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::bundle::ModelName;
use super::discretion::Discretion;
use super::engine::{Engine, RunError};
use super::lanes::{Lane, run_lanes};
use super::quiet::Quiet;
use super::sight::Sight;
use super::succession::port::{Look, Port};
use crate::capture::history::History;
use crate::capture::light::{Light, Seen};
use crate::capture::pixels::to_picture;
use crate::capture::ring::{FrameReceiver, Received};
use crate::perceive::audit::{Audit, Settings as AuditSettings};
use crate::perceive::frame::{Frame, Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::governor::Board;
use crate::perceive::liveness::Impairment;
use crate::perceive::model::Class;
use crate::perceive::observation::{Alert, AlertState, Detection, Observation, Regime};
use crate::perceive::perception::{Perception, Spent};
use crate::perceive::regions::Region;
use crate::publish::settings::People;
use crate::publish::{AlertDraft, Draft};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::metrics::{Metrics, Stage, count};
use crate::system::pulse::Pulse;
use crate::system::seldom::Seldom;

mod audit;
mod drill;
mod live;
mod orders;
mod rival;
mod snapshots;

use drill::Drill;
pub use live::{Live, Shown};
pub use orders::Order;

/// How long an empty ring is waited for before life is shown again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Of bears, what has this share of the card's operating point is told to whoever looks at the camera: beginnings are worth seeing when it is aimed.
const SHOWN_FROM: f32 = 0.5;
/// And so many boxes at most, for nobody reads more.
const MOST_SHOWN: usize = 24;

/// What snapshots look like.
#[derive(Clone, Debug)]
pub struct SnapshotSettings {
    /// Long side, pixels.
    pub max_side: u32,
    /// JPEG quality, 1..100.
    pub quality: u8,
    /// Pictures from before the alert.
    pub from_history: usize,
    /// Whether people are to be seen on them.
    pub people: People,
    /// Says where and by whom, in the caption.
    pub place: String,
    /// How many go out at random, whatever is seen on them.
    pub audit: AuditSettings,
}

/// What the worker shares with the other threads.
pub struct Links {
    /// Drafts go to publishing.
    pub drafts: SyncSender<Draft>,
    /// Orders that came over the network.
    pub orders: Receiver<Order>,
    /// The last seconds as pictures.
    pub history: Option<History>,
    /// What was seen last.
    pub sight: Arc<Mutex<Sight>>,
    /// How bright frames come out, for cameras that can be steered.
    pub light: Light,
    /// How the board was last.
    pub board: Arc<Mutex<Board>>,
    /// Where frames go that a challenger looks at; `None` where no model may follow this one.
    pub port: Option<Port>,
    /// Counters and latencies.
    pub metrics: Arc<Metrics>,
    /// Clock of the process.
    pub clock: Clock,
    /// Sign of life.
    pub pulse: Pulse,
}

/// Detector, core and their buffers.
pub struct Worker {
    engine: Engine,
    perception: Perception,
    model: ModelName,
    snapshots: SnapshotSettings,
    links: Links,
    picture: Picture,
    lanes: Vec<Lane>,
    quiet: Quiet,
    discretion: Discretion,
    audit: Audit,
    port: Option<Port>,
    /// Of the frame in hand, where a challenger is to see it.
    looks: Vec<Look>,
    simulated: bool,
    /// When the last rest that the board was owed ended, or the last picture for the page was made: what a frame waits until then is told by
    /// the effort and is no miss.
    rested_ms: u64,
    /// When a picture of an impairment was sent.
    shown_ms: Option<u64>,
    /// The drill that is on.
    drill: Option<Drill>,
    /// The last frame as the lens gave it, where a bear was drawn on it.
    lens: Option<Picture>,
    /// Lets lines on frames that cannot be used into the log, and whether the last such line is still true.
    seldom: Seldom,
    fault_logged: bool,
}

/// Wall time by step over the regions of one frame.
#[derive(Default)]
struct Laps {
    prepare: Duration,
    inference: Duration,
    perceive: Duration,
}

impl Worker {
    /// A worker that has seen nothing. `threads` regions run at the same time, at least one.
    pub fn new(
        engine: Engine,
        perception: Perception,
        model: ModelName,
        snapshots: SnapshotSettings,
        threads: usize,
        quiet: Quiet,
        links: Links,
    ) -> Worker {
        let lanes = std::iter::repeat_with(Lane::default).take(threads.max(1)).collect();
        let picture = Picture::default();
        let discretion = Discretion::new(snapshots.people);
        // Nobody knows beforehand which frames are chosen.
        let audit = Audit::new(snapshots.audit, RandomState::new().hash_one("audit"));
        Worker {
            engine,
            perception,
            model,
            snapshots,
            discretion,
            audit,
            port: links.port.clone(),
            looks: Vec::new(),
            links,
            picture,
            lanes,
            quiet,
            simulated: false,
            rested_ms: 0,
            shown_ms: None,
            drill: None,
            lens: None,
            seldom: Seldom::default(),
            fault_logged: false,
        }
    }

    /// Works until the ring is closed; open alerts are then closed.
    pub fn run(mut self, mut frames: FrameReceiver) {
        loop {
            self.links.pulse.beat();
            match frames.recv(PATIENCE) {
                Received::Frame(frame) => {
                    let rest = self.frame(&frame);
                    frames.recycle(frame);
                    self.rest(rest);
                }
                Received::Timeout => {}
                Received::Closed => break,
            }
            self.obey();
        }
        for alert in self.perception.close() {
            self.send_alert(alert, self.perception.regime(), alert.id.is_of_drill());
        }
    }

    /// The ring drops and counts what comes meanwhile, and then gives the newest.
    fn rest(&mut self, rest: Duration) {
        if !rest.is_zero() {
            std::thread::sleep(rest);
            self.rested_ms = self.links.clock.uptime_ms();
        }
    }

    /// Time since a frame could have been looked at, milliseconds.
    fn age_ms(&self, stamp: Stamp) -> f64 {
        self.links.clock.uptime_ms().saturating_sub(stamp.uptime_ms.max(self.rested_ms)) as f64
    }

    /// Gives the rest that the board is owed after this frame.
    fn frame(&mut self, frame: &Frame) -> Duration {
        let watch = Stopwatch::start();
        if let Err(error) = to_picture(frame, &mut self.picture) {
            self.fault(error.to_string());
            return Duration::ZERO;
        }
        self.perception.mask(&mut self.picture);
        let drawn = self.draw(frame.stamp);
        self.simulated = frame.simulated;
        self.links.metrics.record(Stage::Decode, watch.elapsed());
        let waited_ms = self.age_ms(frame.stamp) - watch.elapsed_ms();
        match self.look(frame.stamp, drawn, waited_ms.max(0.0)) {
            Ok(observation) => {
                let effort = observation.effort;
                self.told(observation);
                Duration::from_secs_f64(effort.rest_ms(watch.elapsed_ms()) / 1e3)
            }
            Err(error) => {
                self.port.iter().for_each(Port::failed);
                self.fault(error.to_string());
                Duration::ZERO
            }
        }
    }

    fn look(&mut self, stamp: Stamp, drawn: Option<Rect>, waited_ms: f64) -> Result<Observation, RunError> {
        let whole = Stopwatch::start();
        self.perception.quieten(self.quiet.at(stamp));
        self.perception.feel(*self.links.board.lock().unwrap_or_else(PoisonError::into_inner));
        let lens = self.lens.as_ref().unwrap_or(&self.picture);
        self.looks.clear();
        let regions = self.perception.begin_drill(lens, drawn, &self.picture, stamp);
        let mut laps = Laps { prepare: whole.elapsed(), ..Laps::default() };
        for batch in regions.chunks(self.lanes.len()) {
            self.run_batch(batch, &mut laps)?;
        }
        let watch = Stopwatch::start();
        let look_ms = laps.inference.as_secs_f64() * 1e3 / regions.len().max(1) as f64;
        let per_region_ms = whole.elapsed_ms() / regions.len().max(1) as f64;
        let total_ms = self.age_ms(stamp);
        self.tell_look(regions, total_ms);
        let observation = self.perception.finish(Spent { total_ms, per_region_ms, waited_ms });
        laps.perceive += watch.elapsed();
        self.lend(&observation, look_ms);
        let metrics = &self.links.metrics;
        metrics.record(Stage::Prepare, laps.prepare);
        metrics.record(Stage::Inference, laps.inference);
        metrics.record(Stage::Perceive, laps.perceive);
        Ok(observation)
    }

    /// Fills, runs (side by side) and reads as many regions as there are lanes.
    fn run_batch(&mut self, regions: &[Region], laps: &mut Laps) -> Result<(), RunError> {
        let watch = Stopwatch::start();
        let lanes = &mut self.lanes[..regions.len()];
        for (lane, &region) in lanes.iter_mut().zip(regions) {
            self.perception.fill(&self.picture, region, &mut lane.input);
        }
        let filled = watch.elapsed();
        run_lanes(&self.engine, lanes)?;
        let ran = watch.elapsed();
        self.links.metrics.looked(regions.len(), ran - filled);
        for (lane, &region) in lanes.iter().zip(regions) {
            self.perception.read(region, &lane.output);
        }
        self.note_looks(regions);
        laps.prepare += filled;
        laps.inference += ran - filled;
        laps.perceive += watch.elapsed() - ran;
        Ok(())
    }

    fn told(&mut self, observation: Observation) {
        let counters = &self.links.metrics.counters;
        count(&counters.frames_inferred);
        if observation.deadline_missed {
            count(&counters.deadline_misses);
        }
        self.tell_light(&observation);
        self.discretion.remember(&observation, self.engine.spec());
        let before = self.remember(&observation);
        if let Some(impairment) = observation.impairment.filter(|&now| before != Some(now)) {
            self.show(impairment, observation.stamp);
        }
        self.follow_drill(&observation);
        for &alert in observation.alerts.iter().chain(&observation.drills) {
            self.send_alert(alert, observation.regime, alert.id.is_of_drill());
            if alert.state != AlertState::Closed {
                self.send_snapshots(alert, observation.stamp);
            }
        }
        self.audit(&observation);
    }

    /// As bright as the picture is where nothing was blackened; what is hidden for the most part tells nothing.
    fn tell_light(&self, observation: &Observation) {
        let share = self.perception.seen_share();
        if share > 0.2 {
            let luma = (observation.scene.luma / share).min(1.0);
            self.links.light.tell(Seen { taken_ms: observation.stamp.uptime_ms, luma });
        }
    }

    /// Shares what was seen; the impairment before.
    fn remember(&mut self, observation: &Observation) -> Option<Impairment> {
        let mut sight = self.links.sight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = sight.fault.take()
            && std::mem::take(&mut self.fault_logged)
        {
            tracing::info!(fault, "frames can be used again");
        }
        sight.last = Some(observation.stamp);
        sight.scene = observation.scene;
        sight.regime = Some(observation.regime);
        sight.effort = observation.effort;
        sight.bear = observation.bear;
        sight.histograms = self.perception.histograms().clone();
        sight.drift = *self.perception.drift();
        sight.size = (self.picture.width, self.picture.height);
        let spec = self.engine.spec();
        let share = |class| if class == Class::Bear { SHOWN_FROM } else { 1.0 };
        let clear = |d: &&Detection| d.score >= spec.threshold(d.class) * share(d.class);
        sight.found.clear();
        sight.found.extend(observation.detections.iter().filter(clear).take(MOST_SHOWN));
        let known = sight.ghosts.len();
        sight.ghosts.clear();
        sight.ghosts.extend(self.perception.ghosts());
        if sight.ghosts.len() > known {
            tracing::info!(
                "something stands still and looks like a bear: no alert is opened on it while it does not move"
            );
        }
        std::mem::replace(&mut sight.impairment, observation.impairment)
    }

    /// Shares where it was looked, and what that took.
    fn tell_look(&self, regions: Vec<Region>, total_ms: f64) {
        let mut sight = self.links.sight.lock().unwrap_or_else(PoisonError::into_inner);
        sight.spans.add(total_ms);
        sight.regions = regions;
    }

    /// Counts a frame that could not be used and keeps why. The first of a row is logged, and rows that follow each other once in a while.
    fn fault(&mut self, error: String) {
        count(&self.links.metrics.counters.frames_bad);
        let mut sight = self.links.sight.lock().unwrap_or_else(PoisonError::into_inner);
        if sight.fault.is_none() && self.seldom.may(self.links.clock.uptime()) {
            tracing::warn!("{error}; waiting for better frames");
            self.fault_logged = true;
        }
        sight.fault = Some(error);
    }

    /// Waits where the queue is full: an alert is never dropped here. The watchdog sees a queue that stays full.
    fn send_alert(&self, alert: Alert, regime: Regime, drill: bool) {
        let draft = AlertDraft {
            alert,
            regime,
            frame: (self.picture.width, self.picture.height),
            model: (self.model.name.clone(), self.model.sha256.clone()),
            inferred_at_uptime_ms: self.links.clock.uptime_ms(),
            simulated: self.simulated || alert.id.is_of_drill(),
            drill,
            open: 0,
        };
        if self.links.drafts.send(Draft::Alert(draft)).is_err() {
            tracing::error!("alert not published: publishing has ended");
        }
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
