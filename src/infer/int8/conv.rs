//! Convolution over all input channels: 1×1 straight from the picture, anything larger by way of copied windows.

use std::cell::RefCell;

use super::gemm::{Output, Rows, multiply};
use super::isa::Isa;
use super::lookup::Table;
use super::pack::{Packed, sums};
use super::requant::{Channel, Requant};
use super::window::Window;

/// Output pixels done before the table is applied to them: their bytes are then still in the first cache. A multiple of every kernel's rows.
const TOGETHER: usize = 96;

thread_local! {
    /// Copied windows; grows to the largest convolution and stays.
    static WINDOWS: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A convolution with everything that follows it up to the next convolution's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    window: Window,
    zero: u8,
    weights: Packed,
    requant: Requant,
    table: Option<Table>,
    isa: Isa,
}

impl Conv {
    /// `weights` are output channels × kernel rows × kernel columns × input channels; `zero` is the input's zero point.
    pub fn new(isa: Isa, window: Window, zero: u8, weights: &[i8], channels: &[Channel]) -> Conv {
        let isa = usable(isa, weights);
        let of_channel = sums(weights, channels.len());
        let requant = Requant::new(channels, |n| (isa.shift() - i32::from(zero)) * of_channel[n]);
        Conv { window, zero, weights: Packed::new(isa, weights, channels.len()), requant, table: None, isa }
    }

    /// The same followed by `table`; `None` where it is followed by one already.
    pub fn with_table(&self, table: &Table) -> Option<Conv> {
        self.table.is_none().then(|| Conv { table: Some(table.clone()), ..self.clone() })
    }

    /// Output channels.
    pub fn width(&self) -> usize {
        self.weights.width
    }

    /// Geometry.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Runs on one picture.
    ///
    /// # Panics
    /// Where input or output are not of the window's size.
    pub fn run(&self, input: &[u8], mut output: Output) {
        assert_eq!(input.len(), self.window.input.iter().product::<usize>(), "input of a convolution");
        assert_eq!(output.count(), self.window.places() * self.width(), "output of a convolution");
        let direct = self.window.is_pixel() && self.window.input[2] == self.weights.depth;
        WINDOWS.with_borrow_mut(|windows| {
            let pitch = self.window.pitch(self.weights.depth);
            if !direct && windows.len() < TOGETHER * pitch {
                windows.resize(TOGETHER * pitch, 0);
            }
            for first in (0..self.window.places()).step_by(TOGETHER) {
                let count = TOGETHER.min(self.window.places() - first);
                let rows = if direct {
                    let stride = self.window.input[2];
                    Rows { bytes: &input[first * stride..], stride, count }
                } else {
                    self.window.copy(input, self.zero, first, count, pitch, windows);
                    Rows { bytes: windows, stride: pitch, count }
                };
                let mut part = output.part(first * self.width(), count * self.width());
                multiply(self.isa, rows, &self.weights, &self.requant, part.part(0, count * self.width()));
                if let (Some(table), Output::Bytes(bytes)) = (&self.table, &mut part) {
                    table.apply(self.isa, bytes);
                }
            }
        });
    }
}

/// The kernel without dot product adds two products in 16 bits, which holds for weights of -127 to 127 only.
fn usable(isa: Isa, weights: &[i8]) -> Isa {
    if isa == Isa::Neon && weights.contains(&i8::MIN) { Isa::Portable } else { isa }
}
