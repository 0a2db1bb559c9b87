//! What the demo says at its end.

use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

use super::witness::Heard;
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::evaluate::PixelBox;
use crate::evaluate::events::{Event, Raised, Report, Sequence};
use crate::perceive::frame::Picture;
use crate::perceive::model::Class;
use crate::system::metrics::Metrics;

/// The summary, as JSON and for people. What cannot be known of a person's own pictures is null.
#[derive(Debug, Serialize)]
pub struct Summary {
    bears_shown: Option<usize>,
    found: usize,
    missed: Option<usize>,
    false_alarms: Option<u64>,
    /// From the capture of the frame to the arrival of its alert at a subscriber.
    latency_ms: Option<Latency>,
    seed: Option<u64>,
    simulated: bool,
    frames_seen: u64,
    frames_dropped: u64,
    frames_inferred: u64,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
}

impl Summary {
    /// Each alert that arrived is held against what was drawn at its moment. Of a person's own pictures nobody said what is on
    /// them: `found` then counts alerts.
    pub fn new(scene: Option<&SceneSettings>, ran_s: f64, heard: &[Heard], metrics: &Metrics) -> Summary {
        let report = scene.map(|scene| Report::of(&[judge(scene, ran_s, heard)]));
        let frames = &metrics.counters;
        Summary {
            bears_shown: report.as_ref().map(|r| r.events),
            found: report.as_ref().map_or(heard.len(), |r| r.found),
            missed: report.as_ref().map(|r| r.events - r.found),
            false_alarms: report.as_ref().map(|r| r.false_alarms),
            latency_ms: Latency::of(heard),
            seed: scene.map(|scene| scene.seed),
            simulated: scene.is_some(),
            frames_seen: frames.frames_seen.load(Relaxed),
            frames_dropped: frames.frames_dropped.load(Relaxed),
            frames_inferred: frames.frames_inferred.load(Relaxed),
        }
    }
}

impl Latency {
    /// Nearest-rank quantiles over the alerts; `None` without any.
    fn of(heard: &[Heard]) -> Option<Latency> {
        let mut ms: Vec<f64> = heard.iter().map(|h| h.latency_ms).collect();
        ms.sort_by(f64::total_cmp);
        let at = |q: f64| ms.get(((q * ms.len() as f64).ceil() as usize).max(1) - 1).copied();
        Some(Latency { p50: at(0.5)?, p95: at(0.95)? })
    }
}

/// What was drawn, and what arrived.
fn judge(settings: &SceneSettings, ran_s: f64, heard: &[Heard]) -> Sequence {
    let mut scene = Scene::new(settings);
    let bears = scene.visits().iter().filter(|v| v.class == Class::Bear && v.enters_s < ran_s);
    let events = bears.map(|v| Event { start_s: v.enters_s, end_s: v.leaves_s.min(ran_s) }).collect();
    let mut picture = Picture::default();
    let alerts = heard.iter().map(|alert| raised(alert, &mut scene, &mut picture)).collect();
    Sequence { length_s: ran_s, events, alerts }
}

/// An alert beside the bears that stood in its frame.
fn raised(heard: &Heard, scene: &mut Scene, picture: &mut Picture) -> Raised {
    let truths = scene.draw(heard.opened_s, picture);
    let bears = truths.iter().filter(|t| t.class == Class::Bear);
    let bears = bears
        .map(|t| PixelBox::new(t.bbox.to_pixels(picture.width, picture.height).map(f64::from)))
        .collect();
    Raised { opened_s: heard.opened_s, closed_s: heard.closed_s, bbox: heard.bbox, bears: Some(bears) }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.bears_shown, self.missed, self.false_alarms) {
            (Some(shown), Some(missed), Some(false_alarms)) => {
                writeln!(f, "Simulated bears shown  {shown:>5}")?;
                writeln!(f, "found                  {:>5}", self.found)?;
                writeln!(f, "missed                 {missed:>5}")?;
                writeln!(f, "false alarms           {false_alarms:>5}")?;
            }
            _ => writeln!(f, "alerts                 {:>5}", self.found)?,
        }
        if let Some(Latency { p50, p95 }) = self.latency_ms {
            writeln!(f, "capture to ranger      {p50:>5.0} ms median, {p95:.0} ms at the 95th percentile")?;
        }
        write!(
            f,
            "frames                 {:>5} seen, {} given up for newer ones, {} looked at",
            self.frames_seen, self.frames_dropped, self.frames_inferred
        )
    }
}
