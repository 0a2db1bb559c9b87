//! The scene as a camera.

use std::time::Duration;

use super::Scene;
use crate::capture::settings::SceneSettings;
use crate::capture::{CaptureError, Next, Source, Stream};
use crate::perceive::frame::{Frame, Picture, PixelFormat};
use crate::system::clock::Clock;
use crate::system::stop::Stop;

/// The drawn campsite as a source of frames, paced like a camera: a reader that is late finds the frame of its own moment.
///
/// After `duration_s` the scene begins anew with the next seed, unless [`Simulated::once`] was asked for.
pub struct Simulated {
    settings: SceneSettings,
    repeats: bool,
}

impl Simulated {
    /// Goes on for ever.
    pub fn new(settings: SceneSettings) -> Simulated {
        Simulated { settings, repeats: true }
    }

    /// Ends after `duration_s`.
    #[must_use]
    pub fn once(self) -> Simulated {
        Simulated { repeats: false, ..self }
    }
}

impl Source for Simulated {
    fn name(&self) -> String {
        format!("simulated campsite, seed {}", self.settings.seed)
    }

    fn open(&mut self, _: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        check(&self.settings).map_err(|what| CaptureError::Hopeless {
            source_name: self.name(),
            what,
            remedy: "correct the settings of the simulated source".into(),
        })?;
        let scene = Scene::new(&self.settings);
        let settings = self.settings.clone();
        let picture = Picture::default();
        Ok(Box::new(Showing {
            settings,
            repeats: self.repeats,
            scene,
            clock: Clock::start(),
            drawn: 0,
            picture,
        }))
    }
}

/// What cannot be drawn or paced.
fn check(settings: &SceneSettings) -> Result<(), String> {
    let SceneSettings { width, height, fps, duration_s, .. } = *settings;
    if !(32..=4096).contains(&width) || !(32..=4096).contains(&height) {
        return Err(format!("{width}×{height} pixels; each side must be 32 to 4096"));
    }
    if !(0.1..=240.0).contains(&fps) {
        return Err(format!("{fps} frames a second; it must be 0.1 to 240"));
    }
    if !(1.0..=1e7).contains(&duration_s) {
        return Err(format!("a duration of {duration_s} s; it must be 1 to 10,000,000"));
    }
    Ok(())
}

struct Showing {
    settings: SceneSettings,
    repeats: bool,
    scene: Scene,
    clock: Clock,
    /// Frames since `clock` started.
    drawn: u64,
    picture: Picture,
}

impl Stream for Showing {
    fn describe(&self) -> String {
        let SceneSettings { width, height, fps, seed, .. } = self.settings;
        format!("SIMULATED campsite, {width}×{height} at {fps} fps, seed {seed}")
    }

    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError> {
        if stop.is_raised() {
            return Ok(Next::End);
        }
        let due = Duration::from_secs_f64(self.drawn as f64 / self.settings.fps);
        if let Some(early) = due.checked_sub(self.clock.uptime())
            && stop.sleep(early)
        {
            return Ok(Next::End);
        }
        let mut time_s = self.drawn as f64 / self.settings.fps;
        if time_s >= self.settings.duration_s {
            if !self.repeats {
                return Ok(Next::End);
            }
            self.begin_anew();
            time_s = 0.0;
        }
        self.drawn += 1;
        std::mem::swap(&mut self.picture.data, &mut frame.data);
        self.scene.draw(time_s, &mut self.picture);
        std::mem::swap(&mut self.picture.data, &mut frame.data);
        frame.format = PixelFormat::Rgb;
        (frame.width, frame.height) = (self.picture.width, self.picture.height);
        frame.name.clear();
        frame.simulated = true;
        Ok(Next::Frame)
    }
}

impl Showing {
    fn begin_anew(&mut self) {
        self.settings.seed = self.settings.seed.wrapping_add(1);
        self.scene = Scene::new(&self.settings);
        self.clock = Clock::start();
        self.drawn = 0;
    }
}
