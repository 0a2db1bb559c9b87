//! How long the source has been silent: written by the thread that reads it, looked at by the one that supervises.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::system::clock::Clock;
use crate::system::stop::Stop;

/// Opening a camera, connecting, starting a program, and the first frame after it take longer than a frame in the middle.
const OPENING: u32 = 3;

/// What the supervisor sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Frames come, or nothing is being waited for.
    Well,
    /// The deadline is over: ask the stream to end.
    Late,
    /// It was asked and does not come back; how long it has been silent.
    Stuck(Duration),
}

/// Shared by both threads.
#[derive(Debug)]
pub struct Watch {
    clock: Clock,
    stall: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Uptime of the last sign of life while a call is being waited for.
    since: Option<Duration>,
    patience: Duration,
    /// How long frames of this stream may take once they flow.
    flowing: Duration,
    stop: Stop,
}

impl Watch {
    /// `stall` is the longest silence between two frames.
    pub fn new(clock: Clock, stall: Duration) -> Watch {
        Watch { clock, stall, state: Mutex::default() }
    }

    /// The reader begins an attempt; what it gives to the source is raised when the attempt is to end, by a stall or with `stop`.
    pub fn begin(&self, stop: &Stop) -> Stop {
        let attempt = Stop::default();
        *self.lock() = State {
            since: Some(self.clock.uptime()),
            patience: self.stall * OPENING,
            flowing: self.stall,
            stop: attempt.clone(),
        };
        if stop.is_raised() {
            attempt.raise();
        }
        attempt
    }

    /// The source is open; `more` is what it takes for a frame by its own design.
    pub fn opened(&self, more: Duration) {
        let mut state = self.lock();
        state.since = Some(self.clock.uptime());
        state.patience += more;
        state.flowing += more;
    }

    /// A frame came that may be of use.
    pub fn progress(&self) {
        let mut state = self.lock();
        state.since = Some(self.clock.uptime());
        state.patience = state.flowing;
    }

    /// The attempt is over; nothing is being waited for.
    pub fn rest(&self) {
        self.lock().since = None;
    }

    /// The longest silence that is borne now.
    pub fn patience(&self) -> Duration {
        self.lock().patience
    }

    /// Asks the running attempt to end.
    pub fn interrupt(&self) {
        self.lock().stop.raise();
    }

    /// Judges the silence; `grace` is what an attempt may take to end once it was asked.
    pub fn look(&self, grace: Duration) -> Verdict {
        let state = self.lock();
        let silent = state.since.map_or(Duration::ZERO, |since| self.clock.uptime().saturating_sub(since));
        match silent.checked_sub(state.patience) {
            Some(late) if late > grace => Verdict::Stuck(silent),
            Some(_) if state.since.is_some() => Verdict::Late,
            _ => Verdict::Well,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
