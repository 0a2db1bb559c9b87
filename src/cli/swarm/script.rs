//! What happens at a played camera: telemetry with jitter, bears at random, connections that break. The same from a seed, always.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use crate::capture::pixels::encode_jpeg;
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;
use crate::perceive::observation::{Alert, AlertId, AlertState, Regime, Severity};
use crate::publish::played::{Act, Cue};
use crate::publish::reply::Head;
use crate::publish::{AlertDraft, Audience, Draft, Mode, StateDraft, Subject, TelemetryDraft};
use crate::system::clock::Clock;
use crate::system::metrics::{Metrics, Stage};

/// Pictures that take turns.
const PICTURES: u32 = 6;
/// Pictures of what led to an alert, as a daemon sends by default.
const BEFORE: usize = 3;
/// An open alert is told again so often, seconds.
const UPDATE_S: f64 = 10.0;
/// How long a bear stays, seconds.
const STAY_S: Range<f64> = 12.0..45.0;

/// How much there is of everything.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Seconds between telemetry.
    pub telemetry_s: f64,
    /// Bears an hour.
    pub bears_per_hour: f64,
    /// Broken connections an hour.
    pub cuts_per_hour: f64,
}

/// What a camera does, planned without pictures: those are made when they are due.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    State,
    Telemetry,
    Step { bear: u64, state: AlertState, severity: Severity, x: f32 },
    Picture { bear: u64, which: usize },
    Cut,
}

/// The plan of one camera.
pub struct Script {
    plan: std::vec::IntoIter<(Duration, Moment)>,
    clock: Clock,
    pictures: Arc<Vec<Vec<u8>>>,
    metrics: Arc<Metrics>,
    since: Duration,
}

/// JPEGs of a drawn campsite as a camera sends them.
pub fn pictures(seed: u64) -> Vec<Vec<u8>> {
    let settings = SceneSettings { seed, bears: 2, duration_s: 40.0, ..SceneSettings::default() };
    let (mut scene, mut picture) = (Scene::new(&settings), Picture::default());
    let drawn = (0..PICTURES).filter_map(|i| {
        scene.draw(f64::from(i) * 6.0, &mut picture);
        encode_jpeg(&picture, 80, 640).ok()
    });
    drawn.collect()
}

impl Script {
    /// From when it connects until the end.
    pub fn new(
        seed: u64,
        time: Range<Duration>,
        traffic: &Traffic,
        clock: Clock,
        pictures: Arc<Vec<Vec<u8>>>,
        metrics: Arc<Metrics>,
    ) -> Script {
        let plan = plan(&mut Pcg32::seed_from_u64(seed), &time, traffic);
        Script { plan: plan.into_iter(), clock, pictures, metrics, since: time.start }
    }

    fn stamp(&self, at: Duration) -> Stamp {
        // A cue may be asked for before its time: its moment is then still to come.
        let late_ms = self.clock.uptime_ms() as i64 - at.as_millis() as i64;
        let (unix_ms, synchronised) = (self.clock.unix_ms() - late_ms, self.clock.is_synchronised());
        Stamp { uptime_ms: at.as_millis() as u64, unix_ms, synchronised }
    }

    fn draft(&mut self, at: Duration, moment: Moment) -> Option<Draft> {
        Some(match moment {
            Moment::Cut => return None,
            Moment::State => Draft::State(armed()),
            Moment::Telemetry => Draft::Telemetry(Box::new(self.telemetry(at))),
            Moment::Step { bear, state, severity, x } => {
                let bbox = Rect { x, y: 0.5, w: 0.2, h: 0.25 };
                let (score, evidence) = (0.6 + 0.3 * x, 7.0 + 10.0 * x);
                let (id, class, captured) = (AlertId(bear), Class::Bear, self.stamp(at));
                Draft::Alert(alert(Alert { id, state, class, severity, score, evidence, bbox, captured }))
            }
            Moment::Picture { bear, which } => {
                let jpeg = self.pictures.get(which % self.pictures.len().max(1)).cloned().unwrap_or_default();
                Draft::Snapshot { subject: Subject::Alert(AlertId(bear)), jpeg, captured: self.stamp(at) }
            }
        })
    }

    /// As of a Raspberry Pi 4 at five frames a second.
    fn telemetry(&mut self, at: Duration) -> TelemetryDraft {
        for (stage, ms) in
            [(Stage::Decode, 9), (Stage::Prepare, 6), (Stage::Inference, 320), (Stage::Perceive, 2)]
        {
            self.metrics.record(stage, Duration::from_millis(ms));
        }
        let interval_s = at.saturating_sub(std::mem::replace(&mut self.since, at)).as_secs_f64();
        TelemetryDraft {
            interval_s,
            regime: Some(Regime::Dusk),
            scene: Some(Default::default()),
            size: (1280, 720),
            temperature_c: Some(61.5),
            memory_mb: Some(108.3),
            ..TelemetryDraft::default()
        }
    }
}

impl Iterator for Script {
    type Item = Cue;

    fn next(&mut self) -> Option<Cue> {
        let (at, moment) = self.plan.next()?;
        let what = self.draft(at, moment).map_or(Act::Cut, |draft| Act::Say(Box::new(draft)));
        Some(Cue { at, what })
    }
}

