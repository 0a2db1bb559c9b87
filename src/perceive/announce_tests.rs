use super::*;
use crate::perceive::model::ModelSpec;
use crate::perceive::observation::AlertState::{self, Closed, Opened};
use crate::perceive::track::{Sighting, Tracker};

/// A camera at 5 frames a second: where a bear is drawn, and what is seen.
struct Watch {
    tracker: Tracker,
    ghosts: Ghosts,
    announcer: Announcer,
    scales: Scales,
    now_ms: u64,
    told: Announced,
}

impl Watch {
    fn new() -> Watch {
        let settings = Settings::default();
        Watch {
            tracker: Tracker::new(settings.close_after_s),
            ghosts: Ghosts::default(),
            announcer: Announcer::new(&settings),
            scales: Scales::new(&ModelSpec::small(), &settings),
            now_ms: 0,
            told: Announced::default(),
        }
    }

    fn frame(&mut self, drawn: Option<Rect>, seen: &[Rect]) {
        self.see(drawn, seen, 0.9);
    }

    fn see(&mut self, drawn: Option<Rect>, seen: &[Rect], score: f32) {
        let sightings: Vec<Sighting> =
            seen.iter().map(|&bbox| Sighting { bbox, scores: [score, 0.0, 0.0], clear: true }).collect();
        let stamp = Stamp { uptime_ms: self.now_ms, ..Stamp::default() };
        self.tracker.step(&sightings, self.now_ms, 1.0, &self.scales, |_| true);
        let tracks = self.tracker.tracks();
        let step = self.announcer.step(drawn, tracks, &mut self.ghosts, stamp, &self.scales);
        self.told.alerts.extend(step.alerts);
        self.told.drills.extend(step.drills);
        self.told.bear = step.bear;
        self.now_ms += 200;
    }

    fn states(alerts: &[Alert]) -> Vec<AlertState> {
        alerts.iter().map(|alert| alert.state).collect()
    }
}

fn at(x: f32) -> Rect {
    Rect { x, y: 0.4, w: 0.1, h: 0.15 }
}

/// As a detector sees it: not to the pixel.
fn about(x: f32) -> Rect {
    Rect { x: x + 0.01, y: 0.38, w: 0.09, h: 0.18 }
}

#[test]
fn a_drawn_bear_that_walks_in_is_told_as_a_drill_and_as_nothing_else() {
    let mut watch = Watch::new();
    for step in 0..30 {
        let x = (0.02 * step as f32).min(0.4);
        watch.frame(Some(at(x)), &[about(x)]);
    }
    assert_eq!(Watch::states(&watch.told.drills)[0], Opened);
    assert!(watch.told.drills[0].id.is_of_drill() && watch.told.alerts.is_empty() && !watch.told.bear);
    for _ in 0..40 {
        watch.frame(None, &[]);
    }
    assert_eq!(watch.told.drills.last().unwrap().state, Closed);
    assert!(watch.told.alerts.is_empty());
}

#[test]
fn a_real_bear_beside_the_drawn_one_is_told_at_once_and_as_real() {
    let mut watch = Watch::new();
    for _ in 0..30 {
        watch.frame(Some(at(0.4)), &[about(0.4)]);
    }
    assert_eq!(watch.told.drills.len(), 1);
    // So near that one alert would speak for both.
    for _ in 0..10 {
        watch.frame(Some(at(0.4)), &[about(0.4), at(0.53)]);
    }
    assert_eq!(Watch::states(&watch.told.alerts), [Opened]);
    assert!(!watch.told.alerts[0].id.is_of_drill() && watch.told.bear);
}

#[test]
fn where_a_drill_was_a_real_bear_is_told_although_a_place_cools_down_after_an_alert() {
    let mut watch = Watch::new();
    for _ in 0..20 {
        watch.frame(Some(at(0.4)), &[about(0.4)]);
    }
    for _ in 0..30 {
        watch.frame(None, &[]);
    }
    assert_eq!(Watch::states(&watch.told.drills), [Opened, Closed]);
    for _ in 0..10 {
        watch.frame(None, &[at(0.4)]);
    }
    assert_eq!(Watch::states(&watch.told.alerts), [Opened]);
}

#[test]
fn a_real_bear_that_was_taken_for_the_drawn_one_is_told_as_soon_as_they_part() {
    let mut watch = Watch::new();
    // It stands there before the drawn one walks over it: its track is not of the drill.
    for _ in 0..3 {
        watch.frame(None, &[at(0.4)]);
    }
    for _ in 0..10 {
        watch.frame(Some(at(0.4)), &[at(0.4)]);
    }
    assert_eq!(Watch::states(&watch.told.alerts), [Opened]);
    // It is first seen while the drawn one stands before it, and stays when that one goes.
    let mut watch = Watch::new();
    for _ in 0..10 {
        watch.frame(Some(at(0.4)), &[at(0.4)]);
    }
    assert_eq!((watch.told.alerts.len(), watch.told.drills.len()), (0, 1));
    for _ in 0..3 {
        watch.frame(None, &[at(0.4)]);
    }
    assert_eq!(Watch::states(&watch.told.alerts), [Opened], "within half a second");
    assert!(watch.told.alerts[0].evidence >= watch.scales.decision());
}

#[test]
fn a_flicker_that_the_drawn_bear_walks_into_is_of_the_drill_and_what_may_be_a_bear_is_not() {
    let flicker = |score: f32, frames: u32, gone: u32| {
        let mut watch = Watch::new();
        (0..frames).for_each(|_| watch.see(None, &[at(0.36)], score));
        (0..gone).for_each(|_| watch.frame(None, &[]));
        for _ in 0..30 {
            watch.frame(Some(at(0.4)), &[about(0.4)]);
        }
        (watch.told.alerts.len(), watch.told.drills.len())
    };
    assert_eq!(flicker(0.35, 1, 3), (0, 1), "what spoke for a bear is gone again");
    assert_eq!(flicker(0.9, 2, 0), (1, 0), "half believed already");
}

#[test]
fn a_drill_teaches_nothing_about_the_place() {
    let mut watch = Watch::new();
    for _ in 0..2_500 {
        watch.frame(Some(at(0.4)), &[about(0.4)]);
    }
    assert_eq!(watch.ghosts.known().count(), 0);
}

#[test]
fn what_looks_a_little_like_a_bear_and_is_not_drawn_is_reported_before_it_is_an_alert() {
    let mut watch = Watch::new();
    let mut reported = None;
    for frame in 0..10 {
        watch.frame(Some(at(0.1)), &[about(0.1), at(0.7)]);
        if watch.told.bear && reported.is_none() {
            reported = Some(frame);
        }
    }
    let opened = watch.told.alerts[0].captured.uptime_ms / 200;
    assert!(reported.unwrap() < opened, "{reported:?} {opened}");
}
