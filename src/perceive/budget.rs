//! How much may be looked at, so that a decision comes in time: measured times choose the effort of the next frame.

/// What a frame has cost, measured by the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// From the capture of the frame to now, milliseconds: waiting and decoding included.
    pub total_ms: f64,
    /// Mean over the regions of this frame of filling, inference and decoding, milliseconds.
    pub per_region_ms: f64,
}

/// Share of the budget that regions are planned into; the rest absorbs what a busy board adds without notice.
const PLANNED_SHARE: f64 = 0.7;

/// Weight of the newest measurement when things got cheaper. Dearer measurements count fully at once.
const CHEAPER_WEIGHT: f64 = 0.1;

/// After a miss, one more region is tried after each so many frames in time …
const RECOVERY_FRAMES: u32 = 5;

/// … until so many have been in time in a row.
const CALM_FRAMES: u32 = 50;

/// Chooses the number of regions. Falls at once when a deadline is missed, recovers one region at a time.
#[derive(Clone, Debug)]
pub struct Budget {
    budget_ms: f64,
    per_region_ms: f64,
    overhead_ms: f64,
    allowed: usize,
    in_time: u32,
    misses: u64,
}

impl Budget {
    /// For frames that may take `budget_ms` from capture to decision. Begins with one region: nothing is known yet.
    pub fn new(budget_ms: f64) -> Budget {
        Budget { budget_ms, per_region_ms: 0.0, overhead_ms: 0.0, allowed: 1, in_time: 0, misses: 0 }
    }

    /// Regions that the next frame may have: at least one, for a late answer is better than none.
    pub fn regions(&self) -> usize {
        self.allowed
    }

    /// Deadlines missed since the start.
    pub fn misses(&self) -> u64 {
        self.misses
    }

    /// Learns what a frame with `regions` regions has cost; says whether it missed its deadline.
    pub fn learn(&mut self, regions: usize, spent: Spent) -> bool {
        let per_region = finite(spent.per_region_ms);
        let overhead = (finite(spent.total_ms) - regions as f64 * per_region).max(0.0);
        self.per_region_ms = towards(self.per_region_ms, per_region);
        self.overhead_ms = towards(self.overhead_ms, overhead);
        let missed = spent.total_ms > self.budget_ms;
        if missed {
            self.misses += 1;
            self.in_time = 0;
            self.allowed /= 2;
        } else {
            self.in_time = self.in_time.saturating_add(1);
            self.allowed += usize::from(self.may_grow());
        }
        self.allowed = self.allowed.clamp(1, self.affordable().max(1));
        missed
    }

    /// Freely while no deadline was ever missed; slowly for a while after a miss.
    fn may_grow(&self) -> bool {
        self.misses == 0 || self.in_time >= CALM_FRAMES || self.in_time % RECOVERY_FRAMES == 0
    }

    fn affordable(&self) -> usize {
        let free = self.budget_ms * PLANNED_SHARE - self.overhead_ms;
        // A region cannot be free: without the floor a first measurement of 0 would allow any number.
        (free / self.per_region_ms.max(0.1)) as usize
    }
}

/// A measurement that is no number teaches nothing.
fn finite(ms: f64) -> f64 {
    if ms.is_finite() { ms.max(0.0) } else { 0.0 }
}

/// Up at once, down slowly: a plan must hold on bad frames, not on the average one.
fn towards(old: f64, new: f64) -> f64 {
    if new > old { new } else { old + CHEAPER_WEIGHT * (new - old) }
}
