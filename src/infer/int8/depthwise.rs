//! Convolution of each channel by itself.
//!
//! With a dot-product instruction, four rows of the window are laid beside each other, channel by channel, once for each output row; one
//! instruction then takes a column of the window for sixteen channels, and neighbouring windows share what was laid out. Without one,
//! the compiler's own vectors over the channels are as good.

use std::cell::RefCell;

use super::isa::Isa;
use super::lookup::Table;
use super::pack::QUAD;
use super::requant::{BLOCK, Channel, Requant};
use super::window::Window;

thread_local! {
    /// Grows to the largest convolution and stays.
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch { laid_out: Vec::new(), padding: Vec::new() }) };
}

/// What one output row is made from.
struct Scratch {
    /// Rows side by side.
    laid_out: Vec<u8>,
    /// A row outside the picture.
    padding: Vec<u8>,
}

/// Values of the largest window: 7×7.
pub const MOST_TAPS: usize = 49;

/// A depthwise convolution with what follows it up to the next convolution's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Depthwise {
    window: Window,
    /// The input's zero point by channel.
    zero: Vec<u8>,
    weights: Weights,
    requant: Requant,
    table: Option<Table>,
    isa: Isa,
}

#[derive(Clone, Debug, PartialEq)]
enum Weights {
    /// Kernel rows × kernel columns × channels.
    Plain(Vec<i16>),
    /// Block of channels × kernel columns × groups of four kernel rows × [`BLOCK`] channels × four rows.
    Quads(Vec<i8>),
}

impl Line<'_> {
    /// # Panics
    /// Where anything is shorter than the kernels, which go by pointers, rely on.
    pub fn check(&self, laid_out: &[u8], row: &[u8]) {
        let padded = self.channels.next_multiple_of(BLOCK);
        let columns = self.taps / (self.column / (padded * QUAD));
        let reach = (row.len() / self.channels - 1) * self.stride + columns;
        assert!(laid_out.len() >= reach * self.column, "rows of a depthwise convolution are too short");
        assert!(self.weights.len() >= padded * QUAD * self.taps, "a depthwise convolution lacks weights");
        assert!(self.requant.bias.len() >= padded, "a depthwise convolution lacks channels");
    }
}

/// One block of channels of one window.
pub(super) struct Taps<'a> {
    /// The pixels of the window, each of all channels.
    pub taps: &'a [&'a [u8]],
    /// As many times the weights of all channels.
    pub weights: &'a [i16],
    /// How sums become bytes.
    pub requant: &'a Requant,
    /// First channel of the block.
    pub first: usize,
}

impl Taps<'_> {
    /// Of a length that the compiler knows, so that it uses whole registers.
    fn portable(&self, block: &mut [u8; BLOCK]) {
        let mut sums: [i32; BLOCK] = std::array::from_fn(|n| self.requant.bias[self.first + n]);
        let channels = self.weights.len() / self.taps.len();
        for (tap, weights) in self.taps.iter().zip(self.weights.chunks_exact(channels)) {
            let (a, w) = (&tap[self.first..][..BLOCK], &weights[self.first..][..BLOCK]);
            for ((sum, &a), &w) in sums.iter_mut().zip(a).zip(w) {
                *sum += i32::from(i16::from(a)) * i32::from(w);
            }
        }
        *block = self.requant.block(&sums, self.first);
    }
}

/// What a row kernel needs beside the rows that were laid out.
pub(super) struct Line<'a> {
    /// Bytes of one column in `laid_out`.
    pub column: usize,
    /// Columns from one output pixel to the next.
    pub stride: usize,
    /// Dot products a pixel and block of channels.
    pub taps: usize,
    /// See [`Weights::Quads`].
    pub weights: &'a [i8],
    /// How sums become bytes.
    pub requant: &'a Requant,
    /// Channels.
    pub channels: usize,
}

