//! Drills are conducted: begun by order or schedule, followed to their end, written down and told.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::drill::View;
use super::term::Now;
use super::{Control, Order};
use crate::publish::Mode;
use crate::publish::drill::{Course, DrillMessage};
use crate::system::file;

/// How the last drills went, in the state directory.
const FILE: &str = "drill.json";

/// A detector that has seen nothing for so long sees nothing, milliseconds.
const BLIND_MS: u64 = 5_000;

/// What an earlier life wrote down; empty where it did not.
pub(super) fn memory(store: &Path) -> Vec<u8> {
    std::fs::read(path(store)).unwrap_or_default()
}

fn path(store: &Path) -> PathBuf {
    store.join(FILE)
}

impl Control {
    /// Why no drill can begin now.
    pub(super) fn objection_to_drill(&self, now: &Now) -> Option<String> {
        self.drills.objection(&self.view(now))
    }

    /// Begins one, which the command of this number asked for, or the schedule.
    pub(super) fn begin_drill(&mut self, request: Option<u64>, now: &Now) -> Result<(), String> {
        let number = self.drills.begin(request, now);
        let ordered = self.order(Order::Drill(number));
        if let Err(reason) = &ordered {
            self.drills.call_off(reason);
        }
        self.keep_drills();
        ordered
    }

    /// Follows the one that is on; begins one that is due.
    pub(super) fn look_after_drills(&mut self, now: &Now) {
        let view = self.view(now);
        if self.drills.look(&view, now) {
            self.end_drill(now);
        } else if self.drills.is_due(&view, now) {
            self.note("drill", "begins by the schedule".into(), now);
            if let Err(reason) = self.begin_drill(None, now) {
                tracing::warn!("drill: {reason}");
            }
        }
    }

    fn end_drill(&mut self, now: &Now) {
        if let Err(reason) = self.order(Order::EndDrill) {
            tracing::warn!("the bear of a drill that is over is still drawn: {reason}");
        }
        self.keep_drills();
        let Some(DrillMessage { course, reason, .. }) = self.drills.last().cloned() else { return };
        match course {
            Course::Failed => tracing::error!("drill failed: {reason}"),
            _ => tracing::info!("drill {}: {reason}", course.name()),
        }
        self.note("drill", format!("{}: {reason}", course.name()), now);
    }

    /// A disk that fails costs the memory over a restart: told.
    fn keep_drills(&self) {
        let path = path(&self.store);
        if let Err(error) = file::replace(&path, &self.drills.to_json()) {
            tracing::error!("{}: {error}; a restart forgets how the last drill went", path.display());
        }
    }

    fn view(&self, now: &Now) -> View {
        let sight = self.links.sight.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = now.uptime.as_millis() as u64;
        View {
            played: sight.drill,
            arrival: self.links.acknowledger.last_drill(),
            bear: sight.bear,
            sees: sight.last.is_some_and(|stamp| now_ms.saturating_sub(stamp.uptime_ms) <= BLIND_MS),
            heard: self.links.acknowledger.is_heard() && self.orders.mode() == Mode::Armed,
        }
    }
}
