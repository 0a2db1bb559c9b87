//! The geometry that convolutions and pooling share.

use std::ops::Range;

/// A window that moves over a picture of height × width × channels. Strides are the same along both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Input height, width, channels.
    pub input: [usize; 3],
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Step of the window.
    pub stride: usize,
    /// Rows above and columns to the left of the picture.
    pub pad: [usize; 2],
    /// Output height and width: rows and columns of padding at the end follow from them.
    pub output: [usize; 2],
}

impl Window {
    /// Output pixels.
    pub fn places(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Values within all windows: products of a convolution with one output channel, or of a depthwise one.
    pub fn products(&self) -> u64 {
        (self.places() * self.kernel[0] * self.kernel[1] * self.input[2]) as u64
    }

    /// The window covers one pixel, and each pixel in its turn: nothing needs copying.
    pub fn is_pixel(&self) -> bool {
        self.kernel == [1, 1] && self.stride == 1 && self.pad == [0, 0] && self.output == self.input[..2]
    }

    /// Input row of output row `y` and kernel row `ky`; `None` in the padding.
    pub fn row(&self, y: usize, ky: usize) -> Option<usize> {
        (y * self.stride + ky).checked_sub(self.pad[0]).filter(|&row| row < self.input[0])
    }

    /// Bytes from one copied window to the next, for a product that reads `depth` of each.
    pub fn pitch(&self, depth: usize) -> usize {
        let span = self.kernel[1] * self.input[2];
        // Room for a short span's whole register behind the last one.
        depth.max((self.kernel[0] - 1) * span + span.max(REGISTERS)).next_multiple_of(16)
    }

    /// Copies the windows of output pixels `first..first + count` into rows of `pitch` bytes each: kernel row by kernel row, a memory copy
    /// each. Outside the picture is `zero`; what lies beyond the window in a row is anything.
    pub fn copy(&self, input: &[u8], zero: u8, first: usize, count: usize, pitch: usize, rows: &mut [u8]) {
        debug_assert_eq!(input.len(), self.input.iter().product::<usize>());
        let (mut place, end) = (first, first + count);
        while place < end {
            // Output pixels beside each other.
            let (y, x) = (place / self.output[1], place % self.output[1]);
            let beside = (self.output[1] - x).min(end - place);
            for ky in 0..self.kernel[0] {
                let span = self.kernel[1] * self.input[2];
                let to = &mut rows[(place - first) * pitch + ky * span..];
                self.copy_row(input, zero, self.row(y, ky), x..x + beside, to, pitch);
            }
            place += beside;
        }
    }

    /// One kernel row of the windows `xs`, from input row `row`.
    fn copy_row(
        &self,
        input: &[u8],
        zero: u8,
        row: Option<usize>,
        xs: Range<usize>,
        to: &mut [u8],
        pitch: usize,
    ) {
        let [_, width, channels] = self.input;
        let span = self.kernel[1] * channels;
        let windows = xs.zip((0..).step_by(pitch));
        let Some(row) = row else {
            windows.for_each(|(_, at)| to[at..at + span].fill(zero));
            return;
        };
        let from = &input[row * width * channels..];
        for (x, at) in windows {
            let begin = x * self.stride;
            match begin.checked_sub(self.pad[1]) {
                Some(begin) if begin + self.kernel[1] <= width => {
                    copy_short(&from[begin * channels..], &mut to[at..], span);
                }
                _ => {
                    let left = self.pad[1].saturating_sub(begin).min(self.kernel[1]);
                    let start = (begin + left).saturating_sub(self.pad[1]);
                    let within = (self.kernel[1] - left).min(width.saturating_sub(start)) * channels;
                    to[at..at + span].fill(zero);
                    let inside = &mut to[at + left * channels..][..within];
                    inside.copy_from_slice(&from[start * channels..][..within]);
                }
            }
        }
    }
}

/// What [`copy_short`] moves at once.
const REGISTERS: usize = 32;

/// Copies at least `count` bytes. Where both sides have room, in whole registers: a call for a few bytes would cost more than they do.
fn copy_short(from: &[u8], to: &mut [u8], count: usize) {
    match (from.first_chunk::<REGISTERS>(), to.first_chunk_mut::<REGISTERS>()) {
        (Some(from), Some(to)) if count <= REGISTERS => *to = *from,
        _ => to[..count].copy_from_slice(&from[..count]),
    }
}

/// Copies the bytes of one pixel to another of the same length.
pub fn copy_pixel(from: &[u8], to: &mut [u8]) {
    const REGISTER: usize = 16;
    if from.len().is_multiple_of(REGISTER) {
        let to = to.as_chunks_mut::<REGISTER>().0;
        to.iter_mut().zip(from.as_chunks::<REGISTER>().0).for_each(|(to, from)| *to = *from);
    } else {
        to.copy_from_slice(from);
    }
}
