//! Convolutions, recognised: quantised input, constant quantised weights, a bias that is a constant.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv as TractConv, KernelFormat, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;

use super::cone::{constant, picture};
use super::levels::Levels;
use super::marks::{Dequantise, Quantise};
use super::ops::Step;
use crate::infer::int8::conv::Conv;
use crate::infer::int8::depthwise::{Depthwise, MOST_TAPS};
use crate::infer::int8::isa::Isa;
use crate::infer::int8::requant::Channel;
use crate::infer::int8::window::Window;

/// A convolution of bytes, with what is needed to make an operator of it.
#[derive(Debug)]
pub struct Product {
    /// The QuantizeLinear of its input.
    pub input: usize,
    window: Window,
    levels: Levels,
    /// Output channels × kernel rows × kernel columns × input channels.
    weights: Vec<i8>,
    weight_scale: Vec<f32>,
    bias: Vec<f32>,
    depthwise: bool,
}

/// Least and greatest value that is kept: an activation that only clamps.
#[derive(Clone, Copy, Debug)]
pub struct Clamp {
    /// Least.
    pub low: f32,
    /// Greatest.
    pub high: f32,
}

impl Clamp {
    /// Keeps everything.
    pub const NONE: Clamp = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY };

    /// The bytes of channel `c` that values within the clamp become.
    pub fn bytes(self, levels: &Levels, c: usize) -> [u8; 2] {
        [levels.byte(c, self.low), levels.byte(c, self.high)]
    }
}

/// The window of a convolution or pooling; `None` for what the kernels do not do.
pub fn window(spec: &PoolSpec, input: [usize; 3]) -> Option<Window> {
    let [height, width, _] = input;
    let same = |values: &[usize]| values.windows(2).all(|pair| pair[0] == pair[1]);
    let plain = spec.data_format == DataFormat::NCHW
        && spec.kernel_shape.len() == 2
        && same(&spec.strides())
        && spec.dilations().iter().all(|&d| d == 1);
    plain.then_some(())?;
    let padding = spec.computed_padding(&[height, width]);
    Some(Window {
        input,
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: spec.stride(0),
        pad: [padding[0].pad_before, padding[1].pad_before],
        output: [padding[0].convoluted, padding[1].convoluted],
    })
}

/// The convolution that makes `outlet`, if it is one of bytes.
pub fn product(model: &TypedModel, outlet: OutletId) -> Option<Product> {
    let node = model.node(outlet.node);
    let conv = node.op_as::<TractConv>()?;
    (conv.q_params.is_none() && conv.kernel_fmt == KernelFormat::OIHW).then_some(())?;
    let dequantised = model.node(node.inputs[0].node);
    dequantised.op_is::<Dequantise>().then_some(())?;
    let quantised = model.node(dequantised.inputs[0].node);
    let levels = quantised.op_as::<Quantise>()?.levels.clone();
    let window = window(&conv.pool_spec, picture(model, node.inputs[0])?)?;
    let (inputs, outputs) = (conv.input_channels(), conv.output_channels());
    let depthwise = conv.group > 1;
    (!depthwise || (conv.group == inputs && inputs == outputs)).then_some(())?;
    let fits =
        if depthwise { window.kernel[0] * window.kernel[1] <= MOST_TAPS } else { levels.channels() == 1 };
    fits.then_some(())?;
    let (weights, weight_scale) = weights(model, node.inputs[1], outputs)?;
    let bias = constant(model, node.inputs[2])?;
    let bias = bias.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec();
    let bias = if bias.len() == 1 { vec![bias[0]; outputs] } else { bias };
    (bias.len() == outputs).then_some(())?;
    let weights = if depthwise { weights } else { channels_last(&weights, outputs, inputs) };
    Some(Product { input: quantised.id, window, levels, weights, weight_scale, bias, depthwise })
}

/// Weights as bytes, symmetric, and their scale by output channel.
fn weights(model: &TypedModel, outlet: OutletId, outputs: usize) -> Option<(Vec<i8>, Vec<f32>)> {
    let dequantise = model.node(outlet.node).op_as::<Dequantise>()?;
    let tensor = constant(model, model.node(outlet.node).inputs[0])?;
    let symmetric = dequantise.zero.iter().all(|&zero| zero == 0);
    let scales = dequantise.scale.len();
    (symmetric && (scales == 1 || (scales == outputs && dequantise.axis == 0))).then_some(())?;
    let weights = tensor.try_as_plain_ram().ok()?.as_slice::<i8>().ok()?.to_vec();
    Some((weights, (0..outputs).map(|n| dequantise.scale[n % scales]).collect()))
}

/// From outputs × inputs × rows × columns to outputs × rows × columns × inputs.
fn channels_last(weights: &[i8], outputs: usize, inputs: usize) -> Vec<i8> {
    let taps = weights.len() / (outputs * inputs);
    let at = |n: usize, tap: usize, c: usize| weights[(n * inputs + c) * taps + tap];
    let order =
        (0..outputs).flat_map(|n| (0..taps).flat_map(move |tap| (0..inputs).map(move |c| (n, tap, c))));
    order.map(|(n, tap, c)| at(n, tap, c)).collect()
}

impl Product {
    /// The operator whose output is bytes of `levels`, clamped.
    pub fn to_bytes(&self, isa: Isa, levels: &Levels, clamp: Clamp) -> Option<Step> {
        let channels: Vec<Channel> = (0..self.bias.len())
            .map(|n| {
                let unit = self.unit(n);
                let [low, high] = clamp.bytes(levels, n);
                let multiplier = unit / levels.scale(n);
                Some(Channel { bias: self.bias(n)?, multiplier, low, high, zero: levels.zero(n) })
            })
            .collect::<Option<_>>()?;
        Some(if self.depthwise {
            let zero = (0..channels.len()).map(|c| self.levels.zero(c)).collect();
            Step::Depthwise(Arc::new(Depthwise::new(isa, self.window, zero, &self.weights, &channels)))
        } else {
            Step::Conv(Arc::new(Conv::new(isa, self.window, self.levels.zero(0), &self.weights, &channels)))
        })
    }

    /// The operator whose output is float.
    pub fn to_floats(&self, isa: Isa) -> Option<Step> {
        (!self.depthwise).then_some(())?;
        let channels: Vec<Channel> = (0..self.bias.len())
            .map(|n| {
                Some(Channel { bias: self.bias(n)?, multiplier: self.unit(n), low: 0, high: 255, zero: 0 })
            })
            .collect::<Option<_>>()?;
        Some(Step::Head(Arc::new(Conv::new(isa, self.window, self.levels.zero(0), &self.weights, &channels))))
    }

    /// What 1 in a sum of output channel `n` stands for.
    fn unit(&self, n: usize) -> f32 {
        self.levels.scale(n) * self.weight_scale[n]
    }

    /// In units of the sum. `None` where it does not fit.
    fn bias(&self, n: usize) -> Option<i32> {
        let units = (f64::from(self.bias[n]) / f64::from(self.unit(n))).round_ties_even();
        // Half of the range, so that the products still fit.
        (units.abs() < f64::from(1 << 30)).then_some(units as i32)
    }
}
