//! What outlives a restart: the mode and the threshold in the overrides, everything in the audit log.

use std::io;

use toml::Value;

use super::Control;
use super::areas::Drawn;
use super::chain::Entry;
use super::orders::{Orders, left_s};
use super::term::{Now, Term};
use crate::config::overrides;
use crate::perceive::zone::Polygon;
use crate::publish::message::rfc3339;

impl Control {
    /// Writes down the mode in force and what is left of it. A disk that fails is told: after a restart the camera is armed.
    pub(super) fn keep_mode(&mut self, now: &Now) {
        self.written_at = now.uptime;
        if let Err(error) = overrides::change(&self.store, mode_keys(&self.orders, now)) {
            tracing::error!(
                "the mode cannot be written down: {}: {error}",
                overrides::path(&self.store).display()
            );
        }
    }

    /// Writes down what is about to be in force.
    pub(super) fn keep_orders(&mut self, next: &Orders, now: &Now) -> io::Result<()> {
        self.written_at = now.uptime;
        overrides::change(&self.store, mode_keys(next, now))
    }

    /// Writes down an operating point.
    pub(super) fn keep_threshold(&self, bear: Option<f32>) -> io::Result<()> {
        // By way of its shortest decimal text, so that 0.3 stands there as 0.3.
        let value = bear.and_then(|bear| bear.to_string().parse().ok()).map(Value::Float);
        overrides::change(&self.store, vec![("perceive.bear_threshold", value)])
    }

    /// Writes down the areas that differ from those in force; of the others the administrator's file goes on to say what holds.
    pub(super) fn keep_areas(&self, drawn: &Drawn) -> io::Result<()> {
        let (now, value) = (&self.perceive, |text: &Polygon| Value::String(text.to_string()));
        let kinds = [
            ("perceive.privacy", &now.privacy, &drawn.privacy),
            ("perceive.watch", &now.watch, &drawn.watch),
            ("alert.guard", &now.guard, &drawn.guard),
        ];
        let changed = kinds.into_iter().filter(|(_, before, after)| before != after);
        let changes =
            changed.map(|(key, _, after)| (key, Some(Value::Array(after.iter().map(value).collect()))));
        overrides::change(&self.store, changes.collect())
    }

    /// A line of the audit log that is no command. A log that cannot be written is told.
    pub(super) fn note(&mut self, event: &str, reason: String, now: &Now) {
        let entry = Entry { event: event.into(), reason, ..Entry::default() };
        if let Err(error) = self.audit.append(entry, now) {
            tracing::error!("audit log: {error}");
        }
    }
}

fn mode_keys(orders: &Orders, now: &Now) -> Vec<(&'static str, Option<Value>)> {
    let text = |text: &str| Value::String(text.to_owned());
    let until = |term: &Term| term.until().unix_ms.map(|unix_ms| text(&rfc3339(unix_ms)));
    let left = |term: &Term| Value::Integer(left_s(term, now) as i64);
    let (held, trial) = (orders.mode.as_ref(), orders.trial.as_ref());
    vec![
        ("mode.alerts", held.map(|held| text(held.what.name()))),
        ("mode.by", held.map(|held| text(&held.by))),
        ("mode.until", held.and_then(|held| until(&held.term))),
        ("mode.left_s", held.map(|held| left(&held.term))),
        ("mode.trial", trial.map(|trial| text(&trial.what.name))),
        ("mode.trial_alerts", trial.map(|trial| text(trial.what.mode.name()))),
        ("mode.trial_by", trial.map(|trial| text(&trial.by))),
        ("mode.trial_until", trial.and_then(|trial| until(&trial.term))),
        ("mode.trial_left_s", trial.map(|trial| left(&trial.term))),
    ]
}
