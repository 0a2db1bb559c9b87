//! The model runs: a bundle is read and checked, the engine executes it, the worker feeds it with frames.

pub mod annotate;
pub mod bundle;
pub mod discretion;
pub mod engine;
pub mod graph;
pub mod int8;
pub mod lanes;
pub mod quiet;
pub mod sight;
pub mod still;
pub mod succession;
pub mod worker;
