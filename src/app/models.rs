//! The thread that keeps models, and its ends.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::orders::Inlets;
use super::{AppError, thread};
use crate::config::Config;
use crate::infer::engine::Engine;
use crate::infer::succession::choice::{Choice, Settings};
use crate::infer::succession::keeper::{Keeper, Limits, Links};
use crate::infer::succession::port::Port;
use crate::infer::succession::{Desk, WORDS, Word};
use crate::publish::{Handle, ModelsDraft};
use crate::system::clock::Clock;
use crate::system::stop::Stop;

/// Counts of a challenger are told once in so many telemetry messages: they grow slowly, and this is retained.
const TOLD_EVERY: f64 = 10.0;

/// The keeper's ends. Clones share them.
#[derive(Clone)]
pub(super) struct Models {
    port: Port,
    desk: Desk,
    standing: Arc<Mutex<ModelsDraft>>,
    heard: Arc<Mutex<Option<Receiver<Word>>>>,
    again: Stop,
}

/// The thread.
pub(super) struct Thread(JoinHandle<()>, Stop);

/// What the administrator has said of models.
pub fn settings(config: &Config) -> Settings {
    let store: PathBuf = config.publish.store.path.clone();
    Settings { path: config.model.path.clone(), trusted_keys: config.model.trusted_keys.clone(), store }
}

impl Default for Models {
    fn default() -> Models {
        let (words, heard) = sync_channel(WORDS);
        let standing = Arc::<Mutex<ModelsDraft>>::default();
        Models {
            port: Port::new(words.clone()),
            desk: Desk::new(words, standing.clone()),
            standing,
            heard: Arc::new(Mutex::new(Some(heard))),
            again: Stop::default(),
        }
    }
}

impl Models {
    /// The detector's end.
    pub fn port(&self) -> Option<Port> {
        Some(self.port.clone())
    }

    /// The end of whoever takes commands.
    pub fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Whether the daemon is to start anew.
    pub fn is_exchanged(&self) -> bool {
        self.again.is_raised()
    }

    /// Tells which model runs, starts the thread, and gives the engine.
    pub fn open(
        &self,
        choice: Choice,
        config: &Config,
        publish: &Handle,
        inlets: &Inlets,
        clock: Clock,
    ) -> Result<(Engine, Thread), AppError> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let links = Links {
            heard: heard.unwrap_or_else(|| sync_channel(1).1),
            port: self.port.clone(),
            drafts: publish.sender(),
            orders: inlets.orders.clone(),
            standing: self.standing.clone(),
            again: self.again.clone(),
            clock,
        };
        let limits = Limits {
            budget_ms: config.perceive.budget_ms,
            told_every: Duration::from_secs_f64(TOLD_EVERY * config.publish.telemetry_s),
        };
        let (engine, keeper) = Keeper::new(choice, &settings(config), limits, links);
        let stop = Stop::default();
        let flag = stop.clone();
        let handle = thread("models", move || keeper.run(&flag))?;
        Ok((engine, Thread(handle, stop)))
    }
}

impl Thread {
    /// Ends it; what a challenger saw is written down.
    pub fn end(self) -> Result<(), AppError> {
        self.1.raise();
        self.0.join().map_err(|_| AppError::Panicked("models"))
    }
}
