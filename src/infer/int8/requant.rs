//! From the sum of products back to a byte.

/// Channels are handled in blocks of this many: what one AVX-512 register or four NEON registers of sums hold.
pub const BLOCK: usize = 16;

/// How sums become bytes, by output channel: `round(sum · multiplier)`, halves to even, held within `low..=high`, plus `zero`. The same
/// formula, in the same order and in float32, as onnxruntime's QLinearConv. Padded with zeros to whole [`BLOCK`]s.
#[derive(Clone, Debug, PartialEq)]
pub struct Requant {
    /// Where each sum starts: the bias, less what the input's zero point adds.
    pub bias: Vec<i32>,
    /// Scale of a sum over the scale of the output.
    pub multiplier: Vec<f32>,
    /// Bounds of the output before its zero point is added; an activation that clamps is a narrower bound.
    pub low: Vec<f32>,
    /// See `low`.
    pub high: Vec<f32>,
    /// Zero point of the output.
    pub zero: Vec<i32>,
    /// The bounds as bytes, zero point included, for kernels that narrow first: least of each channel, then greatest of each.
    pub bounds: [Vec<u8>; 2],
}

/// What the output of one channel is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channel {
    /// In units of the sum, without the input's zero point.
    pub bias: i32,
    /// Scale of a sum over the scale of the output.
    pub multiplier: f32,
    /// Least byte that the output takes.
    pub low: u8,
    /// Greatest byte that the output takes.
    pub high: u8,
    /// Zero point of the output.
    pub zero: u8,
}

impl Requant {
    /// `correction` is added to the biases: see [`Requant::bias`].
    pub fn new(channels: &[Channel], correction: impl Fn(usize) -> i32) -> Requant {
        let padded = channels.len().next_multiple_of(BLOCK);
        let column = |of: &dyn Fn(&Channel) -> f32| {
            let mut column: Vec<f32> = channels.iter().map(of).collect();
            column.resize(padded, 0.0);
            column
        };
        let whole = |of: &dyn Fn(usize, &Channel) -> i32| {
            let mut column: Vec<i32> = channels.iter().enumerate().map(|(i, c)| of(i, c)).collect();
            column.resize(padded, 0);
            column
        };
        Requant {
            bias: whole(&|i, c| c.bias.wrapping_add(correction(i))),
            multiplier: column(&|c| c.multiplier),
            low: column(&|c| f32::from(c.low) - f32::from(c.zero)),
            high: column(&|c| f32::from(c.high) - f32::from(c.zero)),
            zero: whole(&|_, c| i32::from(c.zero)),
            bounds: [|c: &Channel| c.low, |c: &Channel| c.high].map(|bound| {
                let mut bytes: Vec<u8> = channels.iter().map(bound).collect();
                bytes.resize(padded, 0);
                bytes
            }),
        }
    }

    /// The byte of channel `c` for a sum that started at its bias.
    pub fn byte(&self, sum: i32, c: usize) -> u8 {
        let held = (sum as f32 * self.multiplier[c]).max(self.low[c]).min(self.high[c]);
        lowest_byte(held).wrapping_add(self.zero[c] as u8)
    }

    /// The bytes of a block of channels from `first` on: as [`Requant::byte`], of a length that the compiler knows.
    pub fn block(&self, sums: &[i32; BLOCK], first: usize) -> [u8; BLOCK] {
        let range = first..first + BLOCK;
        let (multiplier, zero) = (&self.multiplier[range.clone()], &self.zero[range.clone()]);
        let (low, high) = (&self.low[range.clone()], &self.high[range]);
        std::array::from_fn(|n| {
            let held = (sums[n] as f32 * multiplier[n]).max(low[n]).min(high[n]);
            lowest_byte(held).wrapping_add(zero[n] as u8)
        })
    }
}

/// A number within ±2^22, rounded to even: the lowest byte of what comes out. Adding 1.5 · 2^23 leaves the whole number in the lowest bits, with
/// an addition where rounding may be a call.
pub fn lowest_byte(number: f32) -> u8 {
    const ROUND: f32 = 12_582_912.0;
    (number + ROUND).to_bits() as u8
}
