//! How far a camera with a given lens sees a bear: the pinhole camera, and what the model's card says of the smallest bear that it finds.

use serde::{Deserialize, Serialize};

use super::model::InputSpec;
use super::settings::RegionMode;

/// From the card: longer side, pixels of the model's input, at which every second bear is found at the operating point.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Acuity {
    /// By day.
    pub day_px: f64,
    /// By infrared light.
    pub infrared_px: f64,
    /// Of the frame, by day, where a close look enlarges what is small; the same in the input and in the frame where the card does not say.
    pub close_px: Option<f64>,
}

/// Length from nose to rump of the bear that reach is told for, metres: a grown brown bear that is not large.
pub const BEAR_M: f64 = 1.5;

/// What is known of how far a camera sees, but for the size of its frames.
#[derive(Clone, Debug)]
pub struct Lens {
    /// Horizontal field of view, degrees; `None` where nobody said.
    pub degrees: Option<f64>,
    /// From the model's card; `None` where nobody measured it.
    pub acuity: Option<Acuity>,
    /// What regions are scaled to.
    pub input: InputSpec,
    /// How they are chosen.
    pub mode: RegionMode,
}

impl Lens {
    /// How far a bear of [`BEAR_M`] is seen on frames of this size, pixels; else what is missing to say so: `lens`, `acuity` or `frame`.
    ///
    /// # Errors
    /// The name of what is missing.
    pub fn reach(&self, frame: Option<(u32, u32)>) -> Result<Reach, &'static str> {
        let lens_degrees = self.degrees.ok_or("lens")?;
        let acuity = self.acuity.ok_or("acuity")?;
        let frame = frame.filter(|(width, height)| *width > 0 && *height > 0).ok_or("frame")?;
        Ok(Reach::new(&Optics { frame, lens_degrees, bear_m: BEAR_M }, &acuity, &self.input, self.mode))
    }
}

/// What decides how large a bear is on the frame.
#[derive(Clone, Copy, Debug)]
pub struct Optics {
    /// Width and height of the frame, pixels.
    pub frame: (u32, u32),
    /// Horizontal field of view of the lens, degrees.
    pub lens_degrees: f64,
    /// Length of the bear from nose to rump, seen from the side, metres.
    pub bear_m: f64,
}

/// How far a bear is seen that nothing hides.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Reach {
    /// By a look at the whole frame, as each is given.
    pub whole: Sight,
    /// By a close look: wherever something moves or may be a bear, and part by part in turn.
    pub close: Sight,
}

/// By one kind of look.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Sight {
    /// By day.
    pub day: Limit,
    /// By infrared light, as far as the lamp reaches.
    pub infrared: Limit,
}

/// The smallest bear, pixels of the frame, and the farthest, metres.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limit {
    /// Longer side of its box.
    pub px: f64,
    /// Distance from the camera.
    pub m: f64,
}

impl Reach {
    /// Where regions are chosen so and scaled to such an input.
    pub fn new(optics: &Optics, acuity: &Acuity, input: &InputSpec, mode: RegionMode) -> Reach {
        let (width, height) = optics.frame;
        let whole_scale =
            (f64::from(input.width) / f64::from(width)).min(f64::from(input.height) / f64::from(height));
        // Pixels that a metre across takes at a metre's distance.
        let focal_px = f64::from(width) / 2.0 / (optics.lens_degrees.to_radians() / 2.0).tan();
        let limit = |input_px: f64, scale: f64| {
            let px = input_px / scale.min(1.0);
            Limit { px, m: focal_px * optics.bear_m / px }
        };
        let sight = |day_px: f64, scale| Sight {
            day: limit(day_px, scale),
            // By what infrared light takes in the input; nobody measured it in enlarged looks.
            infrared: limit(day_px * acuity.infrared_px / acuity.day_px, scale),
        };
        let close_px = acuity.close_px.filter(|_| mode == RegionMode::Auto);
        Reach {
            whole: sight(acuity.day_px, whole_scale),
            close: sight(close_px.unwrap_or(acuity.day_px), 1.0),
        }
    }
}
