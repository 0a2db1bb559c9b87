//! The part that names tract, and our operators inside its graph, so that a quantised model stays in bytes from its first convolution to its
//! heads.
//!
//! tract runs an ONNX file with QuantizeLinear and DequantizeLinear pairs as it stands there: in float, between casts. [`marks`] keeps the
//! pairs recognisable while tract reads the file, [`rewrite`] turns what lies between them into the operators of [`ops`], and those call
//! [`super::int8`]. What the rewrite does not recognise is left to tract, so that any model runs.

mod cone;
pub mod levels;
pub mod marks;
pub mod network;
pub mod ops;
mod product;
pub mod rewrite;

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
