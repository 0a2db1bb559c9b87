//! What comes back over a connection: acknowledgements and what they mean, and messages to us.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Arriving, Traffic};
use crate::publish::delivery::{Key, Lane, Parcel, Verdict};
use crate::publish::drill::Arrival;
use crate::publish::message::{Kind, topic};
use crate::publish::mqtt::{Effect, Happening, Message, Objection};
use crate::system::clock::Stopwatch;
use crate::system::metrics::{Stage, count};

impl Traffic {
    /// Takes in what happened to what is on its way.
    pub fn happened(&mut self, happening: Happening) {
        if matches!(happening, Happening::Sent(1..) | Happening::Acknowledged { .. }) {
            self.progress = Stopwatch::start();
        }
        match happening {
            Happening::Sent(packet) => self.delivery.sent(packet),
            Happening::Acknowledged { packet, outcome } => {
                match self.delivery.acknowledged(packet, outcome.is_ok()) {
                    Verdict::Delivered(parcel) => self.delivered(parcel),
                    Verdict::Refused(parcel) => {
                        if let Err(objection) = outcome {
                            self.refused(parcel, &objection);
                        }
                    }
                    Verdict::Unknown => {}
                }
            }
            Happening::Received { message, .. } => self.received(message),
            Happening::Subscribed(Err(reason)) => tracing::error!(
                "the broker refuses a subscription ({reason}): commands, or the birth of Home Assistant, do not reach this camera; check its access rules"
            ),
            _ => {}
        }
    }

    /// The connection never waits for whoever reads commands: what does not fit is counted there.
    fn received(&mut self, message: Message) {
        if self.announcement.hears(&message) {
            return;
        }
        let Some(inbox) = &self.shared.inbox else { return };
        if inbox.sender.try_send(message).is_err() {
            count(&self.shared.metrics.counters.lost_commands);
        }
    }

    fn delivered(&mut self, parcel: Parcel) {
        let counters = &self.shared.metrics.counters;
        count(counters.acknowledged.of(parcel.sort()));
        counters.last_acknowledged_ms.store(self.shared.clock.uptime_ms().max(1), Ordering::Relaxed);
        let Parcel::Stored(key) = parcel else { return };
        self.arrived.push(key);
        self.suspects.cleared(key);
        self.shared.object(key.lane, None);
        self.rest.reset();
        if let Some(arrived) = self.telling.remove(&key.number) {
            self.tell(arrived);
        }
    }

    fn tell(&self, arrived: Arriving) {
        let shared = &self.shared;
        let uptime_ms = shared.clock.uptime_ms();
        shared.recent().heard(&arrived.alert);
        if let Some(captured_ms) = arrived.captured_ms {
            let took = uptime_ms.saturating_sub(captured_ms);
            shared.metrics.record(Stage::CaptureToPuback, Duration::from_millis(took));
        }
        if arrived.is_drill {
            let arrival = Arrival { alert: arrived.alert, uptime_ms };
            *shared.last_drill.lock().unwrap_or_else(PoisonError::into_inner) = Some(arrival);
        }
    }

    /// The message stays in the outbox, whatever the reason.
    fn refused(&mut self, parcel: Parcel, objection: &Objection) {
        count(self.shared.metrics.counters.refused.of(parcel.sort()));
        let Objection { code, text, effect } = objection;
        match parcel {
            Parcel::Stored(Key { lane, .. }) => {
                let kind = match lane {
                    Lane::Alerts => Kind::Alert,
                    Lane::Snapshots | Lane::Audit => Kind::Snapshot,
                    Lane::Telemetry => Kind::Telemetry,
                };
                let place = topic(&self.shared.site, kind);
                self.object(
                    lane,
                    format!("the broker refuses messages ({code}) on {place}; they wait; {text}"),
                );
            }
            Parcel::Present => {
                tracing::warn!("the broker refuses status, state or an answer ({code}); {text}")
            }
        }
        match effect {
            Effect::Waits => {}
            Effect::Rests => {
                self.rest.begin(self.shared.clock.uptime());
                self.delivery.start_over();
            }
            Effect::Reconnects => self.lost_count = true,
        }
    }

    /// For the status, where the broker lets us say it, and for the log once a connection.
    pub(super) fn object(&mut self, lane: Lane, text: String) {
        if !self.refusal_told {
            tracing::error!("{text}");
            self.refusal_told = true;
        }
        self.shared.object(lane, Some(text));
    }
}
