//! Guessing is slowed down: so many wrong tries at once, and then slowly more. Those who try are counted apart, so that one who guesses shuts out
//! nobody else. PURE.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many wrong tries everybody may make still.
#[derive(Debug)]
pub struct Tries<K> {
    limit: Limit,
    /// Who has made wrong ones lately; `None` are all for whom there was no room.
    left: Mutex<HashMap<Option<K>, Left>>,
}

/// What is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Wrong tries at once.
    pub burst: f64,
    /// And then so many a second.
    pub a_second: f64,
    /// How many are counted apart; beyond that they are counted as one.
    pub apart: usize,
}

#[derive(Clone, Copy, Debug)]
struct Left {
    tries: f64,
    at: Duration,
}

impl<K: Eq + Hash + Clone> Tries<K> {
    /// Nobody has tried yet.
    pub fn new(limit: Limit) -> Tries<K> {
        Tries { limit, left: Mutex::default() }
    }

    /// Takes a try of somebody before it is looked at, so that many at once are no way around the limit.
    ///
    /// # Errors
    /// Where there is none left: the seconds until there is one.
    pub fn take(&self, who: &K, now: Duration) -> Result<(), u64> {
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, left| left.now(self.limit, now) < self.limit.burst);
        let who = self.place(&all, who);
        let tries = all.get(&who).map_or(self.limit.burst, |left| left.now(self.limit, now));
        if tries < 1.0 {
            return Err(((1.0 - tries) / self.limit.a_second).ceil() as u64);
        }
        all.insert(who, Left { tries: tries - 1.0, at: now });
        Ok(())
    }

    /// Gives one back: it was right.
    pub fn give_back(&self, who: &K) {
        let mut all = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let who = self.place(&all, who);
        if let Some(left) = all.get_mut(&who) {
            left.tries += 1.0;
        }
    }

    /// How many are counted apart just now.
    #[cfg(test)]
    pub fn counted(&self) -> usize {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn place(&self, all: &HashMap<Option<K>, Left>, who: &K) -> Option<K> {
        let who = Some(who.clone());
        if all.len() < self.limit.apart || all.contains_key(&who) { who } else { None }
    }
}

impl Left {
    fn now(&self, limit: Limit, now: Duration) -> f64 {
        (self.tries + now.saturating_sub(self.at).as_secs_f64() * limit.a_second).min(limit.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_wrong_waits_and_who_is_right_does_not() {
        let tries = Tries::new(Limit { burst: 2.0, a_second: 0.1, apart: 3 });
        let take = |who: &str, at_s| tries.take(&who.to_owned(), Duration::from_secs(at_s));
        assert_eq!([take("anna", 0), take("anna", 0), take("anna", 0)], [Ok(()), Ok(()), Err(10)]);
        assert_eq!([take("anna", 9), take("anna", 10), take("anna", 10)], [Err(1), Ok(()), Err(10)]);
        for _ in 0..100 {
            take("ben", 10).unwrap();
            tries.give_back(&"ben".to_owned());
        }
        for n in 0..100 {
            let _ = take(&n.to_string(), 11);
        }
        assert!(tries.counted() <= 4, "memory does not grow with who tries");
        assert!(take("eve", 11).is_err(), "strangers beyond those that are counted apart share one");
    }
}
