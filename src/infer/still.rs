//! Detection on a single picture, without time: for `detect`, `eval`, golden pictures, and for who else is on a picture that is to be sent.

use super::bundle::Bundle;
use super::bundle::ModelError;
use super::engine::{Engine, RunError};
use crate::perceive::condition;
use crate::perceive::decode::{decode, suppress};
use crate::perceive::frame::Picture;
use crate::perceive::model::ModelSpec;
use crate::perceive::observation::Detection;
use crate::perceive::regions::{IDENTITY_TONE, Letterbox, Resampler, for_still};
use crate::perceive::settings::RegionMode;

/// An engine with its buffers.
pub struct StillDetector {
    engine: Engine,
    glance: Glance,
}

impl StillDetector {
    /// Loads the model.
    pub fn load(bundle: &Bundle) -> Result<StillDetector, ModelError> {
        Ok(StillDetector { engine: Engine::load(bundle)?, glance: Glance::default() })
    }

    /// The model's specification.
    pub fn spec(&self) -> &ModelSpec {
        self.engine.spec()
    }

    /// Boxes with a score of `min_score` or more, doubles suppressed, highest score first.
    pub fn detect(
        &mut self,
        picture: &Picture,
        mode: RegionMode,
        min_score: f32,
    ) -> Result<Vec<Detection>, RunError> {
        self.glance.look(&self.engine, picture, mode, min_score)
    }
}

/// The buffers of a look at a single picture, by whoever's engine.
#[derive(Default)]
pub struct Glance {
    resampler: Resampler,
    input: Vec<u8>,
    output: Vec<f32>,
}

impl Glance {
    /// As [`StillDetector::detect`].
    pub fn look(
        &mut self,
        engine: &Engine,
        picture: &Picture,
        mode: RegionMode,
        min_score: f32,
    ) -> Result<Vec<Detection>, RunError> {
        let size = (picture.width, picture.height);
        let mut found = Vec::new();
        let regime = condition::of_still(picture);
        let spec = engine.spec();
        for region in for_still(size.0, size.1, mode, &spec.input) {
            let place = Letterbox::new(region, size.0, size.1, &spec.input);
            self.resampler.fill(picture, &place, &spec.input, &IDENTITY_TONE, &mut self.input);
            engine.run(&self.input, &mut self.output)?;
            decode(&self.output, spec, &place, size, regime, min_score, &mut found);
        }
        suppress(&mut found);
        Ok(found)
    }
}
