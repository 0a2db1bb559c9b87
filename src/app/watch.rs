//! The caller's thread while the others work: tells the camera's health and telemetry, feeds the watchdog.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use super::Ended;
use super::health::{Camera, Facts, judge};
use super::shared::Shared;
use crate::capture::Event;
use crate::capture::settings::SourceSettings;
use crate::config::Config;
use crate::control::{Notice, is_wanted};
use crate::infer::bundle::ModelName;
use crate::infer::sight::Sight;
use crate::perceive::drift::Histograms;
use crate::perceive::governor::{Board, Throttle};
use crate::perceive::reach::Lens;
use crate::publish::drift::DriftMessage;
use crate::publish::{Draft, Handle, Health, Standing, TelemetryDraft};
use crate::system::distress::Distress;
use crate::system::metrics::count;
use crate::system::notify::Notifier;
use crate::system::stop::Stop;
use crate::system::vitals::{Clocking, Vitals};
use crate::system::watchdog::{Silent, Watchdog};
use crate::system::wear::Wear;

/// How often the watch looks around when nothing happens.
const TICK: Duration = Duration::from_millis(250);
/// How often telemetry tells what pictures were like: with a kilobyte.
const DRIFT_EVERY: Duration = Duration::from_secs(600);
/// How often the board is read.
const VITALS_EVERY: Duration = Duration::from_secs(1);
/// A stage that shows no life for so long is not fed for. Long enough for the slowest board's largest frame, and for a disk that
/// takes its time over a commit.
const STAGE_LIMIT: Duration = Duration::from_secs(20);

pub(super) struct Watch {
    /// SHA-256 of the model.
    model: String,
    lens: Lens,
    drafts: SyncSender<Draft>,
    standing: Standing,
    shared: Shared,
    store: PathBuf,
    sysfs: PathBuf,
    vitals: Vitals,
    vitals_at: Option<Duration>,
    wear: Wear,
    notifier: Notifier,
    distress: Distress,
    watchdog: Watchdog,
    feed_every: Option<Duration>,
    fed_at: Duration,
    silent: bool,
    camera: Camera,
    told: Option<Health>,
    telemetry_every: Duration,
    telemetry_at: Duration,
    /// Telemetry until the one that tells what pictures were like.
    drift_in: u32,
    interval: Duration,
}

impl Watch {
    pub(super) fn new(
        config: &Config,
        lens: Lens,
        publish: &Handle,
        shared: Shared,
        model: &ModelName,
    ) -> Watch {
        let mut watchdog = Watchdog::default();
        let pulses = &shared.pulses;
        for (stage, pulse) in
            [("capture", &pulses.capture), ("infer", &pulses.infer), ("publish", &pulses.publish)]
        {
            watchdog.watch(stage, pulse.clone(), STAGE_LIMIT);
        }
        if is_wanted(config) {
            watchdog.watch("control", pulses.control.clone(), STAGE_LIMIT);
        }
        Watch {
            model: model.sha256.clone(),
            lens,
            drafts: publish.sender(),
            standing: publish.standing(),
            store: config.publish.store.path.clone(),
            sysfs: config.sysfs.clone(),
            vitals: Vitals::default(),
            vitals_at: None,
            wear: Wear::default(),
            notifier: Notifier::default(),
            distress: distress(&config.capture.source),
            watchdog,
            feed_every: Notifier::watchdog_interval(),
            fed_at: Duration::ZERO,
            silent: false,
            camera: Camera::Opening,
            told: None,
            telemetry_every: Duration::from_secs_f64(config.publish.telemetry_s),
            telemetry_at: shared.clock.uptime(),
            drift_in: 0,
            // A frame may take as long as it may take: that is no blindness.
            interval: interval(&config.capture.source)
                .max(Duration::from_secs_f64(config.perceive.budget_ms / 1e3)),
            shared,
        }
    }

    /// Watches until the run is to end: the capture thread has, or `stop` is raised.
    pub(super) fn run(
        &mut self,
        events: &Receiver<Event>,
        captured: impl Fn() -> bool,
        stop: &Stop,
    ) -> Ended {
        self.notifier.ready();
        let ended = loop {
            self.look_around();
            let event = events.recv_timeout(TICK);
            // First: a source that was asked to end has come to its end, too.
            if stop.is_raised() {
                break Ended::Stopped;
            }
            if self.shared.models.is_exchanged() {
                return Ended::Again;
            }
            match event {
                Ok(event) => self.event(event),
                Err(RecvTimeoutError::Timeout) if !captured() => {}
                Err(_) => break Ended::Done,
            }
        };
        self.notifier.stopping();
        ended
    }

    /// Once capture and infer have ended: the counts of the whole run, so that every frame is accounted for.
    pub(super) fn last_telemetry(&mut self) {
        let sight = self.sight();
        self.drift_in = 0;
        self.send_telemetry(sight, self.shared.clock.uptime());
    }

