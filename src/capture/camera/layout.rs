//! From a driver's buffer to a frame. Pure.

use crate::capture::jpeg::{Cut, Cutter, header};
use crate::perceive::frame::{Frame, PixelFormat};

/// How the driver lays its frames out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Of the pixels.
    pub format: PixelFormat,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes from one row to the next: some drivers leave a gap. 0 where they do not say.
    pub stride: u32,
}

impl Layout {
    /// Fills a frame from the bytes that the driver says it used, into the buffer that the frame has.
    ///
    /// # Errors
    /// What is wrong with the bytes: the transfer broke off.
    pub fn fill(&self, bytes: &[u8], frame: &mut Frame) -> Result<(), String> {
        frame.data.clear();
        (frame.format, frame.width, frame.height) = (self.format, self.width, self.height);
        match self.format {
            PixelFormat::Jpeg => fill_jpeg(bytes, frame),
            _ => self.fill_rows(bytes, frame),
        }
    }

    fn fill_rows(&self, bytes: &[u8], frame: &mut Frame) -> Result<(), String> {
        let (row, rows) = self.rows();
        let stride = row.max(self.stride as usize);
        let needed = stride * rows.saturating_sub(1) + row;
        let used = bytes.get(..needed).filter(|_| rows > 0 && row > 0);
        let Some(used) = used else {
            return Err(format!("cut off: {} of {needed} bytes", bytes.len()));
        };
        if stride == row {
            frame.data.extend_from_slice(used);
        } else {
            used.chunks(stride).for_each(|with_gap| frame.data.extend_from_slice(&with_gap[..row]));
        }
        Ok(())
    }

    /// Bytes of a row, and how many rows there are, those of colour included.
    fn rows(&self) -> (usize, usize) {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.format {
            PixelFormat::Rgb => (width * 3, height),
            PixelFormat::Yuyv => (width.div_ceil(2) * 4, height),
            PixelFormat::Nv12 | PixelFormat::I420 => (width, height + height.div_ceil(2)),
            PixelFormat::Grey | PixelFormat::Jpeg => (width, height),
        }
    }
}

/// One JPEG up to its end marker: cameras fill the rest of the buffer with what was there before.
fn fill_jpeg(bytes: &[u8], frame: &mut Frame) -> Result<(), String> {
    let Cut::Picture(end) = Cutter::default().cut(bytes) else {
        return Err(format!("{} bytes that are no whole JPEG", bytes.len()));
    };
    let picture = &bytes[..end];
    let header = header(picture).ok_or("a JPEG without size")?;
    frame.data.extend_from_slice(picture);
    (frame.width, frame.height) = (header.width, header.height);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pixels::{encode_jpeg, raw_bytes};
    use crate::perceive::frame::Picture;

    fn layout(format: PixelFormat, stride: u32) -> Layout {
        Layout { format, width: 6, height: 4, stride }
    }

    #[test]
    fn rows_are_taken_without_the_gap_behind_them() {
        for format in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Grey] {
            let (row, rows) = layout(format, 0).rows();
            let expected: Vec<u8> = (0..row * rows).map(|i| i as u8).collect();
            let mut padded = Vec::new();
            expected.chunks(row).for_each(|bytes| padded.extend([bytes, &[0xEE; 5]].concat()));
            padded.truncate(padded.len() - 5); // the last row needs no gap
            let mut frame = Frame::empty();
            layout(format, row as u32 + 5).fill(&padded, &mut frame).unwrap();
            assert_eq!(frame.data, expected, "{format:?}");
            assert_eq!(raw_bytes(format, 6, 4), Some(frame.data.len()));
            layout(format, 0).fill(&expected, &mut frame).unwrap();
            assert_eq!((frame.data.as_slice(), frame.format), (expected.as_slice(), format));
        }
    }

    #[test]
    fn a_frame_that_broke_off_is_refused_and_a_longer_buffer_is_not() {
        let mut frame = Frame::empty();
        let fill =
            |bytes: usize, frame: &mut Frame| layout(PixelFormat::Grey, 6).fill(&vec![9; bytes], frame);
        assert_eq!(fill(23, &mut frame), Err("cut off: 23 of 24 bytes".to_owned()));
        assert!(fill(0, &mut frame).is_err());
        fill(4096, &mut frame).unwrap();
        assert_eq!(frame.data.len(), 24);
    }

    #[test]
    fn a_jpeg_ends_at_its_end_marker_whatever_lies_behind() {
        let jpeg = encode_jpeg(&Picture::new(32, 16), 90, 32).unwrap();
        let buffer = [jpeg.as_slice(), &jpeg[..jpeg.len() / 2], &[0; 100]].concat();
        let mut frame = Frame::empty();
        layout(PixelFormat::Jpeg, 0).fill(&buffer, &mut frame).unwrap();
        assert_eq!((frame.width, frame.height, &frame.data), (32, 16, &jpeg));
    }

    #[test]
    fn a_jpeg_that_broke_off_is_refused() {
        let jpeg = encode_jpeg(&Picture::new(32, 16), 90, 32).unwrap();
        let mut frame = Frame::empty();
        for torn in [&jpeg[..jpeg.len() - 1], &jpeg[2..], &jpeg[..2], &[]] {
            assert!(layout(PixelFormat::Jpeg, 0).fill(torn, &mut frame).is_err(), "{} bytes", torn.len());
        }
    }

    #[test]
    fn the_buffer_of_a_frame_is_used_again() {
        let mut frame = Frame::empty();
        layout(PixelFormat::Grey, 6).fill(&[1; 24], &mut frame).unwrap();
        let before = frame.data.as_ptr();
        layout(PixelFormat::Grey, 6).fill(&[2; 24], &mut frame).unwrap();
        assert_eq!(frame.data.as_ptr(), before);
    }
}
