use super::*;
use crate::perceive::evidence::Scores;
use crate::perceive::model::ModelSpec;
use crate::perceive::track::{Sighting, Tracker};

/// Tracks and alerts of a camera at 5 frames a second, with every step of an alert that came of them.
struct Watch {
    tracker: Tracker,
    ghosts: Ghosts,
    alerts: Alerts,
    scales: Scales,
    now_ms: u64,
    told: Vec<Alert>,
}

impl Watch {
    fn new() -> Watch {
        let settings = Settings::default();
        Watch {
            tracker: Tracker::new(settings.close_after_s),
            ghosts: Ghosts::default(),
            alerts: Alerts::new(&settings),
            scales: Scales::new(&ModelSpec::small(), &settings),
            now_ms: 0,
            told: Vec::new(),
        }
    }

    fn guarding(area: &str) -> Watch {
        let settings = Settings { guard: vec![Polygon::parse(area).unwrap()], ..Settings::default() };
        Watch { alerts: Alerts::new(&settings), ..Watch::new() }
    }

    fn frame(&mut self, sightings: &[Sighting]) {
        let stamp = Stamp { uptime_ms: self.now_ms, ..Stamp::default() };
        self.tracker.step(sightings, self.now_ms, 1.0, &self.scales, |_| true);
        self.ghosts.step(self.tracker.tracks(), &self.scales, self.now_ms);
        self.told.extend(self.alerts.step(self.tracker.tracks(), &self.ghosts, stamp, &self.scales));
        self.now_ms += 200;
    }

    fn show(&mut self, seconds: f64, sightings: &[Sighting]) {
        (0..(seconds * 5.0).round() as u32).for_each(|_| self.frame(sightings));
    }

    /// The steps so far as `(id, state)`; forgets them.
    fn steps(&mut self) -> Vec<(u64, AlertState)> {
        self.told.drain(..).map(|a| (a.id.0, a.state)).collect()
    }
}

use AlertState::{Closed as Gone, Opened, Updated};

fn at(x: f32, scores: Scores) -> Sighting {
    Sighting { bbox: Rect { x, y: 0.4, w: 0.1, h: 0.15 }, scores, clear: true }
}

fn bear(x: f32) -> Sighting {
    at(x, [0.9, 0.0, 0.0])
}

#[test]
fn an_alert_is_opened_updated_while_it_lasts_and_closed() {
    let mut watch = Watch::new();
    watch.show(25.0, &[bear(0.4)]);
    let opened = watch.told[0];
    assert_eq!(opened.captured.uptime_ms, 800, "within a second after it came");
    assert!(opened.evidence >= watch.scales.decision() && opened.score == 0.9);
    let updates: Vec<u64> = watch.told[1..].iter().map(|a| a.captured.uptime_ms).collect();
    assert_eq!(updates, [10_800, 20_800], "every ten seconds");
    assert_eq!(watch.steps(), [(1, Opened), (1, Updated), (1, Updated)]);
    watch.show(5.0, &[]);
    assert_eq!(watch.steps(), []);
    watch.show(0.4, &[]);
    assert_eq!(watch.told[0].captured.uptime_ms, 24_800, "when it was last seen");
    assert_eq!(watch.steps(), [(1, Gone)]);
}

#[test]
fn one_or_two_frames_are_never_enough() {
    let mut watch = Watch::new();
    for _ in 0..20 {
        watch.show(0.4, &[at(0.4, [1.0, 0.0, 0.0])]);
        watch.show(2.0, &[]);
    }
    assert_eq!(watch.steps(), []);
}

#[test]
fn evidence_alone_does_not_do_where_it_was_too_short() {
    let settings = Settings { min_visible_s: 3.0, ..Settings::default() };
    let mut watch = Watch { alerts: Alerts::new(&settings), ..Watch::new() };
    watch.show(3.0, &[bear(0.4)]);
    assert_eq!(watch.steps(), []);
    watch.show(0.2, &[bear(0.4)]);
    assert_eq!(watch.steps(), [(1, Opened)]);
}

#[test]
fn a_place_cools_down_and_other_places_do_not() {
    let mut watch = Watch::new();
    watch.show(2.0, &[bear(0.4)]);
    watch.show(6.0, &[]);
    watch.show(10.0, &[bear(0.42)]);
    assert_eq!(watch.steps(), [(1, Opened), (1, Gone)], "the same place");
    watch.show(3.0, &[bear(0.9)]);
    assert_eq!(watch.steps(), [(2, Opened)], "another place");
    // It stays until the first place has cooled down.
    watch.show(26.0, &[bear(0.42)]);
    assert!(watch.steps().contains(&(3, Opened)));
}

#[test]
fn another_bear_that_walks_through_a_cooling_place_is_told() {
    let mut watch = Watch::new();
    watch.show(2.0, &[bear(0.1)]);
    watch.show(6.0, &[]);
    (0..30).for_each(|i| watch.frame(&[bear(0.8 - 0.03 * i as f32)]));
    assert_eq!(watch.steps(), [(1, Opened), (1, Gone), (2, Opened)]);
}

