//! Which packet carries which stored message. PURE: the MQTT client gives no packet id when a message is handed to it, only an
//! event when it goes out; this pairs the two, so that a PUBACK removes exactly what it acknowledges.
//!
//! Everything here lives as long as one connection. After a reconnect whatever is not acknowledged is still in the outbox and is
//! sent again; resuming the broker's session would save nothing, since a repeated QoS 1 packet is delivered twice either way.

use std::collections::{HashMap, VecDeque};

use crate::system::metrics::Sort;

/// Queues of different weight, the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Go first, give way last.
    Alerts,
    /// Follow when no alert waits, give way before alerts.
    Snapshots,
    /// Measurements from a time without connection: when no alert or picture of one waits. Give way before these.
    Telemetry,
    /// Pictures of the random sample: when nothing else waits at all. Give way before everything.
    Audit,
}

impl Lane {
    /// All of them, in the order in which they are sent.
    pub const ALL: [Lane; 4] = [Lane::Alerts, Lane::Snapshots, Lane::Telemetry, Lane::Audit];

    /// As what its messages are counted.
    pub fn sort(self) -> Sort {
        match self {
            Lane::Alerts => Sort::Alert,
            Lane::Snapshots => Sort::Snapshot,
            Lane::Telemetry => Sort::Telemetry,
            Lane::Audit => Sort::Audit,
        }
    }
}

/// Names a stored message. Numbers grow over all lanes and over restarts of the daemon while anything is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Its queue.
    pub lane: Lane,
    /// Its place there, from 1.
    pub number: u64,
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parcel {
    /// What speaks of the present alone, so it is not stored: the retained status and state, the answer to a command.
    Present,
    /// A stored message.
    Stored(Key),
}

/// Pictures and history on their way at once. On a slow network an alert waits for all that went before it: a window full of pictures
/// would hold it up for minutes.
const LIGHT: usize = 2;

impl Parcel {
    /// As what it is counted.
    pub fn sort(self) -> Sort {
        match self {
            Parcel::Present => Sort::Present,
            Parcel::Stored(key) => key.lane.sort(),
        }
    }
}

/// What an acknowledgement means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The broker has it.
    Delivered(Parcel),
    /// The broker will not take it; it stays in the outbox and is passed over until [`Delivery::start_over`].
    Refused(Parcel),
    /// It acknowledges nothing that is on its way: doubled, or of another connection. Harmless.
    Unknown,
}

/// Messages that were handed to the client and are not acknowledged.
#[derive(Debug)]
pub struct Delivery {
    window: usize,
    submitted: VecDeque<Parcel>,
    in_flight: HashMap<u16, Parcel>,
    /// Number of the last message handed over, by lane: the search for the next one begins after it.
    reached: [u64; Lane::ALL.len()],
}

impl Delivery {
    /// For a fresh connection; at most `window` messages are on their way at once.
    pub fn new(window: usize) -> Delivery {
        Delivery {
            window,
            submitted: VecDeque::new(),
            in_flight: HashMap::new(),
            reached: [0; Lane::ALL.len()],
        }
    }

    /// From now on at most so many are on their way at once.
    pub fn set_window(&mut self, window: usize) {
        self.window = window;
    }

    /// How many more may be handed over.
    pub fn room(&self) -> usize {
        self.window.saturating_sub(self.submitted.len() + self.in_flight.len())
    }

    /// Whether one of this lane may be handed over.
    pub fn has_room(&self, lane: Lane) -> bool {
        let light = |key: &Key| key.lane != Lane::Alerts;
        self.room() > 0
            && (lane == Lane::Alerts || self.on_their_way().iter().filter(|key| light(key)).count() < LIGHT)
    }

    /// Whether nothing is on its way.
    pub fn is_idle(&self) -> bool {
        self.submitted.is_empty() && self.in_flight.is_empty()
    }

    /// Whether the parcel was handed over and is not acknowledged.
    pub fn is_on_its_way(&self, parcel: Parcel) -> bool {
        self.submitted.contains(&parcel) || self.in_flight.values().any(|&p| p == parcel)
    }

    /// The stored messages that are on their way.
    pub fn on_their_way(&self) -> Vec<Key> {
        let stored = |parcel: &Parcel| match parcel {
            Parcel::Stored(key) => Some(*key),
            Parcel::Present => None,
        };
        self.submitted.iter().chain(self.in_flight.values()).filter_map(stored).collect()
    }

    /// The next message of a lane to hand over has a number above this.
    pub fn reached(&self, lane: Lane) -> u64 {
        self.reached[lane as usize]
    }

    /// The message needs no more thought on this connection, be it on its way already or unreadable.
    pub fn pass(&mut self, key: Key) {
        self.reached[key.lane as usize] = key.number;
    }

