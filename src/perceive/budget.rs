//! How much may be looked at, so that a decision comes in time: measured times choose the effort of the next frame.

/// What a frame has cost, measured by the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// From the capture of the frame to now, milliseconds: waiting and decoding included.
    pub total_ms: f64,
    /// Of that, until somebody had time for the frame: the one before was still being looked at. Never longer than from frame to frame.
    pub waited_ms: f64,
    /// Mean over the regions of this frame of filling, inference and decoding, milliseconds.
    pub per_region_ms: f64,
}

/// Share of the budget that regions are planned into; the rest absorbs what a busy board adds without notice.
const PLANNED_SHARE: f64 = 0.7;

/// Share of the budget that regions and waiting may take together.
const WAITING_SHARE: f64 = 0.95;

/// Weight of the newest measurement when things got cheaper. Dearer measurements count fully at once.
const CHEAPER_WEIGHT: f64 = 0.1;

/// Weight of a shorter wait: how long frames wait depends on how they fall, and the longest time comes again.
const SHORTER_WAIT_WEIGHT: f64 = 0.0005;

/// How long frames wait is known after so many. Until then one may wait for as long as another is worked on, for so it does at worst.
const WAITS_KNOWN_FRAMES: u32 = 50;

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
    waited_ms: f64,
    allowed: usize,
    frames: u32,
    in_time: u32,
    misses: u64,
}

impl Budget {
    /// For frames that may take `budget_ms` from capture to decision. Begins with one region: nothing is known yet.
    pub fn new(budget_ms: f64) -> Budget {
        Budget {
            budget_ms,
            per_region_ms: 0.0,
            overhead_ms: 0.0,
            waited_ms: 0.0,
            allowed: 1,
            frames: 0,
            in_time: 0,
            misses: 0,
        }
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
        let waited = finite(spent.waited_ms);
        let overhead = (finite(spent.total_ms) - waited - regions as f64 * per_region).max(0.0);
        // Who waited for a frame that took too long waited for once.
        if self.misses == 0 || self.in_time > 0 {
            self.waited_ms = towards(self.waited_ms, waited, SHORTER_WAIT_WEIGHT);
        }
        self.per_region_ms = towards(self.per_region_ms, per_region, CHEAPER_WEIGHT);
        self.overhead_ms = towards(self.overhead_ms, overhead, CHEAPER_WEIGHT);
        self.frames = self.frames.saturating_add(1);
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
        self.misses == 0 || self.in_time >= CALM_FRAMES || self.in_time.is_multiple_of(RECOVERY_FRAMES)
    }

    fn affordable(&self) -> usize {
        let waiting = self.budget_ms * WAITING_SHARE;
        let known = self.frames >= WAITS_KNOWN_FRAMES;
        let work = if known { waiting - self.waited_ms } else { waiting / 2.0 };
        let free = work.min(self.budget_ms * PLANNED_SHARE) - self.overhead_ms;
        // A region cannot be free: without the floor a first measurement of 0 would allow any number.
        (free / self.per_region_ms.max(0.1)) as usize
    }
}

/// A measurement that is no number teaches nothing.
fn finite(ms: f64) -> f64 {
    if ms.is_finite() { ms.max(0.0) } else { 0.0 }
}

/// Up at once, down slowly: a plan must hold on bad frames, not on the average one.
fn towards(old: f64, new: f64, down: f64) -> f64 {
    if new > old { new } else { old + down * (new - old) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A board on which a region takes `per_region_ms` and the rest of a frame `overhead_ms`.
    fn frames(budget: &mut Budget, count: u32, per_region_ms: f64, overhead_ms: f64) -> Vec<usize> {
        let mut regions = Vec::new();
        for _ in 0..count {
            let looked = budget.regions();
            regions.push(looked);
            let total_ms = overhead_ms + looked as f64 * per_region_ms;
            budget.learn(looked, Spent { total_ms, per_region_ms, ..Spent::default() });
        }
        regions
    }

    #[test]
    fn grows_to_what_the_planned_share_affords() {
        let mut budget = Budget::new(500.0);
        let regions = frames(&mut budget, 80, 60.0, 20.0);
        assert_eq!(regions[..5], [1, 2, 3, 3, 3], "half of it while nobody knows how long frames wait");
        assert_eq!(budget.regions(), 5, "(0.7 · 500 − 20) / 60");
        assert_eq!(budget.misses(), 0);
    }

    #[test]
    fn frames_that_wait_for_each_other_still_get_what_the_deadline_allows() {
        // A board that takes 114 ms a region, and a frame every 200 ms, the newest of which is taken.
        let (mut budget, mut taken_ms, mut free_ms) = (Budget::new(500.0), 0.0f64, 0.0f64);
        let mut looked = Vec::new();
        for _ in 0..200 {
            taken_ms = ((free_ms / 200.0).floor() * 200.0).max(taken_ms + 200.0);
            let waited_ms = (free_ms - taken_ms).max(0.0);
            let regions = budget.regions();
            looked.push(regions);
            let total_ms = waited_ms + regions as f64 * 114.0;
            free_ms = taken_ms + total_ms;
            budget.learn(regions, Spent { total_ms, per_region_ms: 114.0, waited_ms });
        }
        assert!(looked[50..].iter().all(|&regions| regions >= 2), "{looked:?}");
        assert_eq!(budget.misses(), 0);
    }

    #[test]
    fn a_miss_is_counted_and_halves_the_regions_at_once() {
        let mut budget = Budget::new(500.0);
        frames(&mut budget, 80, 40.0, 0.0);
        let before = budget.regions();
        assert!(before >= 8);
        assert!(budget.learn(before, Spent { total_ms: 501.0, per_region_ms: 40.0, ..Spent::default() }));
        assert!(budget.regions() <= before / 2);
        assert_eq!(budget.misses(), 1);
    }

    #[test]
    fn recovers_after_a_busy_moment() {
        let mut budget = Budget::new(500.0);
        frames(&mut budget, 80, 40.0, 0.0);
        let before = budget.regions();
        for _ in 0..3 {
            budget.learn(
                budget.regions(),
                Spent { total_ms: 5_000.0, per_region_ms: 40.0, ..Spent::default() },
            );
        }
        assert_eq!(budget.regions(), 1);
        let again = frames(&mut budget, 200, 40.0, 0.0);
        assert!(again.windows(2).all(|w| w[1] <= w[0] + 1), "one region at a time: {again:?}");
        assert_eq!(budget.regions(), before);
    }

    #[test]
    fn a_board_that_is_too_slow_still_looks_once() {
        let mut budget = Budget::new(100.0);
        assert!(frames(&mut budget, 50, 400.0, 0.0).iter().all(|&r| r == 1));
        assert_eq!(budget.misses(), 50);
    }

    #[test]
    fn a_measurement_that_is_no_number_teaches_nothing() {
        let mut budget = Budget::new(500.0);
        for wild in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0] {
            budget.learn(1, Spent { total_ms: wild, per_region_ms: wild, waited_ms: wild });
            assert!(budget.regions() >= 1);
        }
        frames(&mut budget, 100, 60.0, 20.0);
        assert_eq!(budget.regions(), 5);
    }

    #[test]
    fn regions_that_cost_nothing_do_not_run_away() {
        let mut budget = Budget::new(100.0);
        frames(&mut budget, 10_000, 0.0, 0.0);
        assert!(budget.regions() <= 700);
    }
}
