//! tract's view of the kernels: shapes in, shapes out, memory. Tensors of bytes are 1 × height × width × channels.

use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::*;

use super::levels::Levels;
use crate::infer::int8::conv::Conv;
use crate::infer::int8::depthwise::Depthwise;
use crate::infer::int8::elementwise::{Addition, greatest};
use crate::infer::int8::gemm::Output;
use crate::infer::int8::isa::Isa;
use crate::infer::int8::lookup::Table;
use crate::infer::int8::window::{Window, copy_pixel};

/// One step on bytes.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Float, 1 × channels × height × width, to bytes.
    Enter(Levels),
    /// Bytes to float, 1 × channels × height × width.
    Leave(Levels),
    /// Convolution over all channels, with bias, requantisation and, where there is one, a table.
    Conv(Arc<Conv>),
    /// The same with a float output, 1 × height × width × channels: a head.
    Head(Arc<Conv>),
    /// Convolution of each channel by itself.
    Depthwise(Arc<Depthwise>),
    /// A function of each byte: activation or change of scale.
    Table(Table, Isa),
    /// Sum of two tensors.
    Add(Addition, Isa),
    /// Channels one after another.
    Concat,
    /// Greatest of each window.
    Pool(Window),
    /// Runs of bytes taken from elsewhere: slices, enlargement by whole factors, any permutation.
    Move(Arc<Moves>),
}

/// Where the bytes of a tensor come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Moves {
    /// Height, width and channels.
    pub shape: [usize; 3],
    /// Bytes of a run.
    pub run: usize,
    /// Where each run begins in the input.
    pub from: Vec<u32>,
}

/// A [`Step`] as an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Int8(pub Step);

// The floats within are scales, and finite.
impl Eq for Int8 {}

impl Step {
    /// What reports and tests call it.
    pub fn name(&self) -> &'static str {
        match self {
            Step::Enter(_) => "Int8Enter",
            Step::Leave(_) => "Int8Leave",
            Step::Conv(_) => "Int8Conv",
            Step::Head(_) => "Int8Head",
            Step::Depthwise(_) => "Int8Depthwise",
            Step::Table(..) => "Int8Table",
            Step::Add(..) => "Int8Add",
            Step::Concat => "Int8Concat",
            Step::Pool(_) => "Int8MaxPool",
            Step::Move(_) => "Int8Move",
        }
    }

    /// Products of bytes that one run computes.
    pub fn products(&self) -> u64 {
        match self {
            Step::Conv(conv) | Step::Head(conv) => conv.window().products() * conv.width() as u64,
            Step::Depthwise(conv) => conv.window().products(),
            _ => 0,
        }
    }

    /// Type and shape of the output.
    fn fact(&self, inputs: &[&TypedFact]) -> TractResult<TypedFact> {
        let shape = inputs[0].shape.as_concrete().context("the shape of a tensor of bytes is not known")?;
        let bytes = |[height, width]: [usize; 2], channels| u8::fact([1, height, width, channels]);
        let first = [shape[1], shape[2]];
        Ok(match self {
            Step::Enter(_) => bytes([shape[2], shape[3]], shape[1]),
            Step::Leave(_) => f32::fact([1, shape[3], shape[1], shape[2]]),
            Step::Conv(conv) => bytes(conv.window().output, conv.width()),
            Step::Head(conv) => {
                let [height, width] = conv.window().output;
                f32::fact([1, height, width, conv.width()])
            }
            Step::Depthwise(conv) => bytes(conv.window().output, shape[3]),
            Step::Table(..) | Step::Add(..) => bytes(first, shape[3]),
            Step::Concat => {
                let channels = inputs.iter().map(|input| Ok(input.shape[3].to_usize()?));
                bytes(first, channels.sum::<TractResult<usize>>()?)
            }
            Step::Pool(window) => bytes(window.output, shape[3]),
            Step::Move(moves) => bytes([moves.shape[0], moves.shape[1]], moves.shape[2]),
        })
    }

    fn run(&self, inputs: &TVec<TValue>, output: &mut Tensor) -> TractResult<()> {
        let first = &inputs[0];
        match self {
            Step::Enter(levels) => {
                let [channels, pixels] = [first.shape()[1], first.shape()[2] * first.shape()[3]];
                let (planes, mut output) = (first.try_as_plain_ram()?, output.try_as_plain_ram_mut()?);
                let output = output.as_slice_mut::<u8>()?;
                for (c, plane) in planes.as_slice::<f32>()?.chunks_exact(pixels).enumerate() {
                    levels.to_bytes(c, plane, output[c..].iter_mut().step_by(channels));
                }
            }
            Step::Leave(levels) => {
                let [channels, pixels] = [first.shape()[3], first.shape()[1] * first.shape()[2]];
                let (input, mut output) = (bytes(first)?, output.try_as_plain_ram_mut()?);
                for (c, plane) in output.as_slice_mut::<f32>()?.chunks_exact_mut(pixels).enumerate() {
                    levels.to_values(c, input[c..].iter().step_by(channels), plane);
                }
            }
            Step::Head(conv) => {
                let mut output = output.try_as_plain_ram_mut()?;
                conv.run(bytes(first)?, Output::Floats(output.as_slice_mut::<f32>()?));
            }
            _ => {
                let mut output = output.try_as_plain_ram_mut()?;
                self.run_on_bytes(inputs, output.as_slice_mut::<u8>()?)?;
            }
        }
        Ok(())
    }

    /// The steps whose output is bytes as well; each writes all of it.
    fn run_on_bytes(&self, inputs: &TVec<TValue>, output: &mut [u8]) -> TractResult<()> {
        let first = bytes(&inputs[0])?;
        match self {
            Step::Conv(conv) => conv.run(first, Output::Bytes(output)),
            Step::Depthwise(conv) => conv.run(first, output),
            Step::Table(table, isa) => {
                output.copy_from_slice(first);
                table.apply(*isa, output);
            }
            Step::Add(addition, isa) => addition.run(*isa, first, bytes(&inputs[1])?, output),
            Step::Concat => {
                let whole: usize = inputs.iter().map(|input| input.shape()[3]).sum();
                let mut begin = 0;
                for input in inputs {
                    let channels = input.shape()[3];
                    let pixels = bytes(input)?.chunks_exact(channels);
                    for (to, from) in output.chunks_exact_mut(whole).zip(pixels) {
                        copy_pixel(from, &mut to[begin..begin + channels]);
                    }
                    begin += channels;
                }
            }
            Step::Pool(window) => greatest(window, first, output),
            Step::Move(moves) => moves.run(first, output),
            Step::Enter(_) | Step::Leave(_) | Step::Head(_) => unreachable!("one end of these is float"),
        }
        Ok(())
    }
}