    /// Begins the search at the front again, for what was refused or given back.
    pub fn start_over(&mut self) {
        self.reached = [0; Lane::ALL.len()];
    }

    /// The parcel was handed to the client (QoS 1).
    pub fn submitted(&mut self, parcel: Parcel) {
        self.submitted_ahead(parcel);
        if let Parcel::Stored(key) = parcel {
            self.pass(key);
        }
    }

    /// The parcel was handed to the client before others of its lane, whose turn is still to come.
    pub fn submitted_ahead(&mut self, parcel: Parcel) {
        self.submitted.push_back(parcel);
    }

    /// The client sent a packet. Packets leave in the order in which they were handed over; id 0 is QoS 0 and carries none.
    pub fn sent(&mut self, packet: u16) {
        if packet == 0 {
            return;
        }
        if let Some(parcel) = self.submitted.pop_front() {
            self.in_flight.insert(packet, parcel);
        }
    }

    /// A PUBACK came in; `success` is its reason code's word.
    pub fn acknowledged(&mut self, packet: u16, success: bool) -> Verdict {
        match self.in_flight.remove(&packet) {
            None => Verdict::Unknown,
            Some(parcel) if success => Verdict::Delivered(parcel),
            Some(parcel) => Verdict::Refused(parcel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(number: u64) -> Parcel {
        Parcel::Stored(Key { lane: Lane::Alerts, number })
    }

    fn sent(delivery: &mut Delivery, pairs: &[(u16, u64)]) {
        for &(packet, key) in pairs {
            delivery.submitted(stored(key));
            delivery.sent(packet);
        }
    }

    #[test]
    fn an_acknowledgement_out_of_order_names_its_own_message() {
        let mut delivery = Delivery::new(8);
        sent(&mut delivery, &[(1, 10), (2, 11), (3, 12)]);
        assert_eq!(delivery.acknowledged(3, true), Verdict::Delivered(stored(12)));
        assert_eq!(delivery.acknowledged(1, true), Verdict::Delivered(stored(10)));
        assert!(!delivery.is_idle());
        assert_eq!(delivery.acknowledged(2, true), Verdict::Delivered(stored(11)));
        assert!(delivery.is_idle());
    }

    #[test]
    fn a_doubled_or_unknown_acknowledgement_is_harmless() {
        let mut delivery = Delivery::new(8);
        sent(&mut delivery, &[(1, 10), (2, 11)]);
        assert_eq!(delivery.acknowledged(1, true), Verdict::Delivered(stored(10)));
        assert_eq!(delivery.acknowledged(1, true), Verdict::Unknown);
        assert_eq!(delivery.acknowledged(77, true), Verdict::Unknown);
        assert!(delivery.is_on_its_way(stored(11)));
    }

    #[test]
    fn an_error_code_is_no_success() {
        let mut delivery = Delivery::new(8);
        sent(&mut delivery, &[(1, 10)]);
        assert_eq!(delivery.acknowledged(1, false), Verdict::Refused(stored(10)));
        assert!(!delivery.is_on_its_way(stored(10)));
        assert_eq!(delivery.reached(Lane::Alerts), 10, "refused messages are not sent in a loop");
        delivery.start_over();
        assert_eq!((delivery.reached(Lane::Alerts), delivery.reached(Lane::Snapshots)), (0, 0));
    }

    #[test]
    fn telemetry_between_stored_messages_takes_no_pairing() {
        let mut delivery = Delivery::new(8);
        delivery.submitted(stored(10));
        delivery.sent(0);
        delivery.submitted(Parcel::Present);
        delivery.sent(1);
        delivery.sent(2);
        assert_eq!(delivery.acknowledged(2, true), Verdict::Delivered(Parcel::Present));
        assert_eq!(delivery.acknowledged(1, true), Verdict::Delivered(stored(10)));
    }

    #[test]
    fn a_slow_network_full_of_pictures_has_room_for_an_alert() {
        let mut delivery = Delivery::new(16);
        for number in 1..=2 {
            assert!(delivery.has_room(Lane::Snapshots));
            delivery.submitted(Parcel::Stored(Key { lane: Lane::Snapshots, number }));
        }
        assert!(!delivery.has_room(Lane::Snapshots) && !delivery.has_room(Lane::Telemetry));
        assert!(delivery.has_room(Lane::Alerts));
        (3..=16).for_each(|number| delivery.submitted(stored(number)));
        assert!(!delivery.has_room(Lane::Alerts));
    }

    #[test]
    fn the_window_bounds_what_is_on_its_way() {
        let mut delivery = Delivery::new(2);
        sent(&mut delivery, &[(1, 10)]);
        delivery.submitted(stored(11));
        assert_eq!(delivery.room(), 0);
        delivery.acknowledged(1, true);
        assert_eq!(delivery.room(), 1);
    }
}
