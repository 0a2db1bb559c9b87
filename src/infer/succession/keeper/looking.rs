//! The other model: a challenger that is tried out and looks on, or on a trial the model before.

use std::time::Duration;

use super::Keeper;
use crate::infer::bundle::Bundle;
use crate::infer::engine::Engine;
use crate::infer::succession::choice::{stand, take_down};
use crate::infer::succession::comparison::Tally;
use crate::infer::succession::examine::examine;
use crate::infer::succession::port::Looked;
use crate::infer::succession::rival::Rival;
use crate::infer::succession::shelf::{Challenger, Memory, Placed};
use crate::infer::succession::signed::SignedBundle;
use crate::infer::succession::trial::{self, Counts};
use crate::infer::worker::Order;
use crate::publish::models::ModelStand;

/// After a frame it rests so many times as long as that took: a quarter of one core is what it may have, and a board grows no hotter than by that.
const REST: u32 = 3;
/// Starts of the daemon with a challenger that it does not outlive.
const MOST_TRIES: u64 = 3;

impl Keeper {
    /// Takes up what an earlier life had begun.
    pub(super) fn begin(&mut self) {
        self.previous = self.memory.previous.clone().and_then(|before| self.stand_of(before.placed()));
        if self.memory.trial.is_some() {
            self.watch_by_the_one_before();
        } else if let Some(Challenger { version: Some(version), bundle, refused: None, tries }) =
            self.memory.challenger.clone()
        {
            self.resume(Placed { version, bundle }, tries);
        }
        self.tell();
    }

    pub(super) fn stand_of(&self, placed: Option<&Placed>) -> Option<ModelStand> {
        match placed {
            None => Bundle::open(None).ok().map(|bundle| stand(&bundle, None)),
            Some(placed) => {
                let signed = take_down(&self.shelf, placed, &self.keys).ok()?;
                Some(stand(&signed.model, Some(placed)))
            }
        }
    }

    /// On a trial the model before is the measure.
    pub(super) fn watch_by_the_one_before(&mut self) {
        let Some(before) = self.memory.previous.clone() else { return };
        let before = before.placed();
        let model = match before {
            None => Bundle::open(None).map_err(|error| error.to_string()),
            Some(placed) => take_down(&self.shelf, placed, &self.keys).map(|signed| signed.model),
        };
        let loaded = model.and_then(|model| {
            let engine = Engine::load(&model).map_err(|error| error.to_string())?;
            Ok(Rival::new(engine, stand(&model, before), Tally::default()))
        });
        match loaded {
            Ok(rival) => self.rival = Some(rival),
            Err(why) => tracing::warn!(
                "the model before cannot look on: {why}; the trial goes by time and errors alone"
            ),
        }
    }

    /// A challenger of an earlier life. One that the daemon did not outlive is not tried for ever.
    pub(super) fn resume(&mut self, placed: Placed, tries: u64) {
        if tries >= MOST_TRIES {
            let why =
                format!("the daemon ended {tries} times while it was looked at: it may break the program");
            return self.refuse(Some(placed.version), placed.bundle, why);
        }
        self.set_tries(tries + 1);
        match take_down(&self.shelf, &placed, &self.keys) {
            Ok(signed) => self.try_out(&signed),
            Err(why) => self.refuse(Some(placed.version), placed.bundle, why),
        }
    }

    pub(super) fn set_tries(&mut self, tries: u64) {
        if let Some(challenger) = &mut self.memory.challenger {
            challenger.tries = tries;
            self.keep();
        }
    }

    /// Whether it does here what it did where it was packed; then it looks on.
    pub(super) fn try_out(&mut self, signed: &SignedBundle) {
        let placed = Placed { version: signed.manifest.version, bundle: signed.sha256.clone() };
        let stand = stand(&signed.model, Some(&placed));
        self.challenger = Some(stand.clone());
        self.tell();
        match examine(signed, self.limits.budget_ms) {
            Ok(engine) => {
                let tally = self.shelf.tally(&placed.bundle);
                self.note(format!("version {} looks beside the running model", placed.version));
                self.rival = Some(Rival::new(engine, stand, tally));
                self.keep();
            }
            Err(why) => self.refuse(Some(placed.version), placed.bundle, why),
        }
    }

    pub(super) fn look(&mut self, looked: Looked) {
        let Some(rival) = &mut self.rival else { return };
        let now = self.links.clock.uptime();
        match rival.look(looked, &self.spec, now) {
            Ok(judged) => {
                self.rests_until = self.now() + REST * judged.cost;
                let wanted = judged.disagreement.filter(|_| self.memory.trial.is_none());
                if let Some(disagreement) = wanted {
                    // Where the detector is busy the next one is due in an hour.
                    let _ = self.links.orders.try_send(Order::Judge(disagreement));
                }
            }
            Err(error) => {
                self.rival = None;
                match self.memory.challenger.clone().filter(|_| self.memory.trial.is_none()) {
                    Some(one) => self.refuse(one.version, one.bundle, error.to_string()),
                    None => tracing::warn!("the model before cannot look on any more: {error}"),
                }
            }
        }
    }

    pub(super) fn judge_trial(&mut self, now: Duration) {
        let counts = self.links.port.counts();
        let looks = self.rival.as_ref().map(|rival| rival.tally.at_card()).unwrap_or_default();
        let (before, since) = self.window;
        let full = now.saturating_sub(since) >= trial::WINDOW;
        let window = if full { counts.since(before) } else { Counts::default() };
        if full {
            self.window = (counts, now);
        }
        let version = self.memory.running.as_ref().map_or(0, |placed| placed.version);
        if let Some(why) = trial::objection(counts, window, looks) {
            tracing::error!("version {version} is taken back: {why}");
            self.exchange(
                Memory::revert,
                &format!("runs again: version {version} was taken back on its trial, for {why}"),
            );
        } else if now.saturating_sub(self.began) >= trial::LASTS {
            self.memory.trial = None;
            self.rival = None;
            self.note(format!("version {version} has done well on its trial"));
            self.keep();
        }
    }
}
