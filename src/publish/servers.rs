//! Which of several brokers is tried next. PURE: told what became of a connection, answers with where to go.
//!
//! The first is the preferred one, the others are in order. Who is with another one looks after the preferred one from time to time and goes back
//! when it answers, less and less often where it then turns out to be of no use.

use std::time::Duration;

/// Longest time between two looks after a preferred broker.
const RAREST_LOOK: Duration = Duration::from_secs(7200);

/// The brokers, by their place in the configuration.
#[derive(Debug)]
pub struct Servers {
    /// Until when each is left alone while there are others.
    avoided: Vec<Duration>,
    at: usize,
    /// Tried since one was of use, or since the last pause.
    tried: usize,
    look_every: Duration,
    look_next: Duration,
    look_at: Option<Duration>,
}

impl Servers {
    /// `count` of them, at least one; a look after the preferred one every `look_every` at first.
    pub fn new(count: usize, look_every: Duration) -> Servers {
        let avoided = vec![Duration::ZERO; count.max(1)];
        Servers { avoided, at: 0, tried: 0, look_every, look_next: look_every, look_at: None }
    }

    /// The one whose turn it is.
    pub fn current(&self) -> usize {
        self.at
    }

    /// Whether it is the preferred one.
    pub fn is_preferred(&self) -> bool {
        self.at == 0
    }

    /// The broker whose turn it was has let us in.
    pub fn connected(&mut self, now: Duration) {
        self.tried = 0;
        self.look_at = (!self.is_preferred()).then_some(now + self.look_next);
    }

    /// It has been of use for a while.
    pub fn was_good(&mut self) {
        if self.is_preferred() {
            self.look_next = self.look_every;
        }
    }

    /// The connection failed or broke; the broker is to be left alone for `rest` while there are others, and may have sent us `to` another of
    /// them. Tells whether all were tried, so that it is time for a pause.
    pub fn failed(&mut self, now: Duration, rest: Option<Duration>, to: Option<usize>) -> bool {
        self.look_at = None;
        self.tried += 1;
        if let Some(rest) = rest {
            self.avoided[self.at] = now + rest;
        }
        let all = self.tried >= self.avoided.len();
        if all {
            self.tried = 0;
        }
        self.at = to.unwrap_or_else(|| if all { self.first(now) } else { self.next(now) });
        all
    }

    /// A connection that was of use broke: in order of preference again.
    pub fn broke(&mut self, now: Duration) {
        (self.look_at, self.tried) = (None, 0);
        self.at = self.first(now);
    }

    /// Whether it is time to look after the preferred one.
    pub fn is_look_due(&self, now: Duration) -> bool {
        self.look_at.is_some_and(|at| now >= at)
    }

    /// The look is taken; the next is later than this one was.
    pub fn looked(&mut self, now: Duration) {
        self.look_next = (self.look_next * 2).min(RAREST_LOOK.max(self.look_every));
        self.look_at = Some(now + self.look_next);
    }

    /// The preferred one answers: its turn.
    pub fn go_back(&mut self) {
        (self.at, self.tried, self.look_at) = (0, 0, None);
        self.avoided[0] = Duration::ZERO;
    }

    /// The most preferred that is not avoided; the preferred one where all are.
    fn first(&self, now: Duration) -> usize {
        self.avoided.iter().position(|until| now >= *until).unwrap_or(0)
    }

    fn next(&self, now: Duration) -> usize {
        let count = self.avoided.len();
        let order = (1..=count).map(|step| (self.at + step) % count);
        order.clone().find(|&at| now >= self.avoided[at]).unwrap_or((self.at + 1) % count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_secs(600);

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_single_broker_is_tried_again_after_a_pause_each_time() {
        let mut servers = Servers::new(1, LOOK);
        for second in 0..5 {
            assert!(servers.failed(s(second), Some(s(300)), None));
            assert_eq!(servers.current(), 0);
        }
        servers.connected(s(9));
        assert!(!servers.is_look_due(s(99_999)), "there is nothing to go back to");
    }

    #[test]
    fn they_are_tried_in_order_with_a_pause_after_the_last() {
        let mut servers = Servers::new(3, LOOK);
        assert!(!servers.failed(s(0), None, None) && servers.current() == 1);
        assert!(!servers.failed(s(1), None, None) && servers.current() == 2);
        assert!(servers.failed(s(2), None, None) && servers.current() == 0);
        servers.failed(s(3), None, None);
        servers.connected(s(4));
        servers.broke(s(5000));
        assert_eq!(servers.current(), 0, "in order of preference again");
    }

    #[test]
    fn one_that_asks_to_be_left_alone_is_while_there_are_others() {
        let mut servers = Servers::new(2, LOOK);
        servers.failed(s(0), Some(s(300)), None);
        servers.connected(s(1));
        servers.broke(s(100));
        assert_eq!(servers.current(), 1);
        assert!(!servers.failed(s(101), None, None));
        servers.failed(s(102), None, None);
        servers.broke(s(301));
        assert_eq!(servers.current(), 0);
    }

    #[test]
    fn one_that_sends_us_to_another_is_obeyed() {
        let mut servers = Servers::new(3, LOOK);
        assert!(!servers.failed(s(0), Some(s(300)), Some(2)));
        assert_eq!(servers.current(), 2);
    }

    #[test]
    fn the_preferred_one_is_looked_after_less_and_less_often_until_it_is_of_use() {
        let mut servers = Servers::new(2, LOOK);
        servers.failed(s(0), None, None);
        servers.connected(s(0));
        assert!(!servers.is_look_due(s(599)) && servers.is_look_due(s(600)));
        servers.looked(s(600));
        assert!(!servers.is_look_due(s(1799)) && servers.is_look_due(s(1800)));
        // It answers, and does not let us in.
        servers.go_back();
        servers.failed(s(1800), None, None);
        servers.connected(s(1800));
        assert!(!servers.is_look_due(s(2999)) && servers.is_look_due(s(3000)));
        servers.looked(s(3000));
        servers.go_back();
        servers.connected(s(3000));
        servers.was_good();
        servers.broke(s(9000));
        servers.failed(s(9000), None, None);
        servers.connected(s(9000));
        assert!(servers.is_look_due(s(9600)), "often again");
    }
}
