//! From a graph with QuantizeLinear and DequantizeLinear pairs to one whose quantised part works on bytes.
//!
//! The new graph is asked for from its outputs backwards. A QuantizeLinear is pushed towards the inputs through whatever commutes with it,
//! until it meets bytes or a convolution of bytes; where it meets anything else, it stays where it is.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::TypedConcat;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::cnn::MaxPool;
use tract_onnx::tract_core::ops::math::{Add, Max, Min};
use tract_onnx::tract_core::ops::source::TypedSource;
use tract_onnx::tract_hir::internal::*;

use super::cone::{constant, function, is_move, moves, picture};
use super::levels::Levels;
use super::marks::{Dequantise, Quantise};
use super::ops::{Int8, Step};
use super::product::{Clamp, product, window};
use crate::infer::int8::elementwise::{Addition, Term};
use crate::infer::int8::isa::Isa;
use crate::infer::int8::lookup::Table;

/// A rewritten graph.
#[derive(Debug)]
pub struct Rewritten {
    /// The graph.
    pub model: TypedModel,
    /// Where the input is wanted as bytes, 1 × height × width × channels: what they stand for. Else it is as it was.
    pub input: Option<Levels>,
}

/// Rewrites for the kernels of `isa`.
///
/// # Errors
/// Where tract refuses a graph of ours; never for what is not recognised.
pub fn rewrite(model: &TypedModel, isa: Isa) -> TractResult<Rewritten> {
    let mut rewriter = Rewriter {
        old: model,
        new: TypedModel::default(),
        isa,
        floats: HashMap::new(),
        bytes: HashMap::new(),
    };
    for &input in model.input_outlets()? {
        let source =
            rewriter.new.add_source(&*model.node(input.node).name, model.outlet_fact(input)?.clone())?;
        rewriter.floats.insert(input, source);
    }
    let outputs = model.output_outlets()?.iter().map(|&outlet| rewriter.float(outlet));
    let outputs = outputs.collect::<TractResult<Vec<_>>>()?;
    rewriter.new.select_output_outlets(&outputs)?;
    let input = bytes_at_input(&mut rewriter.new)?;
    Ok(Rewritten { model: rewriter.new, input })
}

/// Where all that the graph does with its input is to quantise it, the bytes become the input.
fn bytes_at_input(model: &mut TypedModel) -> TractResult<Option<Levels>> {
    let &[input] = model.input_outlets()? else { return Ok(None) };
    let &[to] = &model.node(input.node).outputs[0].successors[..] else { return Ok(None) };
    let enter = model.node(to.node);
    let Some(Int8(Step::Enter(levels))) = enter.op_as::<Int8>() else { return Ok(None) };
    let (levels, fact) = (levels.clone(), enter.outputs[0].fact.clone());
    let id = enter.id;
    model.node_mut(input.node).outputs[0].successors.clear();
    let enter = model.node_mut(id);
    enter.inputs.clear();
    enter.op = Box::new(TypedSource::new(fact));
    model.set_input_outlets(&[id.into()])?;
    model.compact()?;
    Ok(Some(levels))
}

struct Rewriter<'a> {
    old: &'a TypedModel,
    new: TypedModel,
    isa: Isa,
    /// Old outlets to new ones, as tract has them.
    floats: HashMap<OutletId, OutletId>,
    /// Old float outlets, quantised to certain levels, to new outlets of bytes.
    bytes: HashMap<(OutletId, Vec<u64>), OutletId>,
}

