//! What outlives a restart: the mode and the threshold in the overrides, everything in the audit log.

use std::io;

use toml::Value;

use super::areas::Drawn;
use super::chain::Entry;
use super::orders::left_s;
use super::term::Now;
use super::{Control, Held};
use crate::config::overrides;
use crate::perceive::zone::Polygon;
use crate::publish::Mode;
use crate::publish::message::rfc3339;

impl Control {
    /// Writes down the mode in force and what is left of it. A disk that fails is told: after a restart the camera is armed.
    pub(super) fn keep_mode(&mut self, now: &Now) {
        self.written_at = now.uptime;
        if let Err(error) = overrides::change(&self.store, mode_keys(self.orders.mode.as_ref(), now)) {
            tracing::error!(
                "the mode cannot be written down: {}: {error}",
                overrides::path(&self.store).display()
            );
        }
    }

    /// Writes down what is about to be in force.
    pub(super) fn keep_next_mode(&mut self, held: Option<&Held<Mode>>, now: &Now) -> io::Result<()> {
        self.written_at = now.uptime;
        overrides::change(&self.store, mode_keys(held, now))
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

fn mode_keys(held: Option<&Held<Mode>>, now: &Now) -> Vec<(&'static str, Option<Value>)> {
    let text = |text: &str| Value::String(text.to_owned());
    let until = held.and_then(|held| held.term.until().unix_ms);
    vec![
        ("mode.alerts", held.map(|held| text(held.what.name()))),
        ("mode.by", held.map(|held| text(&held.by))),
        ("mode.until", until.map(|unix_ms| text(&rfc3339(unix_ms)))),
        ("mode.left_s", held.map(|held| Value::Integer(left_s(&held.term, now) as i64))),
    ]
}
