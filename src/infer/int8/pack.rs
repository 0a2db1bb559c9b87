//! Weights in the order in which a kernel reads them.

use super::isa::Isa;
use super::requant::BLOCK;

/// Values that one dot-product instruction multiplies and adds.
pub const QUAD: usize = 4;

/// The weights of a matrix product of `depth` (inputs) × `width` (outputs).
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// Block by block of output channels; of these, four inputs after another; of these, channel by channel. For [`Isa::Neon`] the first two
    /// inputs of four channels come before their last two: it has instructions for half registers only.
    pub values: Vec<i8>,
    /// Output channels.
    pub width: usize,
    /// Inputs, padded with zeros to whole quads.
    pub depth: usize,
}

impl Packed {
    /// `weights` are width × depth.
    pub fn new(isa: Isa, weights: &[i8], width: usize) -> Packed {
        let depth = weights.len() / width;
        let padded = depth.next_multiple_of(QUAD);
        let mut values = vec![0; width.next_multiple_of(BLOCK) * padded];
        for (n, row) in weights.chunks_exact(depth).enumerate() {
            let block = &mut values[n / BLOCK * BLOCK * padded..];
            for (k, &weight) in row.iter().enumerate() {
                block[k / QUAD * BLOCK * QUAD + within(isa, n % BLOCK, k % QUAD)] = weight;
            }
        }
        Packed { values, width, depth: padded }
    }
}

/// Place of input `k` of channel `n` among four inputs of a block.
fn within(isa: Isa, n: usize, k: usize) -> usize {
    match isa {
        Isa::Portable | Isa::Vnni | Isa::Dot => n * QUAD + k,
        Isa::Neon => n / 4 * 16 + k / 2 * 8 + n % 4 * 2 + k % 2,
    }
}

/// The sum of each output channel's weights: what the input's zero point is multiplied with.
pub fn sums(weights: &[i8], width: usize) -> Vec<i32> {
    let depth = weights.len() / width;
    weights.chunks_exact(depth).map(|row| row.iter().map(|&w| i32::from(w)).sum()).collect()
}