impl Moves {
    fn run(&self, input: &[u8], output: &mut [u8]) {
        // Short runs of a length known to the compiler are a load and a store each.
        match self.run {
            1 => self.short::<1>(input, output),
            3 => self.short::<3>(input, output),
            4 => self.short::<4>(input, output),
            _ => {
                for (to, &from) in output.chunks_exact_mut(self.run).zip(&self.from) {
                    copy_pixel(&input[from as usize..][..self.run], to);
                }
            }
        }
    }

    fn short<const RUN: usize>(&self, input: &[u8], output: &mut [u8]) {
        for (to, &from) in output.as_chunks_mut::<RUN>().0.iter_mut().zip(&self.from) {
            to.copy_from_slice(&input[from as usize..][..RUN]);
        }
    }
}

fn bytes(tensor: &Tensor) -> TractResult<&[u8]> {
    tensor.try_as_plain_ram()?.as_slice::<u8>()
}

impl Op for Int8 {
    fn name(&self) -> StaticName {
        self.0.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for Int8 {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let facts: TVec<TypedFact> =
            inputs.iter().map(|input| input.datum_type().fact(input.shape())).collect();
        let fact = self.0.fact(&facts.iter().collect::<Vec<_>>())?;
        let shape = fact.shape.as_concrete().context("the shape of a tensor of bytes is not known")?;
        // SAFETY: numbers of any bits are valid, and every step writes its whole output before it is read. Clearing it first would cost a tenth
        // of the run.
        #[allow(unsafe_code)]
        let mut output = unsafe { Tensor::uninitialized_dt(fact.datum_type, shape)? };
        self.0.run(&inputs, &mut output)?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Int8 {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.0.fact(inputs)?))
    }

    /// A table that alone reads a convolution becomes part of it.
    fn declutter(&self, model: &TypedModel, node: &TypedNode) -> TractResult<Option<TypedModelPatch>> {
        let next = model.single_succ(node.id)?;
        let Some(Int8(Step::Table(table, _))) = next.and_then(|next| next.op_as::<Int8>()) else {
            return Ok(None);
        };
        let fused = match &self.0 {
            Step::Conv(conv) => conv.with_table(table).map(|conv| Step::Conv(Arc::new(conv))),
            Step::Depthwise(conv) => conv.with_table(table).map(|conv| Step::Depthwise(Arc::new(conv))),
            _ => None,
        };
        fused.map(|step| TypedModelPatch::fuse_with_next(model, node, Int8(step))).transpose()
    }

    as_op!();
}
