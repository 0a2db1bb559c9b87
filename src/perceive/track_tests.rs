use super::*;
use crate::perceive::model::ModelSpec;
use crate::perceive::settings::Settings;
use proptest::prelude::*;

/// A tracker with its time, fed frame by frame.
struct Film {
    tracker: Tracker,
    scales: Scales,
    now_ms: u64,
    step_ms: u64,
}

impl Film {
    fn at_fps(fps: f64) -> Film {
        let scales = Scales::new(&ModelSpec::small(), &Settings::default());
        Film { tracker: Tracker::new(5.0), scales, now_ms: 1000, step_ms: (1000.0 / fps) as u64 }
    }

    fn frame(&mut self, sightings: &[Sighting]) {
        self.tracker.step(sightings, self.now_ms, 16.0 / 9.0, &self.scales, |_| true);
        self.now_ms += self.step_ms;
    }

    fn empty(&mut self, seconds: f64) {
        (0..(seconds * 1000.0) as u64 / self.step_ms).for_each(|_| self.frame(&[]));
    }

    fn ids(&self) -> Vec<u64> {
        self.tracker.tracks().iter().map(|t| t.id.0).collect()
    }
}

fn at(x: f32, scores: Scores) -> Sighting {
    Sighting { bbox: Rect { x, y: 0.4, w: 0.1, h: 0.15 }, scores, clear: true }
}

fn bear(x: f32, score: f32) -> Sighting {
    at(x, [score, 0.0, 0.0])
}

#[test]
fn opinions_on_one_thing_are_one_sighting() {
    let bbox = Rect { x: 0.1, y: 0.1, w: 0.2, h: 0.2 };
    let beside = Rect { x: 0.5, ..bbox };
    let near = Rect { x: 0.12, ..bbox };
    let detection = |class, score, bbox| Detection { class, score, bbox, cut: false };
    let seen = gather(&[
        detection(Class::Bear, 0.9, bbox),
        detection(Class::Animal, 0.6, near),
        detection(Class::Person, 0.5, beside),
        detection(Class::Bear, 0.4, near),
    ]);
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0], Sighting { bbox, scores: [0.9, 0.0, 0.6], clear: true });
    assert_eq!(seen[1], Sighting { bbox: beside, scores: [0.0, 0.5, 0.0], clear: true });
    assert_eq!(seen[2].scores, [0.4, 0.0, 0.0], "two opinions of one class are two things");
}

#[test]
fn a_leg_that_looks_like_a_dog_is_a_part_of_the_bear_and_a_bear_is_never_a_part() {
    let bbox = Rect { x: 0.1, y: 0.1, w: 0.4, h: 0.3 };
    let inside = Rect { x: 0.12, y: 0.2, w: 0.1, h: 0.2 };
    let two = |whole, part| {
        gather(&[
            Detection { class: whole, score: 0.9, bbox, cut: false },
            Detection { class: part, score: 0.5, bbox: inside, cut: false },
        ])
    };
    assert_eq!(two(Class::Bear, Class::Animal), [Sighting { bbox, scores: [0.9, 0.0, 0.5], clear: true }]);
    assert_eq!(two(Class::Animal, Class::Bear).len(), 2, "a bear in front of a cow");
}

#[test]
fn a_walking_bear_keeps_its_name_at_every_frame_rate() {
    for fps in [1.0, 2.0, 5.0, 15.0, 30.0] {
        let mut film = Film::at_fps(fps);
        // A tenth of the frame, its own length, a second.
        for i in 0..(8.0 * fps) as u32 {
            film.frame(&[bear(0.05 + 0.1 * i as f32 / fps as f32, 0.8)]);
        }
        assert_eq!(film.ids(), [1], "{fps} fps");
        let track = &film.tracker.tracks()[0];
        assert!((track.bbox.x - (0.05 + 0.1 * (8.0 - 1.0 / fps as f32))).abs() < 0.03, "{:?}", track.bbox);
        assert!(track.visible_s() > 6.9 && track.best(Class::Bear) == 0.8);
    }
}

