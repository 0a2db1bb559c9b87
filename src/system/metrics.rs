//! Counts and latencies of every stage: written by the stages, read by telemetry, `/metrics`, `bench` and the watchdog. Counted once, here: who
//! tells of it adds nothing of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use prometheus_client::metrics::histogram::Histogram as Buckets;

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

/// Sorts of messages that are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Alerts, and what waits in the outbox with them: acknowledgements, escalations.
    Alert,
    /// Pictures.
    Snapshot,
    /// What speaks of the present alone and is acknowledged: status, state, answers.
    Present,
    /// Telemetry. Of the present nobody acknowledges it; of a time without connection it waits in the outbox, and nobody waits for it.
    Telemetry,
    /// Pictures of the random sample.
    Audit,
}

impl Sort {
    /// All sorts.
    pub const ALL: [Sort; 5] = [Sort::Alert, Sort::Snapshot, Sort::Present, Sort::Telemetry, Sort::Audit];

    /// The name as a label.
    pub fn name(self) -> &'static str {
        match self {
            Sort::Alert => "alert",
            Sort::Snapshot => "snapshot",
            Sort::Present => "present",
            Sort::Telemetry => "telemetry",
            Sort::Audit => "audit",
        }
    }
}

/// A count for each sort of message.
#[derive(Debug, Default)]
pub struct BySort([AtomicU64; Sort::ALL.len()]);

impl BySort {
    /// That of one sort.
    pub fn of(&self, sort: Sort) -> &AtomicU64 {
        &self.0[sort as usize]
    }

    /// All sorts together.
    pub fn all(&self) -> u64 {
        self.0.iter().map(|counter| counter.load(Ordering::Relaxed)).sum()
    }

    /// Those that are waited for in the outbox until they are acknowledged, together.
    pub fn stored(&self) -> u64 {
        [Sort::Alert, Sort::Snapshot].iter().map(|&sort| self.of(sort).load(Ordering::Relaxed)).sum()
    }
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
    /// Steps of alerts that were told: whether it is a drill, step (opened, updated, closed), severity (low, normal, high).
    pub alerts: [[[AtomicU64; 3]; 3]; 2],
    /// Messages that were handed to the connection; what is sent again counts again.
    pub published: BySort,
    /// Messages that the broker acknowledged.
    pub acknowledged: BySort,
    /// Uptime of the last acknowledgement, milliseconds; 0 before the first.
    pub last_acknowledged_ms: AtomicU64,
    /// Messages that the broker refused, or that are too large for it.
    pub refused: BySort,
    /// 1 while the broker hears us, else 0.
    pub connected: AtomicU64,
    /// Times that the broker let us in.
    pub connections: AtomicU64,
    /// Attempts to connect that failed, and connections that broke.
    pub connection_failures: AtomicU64,
    /// Telemetry lost for want of room: it gives way first, alerts last.
    pub lost_telemetry: AtomicU64,
    /// Pictures of the random sample lost for want of room: they give way before everything.
    pub lost_audits: AtomicU64,
    /// Snapshots lost for want of room.
    pub lost_snapshots: AtomicU64,
    /// Alerts lost for want of room: never in ordinary life.
    pub lost_alerts: AtomicU64,
    /// Commands that came faster than they could be looked at.
    pub lost_commands: AtomicU64,
    /// 1 while the broker does not take what waits, else 0.
    pub refusing: AtomicU64,
    /// 1 while a certificate has ended or is about to, else 0.
    pub certificate_ending: AtomicU64,
    /// Messages in the outbox now.
    pub waiting: BySort,
    /// Bytes of their records.
    pub waiting_bytes: BySort,
    /// 1 while the outbox cannot be used or was damaged, else 0.
    pub outbox_trouble: AtomicU64,
}

/// Adds one.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Upper bounds of buckets for what the detector does, seconds: from a fast machine's look to a slow board's frame.
const FRAME_BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
/// Upper bounds of buckets for the way of an alert, seconds: a broker that is away makes hours of it.
const WAY_BOUNDS: [f64; 14] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0];

/// Latencies of one stage.
#[derive(Debug)]
struct Latency {
    /// Since the last telemetry, for exact quantiles.
    recent: Mutex<Histogram<u64>>,
    /// Since the start, for whoever reckons with rates.
    all: Buckets,
}

impl Latency {
    fn new(stage: Stage) -> Latency {
        let bounds = if stage == Stage::CaptureToPuback { WAY_BOUNDS } else { FRAME_BOUNDS };
        Latency { recent: Mutex::new(histogram()), all: Buckets::new(bounds) }
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All measurements of one process.
#[derive(Debug)]
pub struct Metrics {
    /// Counters; read with `Ordering::Relaxed`.
    pub counters: Counters,
    stages: [Latency; Stage::ALL.len()],
    looks: Buckets,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            counters: Counters::default(),
            stages: Stage::ALL.map(Latency::new),
            looks: Buckets::new(FRAME_BOUNDS),
        }
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
        let latency = &self.stages[stage as usize];
        latency.lock().saturating_record(microseconds);
        latency.all.observe(took.as_secs_f64());
    }

    /// Records `regions` that the model looked at side by side.
    pub fn looked(&self, regions: usize, took: Duration) {
        (0..regions).for_each(|_| self.looks.observe(took.as_secs_f64()));
    }

    /// Quantiles of a stage since the last [`Metrics::reset_stages`].
    pub fn quantiles(&self, stage: Stage) -> Option<Quantiles> {
        let histogram = self.stages[stage as usize].lock();
        let ms = |q| histogram.value_at_quantile(q) as f64 / 1e3;
        (!histogram.is_empty()).then(|| Quantiles {
            p50_ms: ms(0.5),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            count: histogram.len(),
        })
    }

    /// Latencies of a stage since the start.
    pub fn since_start(&self, stage: Stage) -> &Buckets {
        &self.stages[stage as usize].all
    }

    /// What the model took for one region, since the start.
    pub fn looks(&self) -> &Buckets {
        &self.looks
    }

    /// Forgets the recent latencies, so that each telemetry message speaks of its own interval.
    pub fn reset_stages(&self) {
        self.stages.iter().for_each(|latency| latency.lock().reset());
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
