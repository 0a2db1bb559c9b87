//! Pictures for tests that need a real bear: drawn, since no photograph is part of the project.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be read is a failure")]

use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::perceive::frame::Picture;
use bearwatch::perceive::model::Class;

/// The drawn campsite by day, at the moment when the first bear is best seen; and where it is, `[x, y, w, h]` in pixels.
pub fn bear() -> (Picture, [f32; 4]) {
    let settings = SceneSettings { seed: 7, darkness_end: 0.0, duration_s: 60.0, ..SceneSettings::default() };
    let mut scene = Scene::new(&settings);
    let visit = *scene.visits().iter().find(|v| v.class == Class::Bear).unwrap();
    let mut picture = Picture::default();
    let truths = scene.draw((visit.enters_s + visit.leaves_s) / 2.0, &mut picture);
    let bbox = truths.iter().find(|t| t.class == Class::Bear).unwrap().bbox;
    let truth = bbox.to_pixels(picture.width, picture.height);
    (picture, truth)
}
