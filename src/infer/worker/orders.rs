//! Orders that came over the network and need the detector: carried out between two frames.

use super::{Live, Worker};
use crate::infer::succession::port::Disagreement;
use crate::perceive::frame::Stamp;
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;
use crate::perceive::observation::{Alert, AlertId, AlertState, Severity};
use crate::perceive::settings::Settings;
use crate::publish::Subject;

/// Exercises have ids from here on: the core numbers its alerts from 1.
const EXERCISES: u64 = 1_000_000_000;

/// What is to be done. Numbers are those of the command in the audit log.
#[derive(Debug)]
pub enum Order {
    /// Send the picture of the last frame.
    Snapshot(u64),
    /// Send an alert that is an exercise, with its picture, and close it.
    Exercise(u64),
    /// Draw a bear into the pictures from now on: the drill of this number.
    Drill(u64),
    /// Draw none any more.
    EndDrill,
    /// Weigh scores by these settings.
    Reweigh(Box<Settings>),
    /// Go by the areas of these settings.
    Redraw(Box<Settings>),
    /// Show the last frame to who aims the camera.
    Live(Live),
    /// Show people a frame on which running model and challenger disagree.
    Judge(Box<Disagreement>),
}

impl Worker {
    /// Carries out what was ordered meanwhile.
    pub(super) fn obey(&mut self) {
        while let Ok(order) = self.links.orders.try_recv() {
            match order {
                Order::Snapshot(number) => self.send_last(Subject::Request(number), "AS ORDERED"),
                Order::Exercise(number) => self.exercise(AlertId(EXERCISES + number)),
                Order::Drill(number) => self.begin_drill(number),
                Order::EndDrill => self.drill = None,
                Order::Reweigh(settings) => self.perception.reweigh(&settings),
                Order::Redraw(settings) => self.perception.redraw(&settings),
                Order::Live(live) => self.show_live(live),
                Order::Judge(disagreement) => self.judge(*disagreement),
            }
        }
    }

    /// The whole way of an alert. Nothing was seen, and nothing claims so: score, evidence and box are empty.
    fn exercise(&mut self, id: AlertId) {
        let opened = Alert {
            id,
            state: AlertState::Opened,
            class: Class::Bear,
            severity: Severity::Normal,
            score: 0.0,
            evidence: 0.0,
            bbox: Rect { x: 0.0, y: 0.0, w: 0.0, h: 0.0 },
            captured: self.now(),
        };
        let regime = self.perception.regime();
        self.send_alert(opened, regime, true);
        self.send_last(Subject::Alert(id), "EXERCISE");
        self.send_alert(Alert { state: AlertState::Closed, ..opened }, regime, true);
    }

    pub(super) fn last_stamp(&self) -> Stamp {
        let sight = self.links.sight.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sight.last.unwrap_or_else(|| self.now())
    }

    fn now(&self) -> Stamp {
        let clock = &self.links.clock;
        Stamp {
            uptime_ms: clock.uptime_ms(),
            unix_ms: clock.unix_ms(),
            synchronised: clock.is_synchronised(),
        }
    }
}