impl Depthwise {
    /// `weights` are channels × kernel rows × kernel columns; `zero` is the input's zero point, by channel.
    pub fn new(isa: Isa, window: Window, zero: Vec<u8>, weights: &[i8], channels: &[Channel]) -> Depthwise {
        let of_channel = super::pack::sums(weights, channels.len());
        let (weights, shift) = if dots(isa, window.kernel) {
            (Weights::Quads(quads(&window, weights)), isa.shift())
        } else {
            (Weights::Plain(plain(&window, weights)), 0)
        };
        let requant = Requant::new(channels, |c| (shift - i32::from(zero[c])) * of_channel[c]);
        Depthwise { window, zero, weights, requant, table: None, isa }
    }

    /// The same followed by `table`; `None` where it is followed by one already.
    pub fn with_table(&self, table: &Table) -> Option<Depthwise> {
        self.table.is_none().then(|| Depthwise { table: Some(table.clone()), ..self.clone() })
    }

    /// Geometry.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Runs on one picture.
    ///
    /// # Panics
    /// Where input or output are not of the window's size.
    pub fn run(&self, input: &[u8], output: &mut [u8]) {
        let channels = self.window.input[2];
        assert_eq!(input.len(), self.window.input.iter().product::<usize>(), "input of a convolution");
        assert_eq!(output.len(), self.window.places() * channels, "output of a convolution");
        SCRATCH.with_borrow_mut(|scratch| {
            // Wide enough for a row of the picture, and for the columns beside it.
            let pixels = self.window.input[1].max(2 * self.window.kernel[1]);
            scratch.padding.clear();
            (0..pixels).for_each(|_| scratch.padding.extend_from_slice(&self.zero));
            for (y, row) in output.chunks_exact_mut(self.window.output[1] * channels).enumerate() {
                match &self.weights {
                    Weights::Plain(weights) => self.plain_row(input, y, weights, &scratch.padding, row),
                    Weights::Quads(weights) => self.quad_row(input, y, weights, scratch, row),
                }
                if let Some(table) = &self.table {
                    table.apply(self.isa, row);
                }
            }
        });
    }

    fn plain_row(&self, input: &[u8], y: usize, weights: &[i16], padding: &[u8], row: &mut [u8]) {
        let Window { input: [_, width, channels], kernel: [rows, columns], stride, pad, .. } = self.window;
        let mut taps = [padding; MOST_TAPS];
        let taps = &mut taps[..rows * columns];
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            for (i, tap) in taps.iter_mut().enumerate() {
                let column = (x * stride + i % columns).checked_sub(pad[1]).filter(|&column| column < width);
                *tap = match (self.window.row(y, i / columns), column) {
                    (Some(line), Some(column)) => &input[(line * width + column) * channels..][..channels],
                    _ => &padding[..channels],
                };
            }
            let (blocks, rest) = pixel.as_chunks_mut::<BLOCK>();
            let first_of_rest = blocks.len() * BLOCK;
            for (block, first) in blocks.iter_mut().zip((0..).step_by(BLOCK)) {
                let taps = Taps { taps, weights, requant: &self.requant, first };
                match self.isa {
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon | Isa::Dot => super::arm::depthwise_block(&taps, block),
                    _ => taps.portable(block),
                }
            }
            for (c, byte) in (first_of_rest..).zip(rest) {
                let products = taps.iter().zip(weights.chunks_exact(channels));
                let products = products.map(|(tap, weights)| i32::from(tap[c]) * i32::from(weights[c]));
                *byte = self.requant.byte(self.requant.bias[c] + products.sum::<i32>(), c);
            }
        }
    }

    fn quad_row(&self, input: &[u8], y: usize, weights: &[i8], scratch: &mut Scratch, row: &mut [u8]) {
        let Window { input: [_, width, channels], kernel: [rows, columns], stride, pad, output } =
            self.window;
        let (groups, padded) = (rows.div_ceil(QUAD), channels.next_multiple_of(BLOCK));
        let column = groups * padded * QUAD;
        // Columns that windows reach, padding included.
        let reach = (output[1] - 1) * stride + columns;
        let Scratch { laid_out, padding } = scratch;
        if laid_out.len() < reach * column {
            laid_out.resize(reach * column, 0);
        }
        let (left, within) = (pad[1].min(reach), width.min(reach.saturating_sub(pad[1])));
        for group in 0..groups {
            let lines: [&[u8]; QUAD] = std::array::from_fn(|i| {
                let ky = group * QUAD + i;
                match self.window.row(y, ky).filter(|_| ky < rows) {
                    Some(line) => &input[line * width * channels..][..width * channels],
                    None => padding,
                }
            });
            let outside = [padding.as_slice(); QUAD];
            let mut lay = |lines, first: usize, count: usize| {
                if count > 0 {
                    let laid = &mut laid_out[first * column + group * padded * QUAD..];
                    lay_out(self.isa, &Lines { lines, count, channels, column }, laid);
                }
            };
            lay(outside, 0, left);
            lay(lines, left, within);
            lay(outside, left + within, reach - left - within);
        }
        let line = Line { column, stride, taps: columns * groups, weights, requant: &self.requant, channels };
        match self.isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Vnni => super::x86::depthwise(laid_out, &line, row),
            #[cfg(target_arch = "aarch64")]
            Isa::Dot => super::arm::depthwise(laid_out, &line, row),
            _ => unreachable!("weights are laid out in fours for dot products only"),
        }
    }
}