#[test]
fn two_bears_that_cross_keep_their_names() {
    let mut film = Film::at_fps(10.0);
    for i in 0..60 {
        let t = i as f32 / 60.0;
        let low = Sighting {
            bbox: Rect { x: 0.1 + 0.7 * t, y: 0.55, w: 0.1, h: 0.15 },
            scores: [0.8, 0.0, 0.0],
            clear: true,
        };
        let high = Sighting {
            bbox: Rect { x: 0.8 - 0.7 * t, y: 0.35, w: 0.1, h: 0.15 },
            scores: [0.7, 0.0, 0.0],
            clear: true,
        };
        film.frame(&[low, high]);
    }
    let tracks = film.tracker.tracks();
    assert_eq!(film.ids(), [1, 2]);
    assert!(tracks[0].bbox.x > 0.7 && tracks[1].bbox.x < 0.2);
}

#[test]
fn a_faint_sighting_prolongs_a_track_and_begins_none() {
    let mut film = Film::at_fps(5.0);
    film.frame(&[bear(0.4, 0.12)]);
    assert!(film.ids().is_empty());
    film.frame(&[bear(0.4, 0.8)]);
    film.frame(&[bear(0.4, 0.12)]);
    assert_eq!(film.ids(), [1]);
    assert_eq!(film.tracker.tracks()[0].hits, 2);
}

#[test]
fn a_bear_that_walks_behind_a_bush_for_two_seconds_is_still_the_same() {
    for fps in [2.0, 5.0, 15.0] {
        let mut film = Film::at_fps(fps);
        let place = |t: f64| 0.1 + 0.08 * t as f32;
        let (mut t, step) = (0.0, 1.0 / fps);
        while t < 7.0 {
            let hidden = (3.0..5.0).contains(&t);
            film.frame(&if hidden { vec![] } else { vec![bear(place(t), 0.8)] });
            t += step;
        }
        assert_eq!(film.ids(), [1], "{fps} fps");
    }
}

#[test]
fn what_never_convinced_is_soon_dropped_and_a_bear_is_kept() {
    let mut film = Film::at_fps(5.0);
    film.frame(&[bear(0.4, 0.5)]);
    film.empty(2.0);
    assert!(film.ids().is_empty());
    (0..10).for_each(|_| film.frame(&[bear(0.4, 0.9)]));
    film.empty(4.6);
    assert_eq!(film.ids(), [2]);
    film.empty(1.0);
    assert!(film.ids().is_empty());
}

#[test]
fn at_low_rates_nothing_is_dropped_before_it_was_looked_for() {
    let mut film = Film::at_fps(0.4);
    film.frame(&[bear(0.4, 0.5)]);
    film.frame(&[]);
    film.frame(&[]);
    assert_eq!(film.ids(), [1], "5 s, but two looks");
    film.frame(&[]);
    assert!(film.ids().is_empty());
}

#[test]
fn after_an_hour_without_frames_it_is_another() {
    let mut film = Film::at_fps(5.0);
    (0..10).for_each(|_| film.frame(&[bear(0.4, 0.9)]));
    film.now_ms += 3_600_000;
    film.frame(&[bear(0.4, 0.9)]);
    assert_eq!(film.ids(), [2]);
}

#[test]
fn who_is_not_looked_at_is_not_missing() {
    let mut film = Film::at_fps(5.0);
    (0..10).for_each(|_| film.frame(&[bear(0.4, 0.9)]));
    let before = film.tracker.tracks()[0].evidence;
    film.tracker.step(&[], film.now_ms, 1.0, &film.scales, |_| false);
    assert_eq!(film.tracker.tracks()[0].evidence, before);
    assert!(!film.tracker.tracks()[0].seen);
    film.now_ms += 60_000;
    film.tracker.step(&[], film.now_ms, 1.0, &film.scales, |_| false);
    assert!(film.ids().is_empty(), "but not for ever");
}

