//! What all threads read.

use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex};

use super::models::Models;
use crate::capture::history::History;
use crate::capture::light::Light;
use crate::config::Config;
use crate::control::areas::Areas;
use crate::control::{Notice, is_wanted};
use crate::infer::bundle::ModelName;
use crate::infer::sight::Sight;
use crate::infer::worker::{Links, Order};
use crate::perceive::governor::Board;
use crate::publish::{Draft, Health, State};
use crate::system::clock::Clock;
use crate::system::metrics::Metrics;
use crate::system::pulse::Pulse;
use crate::web::View;

/// What all threads read.
#[derive(Clone)]
pub(super) struct Shared {
    pub clock: Clock,
    pub metrics: Arc<Metrics>,
    pub sight: Arc<Mutex<Sight>>,
    pub board: Arc<Mutex<Board>>,
    pub light: Light,
    pub notice: Arc<Mutex<Notice>>,
    pub areas: Arc<Mutex<Areas>>,
    pub health: Arc<Mutex<Health>>,
    pub pulses: Pulses,
    pub models: Models,
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
        let (metrics, sight, board, light, notice, areas) = Default::default();
        let starting =
            Health { state: State::Degraded, reason: "the daemon starts".into(), cause: "starting" };
        let health = Arc::new(Mutex::new(starting));
        let models = Models::default();
        Shared { clock, metrics, sight, board, light, notice, areas, health, pulses, models }
    }

    /// What is looked at for the metrics.
    pub fn view(&self, config: &Config, model: &ModelName) -> View {
        let Pulses { capture, infer, publish, control } = self.pulses.clone();
        let mut pulses = vec![("capture", capture), ("infer", infer), ("publish", publish)];
        pulses.extend(is_wanted(config).then_some(("control", control)));
        View {
            site: config.site.clone(),
            model: model.clone(),
            metrics: self.metrics.clone(),
            sight: self.sight.clone(),
            health: self.health.clone(),
            pulses,
            clock: self.clock,
            sysfs: config.sysfs.clone(),
            store: config.publish.store.path.clone(),
            budget_ms: config.perceive.budget_ms,
        }
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
            port: self.models.port(),
            metrics: self.metrics.clone(),
            clock: self.clock,
            pulse: self.pulses.infer.clone(),
        }
    }
}
