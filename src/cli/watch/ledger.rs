//! Is anything missing? Sequence numbers by camera, topic and life of the daemon. PURE.
//!
//! Status and state are left out: the broker repeats them (retained, last will), and of them only the newest counts. So are answers:
//! where nobody is connected any more, nobody waits for them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use crate::publish::message::{BootId, Kind};
use crate::publish::subscriber::{Body, Received};

/// A message is late only after this, milliseconds: the inference from its uptime to the start of its boot is no finer.
const SLACK_MS: u64 = 10_000;

/// What a number told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The messages from `first` to `last` have not arrived (yet).
    Gap {
        /// Number of the first one.
        first: u64,
        /// Number of the last one.
        last: u64,
    },
    /// All messages of a gap have come after all: after a time without connection the newest alert goes before what waited longer.
    Filled {
        /// Number of the first one.
        first: u64,
        /// Number of the last one.
        last: u64,
    },
    /// A message came again: at QoS 1 that is allowed, after a broken connection usual.
    Doubled(u64),
}

/// Sums over everything that was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Messages with a number.
    pub heard: u64,
    /// Alerts and pictures that are missing: the daemon keeps these until they are delivered.
    pub missing: u64,
    /// Telemetry that is missing: it is sent once, and of a time without connection a part is kept.
    pub missing_telemetry: u64,
    /// Messages that came more than once.
    pub doubled: u64,
}

/// Sequence numbers of everything that was heard.
#[derive(Debug, Default)]
pub struct Ledger {
    rows: HashMap<(String, Kind, BootId), Row>,
    /// Lives that began while we were listening: their first number is 0.
    witnessed: HashSet<BootId>,
    heard: u64,
    doubled: u64,
}

#[derive(Debug)]
struct Row {
    /// Lowest number that is known to have been given, and the one after the highest.
    known: Range<u64>,
    /// First → last of what is missing.
    missing: BTreeMap<u64, u64>,
    /// Gaps as they were told, first → last, until all of one has come.
    told: BTreeMap<u64, u64>,
}

impl Ledger {
    /// Enters a message of `place`; `listening_ms` is how long we have been connected without a break.
    pub fn enter(&mut self, place: &str, received: &Received, listening_ms: u64) -> Option<Finding> {
        let kind = received.body.kind();
        let (boot, seq) = self.number(received, listening_ms);
        if received.retained || matches!(kind, Kind::Status | Kind::State | Kind::Answer | Kind::Models) {
            return None;
        }
        self.heard += 1;
        let first = if self.witnessed.contains(&boot) { 0 } else { seq };
        let row = self.rows.entry((place.into(), kind, boot)).or_insert_with(|| Row::from(first));
        let finding = row.enter(seq);
        self.doubled += u64::from(matches!(finding, Some(Finding::Doubled(_))));
        finding
    }

    fn number(&mut self, received: &Received, listening_ms: u64) -> (BootId, u64) {
        match (&received.body, received.body.envelope()) {
            (_, Some(envelope)) => {
                if !envelope.late && envelope.uptime_ms.saturating_add(SLACK_MS) < listening_ms {
                    self.witnessed.insert(envelope.boot.clone());
                }
                (envelope.boot.clone(), envelope.seq)
            }
            (Body::Snapshot(snapshot), _) => (snapshot.boot.clone(), snapshot.seq),
            (_, None) => (BootId(String::new()), 0),
        }
    }

    /// The sums.
    pub fn sums(&self) -> Sums {
        let missing = |telemetry: bool| {
            let rows = self.rows.iter().filter(|((_, kind, _), _)| (*kind == Kind::Telemetry) == telemetry);
            rows.map(|(_, row)| row.missing()).fold(0, u64::saturating_add)
        };
        Sums {
            heard: self.heard,
            missing: missing(false),
            missing_telemetry: missing(true),
            doubled: self.doubled,
        }
    }
}

