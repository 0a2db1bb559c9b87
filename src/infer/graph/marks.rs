//! QuantizeLinear and DequantizeLinear as one node each, whatever their axis, so that the rewrite finds them; tract's own reader takes those
//! with a scale a channel apart. Where no operator of ours fits, they are run as they stand.

use tract_onnx::model::OnnxOpRegister;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::*;

use super::levels::Levels;

/// Float to bytes: ONNX's QuantizeLinear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantise {
    /// What the bytes stand for; those of the signed type are shifted.
    pub levels: Levels,
    /// Axis of the scales, where there are several.
    pub axis: usize,
    /// The graph's type is `i8`, else `u8`.
    pub signed: bool,
}

/// Integers to float: ONNX's DequantizeLinear, from `u8`, `i8` or `i32`.
#[derive(Clone, Debug, PartialEq)]
pub struct Dequantise {
    /// Scales, one or one along `axis`.
    pub scale: Vec<f32>,
    /// Zero points, as many.
    pub zero: Vec<i32>,
    /// Axis of the scales, where there are several.
    pub axis: usize,
}

// Scales are finite: the reader checks them.
impl Eq for Dequantise {}

/// Makes the reader produce [`Quantise`] and [`Dequantise`].
pub fn register(register: &mut OnnxOpRegister) {
    register.insert("QuantizeLinear", |_, node| read(node, true));
    register.insert("DequantizeLinear", |_, node| read(node, false));
}

/// The bytes of an `i8` tensor, shifted to `u8`.
pub fn shifted(byte: i8) -> u8 {
    (byte as u8) ^ 0x80
}

fn read(node: &NodeProto, quantises: bool) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    ensure!(node.get_attr_opt::<i64>("block_size")?.unwrap_or(0) == 0, "blocks of scales are not supported");
    let axis = node.get_attr_opt("axis")?.unwrap_or(1);
    Ok((expand(Mark { quantises, axis, has_zero: node.input.len() == 3 }), vec![]))
}

/// What stands for either operator until its inputs are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    quantises: bool,
    axis: i64,
    has_zero: bool,
}

impl Expansion for Mark {
    fn name(&self) -> StaticName {
        if self.quantises { "QuantizeLinear".into() } else { "DequantizeLinear".into() }
    }

    /// Else constant weights would be turned into floats before they were seen.
    fn runs_out_of_plan(&self) -> bool {
        false
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 2 + usize::from(self.has_zero))?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[1].datum_type, f32::datum_type())?;
        match (self.quantises, self.has_zero) {
            (true, true) => solver.equals(&outputs[0].datum_type, &inputs[2].datum_type)?,
            (true, false) => solver.equals(&outputs[0].datum_type, u8::datum_type())?,
            (false, _) => solver.equals(&outputs[0].datum_type, f32::datum_type())?,
        }
        solver.equals(&inputs[0].shape, &outputs[0].shape)
    }

    fn wire(
        &self,
        prefix: &str,
        target: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        let constant = |index: usize| -> TractResult<Arc<Tensor>> {
            let fact = target.outlet_fact(inputs[index])?;
            fact.konst.clone().with_context(|| format!("{prefix}: scale or zero point is not a constant"))
        };
        let scales = constant(1)?;
        let scale = scales.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
        let zeros = if self.has_zero { constant(2)? } else { tensor0(0u8).into_arc_tensor() };
        let zero: Vec<i32> = zeros.cast_to::<i32>()?.try_as_plain_ram()?.as_slice::<i32>()?.to_vec();
        let zero = if zero.len() < scale.len() { vec![zero[0]; scale.len()] } else { zero };
        let rank = target.outlet_fact(inputs[0])?.rank() as i64;
        let axis = if self.axis < 0 { self.axis + rank } else { self.axis };
        ensure!(scale.len() == 1 || (0..rank).contains(&axis), "{prefix}: there is no axis {}", self.axis);
        let axis = axis.max(0) as usize;
        if !self.quantises {
            return target.wire_node(prefix, Dequantise { scale, zero, axis }, &inputs[..1]);
        }
        let signed = zeros.datum_type() == i8::datum_type();
        ensure!(signed || zeros.datum_type() == u8::datum_type(), "{prefix}: only 8 bits are supported");
        let zero = zero.iter().map(|&z| if signed { shifted(z as i8) } else { z as u8 }).collect();
        let levels = Levels::new(scale, zero).with_context(|| format!("{prefix}: unusable scale"))?;
        target.wire_node(prefix, Quantise { levels, axis, signed }, &inputs[..1])
    }
}

/// Index along `axis` of each element, in order.
fn along(shape: &[usize], axis: usize) -> impl Iterator<Item = usize> + use<> {
    let (length, inner) =
        if axis < shape.len() { (shape[axis], shape[axis + 1..].iter().product()) } else { (1, 1) };
    (0..shape.iter().product::<usize>()).map(move |i| i / inner % length)
}

impl Op for Quantise {
    fn name(&self) -> StaticName {
        "QuantizeLinear".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Quantise {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs).cast_to::<f32>()?.into_owned();
        let values = input.try_as_plain_ram()?;
        let bytes = values.as_slice::<f32>()?.iter().zip(along(input.shape(), self.axis));
        let bytes = bytes.map(|(&value, c)| self.levels.byte(c, value));
        let output = if self.signed {
            let signed: Vec<i8> = bytes.map(|byte| (byte ^ 0x80) as i8).collect();
            Tensor::from_shape(input.shape(), &signed)?
        } else {
            Tensor::from_shape(input.shape(), &bytes.collect::<Vec<u8>>())?
        };
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Quantise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let kind = if self.signed { i8::datum_type() } else { u8::datum_type() };
        Ok(tvec!(kind.fact(inputs[0].shape.clone())))
    }

    as_op!();
}

impl Op for Dequantise {
    fn name(&self) -> StaticName {
        "DequantizeLinear".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Dequantise {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let whole = input.cast_to::<i32>()?;
        let plain = whole.try_as_plain_ram()?;
        let floats = plain.as_slice::<i32>()?.iter().zip(along(input.shape(), self.axis));
        let floats = floats.map(|(&value, c)| {
            let c = c % self.scale.len();
            value.wrapping_sub(self.zero[c]) as f32 * self.scale[c]
        });
        Ok(tvec!(Tensor::from_shape(input.shape(), &floats.collect::<Vec<f32>>())?.into_tvalue()))
    }
}

impl TypedOp for Dequantise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(inputs[0].shape.clone())))
    }

    as_op!();
}