#[test]
fn two_bears_far_apart_are_two_alerts_and_a_cub_beside_its_mother_is_none() {
    let mut watch = Watch::new();
    watch.show(3.0, &[bear(0.1), bear(0.8)]);
    assert_eq!(watch.steps(), [(1, Opened), (2, Opened)]);
    let cub =
        Sighting { bbox: Rect { x: 0.22, y: 0.46, w: 0.06, h: 0.08 }, scores: [0.9, 0.0, 0.0], clear: true };
    watch.show(5.0, &[bear(0.1), bear(0.8), cub]);
    assert_eq!(watch.steps(), []);
}

#[test]
fn a_lost_track_hands_its_alert_on() {
    let mut watch = Watch::new();
    watch.show(3.0, &[bear(0.4)]);
    // Rises on its hind legs from one frame to the next: too large a change for the tracker, the same bear for the alert.
    let upright =
        Sighting { bbox: Rect { x: 0.36, y: 0.0, w: 0.18, h: 0.55 }, scores: [0.9, 0.0, 0.0], clear: true };
    watch.show(12.0, &[upright]);
    assert_eq!(watch.steps(), [(1, Opened), (1, Updated)]);
    assert_eq!(watch.tracker.tracks().len(), 1);
    assert!(watch.tracker.tracks()[0].id != TrackId(1));
}

#[test]
fn a_bear_that_comes_by_does_not_keep_the_alert_of_another_open() {
    let mut watch = Watch::new();
    watch.show(3.0, &[bear(0.2), bear(0.8)]);
    assert_eq!(watch.steps(), [(1, Opened), (2, Opened)]);
    // The left one goes; the right one walks to where it stood.
    (0..40).for_each(|i| watch.frame(&[bear(0.8 - 0.015 * i as f32)]));
    watch.show(12.0, &[bear(0.2)]);
    let steps = watch.steps();
    assert!(steps.contains(&(1, Gone)), "{steps:?}");
    assert!(!steps.contains(&(1, Updated)) && !steps.iter().any(|s| s.1 == Opened), "{steps:?}");
}

#[test]
fn what_turns_out_to_be_a_dog_is_closed() {
    let mut watch = Watch::new();
    watch.show(2.0, &[bear(0.4)]);
    watch.show(20.0, &[at(0.4, [0.3, 0.0, 0.95])]);
    assert_eq!(watch.steps(), [(1, Opened), (1, Gone)]);
}

#[test]
fn a_gap_in_the_frames_ends_an_alert_and_what_stands_there_afterwards_is_told_anew() {
    let mut watch = Watch::new();
    watch.show(3.0, &[bear(0.4)]);
    watch.now_ms += 3_600_000;
    watch.show(3.0, &[bear(0.4)]);
    assert_eq!(watch.steps(), [(1, Opened), (1, Gone), (2, Opened)]);
    // A short one is survived.
    watch.now_ms += 4_000;
    watch.show(3.0, &[bear(0.4)]);
    assert_eq!(watch.steps(), []);
}

#[test]
fn the_end_of_the_stream_closes_what_is_open() {
    let mut watch = Watch::new();
    watch.show(3.0, &[bear(0.1), bear(0.8)]);
    let closed: Vec<(u64, AlertState)> = watch.alerts.close_all().iter().map(|a| (a.id.0, a.state)).collect();
    assert_eq!(closed, [(1, Gone), (2, Gone)]);
    assert_eq!(watch.alerts.close_all(), []);
}

#[test]
fn people_and_dogs_are_never_alerted_on() {
    let mut watch = Watch::new();
    watch.show(60.0, &[at(0.1, [0.0, 1.0, 0.0]), at(0.5, [0.0, 0.0, 1.0]), at(0.8, [0.9, 0.0, 0.95])]);
    assert_eq!(watch.steps(), []);
}

/// The steps so far, with how bad they were.
fn severities(watch: &mut Watch) -> Vec<(AlertState, Severity)> {
    watch.told.drain(..).map(|a| (a.state, a.severity)).collect()
}

#[test]
fn a_bear_that_walks_to_the_tents_is_told_again_at_once_and_stays_bad() {
    let mut watch = Watch::guarding("0.6,0 1,0 1,1 0.6,1");
    watch.show(3.0, &[bear(0.3)]);
    assert_eq!(severities(&mut watch), [(Opened, Severity::Normal)]);
    (0..20).for_each(|i| watch.frame(&[bear(0.3 + 0.02 * i as f32)]));
    assert_eq!(severities(&mut watch), [(Updated, Severity::High)]);
    (0..20).for_each(|i| watch.frame(&[bear(0.68 - 0.02 * i as f32)]));
    watch.show(6.0, &[]);
    assert_eq!(severities(&mut watch).last(), Some(&(Gone, Severity::High)));
}

