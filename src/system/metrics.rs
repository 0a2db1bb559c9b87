//! Counts and latencies of every stage: written by the stages, read by telemetry, `bench` and the watchdog.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// The steps that a frame goes through, in order, and the way of an alert as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum Stage {
    /// Camera bytes to RGB.
    Decode,
    /// Scene measures, regions, enhancement and resampling into the model's input.
    Prepare,
    /// The model.
    Inference,
    /// Boxes, tracks, evidence, alerts.
    Perceive,
    /// From the decision to the disk: snapshot, envelope, commit.
    Publish,
    /// From the capture of the frame to the broker's acknowledgement of its alert.
    CaptureToPuback,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Stage; 6] = [
        Stage::Decode,
        Stage::Prepare,
        Stage::Inference,
        Stage::Perceive,
        Stage::Publish,
        Stage::CaptureToPuback,
    ];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Prepare => "prepare",
            Stage::Inference => "inference",
            Stage::Perceive => "perceive",
            Stage::Publish => "publish",
            Stage::CaptureToPuback => "capture_to_puback",
        }
    }
}

/// Quantiles of one stage; `None` where nothing was measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Quantiles {
    /// Median, milliseconds.
    pub p50_ms: f64,
    /// 95th percentile, milliseconds.
    pub p95_ms: f64,
    /// 99th percentile, milliseconds.
    pub p99_ms: f64,
    /// How many were measured.
    pub count: u64,
}

/// Things that are counted since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames that the source delivered: what is not on its way was dropped, bad or inferred.
    pub frames_seen: AtomicU64,
    /// Frames that gave way to newer ones before the detector was free.
    pub frames_dropped: AtomicU64,
    /// Frames that could not be used: cut off, not decodable, or failed in the model.
    pub frames_bad: AtomicU64,
    /// Frames that the model saw.
    pub frames_inferred: AtomicU64,
    /// Frames that took longer than their budget.
    pub deadline_misses: AtomicU64,
    /// Times the source was opened anew.
    pub capture_reopens: AtomicU64,
    /// Messages that the broker acknowledged.
    pub acknowledged: AtomicU64,
    /// Messages that the broker refused.
    pub refused: AtomicU64,
    /// Messages lost for want of room: telemetry first, alerts last.
    pub lost_telemetry: AtomicU64,
    /// Snapshots lost for want of room.
    pub lost_snapshots: AtomicU64,
    /// Alerts lost for want of room: never in ordinary life.
    pub lost_alerts: AtomicU64,
    /// Commands that came faster than they could be looked at.
    pub lost_commands: AtomicU64,
    /// Messages in the outbox now.
    pub outbox_depth: AtomicU64,
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// All measurements of one process.
#[derive(Debug)]
pub struct Metrics {
    /// Counters; read with `Ordering::Relaxed`.
    pub counters: Counters,
    stages: Mutex<[Histogram<u64>; 6]>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics { counters: Counters::default(), stages: Mutex::new(std::array::from_fn(|_| histogram())) }
    }
}

/// Microseconds up to ten minutes at two significant digits: about 20 kB.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 2).unwrap_or_else(|_| unreachable!("constant bounds"))
}

impl Metrics {
    /// Records what a stage took.
    pub fn record(&self, stage: Stage, took: Duration) {
        let microseconds = took.as_micros().min(u128::from(u64::MAX)) as u64;
        self.lock()[stage as usize].saturating_record(microseconds);
    }

    /// Quantiles of a stage since the last [`Metrics::reset_stages`].
    pub fn quantiles(&self, stage: Stage) -> Option<Quantiles> {
        let stages = self.lock();
        let histogram = &stages[stage as usize];
        let ms = |q| histogram.value_at_quantile(q) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Quantiles {
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            count: histogram.len(),
        })
    }

    /// Forgets the latencies, so that each telemetry message speaks of its own interval.
    pub fn reset_stages(&self) {
        self.lock().iter_mut().for_each(Histogram::reset);
    }

    fn lock(&self) -> MutexGuard<'_, [Histogram<u64>; 6]> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_true_to_a_hundredth() {
        let metrics = Metrics::default();
        (1..=1000).for_each(|ms| metrics.record(Stage::Inference, Duration::from_millis(ms)));
        let told = metrics.quantiles(Stage::Inference).unwrap();
        for (got, wanted) in [(told.p50_ms, 500.0), (told.p95_ms, 950.0), (told.p99_ms, 990.0)] {
            assert!((got - wanted).abs() <= 0.01 * wanted, "{told:?}");
        }
        assert_eq!(told.count, 1000);
    }

    #[test]
    fn stages_are_apart_and_begin_anew_after_a_reset() {
        let metrics = Metrics::default();
        metrics.record(Stage::Decode, Duration::from_millis(3));
        assert!(Stage::ALL.iter().filter(|&&s| metrics.quantiles(s).is_some()).eq([&Stage::Decode]));
        metrics.reset_stages();
        assert_eq!(metrics.quantiles(Stage::Decode), None);
    }

    #[test]
    fn a_stuck_stage_does_not_break_the_measure() {
        let metrics = Metrics::default();
        metrics.record(Stage::Publish, Duration::MAX);
        metrics.record(Stage::Publish, Duration::ZERO);
        let told = metrics.quantiles(Stage::Publish).unwrap();
        assert!(told.p99_ms >= 594_000.0 && told.p50_ms < 0.01, "{told:?}");
    }

    #[test]
    fn no_two_stages_share_a_name() {
        let names: std::collections::BTreeSet<&str> = Stage::ALL.iter().map(|s| s.name()).collect();
        assert_eq!(names.len(), Stage::ALL.len());
    }
}
