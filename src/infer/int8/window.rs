//! The geometry that convolutions and pooling share.

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

    /// Copies the windows of output pixels `first..first + count` into rows of `depth` bytes each: kernel row by kernel row, a memory copy
    /// each. Outside the picture is `zero`; what lies beyond the window in a row is anything.
    pub fn copy(&self, input: &[u8], zero: u8, first: usize, count: usize, depth: usize, rows: &mut [u8]) {
        let [height, width, channels] = self.input;
        debug_assert_eq!(input.len(), height * width * channels);
        let (line, span) = (width * channels, self.kernel[1] * channels);
        let (mut y, mut x) = (first / self.output[1], first % self.output[1]);
        for row in (0..count * depth).step_by(depth) {
            let begin = x * self.stride;
            let left = self.pad[1].saturating_sub(begin).min(self.kernel[1]);
            let start = (begin + left).saturating_sub(self.pad[1]);
            let within = (self.kernel[1] - left).min(width.saturating_sub(start));
            let (lead, body) = (left * channels, within * channels);
            for ky in 0..self.kernel[0] {
                // From here on, for a short copy may run over into what comes next, and that is written later.
                let to = &mut rows[row + ky * span..];
                match self.row(y, ky) {
                    Some(at) if body == span => copy_short(&input[at * line + start * channels..], to, span),
                    Some(at) => {
                        to[..span].fill(zero);
                        to[lead..lead + body].copy_from_slice(&input[at * line + start * channels..][..body]);
                    }
                    None => to[..span].fill(zero),
                }
            }
            x += 1;
            if x == self.output[1] {
                (y, x) = (y + 1, 0);
            }
        }
    }
}

/// Copies at least `count` bytes. Where both sides have room, in whole registers: a call for a few bytes would cost more than they do.
fn copy_short(from: &[u8], to: &mut [u8], count: usize) {
    const REGISTERS: usize = 32;
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
