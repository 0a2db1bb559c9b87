//! A small luma picture of a frame, made once for all that looks at the scene as a whole: motion and liveness.

use super::frame::Picture;

/// Long side of the small picture, pixels: a bear of 24 pixels in a frame of 2048 still covers ten.
const SIDE: u32 = 320;

/// BT.601 luma of a frame, each pixel the mean of four of its block: cheaper than all of them, and noise is halved. Its buffer is kept.
#[derive(Clone, Debug, Default)]
pub struct Thumbnail {
    /// Of the camera's frame, pixels.
    pub frame: (u32, u32),
    /// Width and height, pixels; at least one each.
    pub size: (usize, usize),
    /// Row by row.
    pub luma: Vec<u8>,
}

impl Thumbnail {
    /// Makes it the thumbnail of another frame.
    pub fn take(&mut self, picture: &Picture) {
        self.frame = (picture.width, picture.height);
        let block = picture.width.max(picture.height).div_ceil(SIDE).max(1);
        let (width, height) = ((picture.width / block).max(1), (picture.height / block).max(1));
        self.size = (width as usize, height as usize);
        self.luma.resize(self.size.0 * self.size.1, 0);
        let (block, stride) = (block as usize, picture.width as usize * 3);
        let (near, far) = (block / 4, block - 1 - block / 4);
        // Sides that are shorter than a block have fewer pixels than it.
        let (last_x, last_y) = (picture.width as usize - 1, picture.height as usize - 1);
        for (row, line) in self.luma.chunks_exact_mut(self.size.0).enumerate() {
            let lines = [row * block + near, row * block + far]
                .map(|y| &picture.data[y.min(last_y) * stride..][..stride]);
            for (column, pixel) in line.iter_mut().enumerate() {
                let at = [column * block + near, column * block + far].map(|x| x.min(last_x) * 3);
                let four = lines.iter().flat_map(|line| at.map(|x| weighed(&line[x..x + 3])));
                *pixel = (four.sum::<u32>() >> 10) as u8;
            }
        }
    }
}

/// BT.601 luma times 256.
fn weighed(rgb: &[u8]) -> u32 {
    77 * u32::from(rgb[0]) + 150 * u32::from(rgb[1]) + 29 * u32::from(rgb[2])
}
