//! When what is kept goes out: one picture after the other, behind everything else, by the outbox's lane of the random sample. The file stays until that
//! lane is empty again, so that the broker has it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Field;
use crate::publish::delivery::Lane;
use crate::publish::settings::{FieldSettings, When};
use crate::publish::shared::{Link, Shared};

/// The store with what is on its way from it.
pub struct Feed {
    /// The store.
    pub field: Field,
    settings: FieldSettings,
    /// Until when somebody asked for all of it, uptime.
    asked_until: Duration,
    on_its_way: Option<OnItsWay>,
}

struct OnItsWay {
    number: u64,
    /// Pictures of the lane that had been lost when it went.
    lost: u64,
}

impl Feed {
    /// `None` where nothing is kept.
    pub fn new(shared: &Shared) -> Option<Feed> {
        let (settings, store) = (shared.settings.field.clone(), &shared.settings.store.path);
        (settings.mb > 0).then(|| {
            let field = Field::open(store, &settings);
            Feed { field, settings, asked_until: Duration::ZERO, on_its_way: None }
        })
    }

    /// Somebody asks for what is kept, for so long.
    pub fn ask(&mut self, time: Duration, now: Duration) {
        self.asked_until = now + time;
    }

    /// Sends the next one, where it is time to.
    pub fn go_on(&mut self, shared: &Shared) {
        if shared.outbox().waiting(Lane::Audit) > 0 {
            return;
        }
        let lost = shared.metrics.counters.lost_audits.load(Ordering::Relaxed);
        if let Some(gone) = self.on_its_way.take()
            && gone.lost == lost
        {
            self.field.sent(gone.number);
        }
        let now = shared.clock.uptime();
        if *shared.link() != Link::Up || !self.is_time(shared, now) {
            return;
        }
        if let Some((number, bytes)) = self.field.next(now) {
            self.on_its_way = Some(OnItsWay { number, lost });
            shared.outbox().put(vec![(Lane::Audit, bytes)]);
            shared.wake.notify_one();
        }
    }

    fn is_time(&self, shared: &Shared, now: Duration) -> bool {
        let hours = || shared.clock.is_synchronised() && self.settings.hours.cover(shared.clock.unix_ms());
        now < self.asked_until
            || match self.settings.send {
                When::Always => true,
                When::Hours => hours(),
                When::Asked => false,
            }
    }
}
