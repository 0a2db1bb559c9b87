//! Arithmetic on bytes, and nothing else: no tract, no graph, no allocation after warm-up.
//!
//! Activations are `u8` in the layout height × width × channels, so that one pixel's channels lie side by side: a 1×1 convolution reads
//! them where they are, and copying a window is a memory copy. Weights are `i8`, symmetric, one scale an output channel. Sums are `i32`.
//! Each step has a portable form, which is its definition; a form for an instruction set gives the same bytes, and a test holds it to that.

#[cfg(target_arch = "aarch64")]
mod arm;
pub mod conv;
pub mod depthwise;
pub mod elementwise;
pub mod gemm;
pub mod isa;
pub mod lookup;
pub mod pack;
pub mod peak;
pub mod requant;
pub mod window;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
#[path = "int8_tests.rs"]
mod tests;
