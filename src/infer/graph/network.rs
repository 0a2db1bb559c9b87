//! An ONNX graph becomes a plan of tract's, and a plan turns an input into an output.

use std::collections::BTreeMap;
use std::sync::Arc;

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::levels::Levels;
use super::marks;
use super::ops::Int8;
use super::rewrite::rewrite;
use crate::infer::int8::isa::Isa;

/// Who runs the quantised part of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operators {
    /// Ours, for this instruction set: see [`super::ops`].
    Ours(Isa),
    /// tract's own, from a file as it stands.
    Tracts,
}

/// A graph that cannot be used, or an input that it cannot be run on; in tract's words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NetworkError(String);

impl From<TractError> for NetworkError {
    fn from(error: TractError) -> NetworkError {
        NetworkError(format!("{error:#}"))
    }
}

/// A graph with one float input, 1 × channels × height × width, and one float output. Shared by threads: a run keeps nothing.
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    shape: [usize; 4],
    input: Option<Levels>,
    output: Vec<usize>,
}

impl Network {
    /// Reads and plans a graph for inputs of `shape`.
    ///
    /// # Errors
    /// Where it is not ONNX, or tract lacks one of its operators.
    pub fn load(onnx: &[u8], shape: [usize; 4], operators: Operators) -> Result<Network, NetworkError> {
        let mut bytes = onnx;
        Network::plan(&tract_onnx::onnx().proto_model_for_read(&mut bytes)?, shape, operators)
    }

    pub(super) fn plan(
        onnx: &ModelProto,
        shape: [usize; 4],
        operators: Operators,
    ) -> Result<Network, NetworkError> {
        let mut reader = tract_onnx::onnx();
        if operators != Operators::Tracts {
            marks::register(&mut reader.op_register);
        }
        let model = reader.model_for_proto_model(onnx)?.with_input_fact(0, f32::fact(shape).into())?;
        let (model, input) = match operators {
            Operators::Tracts => (model.into_typed()?, None),
            Operators::Ours(isa) => {
                let rewritten = rewrite(&model.into_typed()?, isa)?;
                (rewritten.model, rewritten.input)
            }
        };
        let model = model.into_optimized()?;
        let output = model.output_fact(0)?.shape.as_concrete().map(<[usize]>::to_vec).unwrap_or_default();
        Ok(Network { plan: model.into_runnable()?, shape, input, output })
    }

    /// What the input's bytes stand for, where the network takes bytes: 1 × height × width × channels.
    pub fn input(&self) -> Option<&Levels> {
        self.input.as_ref()
    }

    /// Shape of the output; empty where it depends on the input.
    pub fn output(&self) -> &[usize] {
        &self.output
    }

    /// Runs on bytes, where [`Self::input`] says so.
    ///
    /// # Errors
    /// Where the input is not of the network's size or an operator fails.
    pub fn run_bytes(&self, input: &[u8], output: &mut Vec<f32>) -> Result<(), NetworkError> {
        let [_, channels, height, width] = self.shape;
        self.run(Tensor::from_shape(&[1, height, width, channels], input)?, output)
    }

    /// Runs on planes of floats, where the network takes these.
    ///
    /// # Errors
    /// Where the input is not of the network's size or an operator fails.
    pub fn run_planes(&self, input: &[f32], output: &mut Vec<f32>) -> Result<(), NetworkError> {
        self.run(Tensor::from_shape(&self.shape, input)?, output)
    }

    /// Planes of floats as the bytes that the network takes; `None` where it takes floats.
    ///
    /// # Errors
    /// Where the input is not of the network's size.
    pub fn to_bytes(&self, planes: &[f32]) -> Result<Option<Vec<u8>>, NetworkError> {
        let Some(levels) = &self.input else { return Ok(None) };
        let (channels, pixels) = (self.shape[1], self.shape[2] * self.shape[3]);
        if planes.len() != channels * pixels {
            return Err(NetworkError(format!("an input of {} numbers for {:?}", planes.len(), self.shape)));
        }
        let byte = |at: usize| levels.byte(at % channels, planes[at % channels * pixels + at / channels]);
        Ok(Some((0..planes.len()).map(byte).collect()))
    }

    fn run(&self, input: Tensor, output: &mut Vec<f32>) -> Result<(), NetworkError> {
        let results = self.plan.run(tvec!(input.into()))?;
        let view = results[0].to_plain_array_view::<f32>()?;
        output.clear();
        output.extend(view.iter());
        Ok(())
    }

    /// The operators that the plan consists of, in the order in which they run.
    pub fn operators(&self) -> Vec<String> {
        let model = self.plan.model();
        let order = model.eval_order().unwrap_or_default();
        order.into_iter().map(|node| model.node(node).op.name().into_owned()).collect()
    }

    /// Products of one run that our operators compute; those that are left to tract are not counted.
    pub fn products(&self) -> u64 {
        let steps = self.plan.model().nodes().iter().filter_map(|node| node.op_as::<Int8>());
        steps.map(|step| step.0.products()).sum()
    }

    /// How many of each operator.
    pub fn count(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        for name in self.operators() {
            *count.entry(name).or_default() += 1;
        }
        count
    }
}
