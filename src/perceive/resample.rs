//! From a part of a picture to the model's input: tone, scale, layout.
//!
//! Whole numbers, and loops that the compiler turns into vectors: on a small board this step stands beside the model in every frame's budget.

use super::frame::Picture;
use super::model::{ChannelOrder, InputSpec};
use super::regions::Letterbox;

/// The tone table that changes nothing.
pub const IDENTITY_TONE: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = i as u8;
        i += 1;
    }
    table
};

/// Sum of the weights of one output position, along each side.
const ONE: u32 = 256;

/// Resamples regions into the model's input. Its buffers are kept: after the first frame nothing is allocated.
#[derive(Clone, Debug, Default)]
pub struct Resampler {
    band: Band,
    columns: Taps,
    rows: Taps,
}

impl Resampler {
    /// `input` becomes `spec.height` × `spec.width` pixels of 3 bytes in the order that the model wants. Bilinear when enlarging;
    /// area-weighted triangle filter when shrinking, so that small things do not flicker.
    ///
    /// `tone` is applied to every channel value last (a table of 256 entries: the low-light enhancement), for averaging first takes the
    /// noise away before the shadows are lifted.
    pub fn fill(
        &mut self,
        picture: &Picture,
        place: &Letterbox,
        spec: &InputSpec,
        tone: &[u8; 256],
        input: &mut Vec<u8>,
    ) {
        let shifts = shifts(spec.order);
        let tone = Tone::new(tone);
        input.clear();
        input.resize(spec.width as usize * spec.height as usize * 3, spec.fill);
        let lines = input.chunks_exact_mut(spec.width as usize * 3);
        let lines = lines.map(|line| &mut line.as_chunks_mut::<3>().0[..place.scaled_width as usize]);
        if (place.width, place.height) == (place.scaled_width, place.scaled_height) {
            copy(picture, place, spec.order, &tone, lines);
        } else {
            self.scale(picture, place, &tone, shifts, lines);
        }
        if place.mirrored {
            let lines = input.chunks_exact_mut(spec.width as usize * 3).take(place.scaled_height as usize);
            lines.for_each(|line| line.as_chunks_mut::<3>().0[..place.scaled_width as usize].reverse());
        }
    }

    fn scale<'a>(
        &mut self,
        picture: &Picture,
        place: &Letterbox,
        tone: &Tone,
        shifts: [u32; 3],
        lines: impl Iterator<Item = &'a mut [[u8; 3]]>,
    ) {
        let Resampler { band, columns, rows } = self;
        columns.set(0, place.width, place.scaled_width);
        rows.set(place.top, place.height, place.scaled_height);
        band.set(place.width);
        for ((first, weights), line) in rows.iter().zip(lines) {
            band.blend(picture, place.left, first, weights);
            for (pixel, sums) in line.iter_mut().zip(band.squeeze(columns)) {
                *pixel = shifts.map(|shift| tone.at(sums >> shift));
            }
        }
    }
}

/// A region at its own size: tone and order of the channels are all there is to do.
fn copy<'a>(
    picture: &Picture,
    place: &Letterbox,
    order: ChannelOrder,
    tone: &Tone,
    lines: impl Iterator<Item = &'a mut [[u8; 3]]>,
) {
    for (row, line) in (place.top..place.top + place.height).zip(lines) {
        let from = (row as usize * picture.width as usize + place.left as usize) * 3;
        let pixels = picture.data[from..][..place.width as usize * 3].as_chunks::<3>().0;
        for (to, &[red, green, blue]) in line.iter_mut().zip(pixels) {
            let pixel = match order {
                ChannelOrder::Rgb => [red, green, blue],
                ChannelOrder::Bgr => [blue, green, red],
            };
            *to = pixel.map(|value| tone.0[usize::from(value)]);
        }
    }
}

/// A few rows of the picture, weighted into one.
#[derive(Clone, Debug, Default)]
struct Band {
    /// Red, green, blue of one byte after another, times [`ONE`].
    values: Vec<u16>,
    /// A pixel a word: see [`pack`].
    pixels: Vec<u64>,
}

impl Band {
    fn set(&mut self, width: u32) {
        self.values.resize(width as usize * 3, 0);
        self.pixels.resize(width as usize, 0);
    }

