use super::*;
use crate::perceive::alert::Alerts;
use crate::perceive::evidence::Scores;
use crate::perceive::frame::Stamp;
use crate::perceive::model::ModelSpec;
use crate::perceive::settings::Settings;
use crate::perceive::track::{Sighting, Tracker};

/// A camera that sees sightings at 2 frames a second.
struct Film {
    tracker: Tracker,
    ghosts: Ghosts,
    alerts: Alerts,
    scales: Scales,
    now_ms: u64,
    opened: usize,
}

impl Film {
    fn new() -> Film {
        let settings = Settings::default();
        Film {
            tracker: Tracker::new(settings.close_after_s),
            ghosts: Ghosts::default(),
            alerts: Alerts::new(&settings),
            scales: Scales::new(&ModelSpec::small(), &settings),
            now_ms: 0,
            opened: 0,
        }
    }

    fn frame(&mut self, sightings: &[Sighting]) {
        let stamp = Stamp { uptime_ms: self.now_ms, ..Stamp::default() };
        self.tracker.step(sightings, self.now_ms, 1.0, &self.scales, |_| true);
        self.ghosts.step(self.tracker.tracks(), &self.scales, self.now_ms);
        let steps = self.alerts.step(self.tracker.tracks(), &self.ghosts, stamp, &self.scales);
        self.opened +=
            steps.iter().filter(|a| a.state == crate::perceive::observation::AlertState::Opened).count();
        self.now_ms += 500;
    }

    /// Alerts that were opened within so many seconds of the same sightings.
    fn show(&mut self, seconds: u32, sightings: &[Sighting]) -> usize {
        let before = self.opened;
        (0..seconds * 2).for_each(|_| self.frame(sightings));
        self.opened - before
    }
}

fn at(x: f32, score: f32) -> Sighting {
    let scores: Scores = [score, 0.0, 0.0];
    Sighting { bbox: Rect { x, y: 0.4, w: 0.1, h: 0.15 }, scores, clear: true }
}

/// A stump that looks like a bear for ten seconds and does not for the next minute.
fn flickers(film: &mut Film, times: u32) -> usize {
    (0..times).map(|_| film.show(10, &[at(0.4, 0.5)]) + film.show(60, &[])).sum()
}

#[test]
fn a_stump_is_learned_and_told_of_no_more() {
    let mut film = Film::new();
    let first = flickers(&mut film, 32);
    assert!((1..=32).contains(&first), "{first}: before it is known it is told of");
    assert_eq!(film.ghosts.known().count(), 1);
    assert_eq!(flickers(&mut film, 100), 0);
}

#[test]
fn who_walks_over_a_ghosts_place_or_looks_much_more_like_a_bear_is_told() {
    let mut film = Film::new();
    flickers(&mut film, 40);
    let walk: usize = (0..12).map(|i| film.show(1, &[at(0.04 + 0.03 * i as f32, 0.8)])).sum();
    assert_eq!(walk + film.show(10, &[at(0.4, 0.8)]), 1, "it came from elsewhere");
    film.show(60, &[]);
    assert_eq!(film.show(10, &[at(0.4, 0.999)]), 1, "it speaks louder");
}

#[test]
fn where_a_bear_has_walked_to_nothing_is_learned() {
    let mut film = Film::new();
    (0..12).for_each(|i| film.frame(&[at(0.04 + 0.03 * i as f32, 0.8)]));
    // It lies down, is hidden now and then, and stays for half an hour.
    let told: usize = (0..30).map(|_| film.show(10, &[at(0.4, 0.8)]) + film.show(50, &[])).sum();
    assert_eq!(film.ghosts.known().count(), 0);
    assert!(told >= 29, "{told}: and is told each time");
}

#[test]
fn what_is_gone_for_a_day_is_forgotten() {
    let mut film = Film::new();
    flickers(&mut film, 40);
    film.now_ms += FORGOTTEN_MS;
    assert_eq!(flickers(&mut film, 1), 1);
}

#[test]
fn no_more_than_so_many_places_are_kept_the_newest_of_them() {
    let mut film = Film::new();
    (0..200).for_each(|i| {
        let (column, row) = (i % 20, i / 20);
        let thing = at(0.0, 0.8);
        let bbox = Rect { x: 0.05 * column as f32, y: 0.1 * row as f32, w: 0.04, h: 0.08 };
        film.show(1, &[Sighting { bbox, ..thing }]);
        film.show(4, &[]);
    });
    assert_eq!(film.ghosts.places.len(), MOST_PLACES);
    assert!(film.ghosts.places.iter().all(|p| p.bbox.y > 0.75));
}
