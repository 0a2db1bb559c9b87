//! The caller's thread while the others work: the camera's health, telemetry, the watchdog.

use std::sync::PoisonError;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::time::Duration;

use super::health::{Camera, Facts, judge};
use super::{Ended, Shared};
use crate::capture::Event;
use crate::capture::settings::SourceSettings;
use crate::config::Config;
use crate::infer::worker::Sight;
use crate::publish::{Draft, Health, State};
use crate::system::metrics::count;
use crate::system::notify::Notify;
use crate::system::stop::Stop;

/// How often the watch looks around when nothing happens.
const TICK: Duration = Duration::from_millis(250);

pub(super) struct Watch {
    drafts: SyncSender<Draft>,
    shared: Shared,
    notify: Notify,
    camera: Camera,
    told: Option<Health>,
    telemetry_every: Duration,
    telemetry_due: Duration,
    interval: Duration,
}

impl Watch {
    pub(super) fn new(config: &Config, drafts: SyncSender<Draft>, shared: Shared, notify: Notify) -> Watch {
        let telemetry_every = Duration::from_secs_f64(config.publish.telemetry_s);
        Watch {
            drafts,
            shared,
            notify,
            camera: Camera::Opening,
            told: None,
            telemetry_every,
            telemetry_due: telemetry_every,
            interval: interval(&config.capture.source),
        }
    }

    /// Watches until the run is to end: the capture thread has, or `stop` is raised.
    pub(super) fn run(mut self, events: &Receiver<Event>, captured: impl Fn() -> bool, stop: &Stop) -> Ended {
        self.notify.ready();
        let ended = loop {
            self.look_around();
            match events.recv_timeout(TICK) {
                Ok(event) => self.event(event),
                Err(RecvTimeoutError::Timeout) if !captured() => {}
                Err(_) => break Ended::Done,
            }
            if stop.is_raised() {
                break Ended::Stopped;
            }
        };
        self.look_around();
        self.notify.stopping();
        ended
    }

    fn event(&mut self, event: Event) {
        self.camera = match event {
            Event::Opened { what } => Camera::Open(what),
            Event::Lost { why } => Camera::Lost(why),
            Event::Ended => Camera::Ended,
        };
    }

    fn look_around(&mut self) {
        let sight = self.shared.sight.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.tell_health(&sight);
        if self.shared.clock.uptime() >= self.telemetry_due {
            self.telemetry_due = self.shared.clock.uptime() + self.telemetry_every;
            self.send_telemetry(&sight);
        }
    }
}
