//! Detection on a single picture, without time: for `detect`, `eval`, golden pictures, and for who else is on a picture that is to be sent.

use super::bundle::Bundle;
use super::bundle::ModelError;
use super::engine::{Engine, RunError};
use crate::perceive::condition;
use crate::perceive::decode::{decode, suppress};
use crate::perceive::frame::Picture;
use crate::perceive::model::ModelSpec;
use crate::perceive::observation::{Detection, Regime};
use crate::perceive::plan::{Look, View, WORTH_A_LOOK, second_looks};
use crate::perceive::regions::{IDENTITY_TONE, Letterbox, Resampler, for_still};
use crate::perceive::settings::RegionMode;
use crate::perceive::views::Views;

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

    /// Boxes with a score of `min_score` or more, doubles suppressed, highest score first. In mode `auto` what is too small to be known is looked at again, closely.
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
    found: Vec<Detection>,
    views: Views,
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
        let input = &engine.spec().input;
        let view = View::new(size, input, mode);
        let regime = condition::of_still(picture);
        self.views.clear();
        let first = for_still(size.0, size.1, mode, input);
        let least = min_score.min(WORTH_A_LOOK);
        let straight = first.iter().map(|&region| Look { region, mirrored: false });
        self.read(engine, picture, straight, regime, least)?;
        let mut found = self.views.found().to_vec();
        suppress(&mut found);
        if mode == RegionMode::Auto {
            let closer = second_looks(&view, &first, &found);
            self.read(engine, picture, closer.into_iter(), regime, least)?;
            found = self.views.found().to_vec();
            suppress(&mut found);
            for thing in &mut found {
                let agreed = self.views.agreed_of(&view, thing.class, thing.bbox, thing.score);
                thing.score = engine.spec().of_still(thing.class, agreed, view.sees(&first, thing.bbox));
            }
            found.sort_by(|a, b| b.score.total_cmp(&a.score));
        }
        found.retain(|d| d.score >= min_score);
        Ok(found)
    }

    /// What these looks show, added to what was seen before.
    fn read(
        &mut self,
        engine: &Engine,
        picture: &Picture,
        looks: impl Iterator<Item = Look>,
        regime: Regime,
        min_score: f32,
    ) -> Result<(), RunError> {
        let size = (picture.width, picture.height);
        for Look { region, mirrored } in looks {
            let spec = engine.spec();
            let place = Letterbox::new(region, size.0, size.1, &spec.input).mirrored(mirrored);
            self.resampler.fill(picture, &place, &spec.input, &IDENTITY_TONE, &mut self.input);
            engine.run(&self.input, &mut self.output)?;
            self.found.clear();
            decode(&self.output, spec, &place, size, regime, min_score, &mut self.found);
            self.views.add(region, &self.found);
        }
        Ok(())
    }
}
