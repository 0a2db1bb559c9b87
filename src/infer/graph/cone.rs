//! What stands between two quantised tensors, found out by trying it: a function of one byte by running it on all 256, a rearrangement by
//! running it on the elements' own numbers. Neither depends on how tract spells an operator.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_hir::internal::*;

use super::levels::Levels;
use super::marks::{Dequantise, Quantise};
use super::ops::Moves;
use crate::infer::int8::lookup::Table;

/// The value of an outlet that depends on no input.
pub fn constant(model: &TypedModel, outlet: OutletId) -> Option<Arc<Tensor>> {
    if let Some(constant) = &model.outlet_fact(outlet).ok()?.konst {
        return Some(constant.clone());
    }
    let node = model.node(outlet.node);
    if node.inputs.is_empty() {
        return None;
    }
    let inputs: Option<TVec<TValue>> =
        node.inputs.iter().map(|&input| Some(constant(model, input)?.into_tvalue())).collect();
    let outputs = node.op.eval_out_of_plan(inputs?).ok()??;
    Some(outputs.get(outlet.slot)?.clone().into_arc_tensor())
}

/// The nodes of a function of one quantised tensor.
#[derive(Debug)]
pub struct Function {
    /// The QuantizeLinear that it depends on.
    pub root: usize,
    nodes: Vec<usize>,
}

/// What `outlet` is, if each of its elements depends on one byte alone: that of the same place in the tensor that `root` quantised.
pub fn function(model: &TypedModel, outlet: OutletId) -> Option<Function> {
    // The quantised tensors that it was found to depend on so far. One that is a function of another is looked through.
    let mut roots = vec![];
    let mut nodes = vec![];
    walk(model, outlet, &mut roots, &mut nodes)?;
    while roots.len() > 1 {
        let through =
            roots.iter().position(|&root| is_elementwise(model, model.node(root).inputs[0].node))?;
        let root = roots.remove(through);
        walk(model, model.node(root).inputs[0], &mut roots, &mut nodes)?;
        nodes.push(root);
    }
    nodes.sort_unstable();
    nodes.dedup();
    Some(Function { root: roots.pop()?, nodes })
}

fn walk(model: &TypedModel, outlet: OutletId, roots: &mut Vec<usize>, nodes: &mut Vec<usize>) -> Option<()> {
    if let Some(constant) = constant(model, outlet) {
        // One value, or one a channel: what differs by place is no function of a byte.
        return (constant.len() == 1 || constant.len() == constant.shape().get(1).copied()?).then_some(());
    }
    if nodes.contains(&outlet.node) {
        return Some(());
    }
    let node = model.node(outlet.node);
    nodes.push(node.id);
    if node.op_is::<Dequantise>() {
        let from = model.node(node.inputs[0].node);
        from.op_is::<Quantise>().then_some(())?;
        if !roots.contains(&from.id) {
            roots.push(from.id);
        }
        return Some(());
    }
    is_elementwise(model, node.id).then_some(())?;
    node.inputs.iter().try_for_each(|&input| walk(model, input, roots, nodes))
}

fn is_elementwise(model: &TypedModel, node: usize) -> bool {
    let node = model.node(node);
    node.op_is::<ElementWiseOp>() || node.op_is::<TypedBinOp>() || node.op_is::<Cast>()
}

impl Function {
    /// Its table from bytes of the root's levels to bytes of `to`. `None` where an operator cannot be run by itself.
    pub fn table(&self, model: &TypedModel, outlet: OutletId, to: &Levels) -> Option<Table> {
        let root = model.node(self.root).op_as::<Quantise>()?;
        let channels = model.outlet_fact(outlet).ok()?.shape[1].to_usize().ok()?;
        let by_channel = self.nodes.iter().flat_map(|&node| &model.node(node).inputs).any(|&input| {
            constant(model, input).is_some_and(|tensor| tensor.rank() == 4 && tensor.shape()[1] > 1)
        });
        let several = by_channel || root.levels.channels() > 1 || to.channels() > 1;
        let channels = if several { channels } else { 1 };
        let mut all = Tensor::zero::<u8>(&[1, channels, 16, 16]).ok()?;
        for (at, byte) in all.try_as_plain_ram_mut().ok()?.as_slice_mut::<u8>().ok()?.iter_mut().enumerate() {
            // The signed type is kept shifted; the graph's own operators want it as it was.
            *byte = (at % 256) as u8 ^ if root.signed { 0x80 } else { 0 };
        }
        if root.signed {
            all = all
                .try_as_plain_ram()
                .ok()?
                .as_slice::<u8>()
                .ok()
                .map(|bytes| {
                    Tensor::from_shape(
                        &[1, channels, 16, 16],
                        &bytes.iter().map(|&b| b as i8).collect::<Vec<_>>(),
                    )
                })?
                .ok()?;
        }
        let values = self.evaluate(model, outlet, all)?;
        let plain = values.try_as_plain_ram().ok()?;
        let floats = plain.as_slice::<f32>().ok()?;
        (floats.len() == channels * 256).then_some(())?;
        let table = |c: usize| std::array::from_fn(|byte| to.byte(c, floats[c * 256 + byte]));
        Some(Table::by_channel((0..channels).map(table).collect()))
    }

