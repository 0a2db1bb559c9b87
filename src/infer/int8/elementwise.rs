//! Steps that need no weights: adding two tensors, and the greatest of a window.

use std::cell::RefCell;

use super::isa::Isa;
use super::requant::lowest_byte;
use super::window::Window;

/// Scale and zero point of one operand of an addition, the scale over that of the sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// Scale of the operand over the scale of the sum.
    pub multiplier: f32,
    /// Zero point of the operand.
    pub zero: u8,
}

/// Adds two tensors of bytes: `round(a · multiplier_a + (b · multiplier_b + fixed))`, halves to even, held within `low..=high`, where `fixed`
/// is what the zero points come to. Each bracket is rounded once, as onnxruntime's QLinearAdd does: in another order of the same sums one pair
/// of bytes in tens of thousands comes out one off, and the layers behind make that many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Addition {
    /// The operands.
    pub terms: [Term; 2],
    /// Zero point of the sum.
    pub zero: u8,
    /// Least byte of the sum.
    pub low: u8,
    /// Greatest byte of the sum.
    pub high: u8,
}

impl Addition {
    /// Runs on tensors of the same length.
    pub fn run(&self, isa: Isa, a: &[u8], b: &[u8], sum: &mut [u8]) {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => super::x86::add(self, a, b, sum),
            _ => self.portable(a, b, sum),
        }
    }

    /// Vectorised by the compiler, for the instructions of where it is inlined.
    #[inline(always)]
    pub(super) fn portable(&self, a: &[u8], b: &[u8], sum: &mut [u8]) {
        let [first, second] = self.terms;
        let zeros = first.multiplier * f32::from(first.zero) + second.multiplier * f32::from(second.zero);
        let fixed = f32::from(self.zero) - zeros;
        let (low, high) = (f32::from(self.low), f32::from(self.high));
        for ((sum, &a), &b) in sum.iter_mut().zip(a).zip(b) {
            let b = f32::from(b).mul_add(second.multiplier, fixed);
            let value = f32::from(a).mul_add(first.multiplier, b);
            *sum = lowest_byte(value.max(low).min(high));
        }
    }
}

thread_local! {
    /// Greatest of each row's windows, before the rows are compared; grows to the largest pooling and stays.
    static ROWS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The greatest byte of each window, by channel; what lies outside the picture does not count. First along the rows, then across them.
pub fn greatest(window: &Window, input: &[u8], output: &mut [u8]) {
    let [height, width, channels] = window.input;
    let wide = window.output[1] * channels;
    ROWS.with_borrow_mut(|rows| {
        rows.clear();
        rows.resize(height * wide, 0);
        for (line, row) in input.chunks_exact(width * channels).zip(rows.chunks_exact_mut(wide)) {
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let begin = (x * window.stride).saturating_sub(window.pad[1]);
                let end = (x * window.stride + window.kernel[1]).saturating_sub(window.pad[1]).min(width);
                for from in line[begin * channels..end * channels].chunks_exact(channels) {
                    raise(pixel, from);
                }
            }
        }
        output.fill(0);
        for (y, row) in output.chunks_exact_mut(wide).enumerate() {
            for line in (0..window.kernel[0]).filter_map(|ky| window.row(y, ky)) {
                raise(row, &rows[line * wide..][..wide]);
            }
        }
    });
}

fn raise(greatest: &mut [u8], from: &[u8]) {
    for (greatest, &byte) in greatest.iter_mut().zip(from) {
        *greatest = (*greatest).max(byte);
    }
}
