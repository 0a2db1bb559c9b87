//! The only file that names tract: an ONNX graph becomes a plan, a plan turns inputs into outputs.

use std::sync::Arc;

use tract_onnx::prelude::*;

use super::bundle::{Bundle, ModelError};
use crate::perceive::model::ModelSpec;

/// Runs a model. One instance a thread.
pub struct Engine {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
    spec: ModelSpec,
}

/// The model failed on an input, which no input should bring about: the frame is skipped, the error logged and counted.
#[derive(Debug, thiserror::Error)]
#[error("model could not be run: {0}")]
pub struct RunError(String);

impl Engine {
    /// Loads the graph, optimises it, and checks its shapes against the card: input 1 × 3 × height × width float32, output
    /// 1 × anchors × (5 + channels) float32.
    pub fn load(bundle: &Bundle) -> Result<Engine, ModelError> {
        let spec = &bundle.spec;
        let shape = [1, 3, spec.input.height as usize, spec.input.width as usize];
        let unsuitable = |what: String| ModelError::Unsuitable { path: bundle.path.clone(), what };
        let model = optimise(&bundle.onnx, shape)
            .map_err(|error| unsuitable(format!("tract cannot load it: {error:#}")))?;
        let fact = model.output_fact(0).map_err(|error| unsuitable(error.to_string()))?;
        let found: Vec<usize> = fact.shape.as_concrete().map(<[usize]>::to_vec).unwrap_or_default();
        let expected = [1, spec.anchors()];
        let columns = found.get(2).copied().unwrap_or(0);
        if found.len() != 3 || found[..2] != expected || columns < 5 + spec.channels {
            let least = 5 + spec.channels;
            return Err(unsuitable(format!(
                "its output is {found:?}, the card speaks of [1, {}, at least {least}]",
                expected[1]
            )));
        }
        let plan =
            model.into_runnable().map_err(|error| unsuitable(format!("tract cannot plan it: {error:#}")))?;
        Ok(Engine { plan, shape, spec: ModelSpec { channels: columns - 5, ..spec.clone() } })
    }

    /// The card's specification with the number of class channels that the output really has.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Runs one input (3 planes, as [`crate::perceive::regions::fill_input`] lays them out) and writes anchors × columns numbers.
    pub fn run(&self, input: &[f32], output: &mut Vec<f32>) -> Result<(), RunError> {
        let told = |error: TractError| RunError(format!("{error:#}"));
        let tensor = Tensor::from_shape(&self.shape, input).map_err(told)?;
        let results = self.plan.run(tvec!(tensor.into())).map_err(told)?;
        let view = results[0].to_plain_array_view::<f32>().map_err(told)?;
        output.clear();
        output.extend(view.iter());
        debug_assert_eq!(output.len(), self.spec.anchors() * (5 + self.spec.channels));
        Ok(())
    }
}

fn optimise(onnx: &[u8], shape: [usize; 4]) -> TractResult<TypedModel> {
    let mut bytes = onnx;
    let model = tract_onnx::onnx().model_for_read(&mut bytes)?;
    model.with_input_fact(0, f32::fact(shape).into())?.into_optimized()
}
