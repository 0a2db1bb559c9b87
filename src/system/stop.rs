//! Asking threads to end, and sleeping so that they can be asked.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A flag that, once raised, stays up. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Raises the flag and wakes every sleeper.
    pub fn raise(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps for `time` or until the flag is raised; tells whether it is.
    pub fn sleep(&self, time: Duration) -> bool {
        let guard = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match self.0.1.wait_timeout_while(guard, time, |raised| !*raised) {
            Ok((raised, _)) => *raised,
            Err(poisoned) => *poisoned.into_inner().0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_raised_flag_ends_every_sleep_and_stays_up() {
        let stop = Stop::default();
        assert!(!stop.is_raised() && !stop.sleep(Duration::ZERO));
        let other = stop.clone();
        let sleeper = std::thread::spawn(move || other.sleep(LONG));
        stop.raise();
        assert!(sleeper.join().unwrap());
        stop.raise();
        assert!(stop.is_raised() && stop.sleep(LONG));
    }
}