    /// Sums rows from `first` on, from pixel `left` on, by `weights`. These add up to [`ONE`], so that no sum overflows.
    fn blend(&mut self, picture: &Picture, left: u32, first: u32, weights: &[u16]) {
        self.values.fill(0);
        let stride = picture.width as usize * 3;
        for (row, &weight) in (first as usize..).zip(weights).filter(|(_, weight)| **weight > 0) {
            let line = &picture.data[row * stride + left as usize * 3..][..self.values.len()];
            for (sum, &value) in self.values.iter_mut().zip(line) {
                *sum = sum.wrapping_add(u16::from(value).wrapping_mul(weight));
            }
        }
        let (pixels, _) = self.values.as_chunks::<3>();
        self.pixels.iter_mut().zip(pixels).for_each(|(word, rgb)| *word = pack(*rgb));
    }

    /// The band at the output's width: a weighted sum of packed pixels for each position.
    fn squeeze<'a>(&'a self, columns: &'a Taps) -> impl Iterator<Item = u64> + 'a {
        columns.iter().map(|(first, weights)| {
            let pixels = &self.pixels[first as usize..][..weights.len()];
            pixels
                .iter()
                .zip(weights)
                .fold(0u64, |sum, (&pixel, &weight)| sum.wrapping_add(pixel.wrapping_mul(u64::from(weight))))
        })
    }
}

/// Three values of 13 bits (8 and 5 after the point), 21 bits apart: times a weight of [`ONE`] in all, none reaches its neighbour.
fn pack([red, green, blue]: [u16; 3]) -> u64 {
    u64::from(red >> 3) | u64::from(green >> 3) << 21 | u64::from(blue >> 3) << 42
}

/// The tone table; one entry more, so that there is always a next one.
struct Tone([u8; 257]);

impl Tone {
    fn new(tone: &[u8; 256]) -> Tone {
        Tone(std::array::from_fn(|v| tone[v.min(255)]))
    }

    /// `sum`: its lowest 21 bits are a channel value with 13 bits after the point; linear between the entries, rounded last.
    fn at(&self, sum: u64) -> u8 {
        let (low, part) = ((sum >> 13) as usize & 255, (sum & 0x1FFF) as u32);
        let [low, high] = [self.0[low], self.0[low + 1]].map(u32::from);
        ((low * (8192 - part) + high * part + 4096) >> 13) as u8
    }
}

/// Where the channels of a pixel stand in a packed sum, in the order that the model wants.
fn shifts(order: ChannelOrder) -> [u32; 3] {
    match order {
        ChannelOrder::Rgb => [0, 21, 42],
        ChannelOrder::Bgr => [42, 21, 0],
    }
}

/// For every output position along one side: the first source position, and the weights from there on, which add up to [`ONE`].
#[derive(Clone, Debug, Default)]
struct Taps {
    first: Vec<u32>,
    weights: Vec<u16>,
    per_output: usize,
}

impl Taps {
    /// Triangle filter of half-width max(1, scale), centred as image libraries do (pixel centres at half integers).
    fn set(&mut self, offset: u32, source: u32, target: u32) {
        let scale = source as f32 / target as f32;
        let reach = scale.max(1.0);
        self.per_output = ((2.0 * reach).ceil() as usize).min(source as usize);
        self.first.clear();
        self.weights.clear();
        for i in 0..target {
            let centre = (i as f32 + 0.5) * scale - 0.5;
            let begin = ((centre - reach).ceil().max(0.0) as u32).min(source - self.per_output as u32);
            let weight = |k: usize| (1.0 - ((begin as usize + k) as f32 - centre).abs() / reach).max(0.0);
            self.first.push(offset + begin);
            self.push_weights(weight);
        }
    }

    /// Rounds the running sum instead of each weight, so that nothing is lost or gained.
    fn push_weights(&mut self, weight: impl Fn(usize) -> f32) {
        let sum: f32 = (0..self.per_output).map(&weight).sum();
        let (mut so_far, mut given) = (0.0, 0);
        for k in 0..self.per_output {
            so_far += weight(k);
            let upto = (so_far / sum * ONE as f32).round() as u16;
            self.weights.push(upto - given);
            given = upto;
        }
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &[u16])> {
        self.first.iter().copied().zip(self.weights.chunks_exact(self.per_output))
    }
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