impl Row {
    /// Nothing was given below `first`, as far as is known.
    fn from(first: u64) -> Row {
        Row { known: first..first, missing: BTreeMap::new(), told: BTreeMap::new() }
    }

    fn enter(&mut self, seq: u64) -> Option<Finding> {
        if seq >= self.known.end {
            let before = std::mem::replace(&mut self.known.end, seq.saturating_add(1));
            return self.gap(before..seq);
        }
        if seq < self.known.start {
            let before = std::mem::replace(&mut self.known.start, seq);
            return self.gap(seq + 1..before);
        }
        if self.fill(seq) { self.filled(seq) } else { Some(Finding::Doubled(seq)) }
    }

    fn gap(&mut self, numbers: Range<u64>) -> Option<Finding> {
        if numbers.is_empty() {
            return None;
        }
        let (first, last) = (numbers.start, numbers.end - 1);
        self.missing.insert(first, last);
        self.told.insert(first, last);
        Some(Finding::Gap { first, last })
    }

    /// The gap in which a number lay, where that was the last one of it.
    fn filled(&mut self, seq: u64) -> Option<Finding> {
        let (&first, &last) = self.told.range(..=seq).next_back()?;
        if self.missing.range(first..=last).next().is_some() {
            return None;
        }
        self.told.remove(&first);
        Some(Finding::Filled { first, last })
    }

    /// Takes a number out of what is missing; `false` where it is not.
    fn fill(&mut self, seq: u64) -> bool {
        let Some((&first, &last)) = self.missing.range(..=seq).next_back().filter(|(_, last)| **last >= seq)
        else {
            return false;
        };
        self.missing.remove(&first);
        if first < seq {
            self.missing.insert(first, seq - 1);
        }
        if seq < last {
            self.missing.insert(seq + 1, last);
        }
        true
    }

    fn missing(&self) -> u64 {
        self.missing.iter().map(|(first, last)| last - first + 1).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(numbers: &[u64]) -> (Row, Vec<Option<Finding>>) {
        let mut row = Row::from(numbers[0]);
        let findings = numbers.iter().map(|&seq| row.enter(seq)).collect();
        (row, findings)
    }

    #[test]
    fn a_row_without_holes_says_nothing() {
        let (row, findings) = row(&[5, 6, 7, 8]);
        assert!(findings.iter().all(Option::is_none));
        assert_eq!(row.missing(), 0);
    }

    #[test]
    fn a_gap_is_told_and_filled_from_the_middle() {
        let (mut row, findings) = row(&[0, 5, 3, 3]);
        assert_eq!(
            findings,
            [None, Some(Finding::Gap { first: 1, last: 4 }), None, Some(Finding::Doubled(3))]
        );
        assert_eq!(row.missing(), 3);
        assert_eq!(row.missing.iter().map(|(a, b)| (*a, *b)).collect::<Vec<_>>(), [(1, 2), (4, 4)]);
        let findings: Vec<_> = [4, 1, 2, 6].into_iter().map(|seq| row.enter(seq)).collect();
        assert_eq!(findings, [None, None, Some(Finding::Filled { first: 1, last: 4 }), None]);
        assert_eq!(row.missing(), 0);
    }

    #[test]
    fn of_a_life_that_is_met_in_the_middle_the_older_messages_are_no_repetitions() {
        let (row, findings) = row(&[50, 47, 48, 48, 49, 51]);
        let gap = Finding::Gap { first: 48, last: 49 };
        let filled = Finding::Filled { first: 48, last: 49 };
        assert_eq!(findings, [None, Some(gap), None, Some(Finding::Doubled(48)), Some(filled), None]);
        assert_eq!(row.missing(), 0);
    }

    #[test]
    fn a_number_out_of_this_world_does_no_harm() {
        let (row, findings) = row(&[1, u64::MAX, 2]);
        assert_eq!(findings[1], Some(Finding::Gap { first: 2, last: u64::MAX - 1 }));
        assert_eq!(findings[2], None);
        assert_eq!(row.missing(), u64::MAX - 3);
    }
}
