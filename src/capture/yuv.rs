//! BT.601 limited range to RGB in 8-bit fixed point: exact to one step of the real formula, and plain enough for the compiler to
//! vectorise. A wrong matrix would shift colours by a few per cent, which the detector does not mind; limited range matters more.

use crate::perceive::frame::Picture;

/// What a pixel's colour adds to its luma, shared by the two or four pixels of a chroma sample.
#[derive(Clone, Copy)]
struct Chroma {
    red: i32,
    green: i32,
    blue: i32,
}

impl Chroma {
    fn new(u: u8, v: u8) -> Chroma {
        let (d, e) = (i32::from(u) - 128, i32::from(v) - 128);
        Chroma { red: 409 * e + 128, green: 128 - 100 * d - 208 * e, blue: 516 * d + 128 }
    }

    fn paint(self, y: u8, pixel: &mut [u8]) {
        let luma = 298 * (i32::from(y) - 16);
        for (out, colour) in pixel.iter_mut().zip([self.red, self.green, self.blue]) {
            *out = ((luma + colour) >> 8).clamp(0, 255) as u8;
        }
    }
}

/// Luma of full range, as grey cameras give it.
pub fn from_grey(data: &[u8], rgb: &mut [u8]) {
    for (pixel, &y) in rgb.chunks_exact_mut(3).zip(data) {
        pixel.fill(y);
    }
}

/// Y0 U Y1 V; the last pixel of an odd width has a pair of its own.
pub fn from_yuyv(data: &[u8], picture: &mut Picture) {
    let width = picture.width as usize;
    let rows = picture.data.chunks_exact_mut(width * 3).zip(data.chunks_exact(width.div_ceil(2) * 4));
    for (rgb, row) in rows {
        for (pixels, pair) in rgb.chunks_mut(6).zip(row.chunks_exact(4)) {
            let chroma = Chroma::new(pair[1], pair[3]);
            for (pixel, y) in pixels.chunks_exact_mut(3).zip([pair[0], pair[2]]) {
                chroma.paint(y, pixel);
            }
        }
    }
}

/// Luma, then U and V interleaved at half size.
pub fn from_nv12(data: &[u8], picture: &mut Picture) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (luma, chroma) = data.split_at(width * height);
    let row_bytes = width.div_ceil(2) * 2;
    from_planes(luma, picture, |row| {
        chroma[row * row_bytes..][..row_bytes].chunks_exact(2).map(|uv| Chroma::new(uv[0], uv[1]))
    });
}

/// Luma, then U, then V, each at half size.
pub fn from_i420(data: &[u8], picture: &mut Picture) {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let (luma, chroma) = data.split_at(width * height);
    let half = width.div_ceil(2);
    let (u, v) = chroma.split_at(half * height.div_ceil(2));
    from_planes(luma, picture, |row| {
        let span = row * half..(row + 1) * half;
        u[span.clone()].iter().zip(&v[span]).map(|(&u, &v)| Chroma::new(u, v))
    });
}

/// `chroma_row` gives the chroma samples of a pair of rows.
fn from_planes<I: Iterator<Item = Chroma>>(
    luma: &[u8],
    picture: &mut Picture,
    chroma_row: impl Fn(usize) -> I,
) {
    let width = picture.width as usize;
    let rows = picture.data.chunks_exact_mut(width * 3).zip(luma.chunks_exact(width));
    for (row, (rgb, luma)) in rows.enumerate() {
        for ((pixels, pair), chroma) in rgb.chunks_mut(6).zip(luma.chunks(2)).zip(chroma_row(row / 2)) {
            for (pixel, &y) in pixels.chunks_exact_mut(3).zip(pair) {
                chroma.paint(y, pixel);
            }
        }
    }
}