    fn sight(&self) -> Sight {
        self.shared.sight.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn notice(&self) -> Notice {
        self.shared.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn event(&mut self, event: Event) {
        match &event {
            Event::Lost { why } => self.distress.camera_lost(why),
            Event::Opened { .. } | Event::Ended => self.distress.camera_found(),
        }
        self.camera = match event {
            Event::Opened { what } => Camera::Open(what),
            Event::Lost { why } => Camera::Lost(why),
            Event::Ended => Camera::Ended,
        };
    }

    fn look_around(&mut self) {
        let now = self.shared.clock.uptime();
        if self.vitals_at.is_none_or(|at| now - at >= VITALS_EVERY) {
            self.vitals_at = Some(now);
            self.feel_board();
        }
        let sight = self.sight();
        self.tell_health(&sight);
        if now - self.telemetry_at >= self.telemetry_every {
            self.send_telemetry(sight, now);
        }
        if self.feed_every.is_some_and(|every| now - self.fed_at >= every) {
            self.fed_at = now;
            self.feed();
        }
    }

    /// Reads how the board is and hands it to the detector.
    fn feel_board(&mut self) {
        self.vitals = Vitals::read(&self.sysfs, &self.store);
        let throttled = match self.vitals.clocking {
            Some(Clocking::Throttled) => Some(Throttle::Heat),
            Some(Clocking::Undervolted) => Some(Throttle::Voltage),
            Some(Clocking::Free) | None => None,
        };
        let board = Board { temperature_c: self.vitals.temperature_c, throttled };
        *self.shared.board.lock().unwrap_or_else(PoisonError::into_inner) = board;
    }

    /// Told when it changes.
    fn tell_health(&mut self, sight: &Sight) {
        let now_ms = self.shared.clock.uptime_ms();
        let warning = self.notice().warning;
        let since = |last: u64| Duration::from_millis(now_ms.saturating_sub(last));
        let facts = Facts {
            camera: &self.camera,
            since_last: sight.last.map(|stamp| since(stamp.uptime_ms)),
            fault: sight.fault.as_deref(),
            impairment: sight.impairment,
            effort: sight.effort,
            room_mb: self.vitals.disk_free_mb,
            warning: warning.as_ref(),
            interval: self.interval,
        };
        let health = judge(&facts);
        self.shared.health.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&health);
        let (state, reason) = (health.state.name(), &health.reason);
        self.notifier.status(&format!("{state}: {reason}; {}", self.standing.sentence()));
        if self.told.as_ref() == Some(&health) {
            return;
        }
        if self.drafts.try_send(Draft::Health(health.clone())).is_ok() {
            tracing::info!(reason = health.reason, "{}", health.state.name());
            self.told = Some(health);
        }
    }

    fn send_telemetry(&mut self, sight: Sight, now: Duration) {
        let draft = TelemetryDraft {
            interval_s: (now - self.telemetry_at).as_secs_f64(),
            regime: sight.regime,
            scene: sight.last.map(|_| sight.scene),
            scores: sight.histograms,
            drift: self.drift(&sight.drift),
            ghosts: sight.ghosts,
            reach: self.lens.reach(sight.last.map(|_| sight.size)).ok(),
            size: sight.size,
            drill: self.notice().drill,
            effort: sight.effort,
            temperature_c: self.vitals.temperature_c,
            memory_mb: self.vitals.memory_mb,
            written: self.vitals.written_mb.map(|mb| self.wear.enter(now, mb)),
        };
        self.telemetry_at = now;
        if self.drafts.try_send(Draft::Telemetry(Box::new(draft))).is_err() {
            count(&self.shared.metrics.counters.lost_telemetry);
        }
    }

    /// Now and then: what is told is told since the start.
    fn drift(&mut self, histograms: &Histograms) -> Option<DriftMessage> {
        if self.drift_in > 0 {
            self.drift_in -= 1;
            return None;
        }
        self.drift_in = drift_each(self.telemetry_every) - 1;
        DriftMessage::new(&self.model, histograms)
    }

    fn feed(&mut self) {
        match self.watchdog.silent() {
            None => {
                self.silent = false;
                self.notifier.feed_watchdog();
            }
            Some(Silent { stage, age }) if !self.silent => {
                self.silent = true;
                tracing::error!(
                    "stage {stage} has shown no life for {} s; systemd will start us anew",
                    age.as_secs()
                );
            }
            Some(_) => {}
        }
    }
}

/// Every so many telemetry messages tell of drift: an odd number, so that a history that keeps every second, fourth or eighth message keeps some of them.
fn drift_each(telemetry_every: Duration) -> u32 {
    let each = DRIFT_EVERY.as_secs_f64() / telemetry_every.as_secs_f64();
    each.ceil().max(1.0) as u32 | 1
}

/// A USB port can be reset for V4L2 cameras alone.
fn distress(source: &SourceSettings) -> Distress {
    match source {
        SourceSettings::Camera(_) => Distress::from_env(),
        _ => Distress::default(),
    }
}

/// Longest time between two frames in ordinary life.
fn interval(source: &SourceSettings) -> Duration {
    let fps = match source {
        SourceSettings::Files(files) => files.fps,
        SourceSettings::Simulated(scene) => scene.fps,
        SourceSettings::Camera(camera) => f64::from(camera.fps),
        SourceSettings::Command(_) | SourceSettings::Mjpeg(_) => 1.0,
    };
    Duration::try_from_secs_f64(1.0 / fps).unwrap_or(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_told_every_ten_minutes_by_an_odd_number() {
        let each = |s: u64| drift_each(Duration::from_secs(s));
        assert_eq!([each(5), each(10), each(60), each(600), each(3600)], [121, 61, 11, 1, 1]);
    }
}
