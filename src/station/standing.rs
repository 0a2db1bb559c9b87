//! How the station itself is: whether it hears, whether it can keep what it hears. The page says so on top, in plain words.

use std::collections::VecDeque;

use serde::Serialize;

use super::store::ChannelView;

/// Times at which something may be missing that are remembered.
const GAPS: usize = 10;

/// How it is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Standing {
    /// Whether the broker is heard, since when (milliseconds since 1970), and why not.
    pub link: Link,
    /// What is wrong with the database; `None` where nothing is.
    pub trouble: Option<Trouble>,
    /// Times in which something may have been said that did not come here, the newest last.
    pub gaps: VecDeque<Gap>,
    /// Ways to people outside that do not get through.
    pub channels: Vec<ChannelView>,
    /// Counts since the start.
    pub counts: Counts,
}

/// The connection to the broker.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Link {
    /// Whether it is heard.
    pub connected: bool,
    /// Since when.
    pub since_ms: i64,
    /// Why not, and what to do.
    pub why: String,
}

/// Something that a person must mend.
#[derive(Clone, Debug, Serialize)]
pub struct Trouble {
    /// What is wrong, and what to do.
    pub why: String,
    /// Since when.
    pub since_ms: i64,
}

/// A time that the broker did not remember us over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// When it was heard last.
    pub from_ms: i64,
    /// When it was heard again.
    pub to_ms: i64,
}

/// Since the start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    /// Messages that were believed.
    pub believed: u64,
    /// Messages that were not.
    pub refused: u64,
    /// Messages that came again.
    pub repeated: u64,
    /// Telemetry that was dropped for want of room.
    pub dropped: u64,
}

impl Standing {
    /// The broker is heard. Without memory of us it may have lost what was said since it was heard last, `heard_ms`.
    pub fn connected(&mut self, remembered: bool, heard_ms: Option<i64>, now_ms: i64) {
        self.link = Link { connected: true, since_ms: now_ms, why: String::new() };
        let Some(from_ms) = heard_ms.filter(|_| !remembered) else { return };
        self.gaps.push_back(Gap { from_ms, to_ms: now_ms });
        while self.gaps.len() > GAPS {
            self.gaps.pop_front();
        }
    }

    /// It is not. Told anew only where the reason changes; tells whether it did.
    pub fn lost(&mut self, why: &str, now_ms: i64) -> bool {
        let news = self.link.connected || self.link.why != why;
        if self.link.connected || self.link.since_ms == 0 {
            self.link.since_ms = now_ms;
        }
        self.link.connected = false;
        self.link.why = why.into();
        news
    }

    /// The database does not take what comes; tells whether that is news.
    pub fn troubled(&mut self, why: String, now_ms: i64) -> bool {
        let news = self.trouble.as_ref().is_none_or(|known| known.why != why);
        let since_ms = self.trouble.as_ref().map_or(now_ms, |known| known.since_ms);
        self.trouble = Some(Trouble { why, since_ms });
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_forgot_us_leaves_a_gap_and_one_that_never_knew_us_none() {
        let mut standing = Standing::default();
        standing.connected(false, None, 1_000);
        standing.lost("gone", 2_000);
        standing.lost("gone still", 3_000);
        assert_eq!((standing.link.connected, standing.link.since_ms), (false, 2_000));
        standing.connected(true, Some(2_000), 4_000);
        assert!(standing.gaps.is_empty());
        standing.connected(false, Some(5_000), 6_000);
        assert_eq!(standing.gaps, [Gap { from_ms: 5_000, to_ms: 6_000 }]);
    }

    #[test]
    fn trouble_is_told_once_and_knows_when_it_began() {
        let mut standing = Standing::default();
        assert!(standing.troubled("full".into(), 1) && !standing.troubled("full".into(), 2));
        assert!(standing.troubled("gone".into(), 3));
        assert_eq!(standing.trouble.unwrap().since_ms, 1);
    }
}
