//! What all threads read.

use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use crate::capture::history::History;
use crate::capture::light::Light;
use crate::control::Notice;
use crate::infer::sight::Sight;
use crate::infer::worker::{Links, Order};
use crate::perceive::governor::Board;
use crate::publish::Draft;
use crate::system::clock::Clock;
use crate::system::metrics::Metrics;
use crate::system::pulse::Pulse;

/// What all threads read.
#[derive(Clone)]
pub(super) struct Shared {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub sight: Arc<Mutex<Sight>>,
    pub board: Arc<Mutex<Board>>,
    pub light: Light,
    pub notice: Arc<Mutex<Notice>>,
    pub pulses: Pulses,
}

/// Signs of life of the stages.
#[derive(Clone)]
pub(super) struct Pulses {
    pub capture: Pulse,
    pub infer: Pulse,
    pub publish: Pulse,
    pub control: Pulse,
}

impl Shared {
    /// Before anything was seen.
    pub fn new(clock: Clock) -> Shared {
        let pulse = || Pulse::new(clock);
        let pulses = Pulses { capture: pulse(), infer: pulse(), publish: pulse(), control: pulse() };
        let (metrics, sight, board, light, notice) = Default::default();
        Shared { clock, metrics, sight, board, light, notice, pulses }
    }

    /// The detector's part of it.
    pub fn links(
        &self,
        drafts: SyncSender<Draft>,
        orders: Receiver<Order>,
        history: Option<History>,
    ) -> Links {
        Links {
            drafts,
            orders,
            history,
            sight: self.sight.clone(),
            light: self.light.clone(),
            board: self.board.clone(),
            metrics: self.metrics.clone(),
            clock: self.clock,
            pulse: self.pulses.infer.clone(),
        }
    }
}
