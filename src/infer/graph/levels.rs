//! What the bytes of a quantised tensor stand for.

use crate::infer::int8::lookup::Table;
use crate::infer::int8::requant::lowest_byte;

/// Scale and zero point: `value = (byte - zero) · scale`. One of each, or one a channel. Signed bytes are shifted by 128 and stored unsigned.
#[derive(Clone, Debug)]
pub struct Levels {
    scale: Vec<f32>,
    zero: Vec<u8>,
}

impl PartialEq for Levels {
    /// Bit for bit, so that it is an equivalence.
    fn eq(&self, other: &Levels) -> bool {
        self.zero == other.zero && self.key() == other.key()
    }
}

impl Eq for Levels {}

impl Levels {
    /// `None` for scales that quantise nothing, or where the lengths differ.
    pub fn new(scale: Vec<f32>, zero: Vec<u8>) -> Option<Levels> {
        let usable = !scale.is_empty() && scale.iter().all(|s| s.is_normal() && *s > 0.0);
        (usable && scale.len() == zero.len()).then_some(Levels { scale, zero })
    }

    /// Scales as bits, to compare and to look up by.
    pub fn key(&self) -> Vec<u64> {
        self.scale.iter().zip(&self.zero).map(|(s, &z)| u64::from(s.to_bits()) << 8 | u64::from(z)).collect()
    }

    /// 1 where all channels share scale and zero point.
    pub fn channels(&self) -> usize {
        self.scale.len()
    }

    /// Scale of channel `c`.
    pub fn scale(&self, c: usize) -> f32 {
        self.scale[c % self.scale.len()]
    }

    /// Zero point of channel `c`.
    pub fn zero(&self, c: usize) -> u8 {
        self.zero[c % self.zero.len()]
    }

    /// The levels of `count` channels from `first` on.
    pub fn part(&self, first: usize, count: usize) -> Levels {
        if self.channels() == 1 {
            return self.clone();
        }
        let range = first..first + count;
        Levels { scale: self.scale[range.clone()].to_vec(), zero: self.zero[range].to_vec() }
    }

    /// What a byte of channel `c` stands for.
    pub fn value(&self, c: usize, byte: u8) -> f32 {
        (f32::from(byte) - f32::from(self.zero(c))) * self.scale(c)
    }

    /// The byte that comes nearest to a value, halves to even; not a number becomes the least. As ONNX defines QuantizeLinear.
    pub fn byte(&self, c: usize, value: f32) -> u8 {
        to_byte(value, self.scale(c), self.zero(c))
    }

    /// Values of channel `c` to bytes.
    pub fn to_bytes<'a>(&self, c: usize, values: &[f32], bytes: impl Iterator<Item = &'a mut u8>) {
        let (scale, zero) = (self.scale(c), self.zero(c));
        bytes.zip(values).for_each(|(byte, &value)| *byte = to_byte(value, scale, zero));
    }

    /// Bytes of channel `c` to values.
    pub fn to_values<'a>(&self, c: usize, bytes: impl Iterator<Item = &'a u8>, values: &mut [f32]) {
        let (scale, zero) = (self.scale(c), f32::from(self.zero(c)));
        values.iter_mut().zip(bytes).for_each(|(value, &byte)| *value = (f32::from(byte) - zero) * scale);
    }

    /// Bytes of `self` as bytes of `other`.
    pub fn to(&self, other: &Levels) -> Table {
        let channels = self.channels().max(other.channels());
        let table = |c| std::array::from_fn(|byte| other.byte(c, self.value(c, byte as u8)));
        Table::by_channel((0..channels).map(table).collect())
    }
}

fn to_byte(value: f32, scale: f32, zero: u8) -> u8 {
    let held = (value / scale).max(-f32::from(zero)).min(255.0 - f32::from(zero));
    lowest_byte(held).wrapping_add(zero)
}
