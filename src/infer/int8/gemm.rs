//! Rows of bytes times packed weights.

use super::isa::Isa;
use super::pack::{Packed, QUAD};
use super::requant::{BLOCK, Requant};

/// Rows of activations, `stride` bytes apart; of each the first `depth` of the weights are read.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// From one row to the next.
    pub stride: usize,
    /// How many.
    pub count: usize,
}

/// Where a product goes: rows of the weights' width, one after another.
#[derive(Debug)]
pub enum Output<'a> {
    /// Requantised.
    Bytes(&'a mut [u8]),
    /// The sum times the channel's multiplier: for outputs that leave the quantised part of a graph.
    Floats(&'a mut [f32]),
}

impl Output<'_> {
    /// How many values fit.
    pub fn count(&self) -> usize {
        match self {
            Output::Bytes(bytes) => bytes.len(),
            Output::Floats(floats) => floats.len(),
        }
    }

    /// `count` values from `start` on.
    pub fn part(&mut self, start: usize, count: usize) -> Output<'_> {
        match self {
            Output::Bytes(bytes) => Output::Bytes(&mut bytes[start..start + count]),
            Output::Floats(floats) => Output::Floats(&mut floats[start..start + count]),
        }
    }
}

/// Multiplies. Weights and bias must have been made for `isa`.
///
/// # Panics
/// Where rows or output are shorter than the shapes say.
pub fn multiply(isa: Isa, rows: Rows, weights: &Packed, requant: &Requant, output: Output) {
    assert!(output.count() >= rows.count * weights.width, "output of a product is too short");
    assert!(
        rows.count == 0 || rows.bytes.len() >= (rows.count - 1) * rows.stride + weights.depth,
        "rows of a product are too short"
    );
    assert!(requant.bias.len() >= weights.width.next_multiple_of(BLOCK), "a product lacks channels");
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Vnni => super::x86::multiply(rows, weights, requant, output),
        #[cfg(target_arch = "aarch64")]
        Isa::Dot => super::arm::multiply_dot(rows, weights, requant, output),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => super::arm::multiply_neon(rows, weights, requant, output),
        _ => portable(rows, weights, requant, output),
    }
}

fn portable(rows: Rows, weights: &Packed, requant: &Requant, mut output: Output) {
    let block_bytes = weights.depth * BLOCK;
    for row in 0..rows.count {
        let a = &rows.bytes[row * rows.stride..][..weights.depth];
        for (block, first) in weights.values.chunks_exact(block_bytes).zip((0..weights.width).step_by(BLOCK))
        {
            let mut sums: [i32; BLOCK] = std::array::from_fn(|n| requant.bias[first + n]);
            for (four, w) in a.chunks_exact(QUAD).zip(block.chunks_exact(BLOCK * QUAD)) {
                for (sum, w) in sums.iter_mut().zip(w.chunks_exact(QUAD)) {
                    *sum += (0..QUAD).map(|j| i32::from(four[j]) * i32::from(w[j])).sum::<i32>();
                }
            }
            let columns = BLOCK.min(weights.width - first);
            finish(&sums[..columns], requant, first, &mut output.part(row * weights.width + first, columns));
        }
    }
}

/// Writes the finished sums of channels from `first` on.
pub(super) fn finish(sums: &[i32], requant: &Requant, first: usize, output: &mut Output) {
    match output {
        Output::Bytes(bytes) => {
            for ((byte, &sum), c) in bytes.iter_mut().zip(sums).zip(first..) {
                *byte = requant.byte(sum, c);
            }
        }
        Output::Floats(floats) => {
            for ((float, &sum), c) in floats.iter_mut().zip(sums).zip(first..) {
                *float = sum as f32 * requant.multiplier[c];
            }
        }
    }
}
