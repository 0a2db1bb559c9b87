//! Weights in the order in which a kernel reads them.

use super::isa::Isa;
use super::requant::BLOCK;

/// Values that one dot-product instruction multiplies and adds.
pub const QUAD: usize = 4;
/// Bytes of a NEON register; output channels that its kernel without dot product takes at once.
pub const NEON_DEPTH: usize = 16;
/// See [`NEON_DEPTH`].
pub const NEON_WIDTH: usize = 4;

/// The weights of a matrix product of `depth` (inputs) × `width` (outputs).
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Block by block of output channels. For [`Isa::Neon`] 4 channels × 16 inputs lie together, otherwise 16 channels × 4 inputs.
    pub values: Vec<i8>,
    /// Output channels.
    pub width: usize,
    /// Inputs, padded with zeros to what the kernel takes at once.
    pub depth: usize,
}

impl Packed {
    /// `weights` are width × depth.
    pub fn new(isa: Isa, weights: &[i8], width: usize) -> Packed {
        let depth = weights.len() / width;
        let (channels, together) = match isa {
            Isa::Neon => (NEON_WIDTH, NEON_DEPTH),
            Isa::Portable | Isa::Vnni | Isa::Dot => (BLOCK, QUAD),
        };
        let padded = depth.next_multiple_of(together);
        let mut values = vec![0; width.next_multiple_of(BLOCK) * padded];
        for (n, row) in weights.chunks_exact(depth).enumerate() {
            let block = &mut values[n / channels * channels * padded..];
            for (k, &weight) in row.iter().enumerate() {
                block[k / together * channels * together + n % channels * together + k % together] = weight;
            }
        }
        Packed { values, width, depth: padded }
    }
}

/// The sum of each output channel's weights: what the input's zero point is multiplied with.
pub fn sums(weights: &[i8], width: usize) -> Vec<i32> {
    let depth = weights.len() / width;
    weights.chunks_exact(depth).map(|row| row.iter().map(|&w| i32::from(w)).sum()).collect()
}