#[test]
fn an_area_that_is_guarded_from_now_on_makes_a_bear_in_it_bad_at_once() {
    let mut watch = Watch::new();
    watch.show(3.0, &[bear(0.4)]);
    watch.alerts.guard(&[Polygon::parse("0,0 1,0 1,1 0,1").unwrap()]);
    watch.show(0.4, &[bear(0.4)]);
    assert_eq!(severities(&mut watch), [(Opened, Severity::Normal), (Updated, Severity::High)]);
}

#[test]
fn a_bear_beside_a_person_is_bad_and_a_person_far_away_or_a_dog_is_not() {
    let person = |x| at(x, [0.0, 0.95, 0.0]);
    for (other, wanted) in [
        (person(0.35), Severity::High),
        (person(0.85), Severity::Normal),
        (at(0.35, [0.0, 0.0, 0.95]), Severity::Normal),
    ] {
        let mut watch = Watch::new();
        watch.show(3.0, &[bear(0.1), other]);
        assert_eq!(severities(&mut watch), [(Opened, wanted)], "{other:?}");
    }
}

#[test]
fn a_place_that_cools_down_hides_nothing_that_is_worse() {
    let mut watch = Watch::new();
    watch.show(2.0, &[bear(0.4)]);
    watch.show(6.0, &[]);
    watch.show(5.0, &[bear(0.42), at(0.6, [0.0, 0.95, 0.0])]);
    let told = severities(&mut watch);
    assert_eq!(told, [(Opened, Severity::Normal), (Gone, Severity::Normal), (Opened, Severity::High)]);
}

#[test]
fn in_quiet_hours_an_alert_is_low_and_rises_at_once_when_they_end() {
    let mut watch = Watch::new();
    watch.alerts.quieten(true);
    watch.show(25.0, &[bear(0.4)]);
    let low = [(Opened, Severity::Low), (Updated, Severity::Low), (Updated, Severity::Low)];
    assert_eq!(severities(&mut watch), low, "told as often as ever");
    watch.alerts.quieten(false);
    watch.frame(&[bear(0.4)]);
    assert_eq!(severities(&mut watch), [(Updated, Severity::Normal)]);
    // What was told in full is not taken back.
    watch.alerts.quieten(true);
    watch.show(10.2, &[bear(0.4)]);
    watch.show(6.0, &[]);
    assert_eq!(severities(&mut watch), [(Updated, Severity::Normal), (Gone, Severity::Normal)]);
}

#[test]
fn a_bear_out_of_sight_when_quiet_hours_end_is_told_in_full_when_it_is_seen_again() {
    let mut watch = Watch::new();
    watch.alerts.quieten(true);
    watch.show(3.0, &[bear(0.4)]);
    watch.alerts.quieten(false);
    watch.show(3.0, &[]);
    assert_eq!(severities(&mut watch), [(Opened, Severity::Low)]);
    watch.frame(&[bear(0.4)]);
    assert_eq!(severities(&mut watch), [(Updated, Severity::Normal)]);
}

#[test]
fn high_severity_knows_no_quiet_hours() {
    let mut watch = Watch::guarding("0.6,0 1,0 1,1 0.6,1");
    watch.alerts.quieten(true);
    watch.show(3.0, &[bear(0.3)]);
    (0..20).for_each(|i| watch.frame(&[bear(0.3 + 0.02 * i as f32)]));
    assert_eq!(severities(&mut watch), [(Opened, Severity::Low), (Updated, Severity::High)]);
    let mut watch = Watch::guarding("0,0 1,0 1,1 0,1");
    watch.alerts.quieten(true);
    watch.show(3.0, &[bear(0.3)]);
    assert_eq!(severities(&mut watch), [(Opened, Severity::High)]);
}

#[test]
fn a_place_that_cools_down_since_quiet_hours_hides_nothing_after_them() {
    let mut watch = Watch::new();
    watch.alerts.quieten(true);
    watch.show(2.0, &[bear(0.4)]);
    watch.show(6.0, &[]);
    watch.show(5.0, &[bear(0.42)]);
    assert_eq!(severities(&mut watch), [(Opened, Severity::Low), (Gone, Severity::Low)]);
    watch.alerts.quieten(false);
    watch.frame(&[bear(0.42)]);
    assert_eq!(severities(&mut watch), [(Opened, Severity::Normal)]);
}

#[test]
fn what_appears_while_all_light_changes_is_told_a_moment_later_and_flicker_holds_up_nothing() {
    let mut watch = Watch::new();
    watch.show(0.8, &[bear(0.4)]);
    watch.alerts.hold(watch.now_ms);
    watch.show(1.0, &[bear(0.4)]);
    assert_eq!(watch.steps(), []);
    watch.frame(&[bear(0.4)]);
    assert_eq!(watch.steps(), [(1, Opened)]);
    for _ in 0..15 {
        watch.alerts.hold(watch.now_ms);
        watch.frame(&[bear(0.4), bear(0.8)]);
    }
    assert_eq!(watch.steps(), [(2, Opened)]);
}
