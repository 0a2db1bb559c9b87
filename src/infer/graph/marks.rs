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

/// Runs of elements that share their index along `axis`: that index, and the run.
fn runs(
    shape: &[usize],
    axis: usize,
    several: bool,
) -> impl Iterator<Item = (usize, std::ops::Range<usize>)> + use<> {
    let whole: usize = shape.iter().product();
    let (length, inner) =
        if several { (shape[axis], shape[axis + 1..].iter().product()) } else { (1, whole) };
    (0..whole).step_by(inner.max(1)).enumerate().map(move |(i, begin)| (i % length, begin..begin + inner))
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
        let input = args_1!(inputs);
        let floats = input.cast_to::<f32>()?;
        let plain = floats.try_as_plain_ram()?;
        let values = plain.as_slice::<f32>()?;
        let mut bytes = vec![0u8; values.len()];
        for (c, run) in runs(input.shape(), self.axis, self.levels.channels() > 1) {
            self.levels.to_bytes(c, &values[run.clone()], bytes[run].iter_mut());
        }
        let output = if self.signed {
            let signed: Vec<i8> = bytes.iter().map(|byte| (byte ^ 0x80) as i8).collect();
            Tensor::from_shape(input.shape(), &signed)?
        } else {
            Tensor::from_shape(input.shape(), &bytes)?
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
        let whole = plain.as_slice::<i32>()?;
        let mut values = vec![0.0; whole.len()];
        for (c, run) in runs(input.shape(), self.axis, self.scale.len() > 1) {
            let (scale, zero) = (self.scale[c], self.zero[c]);
            let pairs = values[run.clone()].iter_mut().zip(&whole[run]);
            pairs.for_each(|(value, &number)| *value = number.wrapping_sub(zero) as f32 * scale);
        }
        Ok(tvec!(Tensor::from_shape(input.shape(), &values)?.into_tvalue()))
    }
}

impl TypedOp for Dequantise {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(inputs[0].shape.clone())))
    }

    as_op!();
}