#[test]
fn who_has_walked_out_of_the_frame_is_gone() {
    let mut film = Film::at_fps(10.0);
    for i in 0..30 {
        let bbox = Rect { x: 0.7 + 0.01 * i as f32, y: 0.4, w: 0.1, h: 0.15 }.clipped();
        film.frame(&[Sighting { bbox, scores: [0.9, 0.0, 0.0], clear: true }]);
    }
    film.empty(1.0);
    assert!(film.ids().is_empty());
}

#[test]
fn a_leap_that_no_animal_makes_is_another_animal() {
    let mut film = Film::at_fps(5.0);
    film.frame(&[bear(0.1, 0.9)]);
    film.frame(&[bear(0.7, 0.9)]);
    assert_eq!(film.ids(), [1, 2]);
    // Nor does one grow tenfold in a moment.
    let giant =
        Sighting { bbox: Rect { x: 0.5, y: 0.2, w: 0.5, h: 0.6 }, scores: [0.9, 0.0, 0.0], clear: true };
    film.frame(&[giant]);
    assert_eq!(film.ids().last(), Some(&3));
}

#[test]
fn the_longest_unwatched_wants_a_look_first_and_known_people_want_none() {
    let mut film = Film::at_fps(5.0);
    let (person, early, late) = (at(0.1, [0.0, 0.95, 0.0]), bear(0.4, 0.6), bear(0.8, 0.6));
    (0..20).for_each(|_| film.frame(&[person]));
    film.frame(&[person, early]);
    film.tracker.step(&[late], film.now_ms, 1.0, &film.scales, |_| false);
    let wanted = |explained: &dyn Fn(&Track) -> bool| -> Vec<f32> {
        film.tracker.undecided(film.now_ms, &film.scales, explained).iter().map(|r| r.x).collect()
    };
    assert_eq!(wanted(&|_| false), [0.4, 0.8]);
    assert_eq!(wanted(&|track| track.bbox.x < 0.5), [0.8], "what has always stood there wants none either");
}

fn things() -> impl Strategy<Value = Sighting> {
    let bbox = [0.0f32..0.95, 0.0f32..0.95, 0.001f32..0.9, 0.001f32..0.9];
    let bbox = bbox.prop_map(|[x, y, w, h]| Rect { x, y, w, h }.clipped());
    (bbox, proptest::array::uniform3(0.0f32..1.0)).prop_map(|(bbox, scores)| Sighting {
        bbox,
        scores,
        clear: true,
    })
}

proptest! {
    #[test]
    fn whatever_comes_names_never_repeat_and_boxes_stay_in_the_frame(
        frames in proptest::collection::vec(
            (1u64..10_000, proptest::collection::vec(things(), 0..6), any::<bool>()),
            1..60,
        )
    ) {
        let mut film = Film::at_fps(5.0);
        let mut newest = 0;
        for (gap_ms, sightings, looked) in frames {
            film.now_ms += gap_ms;
            let known = film.ids();
            film.tracker.step(&sightings, film.now_ms, 16.0 / 9.0, &film.scales, |_| looked);
            let ids = film.ids();
            prop_assert!(ids.is_sorted_by(|a, b| a < b));
            for id in ids.iter().filter(|id| !known.contains(id)) {
                prop_assert!(*id > newest, "{} came back", id);
                newest = *id;
            }
            for track in film.tracker.tracks() {
                let view = track.view();
                let b = view.bbox;
                prop_assert!(b.x >= 0.0 && b.y >= 0.0 && b.x + b.w <= 1.0 + 1e-6 && b.y + b.h <= 1.0 + 1e-6, "{:?}", b);
                prop_assert!(view.evidence.is_finite() && (0.0..=1.0).contains(&view.score));
                prop_assert_eq!(view.seen, track.seen_ms == film.now_ms);
            }
            prop_assert!(film.tracker.tracks().iter().filter(|t| t.seen).count() <= sightings.len());
        }
    }
}
