//! What the camera gave us, and the picture that is made of it.

/// How the bytes of a [`Frame`] are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Packed RGB, 3 bytes a pixel.
    Rgb,
    /// Luma only, 1 byte a pixel.
    Grey,
    /// YUV 4:2:2 packed (Y0 U Y1 V), 2 bytes a pixel, even width, BT.601 limited range.
    Yuyv,
    /// YUV 4:2:0: a plane of luma, then interleaved U V at half size, even width and height, BT.601 limited range.
    Nv12,
    /// YUV 4:2:0 in three planes (Y, U, V), BT.601 limited range: Y4M's usual form.
    I420,
    /// One JPEG picture; width and height are those of its header.
    Jpeg,
}

/// When a frame was taken. The two clocks are read together; only `uptime_ms` may be subtracted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Milliseconds of the monotonic clock since the daemon started.
    pub uptime_ms: u64,
    /// Milliseconds since 1970 of the wall clock, which may be wrong: a board has no clock of its own.
    pub unix_ms: i64,
    /// Whether the wall clock was synchronised when it was read.
    pub synchronised: bool,
}

/// One frame as the source delivered it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts every frame the source delivered, dropped ones included, from 0.
    pub sequence: u64,
    /// Layout of `data`.
    pub format: PixelFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The bytes, laid out as `format` says. Empty buffers are recycled by the ring.
    pub data: Vec<u8>,
    /// When it was taken.
    pub stamp: Stamp,
    /// Frames lost between the one processed before and this one.
    pub dropped_before: u64,
    /// Where it came from, for sources that have names for frames (files); empty otherwise.
    pub name: String,
    /// Drawn by the simulator, wholly or in part.
    pub simulated: bool,
}

impl Frame {
    /// An empty frame to be filled.
    pub fn empty() -> Frame {
        Frame {
            sequence: 0,
            format: PixelFormat::Rgb,
            width: 0,
            height: 0,
            data: Vec::new(),
            stamp: Stamp::default(),
            dropped_before: 0,
            name: String::new(),
            simulated: false,
        }
    }
}

/// A decoded picture: packed RGB, `data.len() == width * height * 3`, upright, origin top left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Red, green, blue of each pixel, row by row.
    pub data: Vec<u8>,
}

impl Picture {
    /// A black picture.
    pub fn new(width: u32, height: u32) -> Picture {
        Picture { width, height, data: vec![0; width as usize * height as usize * 3] }
    }

    /// Gives the picture another size, keeping its buffer. The content is undefined afterwards.
    pub fn resize(&mut self, width: u32, height: u32) {
        self.width = width;
        self.height = height;
        self.data.resize(width as usize * height as usize * 3, 0);
    }

    /// Red, green and blue at a pixel of the picture.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.data[at], self.data[at + 1], self.data[at + 2]]
    }
}