/// Whether there is a kernel with dot products: it holds a window's weights in registers, and those of 3×3 and 5×5 fit.
fn dots(isa: Isa, kernel: [usize; 2]) -> bool {
    matches!(isa, Isa::Vnni | Isa::Dot) && matches!(kernel, [3, 3] | [5, 5])
}

fn plain(window: &Window, weights: &[i8]) -> Vec<i16> {
    let (taps, channels) = (window.kernel[0] * window.kernel[1], window.input[2]);
    (0..taps).flat_map(|tap| (0..channels).map(move |c| i16::from(weights[c * taps + tap]))).collect()
}

fn quads(window: &Window, weights: &[i8]) -> Vec<i8> {
    let ([rows, columns], channels) = (window.kernel, window.input[2]);
    let groups = rows.div_ceil(QUAD);
    let block = columns * groups * BLOCK * QUAD;
    let mut packed = vec![0; channels.div_ceil(BLOCK) * block];
    for (at, &weight) in weights.iter().enumerate() {
        let (c, ky, kx) = (at / (rows * columns), at / columns % rows, at % columns);
        let tap = kx * groups + ky / QUAD;
        packed[c / BLOCK * block + (tap * BLOCK + c % BLOCK) * QUAD + ky % QUAD] = weight;
    }
    packed
}

/// Four rows of pixels, to be laid side by side.
pub(super) struct Lines<'a> {
    /// Each of at least `count` × `channels` bytes.
    pub lines: [&'a [u8]; QUAD],
    /// Pixels.
    pub count: usize,
    /// Channels.
    pub channels: usize,
    /// Bytes from one pixel to the next where they are laid out.
    pub column: usize,
}

/// Byte `c` of a pixel of each line, then byte `c + 1` of each, pixel by pixel.
fn lay_out(isa: Isa, lines: &Lines, laid: &mut [u8]) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Vnni => super::x86::lay_out(lines, laid),
        #[cfg(target_arch = "aarch64")]
        Isa::Dot => super::arm::lay_out(lines, laid),
        _ => lay_out_from(0, 0, lines, laid),
    }
}

/// The definition of [`lay_out`], for channels from `first` on. `flip` is applied to every byte.
pub(super) fn lay_out_from(first: usize, flip: u8, lines: &Lines, laid: &mut [u8]) {
    for pixel in 0..lines.count {
        for c in first..lines.channels {
            let to = &mut laid[pixel * lines.column + c * QUAD..][..QUAD];
            for (byte, line) in to.iter_mut().zip(lines.lines) {
                *byte = line[pixel * lines.channels + c] ^ flip;
            }
        }
    }
}