impl Rewriter<'_> {
    /// The new outlet that holds what `outlet` held.
    fn float(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(&known) = self.floats.get(&outlet) {
            return Ok(known);
        }
        let node = self.old.node(outlet.node);
        if let Some(step) = self.leave(node)? {
            self.floats.insert(outlet, step);
            return Ok(step);
        }
        let inputs = node.inputs.iter().map(|&input| self.float(input)).collect::<TractResult<TVec<_>>>()?;
        let outlets = if let Some(constant) = &node.outputs[0].fact.konst {
            tvec!(self.new.add_const(&*node.name, constant.clone())?)
        } else {
            self.new.wire_node(&*node.name, node.op.clone(), &inputs)?
        };
        self.floats
            .extend(outlets.iter().enumerate().map(|(slot, &outlet)| (OutletId::new(node.id, slot), outlet)));
        Ok(outlets[outlet.slot])
    }

    /// The two ways from bytes to float.
    fn leave(&mut self, node: &TypedNode) -> TractResult<Option<OutletId>> {
        if node.op_is::<Dequantise>() {
            let from = self.old.node(node.inputs[0].node);
            let Some(quantise) = from.op_as::<Quantise>() else { return Ok(None) };
            let Some(bytes) = self.quantised(from.id)? else { return Ok(None) };
            return self.wire(node, Step::Leave(quantise.levels.clone()), &[bytes]).map(Some);
        }
        let Some(product) = product(self.old, node.id.into()) else { return Ok(None) };
        let Some(step) = product.to_floats(self.isa) else { return Ok(None) };
        let Some(bytes) = self.quantised(product.input)? else { return Ok(None) };
        let head = self.wire(node, step, &[bytes])?;
        let name = self.new.unique_name(format!("{}.planes", node.name));
        Ok(Some(self.new.wire_node(name, AxisOp::Move(3, 1), &[head])?[0]))
    }

    /// The bytes that a QuantizeLinear makes; `None` where it is not of a picture.
    fn quantised(&mut self, quantise: usize) -> TractResult<Option<OutletId>> {
        let node = self.old.node(quantise);
        let Some(op) = node.op_as::<Quantise>() else { return Ok(None) };
        let by_channel = op.levels.channels() > 1;
        if picture(self.old, node.inputs[0])
            .is_none_or(|shape| by_channel && (op.axis != 1 || op.levels.channels() != shape[2]))
        {
            return Ok(None);
        }
        self.bytes(node.inputs[0], &op.levels).map(Some)
    }

    /// What the float outlet `of` is when quantised to `levels`.
    fn bytes(&mut self, of: OutletId, levels: &Levels) -> TractResult<OutletId> {
        let key = (of, levels.key());
        if let Some(&known) = self.bytes.get(&key) {
            return Ok(known);
        }
        let made = match self.made(of, levels)? {
            Some(made) => made,
            None => {
                let float = self.float(of)?;
                self.wire(self.old.node(of.node), Step::Enter(levels.clone()), &[float])?
            }
        };
        self.bytes.insert(key, made);
        Ok(made)
    }

    /// [`Self::bytes`] without float; `None` where there is no such way.
    fn made(&mut self, of: OutletId, levels: &Levels) -> TractResult<Option<OutletId>> {
        let node = self.old.node(of.node);
        if let Some(function) = function(self.old, of) {
            let Some(root) = self.quantised(function.root)? else { return Ok(None) };
            let Some(table) = function.table(self.old, of, levels) else { return Ok(None) };
            return self.table(node, table, root).map(Some);
        }
        if let Some(made) = self.clamped(of, levels)? {
            return Ok(Some(made));
        }
        if let Some(concat) = node.op_as::<TypedConcat>() {
            return if concat.axis == 1 { self.concat(node, levels) } else { Ok(None) };
        }
        if let Some(pool) = node.op_as::<MaxPool>() {
            let shape = picture(self.old, node.inputs[0]);
            let Some(window) = shape.and_then(|shape| window(&pool.pool_spec, shape)) else {
                return Ok(None);
            };
            if pool.with_index_outputs.is_some() && of.slot > 0 {
                return Ok(None);
            }
            let input = self.bytes(node.inputs[0], levels)?;
            return self.wire(node, Step::Pool(window), &[input]).map(Some);
        }
        if is_move(node)
            && levels.channels() == 1
            && let Some(moves) = moves(self.old, node, of.slot)
        {
            let input = self.bytes(node.inputs[0], levels)?;
            return self.wire(node, Step::Move(Arc::new(moves)), &[input]).map(Some);
        }
        Ok(None)
    }

    /// A convolution or a sum of bytes, perhaps clamped.
    fn clamped(&mut self, of: OutletId, levels: &Levels) -> TractResult<Option<OutletId>> {
        let (of, clamp) = self.unclamp(of);
        let node = self.old.node(of.node);
        if let Some(product) = product(self.old, of) {
            let Some(step) = product.to_bytes(self.isa, levels, clamp) else { return Ok(None) };
            let Some(input) = self.quantised(product.input)? else { return Ok(None) };
            return self.wire(node, step, &[input]).map(Some);
        }
        if node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Add>()) && levels.channels() == 1 {
            return self.sum(node, levels, clamp);
        }
        Ok(None)
    }

    /// What is clamped, and to what.
    fn unclamp(&self, mut of: OutletId) -> (OutletId, Clamp) {
        let mut clamp = Clamp::NONE;
        loop {
            let node = self.old.node(of.node);
            let Some(op) = node.op_as::<TypedBinOp>() else { return (of, clamp) };
            let bound = |input: usize| {
                let tensor = constant(self.old, node.inputs[input])?;
                (tensor.len() == 1).then(|| tensor.cast_to_scalar::<f32>().ok())?
            };
            let (other, bound) = match (bound(0), bound(1)) {
                (None, Some(bound)) => (node.inputs[0], bound),
                (Some(bound), None) => (node.inputs[1], bound),
                _ => return (of, clamp),
            };
            // Going backwards: an inner clamp acts first, and what it lets through is held by those outside it.
            if op.0.is::<Max>() {
                clamp.low = clamp.low.max(bound.min(clamp.high));
            } else if op.0.is::<Min>() {
                clamp.high = clamp.high.min(bound.max(clamp.low));
            } else {
                return (of, clamp);
            }
            of = other;
        }
    }

    fn sum(&mut self, node: &TypedNode, levels: &Levels, clamp: Clamp) -> TractResult<Option<OutletId>> {
        let shapes = [0, 1].map(|i| picture(self.old, node.inputs[i]));
        let mut terms = vec![];
        for &input in &node.inputs {
            let dequantise = self.old.node(input.node);
            let quantise = dequantise.inputs.first().map(|&from| self.old.node(from.node));
            let (true, Some(quantise)) = (dequantise.op_is::<Dequantise>(), quantise) else {
                return Ok(None);
            };
            let Some(from) = quantise.op_as::<Quantise>().map(|op| &op.levels) else { return Ok(None) };
            if from.channels() > 1 {
                return Ok(None);
            }
            let Some(bytes) = self.quantised(quantise.id)? else { return Ok(None) };
            terms.push((bytes, Term { multiplier: from.scale(0) / levels.scale(0), zero: from.zero(0) }));
        }
        let (&[(a, first), (b, second)], true) = (&terms[..], shapes[0] == shapes[1]) else {
            return Ok(None);
        };
        let [low, high] = clamp.bytes(levels, 0);
        let sum = Addition { terms: [first, second], zero: levels.zero(0), low, high };
        self.wire(node, Step::Add(sum, self.isa), &[a, b]).map(Some)
    }

    fn concat(&mut self, node: &TypedNode, levels: &Levels) -> TractResult<Option<OutletId>> {
        let mut first = 0;
        let mut parts = vec![];
        for &input in &node.inputs {
            let Some([_, _, channels]) = picture(self.old, input) else { return Ok(None) };
            parts.push(self.bytes(input, &levels.part(first, channels))?);
            first += channels;
        }
        self.wire(node, Step::Concat, &parts).map(Some)
    }

    fn table(&mut self, node: &TypedNode, table: Table, of: OutletId) -> TractResult<OutletId> {
        if table.is_identity() {
            return Ok(of);
        }
        self.wire(node, Step::Table(table, self.isa), &[of])
    }

    fn wire(&mut self, like: &TypedNode, step: Step, inputs: &[OutletId]) -> TractResult<OutletId> {
        let name = self.new.unique_name(format!("{}.int8", like.name));
        Ok(self.new.wire_node(name, Int8(step), inputs)?[0])
    }
}