    fn evaluate(&self, model: &TypedModel, outlet: OutletId, bytes: Tensor) -> Option<TValue> {
        let mut values: HashMap<OutletId, TValue> = HashMap::from([(self.root.into(), bytes.into_tvalue())]);
        // Nodes are numbered in the order in which they were wired, inputs first.
        for &id in &self.nodes {
            let node = model.node(id);
            let inputs: Option<TVec<TValue>> = node
                .inputs
                .iter()
                .map(|&input| {
                    values.get(&input).cloned().or_else(|| Some(constant(model, input)?.into_tvalue()))
                })
                .collect();
            let outputs = node.op.eval_out_of_plan(inputs?).ok()??;
            values.extend(
                outputs.into_iter().enumerate().map(|(slot, value)| (OutletId::new(id, slot), value)),
            );
        }
        values.remove(&outlet)
    }
}

/// Whether the operator of `node` only takes elements of its first input elsewhere, whatever they are.
pub fn is_move(node: &TypedNode) -> bool {
    const MOVES: [&str; 5] = ["Slice", "StridedSlice", "Downsample", "Resize", "Split"];
    let name = node.op.name();
    node.op_is::<AxisOp>() || MOVES.contains(&&*name)
}

/// Where each element of a rearranged picture comes from. `None` where it isn't a rearrangement, as enlarging by averages.
pub fn moves(model: &TypedModel, node: &TypedNode, slot: usize) -> Option<Moves> {
    let shape = picture(model, node.inputs[0])?;
    let to = picture(model, OutletId::new(node.id, slot))?;
    let [height, width, channels] = shape;
    let count = height * width * channels;
    // Whole numbers up to here are exact in float32.
    (count <= 1 << 24).then_some(())?;
    // Each element's place in the layout of bytes, at its place in the layout of planes.
    let place = |at: usize| (at % (height * width)) * channels + at / (height * width);
    let numbers: Vec<f32> = (0..count).map(|at| place(at) as f32).collect();
    let mut inputs: TVec<TValue> =
        tvec!(Tensor::from_shape(&[1, channels, height, width], &numbers).ok()?.into_tvalue());
    for &input in &node.inputs[1..] {
        inputs.push(constant(model, input)?.into_tvalue());
    }
    let moved = node.op.eval_out_of_plan(inputs).ok()??.into_iter().nth(slot)?;
    let plain = moved.try_as_plain_ram().ok()?;
    let planes = plain.as_slice::<f32>().ok()?;
    let pixels = to[0] * to[1];
    let number = |at: usize| planes[at % to[2] * pixels + at / to[2]];
    let whole = |n: f32| (n >= 0.0 && n < count as f32 && n.fract() == 0.0).then_some(n as u32);
    let from: Vec<u32> = (0..planes.len()).map(|at| whole(number(at))).collect::<Option<_>>()?;
    let run = run(&from);
    Some(Moves { shape: to, run, from: from.into_iter().step_by(run).collect() })
}

/// The greatest length such that `from` consists of runs of it.
fn run(from: &[u32]) -> usize {
    let mut length = from.len();
    for at in (1..from.len()).filter(|&at| from[at] != from[at - 1] + 1) {
        length = gcd(length, at);
    }
    length
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Height, width and channels of one float or quantised picture.
pub fn picture(model: &TypedModel, outlet: OutletId) -> Option<[usize; 3]> {
    match *model.outlet_fact(outlet).ok()?.shape.as_concrete()? {
        [1, channels, height, width] if channels * height * width > 0 => Some([height, width, channels]),
        _ => None,
    }
}