/// Everything of one camera in order of time.
fn plan(rng: &mut Pcg32, time: &Range<Duration>, traffic: &Traffic) -> Vec<(Duration, Moment)> {
    let length_s = time.end.saturating_sub(time.start).as_secs_f64();
    let mut plan = vec![(0.0, Moment::State)];
    let mut at_s = rng.random_range(0.0..1.0f64) * traffic.telemetry_s;
    while at_s < length_s {
        plan.push((at_s, Moment::Telemetry));
        at_s += traffic.telemetry_s * rng.random_range(0.9..1.1f64);
    }
    for (bear, comes_s) in arrivals(rng, length_s, traffic.bears_per_hour).into_iter().enumerate() {
        visit(rng, bear as u64 + 1, comes_s, length_s, &mut plan);
    }
    plan.extend(arrivals(rng, length_s, traffic.cuts_per_hour).into_iter().map(|at_s| (at_s, Moment::Cut)));
    plan.sort_by(|a, b| a.0.total_cmp(&b.0));
    plan.into_iter().map(|(at_s, moment)| (time.start + Duration::from_secs_f64(at_s), moment)).collect()
}

/// Times of what happens so often an hour, each without regard to the others.
fn arrivals(rng: &mut Pcg32, length_s: f64, an_hour: f64) -> Vec<f64> {
    let mut times = Vec::new();
    if an_hour <= 0.0 {
        return times;
    }
    let mut pause = || -(1.0 - rng.random_range(0.0..1.0f64)).ln() * 3600.0 / an_hour;
    let mut at_s = pause();
    while at_s < length_s {
        times.push(at_s);
        at_s += pause();
    }
    times
}

/// A bear comes, is told again while it stays, and goes; one that is there at the end goes with it.
fn visit(rng: &mut Pcg32, bear: u64, comes_s: f64, length_s: f64, plan: &mut Vec<(f64, Moment)>) {
    let goes_s = (comes_s + rng.random_range(STAY_S)).min(length_s);
    let severity = if rng.random_range(0.0..1.0) < 0.2 { Severity::High } else { Severity::Normal };
    let step = |state, x| Moment::Step { bear, state, severity, x };
    plan.push((comes_s, step(AlertState::Opened, rng.random_range(0.0..0.8))));
    plan.extend((0..=BEFORE).map(|which| (comes_s, Moment::Picture { bear, which })));
    let mut at_s = comes_s + UPDATE_S;
    while at_s < goes_s {
        plan.push((at_s, step(AlertState::Updated, rng.random_range(0.0..0.8))));
        plan.push((at_s, Moment::Picture { bear, which: rng.random_range(0..PICTURES as usize) }));
        at_s += UPDATE_S;
    }
    plan.push((goes_s, step(AlertState::Closed, rng.random_range(0.0..0.8))));
}

fn armed() -> StateDraft {
    StateDraft {
        mode: Mode::Armed,
        until: None,
        by: String::new(),
        usual: Mode::Armed,
        trial: None,
        bear_threshold: None,
        log: "usual".into(),
        signed_only: false,
        drill: None,
        audit: Head::default(),
    }
}

fn alert(alert: Alert) -> AlertDraft {
    AlertDraft {
        alert,
        regime: Regime::Dusk,
        frame: (1280, 720),
        model: ("swarm".into(), "0".repeat(64)),
        inferred_at_uptime_ms: alert.captured.uptime_ms,
        simulated: true,
        drill: false,
        open: usize::from(alert.state != AlertState::Closed),
        audience: Audience::Everybody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Range<Duration> = Duration::from_secs(5)..Duration::from_secs(3605);

    fn planned(seed: u64) -> Vec<(Duration, Moment)> {
        let traffic = Traffic { telemetry_s: 10.0, bears_per_hour: 60.0, cuts_per_hour: 30.0 };
        plan(&mut Pcg32::seed_from_u64(seed), &HOUR, &traffic)
    }

    #[test]
    fn the_same_seed_gives_the_same_hour_and_another_one_another() {
        assert_eq!(planned(7), planned(7));
        assert_ne!(planned(7), planned(8));
    }

    #[test]
    fn there_is_as_much_as_was_asked_for_and_all_of_it_in_order_and_in_time() {
        let plan = planned(7);
        let count = |wanted: fn(&Moment) -> bool| plan.iter().filter(|(_, moment)| wanted(moment)).count();
        assert!(plan.is_sorted_by(|a, b| a.0 <= b.0));
        assert!(plan.iter().all(|(at, _)| *at >= HOUR.start && *at <= HOUR.end));
        assert!((345..=375).contains(&count(|m| *m == Moment::Telemetry)));
        assert!((15..=50).contains(&count(|m| *m == Moment::Cut)));
        let opened = count(|m| matches!(m, Moment::Step { state: AlertState::Opened, .. }));
        let closed = count(|m| matches!(m, Moment::Step { state: AlertState::Closed, .. }));
        assert!((40..=85).contains(&opened) && opened == closed, "{opened} {closed}");
        assert!(count(|m| matches!(m, Moment::Picture { .. })) > 4 * opened);
    }
}
