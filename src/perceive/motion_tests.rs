use super::*;
use crate::perceive::frame::Picture;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const SIZE: (u32, u32) = (640, 360);

/// A drawn scene: a textured ground that may be shifted and lit, noise, and dark squares on it.
struct Scene {
    rng: Pcg64Mcg,
    motion: Motion,
    noise: i32,
    light: i32,
    shift: (i32, i32),
}

impl Scene {
    fn new(noise: i32) -> Scene {
        let (rng, motion) = (Pcg64Mcg::seed_from_u64(7), Motion::default());
        Scene { rng, motion, noise, light: 0, shift: (0, 0) }
    }

    /// A frame with squares of (x, y, side) pixels; where motion is seen.
    fn frame(&mut self, squares: &[(i32, i32, i32)]) -> Vec<Rect> {
        let mut picture = Picture::new(SIZE.0, SIZE.1);
        for (at, pixel) in picture.data.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((at as u32 % SIZE.0) as i32, (at as u32 / SIZE.0) as i32);
            let (gx, gy) = (x + self.shift.0, y + self.shift.1);
            let ground = 110 + ((gx / 24 * 37 + gy / 24 * 59) % 7) * 9;
            let dark = squares
                .iter()
                .any(|&(left, top, side)| (left..left + side).contains(&x) && (top..top + side).contains(&y));
            let level = if dark { 30 } else { ground } + self.light;
            let noise = self.rng.random_range(-self.noise..=self.noise);
            pixel.fill((level + noise).clamp(0, 255) as u8);
        }
        seen(&mut self.motion, &picture)
    }

    fn settle(&mut self, frames: usize) {
        for _ in 0..frames {
            self.frame(&[]);
        }
    }
}

fn seen(motion: &mut Motion, picture: &Picture) -> Vec<Rect> {
    let mut small = Thumbnail::default();
    small.take(picture);
    motion.observe(&small).collect()
}

fn around(places: &[Rect], x: f32, y: f32) -> bool {
    let at = (x / SIZE.0 as f32, y / SIZE.1 as f32);
    let holds = |r: &Rect| (r.x..r.x + r.w).contains(&at.0) && (r.y..r.y + r.h).contains(&at.1);
    places.iter().any(holds)
}

#[test]
fn a_still_scene_is_still_however_noisy() {
    for noise in [0, 10, 40] {
        let mut scene = Scene::new(noise);
        scene.settle(60);
        let told: usize = (0..40).map(|_| scene.frame(&[]).len()).sum();
        assert_eq!(told, 0, "noise of ±{noise}");
    }
}

#[test]
fn what_walks_is_found_where_it_is_at_once() {
    let mut scene = Scene::new(10);
    scene.settle(60);
    for step in 0..20 {
        let x = 100 + step * 20;
        let places = scene.frame(&[(x, 200, 40)]);
        assert!(around(&places, x as f32 + 20.0, 220.0), "step {step}: {places:?}");
    }
}

#[test]
fn what_has_come_to_rest_is_scenery_and_its_going_is_seen() {
    let mut scene = Scene::new(5);
    scene.settle(60);
    let square = [(300, 150, 40)];
    assert!(!scene.frame(&square).is_empty());
    (0..150).for_each(|_| drop(scene.frame(&square)));
    assert!(scene.frame(&square).is_empty());
    assert!(around(&scene.frame(&[]), 320.0, 170.0));
}

#[test]
fn a_swaying_bush_falls_silent_and_a_bear_before_it_does_not() {
    let mut scene = Scene::new(5);
    let bush = |frame: i32| [(100 + frame % 3 * 16, 100, 60)];
    (0..300).for_each(|frame| drop(scene.frame(&bush(frame))));
    let told: usize = (300..360).map(|frame| scene.frame(&bush(frame)).len()).sum();
    assert!(told <= 3, "{told} places in 60 frames");
    let places = scene.frame(&[bush(360)[0], (400, 200, 40)]);
    assert!(around(&places, 420.0, 220.0));
}

#[test]
fn light_that_changes_everywhere_is_no_motion() {
    let mut scene = Scene::new(5);
    scene.settle(60);
    for light in [8, 20, 45, 90, -40] {
        scene.light = light;
        assert_eq!(scene.frame(&[]), [], "light {light}");
        scene.settle(10);
    }
}

#[test]
fn a_camera_that_shakes_is_put_back() {
    let mut scene = Scene::new(3);
    scene.settle(120);
    let mut told = 0;
    for shift in [(8, 0), (0, 0), (-4, 4), (4, -8), (0, 0), (12, 4), (0, 0)] {
        scene.shift = shift;
        told += scene.frame(&[]).len();
    }
    // Without it there are thirty and more.
    assert!(told <= 12, "{told} places in 7 frames");
}

#[test]
fn frames_of_any_size_are_taken_and_a_new_size_begins_anew() {
    let mut motion = Motion::default();
    for (width, height) in [(1, 1), (3, 2), (160, 1), (161, 90), (1920, 1080), (97, 1333), (640, 480)] {
        for _ in 0..3 {
            assert_eq!(seen(&mut motion, &Picture::new(width, height)), []);
        }
        let mut bright = Picture::new(width, height);
        bright.data.fill(255);
        let places = seen(&mut motion, &bright);
        assert!(places.iter().all(|r| r.area() > 0.0 && r.x + r.w <= 1.0001 && r.y + r.h <= 1.0001));
    }
}
