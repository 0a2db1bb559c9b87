//! Alerts that wait for somebody, on disk; and what is sent of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::delivery::Lane;
use super::drill::Arrival;
use super::ladder::{Ladder, Rung};
use super::message::{AlertMessage, BootId, Envelope, Kind};
use super::record::Record;
use super::reply::{AckDraft, AckMessage};
use super::review;
use super::settings::Settings;
use super::shared::{Link, Shared};
use crate::system::file;

const FILE: &str = "pending.json";

/// The ladder with its file.
pub struct Pending {
    ladder: Ladder,
    path: PathBuf,
    failed: bool,
    /// Numbers of the next messages, by level.
    numbers: HashMap<String, u64>,
}

impl Pending {
    /// With what an earlier life left. A file that cannot be read is told and set aside.
    pub fn new(settings: &Settings) -> Pending {
        let (rungs, path) = (&settings.ladder, settings.store.path.join(FILE));
        let ladder = restored(rungs, &path).unwrap_or_else(|| Ladder::new(rungs.to_vec()));
        let ladder = ladder.with_drills(settings.drills_climb);
        Pending { ladder, path, failed: false, numbers: HashMap::new() }
    }

    /// Whether anybody is asked to acknowledge.
    pub fn is_used(&self) -> bool {
        self.ladder.is_used()
    }

    /// A step is about to be sent: one that begins to wait is on the medium when this returns.
    pub fn told(&mut self, message: &AlertMessage) {
        if self.ladder.told(message) {
            self.write();
        }
    }

    /// Time has passed in which somebody could have acknowledged: what is due, as records.
    pub fn wait(&mut self, time: Duration, shared: &Shared) -> Vec<(Lane, Vec<u8>)> {
        let due = self.ladder.wait(time);
        if !due.is_empty() {
            self.write();
        }
        due.into_iter().flat_map(|message| self.records(message, shared)).collect()
    }

    /// Again on the topic of alerts, and on that of its level.
    fn records(&mut self, message: AlertMessage, shared: &Shared) -> Vec<(Lane, Vec<u8>)> {
        let Some(level) = message.escalation.as_ref().map(|escalation| escalation.level.clone()) else {
            return Vec::new();
        };
        tracing::warn!("nobody has acknowledged alert {}: it goes to {level}", message.id);
        let number = self.numbers.entry(level.clone()).or_default();
        let to_level = shared.numbered(*number);
        *number += 1;
        let copies = [(shared.envelope(Kind::Alert), None), (to_level, Some(format!("escalation/{level}")))];
        let record = |(envelope, topic): (Envelope, Option<String>)| {
            let message = AlertMessage { envelope: envelope.clone(), ..message.clone() };
            Record::other(&envelope, topic, &message.id, &message).and_then(|record| record.encode()).ok()
        };
        copies.into_iter().filter_map(record).map(|bytes| (Lane::Alerts, bytes)).collect()
    }

    /// A disk that fails costs the memory over a restart, not the ladder: told once.
    fn write(&mut self) {
        match file::replace(&self.path, &self.ladder.to_json()) {
            Ok(()) => self.failed = false,
            Err(error) => {
                if !self.failed {
                    tracing::error!(
                        "{}: {error}; a restart forgets who waits for a ranger",
                        self.path.display()
                    );
                }
                self.failed = true;
            }
        }
    }
}

/// What an earlier life left. Where nobody is asked any more it is forgotten: nobody is to be called for it when somebody is asked again.
fn restored(rungs: &[Rung], path: &Path) -> Option<Ladder> {
    if rungs.is_empty() {
        let _ = std::fs::remove_file(path);
        return None;
    }
    let text = std::fs::read(path).ok()?;
    let read = Ladder::restored(rungs.to_vec(), &text);
    if let Err(error) = &read {
        let aside = path.with_extension("json.damaged");
        let _ = std::fs::rename(path, &aside);
        let (path, aside) = (path.display(), aside.display());
        tracing::error!("{path}: {error}; set aside as {aside}; alerts of earlier lives escalate no more");
    }
    read.ok()
}

/// Takes acknowledgements.
#[derive(Clone)]
pub struct Acknowledger(pub(super) Arc<Shared>);

impl Acknowledger {
    /// Why this alert cannot be acknowledged; `None` where it can.
    pub fn objection(&self, alert: &str) -> Option<String> {
        let pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        match (pending.is_used(), pending.ladder.knows(alert)) {
            (false, _) => {
                Some("this camera asks for no acknowledgement: acknowledge.ladder is not configured".into())
            }
            (true, false) => Some(format!("no alert {alert} waits for an acknowledgement here")),
            (true, true) => None,
        }
    }

    /// The last alert on a drawn bear that the broker has.
    pub fn last_drill(&self) -> Option<Arrival> {
        self.0.last_drill.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the broker hears us.
    pub fn is_heard(&self) -> bool {
        *self.0.link() == Link::Up
    }

    /// Stops the ladder, keeps the verdict beside the pictures, and tells everybody.
    pub fn acknowledge(&self, draft: &AckDraft) -> Result<(), String> {
        let shared = &self.0;
        let waited_ms = {
            let mut pending = shared.pending.lock().unwrap_or_else(PoisonError::into_inner);
            let waited_ms = pending.ladder.acknowledge(&draft.alert);
            pending.write();
            waited_ms
        };
        let envelope = shared.envelope(Kind::Ack);
        let message = AckMessage::new(envelope.clone(), draft, waited_ms);
        shared.recent().acknowledged(draft);
        review::verdict(&shared.settings.store.path, &message);
        let record = Record::other(&envelope, Some(Kind::Ack.name().into()), &draft.alert, &message);
        let bytes = record.and_then(|record| record.encode()).map_err(|error| error.to_string())?;
        shared.outbox().put(vec![(Lane::Alerts, bytes)]);
        shared.wake.notify_one();
        Ok(())
    }
}

/// The life of the daemon that an alert's id names.
pub fn boot_of(alert: &str) -> BootId {
    BootId(alert.rsplit_once('-').map_or(alert, |(boot, _)| boot).to_owned())
}
