//! Messages that break the connection. PURE. A broker may answer a message that it does not take (too large, say) by closing the
//! connection, or in words that the client does not know. Such a message would go out first again after every reconnect, and
//! nothing behind it would ever arrive.
//!
//! So what was on its way when a connection broke goes out alone the next time: each of them when nothing else is on its way, while all
//! others go on as usual in between. One that broke two connections alone is held back, longer each time; it stays in the outbox. An honest
//! message that was hit twice by a weak network loses half a minute.

use std::collections::HashMap;
use std::time::Duration;

use super::delivery::Key;

/// Connections that a message must have broken alone.
const STRIKES: u32 = 2;
/// How long it is held back at first; doubled each time.
const FIRST_HOLD: Duration = Duration::from_secs(30);
/// Longest time that it is held back.
const LONGEST_HOLD: Duration = Duration::from_secs(3600);

/// Messages under suspicion. Time is the daemon's uptime.
#[derive(Debug, Default)]
pub struct Suspects(HashMap<Key, Suspect>);

#[derive(Clone, Copy, Debug, Default)]
struct Suspect {
    strikes: u32,
    held_until: Duration,
}

impl Suspects {
    /// A connection broke while these were on their way. Tells which one is held back from now on, if it was not before.
    pub fn broke(&mut self, on_their_way: &[Key], now: Duration) -> Option<Key> {
        if let &[only] = on_their_way {
            let suspect = self.0.entry(only).or_default();
            suspect.strikes += 1;
            let doublings = suspect.strikes.checked_sub(STRIKES)?;
            suspect.held_until = now + (FIRST_HOLD * 2u32.pow(doublings.min(10))).min(LONGEST_HOLD);
            return (doublings == 0).then_some(only);
        }
        for &key in on_their_way {
            self.0.entry(key).or_default();
        }
        None
    }

    /// Whether the message is held back.
    pub fn holds(&self, key: Key, now: Duration) -> bool {
        self.0.get(&key).is_some_and(|suspect| now < suspect.held_until)
    }

    /// Whether the message may go out only alone.
    pub fn goes_alone(&self, key: Key) -> bool {
        self.0.contains_key(&key)
    }

    /// The broker has it.
    pub fn cleared(&mut self, key: Key) {
        self.0.remove(&key);
    }

    /// Everything had its turn on a connection that still holds: only what is held back remains under suspicion.
    pub fn all_clear(&mut self, now: Duration) {
        self.0.retain(|_, suspect| now < suspect.held_until);
    }
}

#[cfg(test)]
mod tests {
    use super::super::delivery::Lane;
    use super::*;

    const POISON: Key = Key { lane: Lane::Snapshots, number: 7 };
    const OTHER: Key = Key { lane: Lane::Snapshots, number: 8 };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_that_breaks_two_connections_alone_is_held_back_longer_each_time() {
        let mut suspects = Suspects::default();
        assert_eq!(suspects.broke(&[POISON, OTHER], at(0)), None);
        assert!(suspects.goes_alone(POISON) && suspects.goes_alone(OTHER) && !suspects.holds(POISON, at(0)));
        assert_eq!(suspects.broke(&[POISON], at(1)), None);
        assert_eq!(suspects.broke(&[POISON], at(2)), Some(POISON));
        assert!(suspects.holds(POISON, at(31)) && !suspects.holds(POISON, at(32)));
        assert_eq!(suspects.broke(&[POISON], at(40)), None, "told once");
        assert!(suspects.holds(POISON, at(99)) && !suspects.holds(POISON, at(100)));
        for _ in 0..40 {
            suspects.broke(&[POISON], at(200));
        }
        assert!(suspects.holds(POISON, at(3799)) && !suspects.holds(POISON, at(3800)));
    }

    #[test]
    fn those_that_were_only_beside_it_are_cleared() {
        let mut suspects = Suspects::default();
        suspects.broke(&[POISON, OTHER], at(0));
        suspects.cleared(OTHER);
        suspects.broke(&[POISON], at(1));
        suspects.broke(&[POISON], at(2));
        assert!(
            !suspects.holds(OTHER, at(3)) && !suspects.goes_alone(OTHER),
            "what is held back slows nobody down"
        );
        assert!(!suspects.holds(POISON, at(60)) && suspects.goes_alone(POISON), "it is tried again alone");
    }

    #[test]
    fn a_connection_that_broke_for_other_reasons_leaves_no_trace() {
        let mut suspects = Suspects::default();
        suspects.broke(&[], at(0));
        assert!(!suspects.goes_alone(POISON));
        suspects.broke(&[POISON, OTHER], at(0));
        suspects.all_clear(at(1));
        assert!(!suspects.goes_alone(POISON) && !suspects.goes_alone(OTHER));
    }
}
